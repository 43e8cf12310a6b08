"""The way of an event from the event loop to `events.db`, on which a killed process loses none.

The loop appends each entry to a small journal file, which costs microseconds and no wait for the disk; then
the writing thread puts it into the database and waits for the disk. When everything is there the journal is
emptied. What a killed hub has left in the journal is written at the next start.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from bridge.telemetry.event_log import Deed, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MOST: Final = 10_000
"""Entries that wait in memory while the disk is full; the oldest make room."""

_log = logging.getLogger(__name__)


class EventQueue:
    """Entries that are not in the database yet. May be used from any thread."""

    def __init__(self, journal: Path, wake: Callable[[], None]) -> None:
        """Take up what a killed hub has left.

        :param wake: called when there is something to take
        """
        self.lost = 0
        """Entries that made room for newer ones."""
        self._journal = journal
        self._wake = wake
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._last = 0
        self._waiting: deque[Event | Deed] = deque(self._leftovers())
        self._taken = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def event(self, kind: str, module: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Note that something happened."""
        with self._lock:
            self._add(Event(self._id(), time.time(), kind, module, data or {}))
        self._wake()

    def deed(
        self,
        actor: str,
        action: str,
        subject: str = "",
        data: Mapping[str, Any] | None = None,
        *,
        surely: bool = False,
    ) -> None:
        """Note for the audit trail that somebody did something.

        :param surely: raise OSError, and note nothing, when a killed process would lose it
        """
        with self._lock:
            self._add(Deed(self._id(), time.time(), actor, action, subject, data or {}), surely=surely)
        self._wake()

    def take(self) -> list[Event | Deed]:
        """Return what is to be stored; it stays here until `stored`."""
        with self._lock:
            self._taken = len(self._waiting)
            return list(self._waiting)

    def stored(self) -> None:
        """Let go of what was taken."""
        with self._lock:
            for _ in range(self._taken):
                self._waiting.popleft()
            self._taken = 0
            if not self._waiting and self._descriptor is not None:
                os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Let go of the journal."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _id(self) -> int:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last

    def _add(self, entry: Event | Deed, *, surely: bool = False) -> None:
        try:
            self._write(entry)
        except OSError as error:
            if surely:
                raise
            _log.warning("cannot note events in %s: %s", self._journal, error.strerror)
        self._waiting.append(entry)
        if len(self._waiting) > MOST:
            self._waiting.popleft()
            self._taken = max(0, self._taken - 1)
            self.lost += 1

    def _write(self, entry: Event | Deed) -> None:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._journal, flags, 0o600)
        values = [type(entry).__name__, *(getattr(entry, name) for name in entry.__dataclass_fields__)]
        line = json.dumps(values, separators=(",", ":"), default=str).encode() + b"\n"
        size = os.fstat(self._descriptor).st_size
        if os.write(self._descriptor, line) < len(line):
            os.ftruncate(self._descriptor, size)  # no half lines
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _leftovers(self) -> list[Event | Deed]:
        try:
            lines = self._journal.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.warning("cannot read %s: %s", self._journal, error.strerror)
            return []
        found: list[Event | Deed] = []
        for line in lines:
            try:
                kind, *values = json.loads(line)
                found.append({"Event": Event, "Deed": Deed}[kind](*values))
            except (ValueError, KeyError, TypeError):
                continue  # the hub was killed while it wrote this line: nobody has acted on it
        if found:
            self._last = max(entry.id for entry in found)
        return found[-MOST:]
