"""What brings a device to a level, at once or over time: the part of LevelControl that moves."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from clusters.dimmer import PACE_SECONDS, PacedDimmer
from matter_node.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clusters.dimmer import Dimmer
    from clusters.transition import Transition
    from matter_node.clock import Clock, Timer

_log = logging.getLogger(__name__)

_QUIET_TENTHS = 10
"""A time that is left, and a change of it, is worth a report if it is more than this (1.6.6.3)."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what a drive does.

    :ivar level: told each level, and whether it is one that a movement ended at; None if it is not known
    :ivar tenths_left: called when the time that is left changed by enough to be worth a report
    :ivar turn_off: turns the device off at the end of a movement that ends so; raises StatusError
    """

    level: Callable[[int | None, bool], None]
    tenths_left: Callable[[], None]
    turn_off: Callable[[], Awaitable[None]]


class LevelDrive:
    """Brings a device to levels. The newest command counts: each ends what those before it set going.

    On its way the device is told a level each second, and at the end in any case. When the device rests, the
    level is what the device has: that which it was brought to last, or which it says itself.

    :ivar level: the level that is shown, None if it is not known
    :ivar newest: tells the newest command from others
    """

    def __init__(self, dimmer: Dimmer, watch: Watch) -> None:
        self.level: int | None = None
        self.newest = object()
        self._watch = watch
        self._dimmer = PacedDimmer(dimmer, self._rest)
        self._clock: Clock | None = None
        self._movement: Transition | None = None
        self._timer: Timer | None = None
        self._counts = False
        """Whether the end of the time that is left is worth a report."""
        self._turning_off: set[asyncio.Task[None]] = set()

    def start(self, clock: Clock, level: int | None) -> None:
        """Take up work.

        :param level: what the device has
        """
        self._clock = self._dimmer.clock = clock
        self.level = self._dimmer.level = level

    def end(self) -> None:
        """End work; the device stays where it is."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._movement = None
        self._counts = False
        for task in tuple(self._turning_off):
            task.cancel()
        self._dimmer.stop()

    @property
    def tenths_left(self) -> int:
        """The tenths of a second until the movement ends."""
        return 0 if self._movement is None else self._movement.tenths_left(self._now)

    @property
    def _now(self) -> float:
        assert self._clock is not None
        return self._clock.monotonic()

    def follow(self, level: int | None) -> None:
        """Take note of what the device says; while it is moved that is out of date."""
        if self._movement is None and not self._dimmer.busy:
            self._dimmer.level = level
            self._show(level)

    # ------------------------------------------------------------------ commands

    def overtake(self) -> object:
        """Begin a command: end what was going on, and return what tells this command from others.

        What comes of it is for the command to say: `stay`, `reach` or `set_out`.
        """
        self.newest = object()
        self._dimmer.drop()
        return self.newest

    def stay(self) -> None:
        """Remain at the level that is shown."""
        self._begin(None)
        if self.level is not None and self.level != self._dimmer.level:
            self._tell(self.level, None)

    async def reach(self, level: int) -> None:
        """Go to a level at once, and return when the device is there, or a newer command counts.

        :raises StatusError: the device does not obey
        """
        self._begin(None)
        await self._dimmer.tell(level)

    def set_out(self, movement: Transition) -> None:
        """Begin a movement."""
        self._begin(movement)

    def give_up(self, movement: Transition | None) -> None:
        """End a movement, unless another took its place, and show what the device has."""
        if movement is self._movement:
            self._begin(None)
        self._rest()

    # ------------------------------------------------------------------ inside

    def _begin(self, movement: Transition | None) -> None:
        """Let a movement take the place of the one that there is, None for no movement."""
        before = self.tenths_left
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._movement = movement
        if movement is None:
            if self._counts:
                self._counts = False
                self._watch.tenths_left()
            return
        self._await_tick(movement)
        if movement.seconds >= 1:
            self._counts = True
            if abs(self.tenths_left - before) > _QUIET_TENTHS:
                self._watch.tenths_left()

    def _await_tick(self, movement: Transition) -> None:
        """Be called when the device is to be told a level: in a second, or at the end if that is near."""
        assert self._clock is not None
        left = movement.ends - self._now
        delay = PACE_SECONDS if left >= 2 * PACE_SECONDS else max(left, 0.0)
        self._timer = self._clock.call_later(delay, partial(self._tick, movement))

    def _tick(self, movement: Transition) -> None:
        now = self._now
        if movement.tenths_left(now):
            level = movement.level(now)
            self._show(level)
            if level != self._dimmer.level:
                self._tell(level, movement)
            self._await_tick(movement)
            return
        self._begin(None)
        self._show(movement.target, ended=True)
        if movement.off:
            task = asyncio.get_running_loop().create_task(self._turn_off(movement.target))
            self._turning_off.add(task)
            task.add_done_callback(self._turning_off.discard)
        else:
            self._tell(movement.target, None)

    async def _turn_off(self, level: int) -> None:
        """Turn the device off at the end of a movement; then the level is but what it will come on with."""
        command = self.newest
        try:
            await self._watch.turn_off()
        except StatusError as error:
            _log.warning("Could not be turned off at the end of its movement: %s", error)
            self._rest()
        else:
            if self.newest is command:
                self._tell(level, None)

    def _tell(self, level: int, movement: Transition | None) -> None:
        """Have the device brought to a level, with nobody waiting for it."""
        self._dimmer.tell(level).add_done_callback(partial(self._told, movement))

    def _told(self, movement: Transition | None, told: asyncio.Future[bool]) -> None:
        error = None if told.cancelled() else told.exception()
        if error is not None:
            _log.warning("Could not be brought to a level: %s", error)
            self.give_up(movement)

    def _rest(self) -> None:
        """Show what the device has, if it is not on its way to something else."""
        if self._movement is None and not self._dimmer.busy and self._dimmer.level is not None:
            self._show(self._dimmer.level, ended=True)

    def _show(self, level: int | None, *, ended: bool = False) -> None:
        if level != self.level:
            self.level = level
            self._watch.level(level, ended)
