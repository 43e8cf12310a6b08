"""How people call modules: by key or name, or by how one of them begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnknownModuleError(KeyError):
    """There is no registered module of that key or name."""

    def __str__(self) -> str:
        return str(self.args[0])


def matching(text: str, names: Mapping[str, str]) -> str:
    """Return the one key that is `text`, or whose name is, or that begins with it. Raise UnknownModuleError.

    :param names: the modules' names by their keys
    """
    folded = text.casefold()
    known = [(key, name.casefold()) for key, name in names.items()]
    exact = [key for key, name in known if folded in {key, name}]
    matches = exact or [key for key, name in known if key.startswith(folded) or name.startswith(folded)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownModuleError(f"{text!r} fits several modules: {', '.join(sorted(matches[:5]))}")
    keys = ", ".join(sorted(names)[:10]) or "none"
    raise UnknownModuleError(f"no module is called {text!r}; registered: {keys}")
