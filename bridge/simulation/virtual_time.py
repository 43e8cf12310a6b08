"""Virtual time: an event loop whose clock jumps to what is next, instead of waiting for it.

Everything that waits by way of the loop (timers, sleeps, timeouts) happens in the usual order and at the
usual distance, as fast as the processor can. What comes from outside, such as a process that answers, has no
place in virtual time: nobody would know how long it took.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

from matter_node.clock import AsyncioClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from datetime import datetime

T = TypeVar("T")


class VirtualTimeError(RuntimeError):
    """Nothing is left that could ever happen."""


class _Jump(selectors.BaseSelector):
    """Asks the real selector what is there, without waiting, and lets the wished wait pass at once."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, the time that was to be waited for has passed."""
        if timeout is not None and timeout <= 0:
            # Work is there already. The loop's own pipe is all that could be ready, and it can wait its turn.
            return []
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise VirtualTimeError("everybody waits for something that has no time")
            self.now += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch a file no more."""
        return self._real.unregister(fileobj)

    def close(self) -> None:
        """Let go of everything."""
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return what is watched."""
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return how much virtual time has passed, in seconds."""
        return self._jump.now


class VirtualClock(AsyncioClock):
    """The running virtual loop's time, and UTC counted from a chosen instant."""

    __slots__ = ("_start",)

    def __init__(self, start: datetime) -> None:
        """Begin at an instant, an aware time."""
        super().__init__()
        self._start = start.timestamp() - self.monotonic()

    def utc(self) -> float | None:
        """Return virtual UTC in seconds since 1970."""
        return self._start + self.monotonic()


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, and return what it returns.

    :raises VirtualTimeError: it waits for something that never happens
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
