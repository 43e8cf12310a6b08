"""Factory reset: the hub forgets whom it belongs to, and stays the device it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from bridge.state import SqliteStorage, StateError

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.data_dir import DataDirectory

KEPT: Final = ("setup/", "node/serial")
"""Keys that belong to the device, not to its owner: what is on its label."""


def factory_reset(directory: DataDirectory, telemetry: Path | None = None) -> dict[str, int]:
    """Forget everything but setup code and serial number; return how many `fabrics` and `modules` there were.

    Nothing can be brought back: the backup copy is renewed, and what was recorded is deleted. Raise
    DataDirectoryError while a hub runs, StateError.

    :param telemetry: where `telemetry.db` is when it is not in the data directory
    """
    directory.lock()
    try:
        storage = SqliteStorage(directory.state)
        try:
            keys = [key for key, _ in storage.scan("")]
            with storage.transaction():
                for key in keys:
                    if not key.startswith(KEPT):
                        storage.delete(key)
            storage.flush()
            # Devices of the former owner trust this authority: the next one's must not depend on it.
            shutil.rmtree(directory.path / "tls", ignore_errors=True)
            shutil.rmtree(directory.firmware, ignore_errors=True)
        finally:
            storage.close()
        for path in (telemetry or directory.telemetry, directory.events, directory.event_journal):
            _delete(path)
    finally:
        directory.unlock()
    return {
        "fabrics": sum(key.startswith("fabric/") for key in keys),
        "modules": sum(key.startswith("module/") for key in keys),
    }


def _delete(path: Path) -> None:
    """Delete a file with what belongs to it, and what was set aside of it."""
    for each in (path, *path.parent.glob(f"{path.name}-*"), *path.parent.glob(f"{path.name}.damaged-*")):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"cannot delete {each}: {error.strerror}") from error
