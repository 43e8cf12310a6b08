"""aiohttp without what only a client or a whole web framework needs.

`import aiohttp.web` costs 13 MB and 0.14 s, for the package's own `__init__` brings the client, its connector
with two loaded TLS contexts, cookie jars and tracing. What a server stands on costs half of that. So the
package is put in place without running its `__init__`, which runs as soon as somebody asks it for a name
that is no module of it, such as `aiohttp.ClientSession`: to everybody else it is the same package.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import version
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

_PACKAGE = "aiohttp"


class _LatePackage(ModuleType):
    """A package whose `__init__` runs when it is needed."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return version(_PACKAGE)
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment] # from here on it is a package like any other
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def prepare() -> None:
    """Put the package in place; nothing happens when somebody has imported it before."""
    if _PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}")
    package = module_from_spec(spec)
    package.__class__ = _LatePackage
    sys.modules[_PACKAGE] = package


prepare()
