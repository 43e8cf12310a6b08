"""Time as the protocol code sees it, so that tests and replays can drive it.

Protocol code never asks the operating system or the event loop for the time: it is given a `Clock`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MATTER_EPOCH_OFFSET = 946_684_800
"""Seconds from 1970-01-01 to the Matter epoch, 2000-01-01T00:00:00Z (Matter Core 7.19.2.5)."""


class Timer(Protocol):
    """A scheduled call that can be taken back."""

    def cancel(self) -> None:
        """Do not call; harmless after the call."""


class Clock(Protocol):
    """Where protocol code gets time and timers from."""

    def monotonic(self) -> float:
        """Return seconds of a clock that never jumps; the zero point means nothing."""

    def utc(self) -> float | None:
        """Return seconds since 1970-01-01T00:00:00Z, or None while the time is not known."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` after `delay` seconds."""


class AsyncioClock:
    """The running event loop's time and timers, and the system's UTC."""

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def monotonic(self) -> float:
        """Return the event loop's time in seconds."""
        return self._loop.time()

    def utc(self) -> float | None:
        """Return the system's UTC in seconds since 1970."""
        return time.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Schedule on the event loop."""
        return self._loop.call_later(delay, callback)
