"""Which modules of the code serve which path. They are imported when the path is first asked for."""

from __future__ import annotations

import difflib
import importlib
from typing import Final

from bridge.api.operation import Operation

ENDPOINTS: Final[dict[str, tuple[str, ...]]] = {
    "/app/notify": ("app_notify",),
    "/app/settings": ("app_settings",),
    "/device/diagnostics/remote": ("remote_diagnostics",),
    "/device/safety/fault-detection": ("fault_detection",),
    "/app/monitor": ("monitor",),
    "/device/data/logging": ("data_logging", "data_logging_samples", "data_logging_retention"),
    "/device/discovery": ("device_discovery",),
    "/device/firmware/update": ("firmware_update",),
    "/device/register": ("device_register", "device_modules"),
    "/device/security/authenticate": ("authenticate", "sessions", "credentials"),
    "/energystorage/control": ("energystorage_control",),
    "/energystorage/status": ("energystorage_status",),
    "/energystorage/storage": ("energystorage_storage",),
    "/hub/communicate": ("hub_communicate",),
    "/hub/configure": ("hub_configure",),
    "/microinverter/control": ("microinverter_control",),
    "/microinverter/energy": ("microinverter_energy",),
    "/microinverter/status": ("microinverter_status",),
}
"""Path, and the modules of `bridge.api.endpoints` that hold its operations."""


class Router:
    """Finds operations by path and method."""

    def __init__(self) -> None:
        self._loaded: dict[str, dict[str, Operation]] = {}

    def operations(self, path: str) -> dict[str, Operation] | None:
        """Return the operations of a path by method, or None when there is no such path."""
        known = self._loaded.get(path)
        if known is not None:
            return known
        found: dict[str, Operation] = {}
        for name in ENDPOINTS.get(path, ()):
            module = importlib.import_module(f"bridge.api.endpoints.{name}")
            for each in vars(module).values():
                if isinstance(each, Operation) and each.path == path:
                    found[each.method] = each
        if not found:
            return None
        self._loaded[path] = found
        return found

    def every(self) -> list[Operation]:
        """Return all operations, importing what was not asked for yet."""
        found: list[Operation] = []
        for path in sorted(ENDPOINTS):
            found += (self.operations(path) or {}).values()
        return found

    def nearest(self, path: str) -> str:
        """Return the path that somebody may have meant, or nothing."""
        return next(iter(difflib.get_close_matches(path, ENDPOINTS, n=1)), "")
