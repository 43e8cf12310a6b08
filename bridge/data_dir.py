"""The directory that holds everything the hub remembers, and the lock that keeps a second hub out of it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DataDirectoryError(OSError):
    """The data directory cannot be used; the message says what to do about it."""


class DataDirectory:
    """A directory readable by its owner alone (mode 0700), used by one hub at a time.

    The lock belongs to the open file, so the kernel frees it however the process ends.
    """

    __slots__ = ("_lock", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def state(self) -> Path:
        """Where `state.db` is."""
        return self.path / "state.db"

    @property
    def telemetry(self) -> Path:
        """Where `telemetry.db` is unless the settings have another place for it."""
        return self.path / "telemetry.db"

    @property
    def events(self) -> Path:
        """Where `events.db` is."""
        return self.path / "events.db"

    @property
    def event_journal(self) -> Path:
        """Where events are noted on their way to `events.db`."""
        return self.path / "events.journal"

    @property
    def control_socket(self) -> Path:
        """Where the running hub listens for the command line."""
        return self.path / "control.sock"

    @property
    def firmware(self) -> Path:
        """Where the repository's metadata and images of firmware are."""
        return self.path / "firmware"

    @property
    def feeds(self) -> Path:
        """Where what prices, weather and emissions were said to be is."""
        return self.path / "feeds"

    def exists(self) -> bool:
        """Whether a hub has ever written here."""
        return self.state.exists()

    def create(self) -> None:
        """Make the directory if it is absent, and close it to others. Raise DataDirectoryError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o700)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot use {self.path} as the data directory ({error.strerror}): "
                "choose another with --data-dir, or run as the user that owns it"
            ) from error

    def lock(self) -> None:
        """Take the directory for this process. Raise DataDirectoryError while another hub has it."""
        path = self.path / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryError(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise DataDirectoryError(
                f"another hub (process {holder}) is using {self.path}: stop it, or choose another --data-dir"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        """Let others have the directory; harmless when it was not locked."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
