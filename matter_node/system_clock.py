"""The node's own clock: the system's time, what is known of its truth, and a time that an administrator gave.

A hub in a home may start without a network and without a battery-backed clock. Its system time is wrong
then, an administrator may know better (Matter Core 11.17), and what it says counts until the system is
synchronized.
"""

from __future__ import annotations

import ctypes
import time
from enum import IntEnum

from matter_node.clock import AsyncioClock

_adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
_TIME_ERROR = 5
"""What adjtimex(2) answers while nothing synchronizes the kernel's clock."""
_TIMEX_SIZE = 256
"""More than sizeof(struct timex) on every architecture; all zero means: change nothing."""
EARLIEST_PLAUSIBLE_UTC = 1_750_000_000
"""June 2025. A system clock that shows less was never set."""


class TimeQuality(IntEnum):
    """How far the time can be trusted, in ascending order."""

    UNKNOWN = 0
    """There is no time."""
    UNVERIFIED = 1
    """The system has a plausible time that nothing keeps right."""
    ADMINISTRATOR = 2
    """An administrator gave it."""
    SYNCHRONIZED = 3
    """The system is synchronized, by NTP as a rule."""


def system_synchronized() -> bool:
    """Tell whether the kernel's clock is being synchronized (adjtimex(2))."""
    if _adjtimex is None:
        return False
    return bool(0 <= _adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE)) < _TIME_ERROR)


class SystemClock(AsyncioClock):
    """The event loop's timers with a UTC that knows how good it is."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        super().__init__()
        self._offset: float | None = None

    @property
    def quality(self) -> TimeQuality:
        """How far `utc` can be trusted now."""
        if system_synchronized():
            return TimeQuality.SYNCHRONIZED
        if self._offset is not None:
            return TimeQuality.ADMINISTRATOR
        plausible = time.time() >= EARLIEST_PLAUSIBLE_UTC
        return TimeQuality.UNVERIFIED if plausible else TimeQuality.UNKNOWN

    def utc(self) -> float | None:
        """Return seconds since 1970, or None while there is no time worth the name."""
        if self._offset is not None:
            if not system_synchronized():
                return self.monotonic() + self._offset
            self._offset = None
        now = time.time()
        return now if now >= EARLIEST_PLAUSIBLE_UTC else None

    def set_utc(self, utc: float) -> bool:
        """Take the time from an administrator.

        :param utc: seconds since 1970
        :returns: False if the system's own time is synchronized, and stays
        """
        if system_synchronized():
            return False
        self._offset = utc - self.monotonic()
        return True
