"""From the event bus to a stream: what happens now is kept until the reader has time for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.events import EventBus

LIMIT: Final = 256
"""Events that wait for a reader; one that is farther behind is cut off, and comes back when it can."""

T = TypeVar("T")


class Feed(Generic[T]):
    """An async iterator over what happens on the bus, until `aclose` or until the reader is too slow.

    :param kinds: types of events
    :param made: what is yielded for an event; None for nothing
    """

    def __init__(
        self, bus: EventBus, kinds: tuple[type, ...], made: Callable[[Any], T | None], *, limit: int = LIMIT
    ) -> None:
        self._made = made
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._news = asyncio.Event()
        self._over = False
        self._unsubscribe = [bus.subscribe(kind, self._note) for kind in kinds]

    def __aiter__(self) -> Feed[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Hear no more."""
        self._end()

    def _note(self, event: object) -> None:
        item = self._made(event)
        if item is None or self._over:
            return
        if len(self._waiting) >= self._limit:
            self._end()
        else:
            self._waiting.append(item)
        self._news.set()

    def _end(self) -> None:
        self._over = True
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()
        self._news.set()
