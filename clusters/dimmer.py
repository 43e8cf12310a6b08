"""Who brings a device to a level, and how often it is asked to."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock

PACE_SECONDS = 1.0
"""A device is not told a level within this of the last one."""


class Dimmer(Protocol):
    """Brings the device that the cluster stands for to a level."""

    async def set_level(self, level: int) -> None:
        """Bring it to a level, 1 to 254, and return when it is so.

        A device that is off stays off, and has the level when it is turned on.

        :raises StatusError: it is not so
        """


@dataclass(frozen=True, slots=True)
class _Order:
    level: int
    done: asyncio.Future[bool]

    def end(self, result: bool | Exception) -> None:  # noqa: FBT001 - True or False is what comes of it
        """Let those who wait for it know, unless they do not wait any more."""
        if self.done.done():
            return
        if isinstance(result, Exception):
            self.done.set_exception(result)
        else:
            self.done.set_result(result)


class PacedDimmer:
    """Tells a device one level at a time, at most one a second: the newest of those that are wanted.

    :param rested: called whenever the device has been told all there was
    """

    __slots__ = ("_dimmer", "_rested", "_task", "_telling", "_told_at", "_waiting", "clock", "level")

    def __init__(self, dimmer: Dimmer, rested: Callable[[], None]) -> None:
        self.clock: Clock | None = None
        """Has to be there before the device is told anything."""
        self.level: int | None = None
        """What the device has: the last level that it was brought to, or that it says; None if unknown."""
        self._dimmer = dimmer
        self._rested = rested
        self._task: asyncio.Task[None] | None = None
        self._telling: _Order | None = None
        self._waiting: _Order | None = None
        self._told_at = -math.inf

    @property
    def busy(self) -> bool:
        """Whether the device is being told, or is to be told, a level."""
        return self._task is not None

    def tell(self, level: int) -> asyncio.Future[bool]:
        """Have the device brought to a level.

        :returns: what becomes True when the device has it, False when another level took its place before the
            device was told, or raises what the dimmer raised
        """
        self.drop()
        loop = asyncio.get_running_loop()
        self._waiting = order = _Order(level, loop.create_future())
        if self._task is None:
            self._task = loop.create_task(self._work())
        return order.done

    def drop(self) -> None:
        """Forget a level that the device was not told yet."""
        if self._waiting is not None:
            self._waiting.end(False)
            self._waiting = None

    def stop(self) -> None:
        """Tell the device nothing more."""
        gone = StatusError(Status.FAILURE, "the endpoint is gone")
        for order in (self._telling, self._waiting):
            if order is not None:
                order.end(gone)
        self._telling = self._waiting = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        while self._waiting is not None:
            await self._pause()
            self._telling, self._waiting = self._waiting, None
            if self._telling is not None:
                await self._carry_out(self._telling)
            self._telling = None
        self._task = None
        self._rested()

    async def _pause(self) -> None:
        """Wait until the last telling is long enough ago."""
        assert self.clock is not None
        left = self._told_at + PACE_SECONDS - self.clock.monotonic()
        if left <= 0:
            return
        over = asyncio.Event()
        timer = self.clock.call_later(left, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    async def _carry_out(self, order: _Order) -> None:
        assert self.clock is not None
        self._told_at = self.clock.monotonic()
        try:
            await self._dimmer.set_level(order.level)
        except Exception as error:  # noqa: BLE001 - it is for those who wait for the device
            order.end(error)
        else:
            self.level = order.level
            order.end(True)
