"""A time in tenths of a second that runs down to 0 and can be held: OnTime and OffWaitTime of OnOff."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer

HELD = 0xFFFF
"""A time that never runs down (Matter Application Clusters 1.5.7.6.4)."""
_TENTH = 0.1


class Countdown:
    """A time that stands still until it is started.

    :param ended: called when it has run down
    """

    __slots__ = ("_ended", "_timer", "_until", "_value", "clock")

    def __init__(self, ended: Callable[[], None]) -> None:
        self.clock: Clock | None = None
        """Has to be there before it is started."""
        self._ended = ended
        self._timer: Timer | None = None
        self._until = 0.0
        self._value = 0

    @property
    def running(self) -> bool:
        """Whether it runs down."""
        return self._timer is not None

    @property
    def tenths(self) -> int:
        """What is left, in tenths of a second."""
        if self._timer is None or self.clock is None:
            return self._value
        left = (self._until - self.clock.monotonic()) / _TENTH
        # what a float is off by is no tenth
        return max(0, math.ceil(left - 1e-6))

    def set(self, tenths: int) -> None:
        """Set what is left; one that runs goes on from there, or stops at 0 and at HELD."""
        running = self.running
        self.stop()
        self._value = tenths
        if running:
            self.start()

    def start(self) -> None:
        """Run down from now on, unless there is nothing left or it is held."""
        if self._timer is None and self.clock is not None and self._value not in {0, HELD}:
            self._until = self.clock.monotonic() + self._value * _TENTH
            self._timer = self.clock.call_later(self._value * _TENTH, self._over)

    def stop(self) -> None:
        """Stand still."""
        self._value = self.tenths
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        self._value = 0
        self._ended()
