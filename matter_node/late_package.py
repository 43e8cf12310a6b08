"""A package of which some modules are used, and not the rest that its own `__init__` would bring.

The package is put in place without running its `__init__`, which runs as soon as somebody asks it for a name
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


def prepare(package: str) -> None:
    """Put a package in place, before a module of it is imported.

    Nothing happens when somebody has imported it before. Raise ModuleNotFoundError.
    """
    if package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}")
    module = module_from_spec(spec)
    module.__class__ = _LatePackage
    sys.modules[package] = module


class _LatePackage(ModuleType):
    """A package whose `__init__` runs when it is needed."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return version(self.__name__)
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment] # from here on it is a package like any other
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)
