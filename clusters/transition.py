"""A level on its way from one value to another: what LevelControl's commands set going."""

from __future__ import annotations

import math
from dataclasses import dataclass

_TENTHS = 10


@dataclass(frozen=True, slots=True)
class Transition:
    """One movement at an even rate.

    :ivar start: level that it leaves
    :ivar target: level that it arrives at
    :ivar began: monotonic time of its start, s
    :ivar seconds: how long it takes, more than 0
    :ivar off: what has the level is off when it has arrived
    :ivar lowest: the least level on the way; that of the target counts where it arrives
    """

    start: int
    target: int
    began: float
    seconds: float
    off: bool = False
    lowest: int = 1

    @property
    def ends(self) -> float:
        """Monotonic time of its end, s."""
        return self.began + self.seconds

    def level(self, now: float) -> int:
        """Return the level at a time."""
        share = min(max((now - self.began) / self.seconds, 0.0), 1.0)
        return max(round(self.start + (self.target - self.start) * share), self.lowest)

    def tenths_left(self, now: float) -> int:
        """Return the tenths of a second from a time to its end, 0 after that."""
        # what a float is off by is no tenth
        return max(0, math.ceil((self.ends - now) * _TENTHS - 1e-6))
