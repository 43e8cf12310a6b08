"""Frames that are not in the file yet: a minute of them as a rule, more while the disk takes none."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.telemetry.frames import Frame

MOST: Final = 20_000
"""Frames that wait, at most: about 5 MB, or an hour of a home with five modules. The oldest make room."""


class Backlog:
    """Frames on their way to the file. May be used from any thread; nobody waits long for anybody."""

    def __init__(self, most: int = MOST) -> None:
        self.lost = 0
        """Frames that made room for newer ones."""
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[Frame] = deque()
        self._taken: list[Frame] = []

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def add(self, frame: Frame) -> None:
        """Take in a frame."""
        with self._lock:
            self._waiting.append(frame)
            self._make_room()

    def take(self) -> list[Frame]:
        """Return what is to be stored; it stays visible until `stored` or `give_back`."""
        with self._lock:
            self._taken, self._waiting = [*self._taken, *self._waiting], deque()
            return self._taken

    def stored(self) -> None:
        """Let go of what was taken."""
        with self._lock:
            self._taken = []

    def give_back(self) -> None:
        """Take what could not be stored for later."""
        with self._lock:
            self._waiting.extendleft(reversed(self._taken))
            self._taken = []
            self._make_room()

    def of(self, module: str) -> list[Frame]:
        """Return a module's frames, the oldest first."""
        with self._lock:
            return [frame for frame in (*self._taken, *self._waiting) if frame.module == module]

    def forget(self, module: str) -> None:
        """Drop a module's frames."""
        with self._lock:
            self._taken = [frame for frame in self._taken if frame.module != module]
            self._waiting = deque(frame for frame in self._waiting if frame.module != module)

    def _make_room(self) -> None:
        # What was taken is not counted: were it, newer frames would make room for older ones that are given
        # back. So there are at most twice as many, for as long as the file takes to refuse.
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self.lost += 1
