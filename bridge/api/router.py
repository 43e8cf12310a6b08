"""Which module of the code serves which path. A module is imported when its path is first asked for."""

from __future__ import annotations

import difflib
import importlib
from typing import Final

from bridge.api.operation import Operation

ENDPOINTS: Final = {
    "/device/security/authenticate": "authenticate",
    "/microinverter/control": "microinverter_control",
    "/microinverter/status": "microinverter_status",
}
"""Path, and the module of `bridge.api.endpoints` that holds its operations."""


class Router:
    """Finds operations by path and method."""

    def __init__(self) -> None:
        self._loaded: dict[str, dict[str, Operation]] = {}

    def operations(self, path: str) -> dict[str, Operation] | None:
        """Return the operations of a path by method, or None when there is no such path."""
        known = self._loaded.get(path)
        if known is not None:
            return known
        name = ENDPOINTS.get(path)
        if name is None:
            return None
        module = importlib.import_module(f"bridge.api.endpoints.{name}")
        for each in vars(module).values():
            if isinstance(each, Operation):
                self._loaded.setdefault(each.path, {})[each.method] = each
        return self._loaded[path]

    def every(self) -> list[Operation]:
        """Return all operations, importing what was not asked for yet."""
        found: list[Operation] = []
        for path in sorted(ENDPOINTS):
            found += (self.operations(path) or {}).values()
        return found

    def nearest(self, path: str) -> str:
        """Return the path that somebody may have meant, or nothing."""
        return next(iter(difflib.get_close_matches(path, ENDPOINTS, n=1)), "")
