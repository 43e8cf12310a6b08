"""A time of day at which something is due, on a clock that may be unknown or set meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.clock import MATTER_EPOCH_OFFSET

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer

_LOOK_S = 3600.0
"""How far ahead is looked at once."""
_UNKNOWN_S = 30.0
"""How long until the clock is looked at again that had no time."""


def is_past(epoch: int | None, clock: Clock) -> bool:
    """Tell whether a time in seconds since 2000 is past.

    0 always is, None never is, nor is any while the time of day is not known.
    """
    if epoch is None:
        return False
    utc = clock.utc()
    return epoch == 0 or (utc is not None and epoch + MATTER_EPOCH_OFFSET <= utc)


class Deadline:
    """Waits for one time, the last that it was set to.

    :param reached: called when it has come
    """

    __slots__ = ("_clock", "_epoch", "_reached", "_timer")

    def __init__(self, clock: Clock, reached: Callable[[], None]) -> None:
        self._clock = clock
        self._reached = reached
        self._epoch: int | None = None
        self._timer: Timer | None = None

    def wait(self, epoch: int | None, *, after: float = 0.0) -> None:
        """Wait for a time in seconds since 2000, None or 0 for none.

        :param after: look at the clock after so many seconds only
        """
        self.stop()
        self._epoch = epoch
        if epoch:
            self._timer = self._clock.call_later(after, self._look)

    def stop(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        epoch, utc = self._epoch, self._clock.utc()
        if is_past(epoch, self._clock):
            self._reached()
        elif epoch is not None:
            left = _UNKNOWN_S if utc is None else min(epoch + MATTER_EPOCH_OFFSET - utc, _LOOK_S)
            self._timer = self._clock.call_later(left, self._look)
