"""The modules of the home that speak of themselves, by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hw.module import ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hw.ores.module import OresModule

_KEY: Final = re.compile(r"[0-9a-z][0-9a-z.-]{0,199}")


class OresModules:
    """Those that were let in; whoever is not among them is not heard."""

    def __init__(self) -> None:
        self._modules: dict[str, OresModule] = {}

    def __iter__(self) -> Iterator[OresModule]:
        return iter(tuple(self._modules.values()))

    def get(self, key: str) -> OresModule | None:
        """Return the module of a key, or None."""
        return self._modules.get(key)

    def add(self, module: OresModule) -> None:
        """Let a module in."""
        self._modules[module.identity.key] = module

    def forget(self, key: str) -> None:
        """Let a module out, and end its conversation."""
        module = self._modules.pop(key, None)
        if module is not None:
            module.end("the module was removed from the home")

    async def discover(self, address: str) -> list[OresModule]:
        """Return the module of a key, connected or not. Raise ModuleUnreachable, or ValueError for no key."""
        module = self._modules.get(parse_address(address))
        if module is None:
            raise ModuleUnreachable(f"no module {address} has been registered by its own protocol")
        return [module]


def parse_address(address: str) -> str:
    """Return the key that an address of this driver is. Raise ValueError."""
    if _KEY.fullmatch(address) is None:
        raise ValueError(f"{address!r} is no module's key")
    return address
