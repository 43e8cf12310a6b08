"""Something that has a level: LevelControl with OnOff and Lighting (Matter Application Clusters 1.6)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from clusters.definitions.level_control import (
    LevelControl,
    MoveModeEnum,
    MoveRequest,
    MoveToLevelRequest,
    OptionsBitmap,
    StepModeEnum,
    StepRequest,
    StopRequest,
)
from clusters.definitions.scenes_management import AttributeValuePairStruct
from clusters.level_drive import LevelDrive, Watch
from clusters.on_off import OnOffServer
from clusters.scenes_management import scene_bytes, scenes_of
from clusters.transition import Transition
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.dimmer import Dimmer
    from clusters.scenes_management import Values
    from matter_node.clock import Clock
    from matter_node.model import Context

_log = logging.getLogger(__name__)

MIN_LEVEL, MAX_LEVEL = 1, 254
"""What the Lighting feature demands (1.6.4.2)."""
_NO_LEVEL = 255
"""Null as a scene has it."""


class LevelControlServer(LevelControl):
    """A level: commands bring the device to it, and CurrentLevel says what the device has.

    A command that takes effect at once is answered when the device has obeyed. One that takes its time is
    answered at once; the device is told the level each second on its way, and the last one in any case. If it
    does not obey, the movement ends, and CurrentLevel is again what the device has.

    What is asked for below `lowest` becomes `lowest`, but the minimum can always be had (1.6.6.4): the device
    takes it as the least that it does. Only who asks for the minimum, with On/Off, turns the device off.

    StartUpCurrentLevel is kept for those who set it, and not acted upon: what it is about is the device's
    getting power, and a bridge that starts gives none to it. On and Off take effect at once, so there are no
    transition times for them.

    :param level: of the device until it says another one, unless one was stored; None if it is not known
    :param lowest: the least above the minimum that commands bring the device to
    """

    KEPT = frozenset({"current_level"})

    def __init__(self, dimmer: Dimmer, *, level: int | None = None, lowest: int = MIN_LEVEL) -> None:
        for each in (lowest, lowest if level is None else level):
            if each != _within(each):
                raise ValueError(f"level {each} is not within {MIN_LEVEL}..{MAX_LEVEL}")
        feature = LevelControl.Feature
        super().__init__(
            features=feature.OO | feature.LT, current_level=level, min_level=MIN_LEVEL, max_level=MAX_LEVEL
        )
        self._lowest = lowest
        self._drive = LevelDrive(dimmer, Watch(self._show, self._time_changed, self._turn_off))
        self._newest_switching = object()
        """Tells the newest command that wants the device on or off from others."""

    # ------------------------------------------------------------------ life

    def attached(self) -> None:
        """Take up work."""
        self._drive.start(self._clock, self.current_level)

    def detached(self) -> None:
        """Let movements go: the device stays where it is."""
        self._drive.end()

    def show(self, level: int | None) -> None:
        """Show what the device says, None if it does not know; while it is moved that is out of date."""
        self._drive.follow(level if level is None else _within(level))

    # ------------------------------------------------------------------ attributes

    def read_remaining_time(self, _: Context) -> int:
        """Return how long the movement takes yet, in tenths of a second."""
        return self._drive.tenths_left

    def write_on_level(self, _: Context, value: int | None) -> None:
        """Take the level that On is to bring, null for the one that there was."""
        if value is not None and value != _within(value):
            raise StatusError(Status.CONSTRAINT_ERROR, f"{value} is not within {MIN_LEVEL}..{MAX_LEVEL}")
        self.on_level = value

    # ------------------------------------------------------------------ commands

    async def handle_move_to_level(self, _: Context, request: MoveToLevelRequest) -> None:
        """Go to a level, if it is on or that does not matter."""
        if self._executes(request):
            await self._go(request.level, _seconds(request.transition_time))

    async def handle_move_to_level_with_on_off(self, _: Context, request: MoveToLevelRequest) -> None:
        """Go to a level; it is on above the minimum, and off there."""
        await self._go(request.level, _seconds(request.transition_time), with_on_off=True)

    async def handle_move(self, _: Context, request: MoveRequest) -> None:
        """Go up or down until something stops it, if it is on or that does not matter."""
        await self._move(request)

    async def handle_move_with_on_off(self, _: Context, request: MoveRequest) -> None:
        """Go up or down until something stops it; it is on above the minimum, and off there."""
        await self._move(request, with_on_off=True)

    async def handle_step(self, _: Context, request: StepRequest) -> None:
        """Go some levels up or down, if it is on or that does not matter."""
        await self._step(request)

    async def handle_step_with_on_off(self, _: Context, request: StepRequest) -> None:
        """Go some levels up or down; it is on above the minimum, and off there."""
        await self._step(request, with_on_off=True)

    def handle_stop(self, _: Context, request: StopRequest) -> None:
        """Stay at the present level, if it is on or that does not matter."""
        if self._executes(request):
            self._stop()

    def handle_stop_with_on_off(self, _: Context, __: StopRequest) -> None:
        """Stay at the present level."""
        self._stop()

    # ------------------------------------------------------------------ what On and Off do to it (1.6.4.1.1)

    def overtake(self) -> None:
        """End a movement: On or Off says what is wanted now."""
        self._newest_switching = self._stop()

    async def turning_on(self) -> None:
        """Have the level that On is to bring: OnLevel, or the one that there was."""
        wanted = self.current_level if self.on_level is None else self.on_level
        if wanted is not None and self._aim(wanted) != self.current_level:
            await self._drive.reach(self._aim(wanted))

    async def turned_off(self) -> None:
        """Go to the minimum, where OnLevel would start from; without one the level comes back as it was."""
        if self.on_level is not None:
            try:
                await self._drive.reach(self._lowest)
            except StatusError as error:
                _log.warning("Is off, but not at its lowest level: %s", error)

    # ------------------------------------------------------------------ scenes

    def scene_values(self) -> Values:
        """Return what a scene remembers: the level."""
        level = _NO_LEVEL if self.current_level is None else self.current_level
        return (AttributeValuePairStruct(attribute_id=LevelControl.current_level.id, value_unsigned8=level),)

    def fit_scene_values(self, values: Sequence[AttributeValuePairStruct]) -> Values:
        """Return CurrentLevel; what cannot be one is null, and leaves the level alone (1.4.7.3).

        :raises StatusError: INVALID_COMMAND: another attribute, or another type
        """
        return tuple(
            AttributeValuePairStruct(
                attribute_id=LevelControl.current_level.id,
                value_unsigned8=level if level == _within(level) else _NO_LEVEL,
            )
            for level in scene_bytes(values, LevelControl.current_level)
        )

    async def recall_scene_values(self, values: Values, _: Context) -> None:
        """Go to the level that the scene remembers, on or off."""
        for pair in values:
            if pair.value_unsigned8 is not None and pair.value_unsigned8 != _NO_LEVEL:
                await self._go(pair.value_unsigned8, 0)

    # ------------------------------------------------------------------ what commands come to

    def _executes(self, request: MoveToLevelRequest | MoveRequest | StepRequest | StopRequest) -> bool:
        """Tell whether a command without On/Off has an effect (1.6.6.9)."""
        mask = request.options_mask
        options = (self.options & ~mask) | (request.options_override & mask)
        switch = self._switch
        return switch is None or switch.on_off or bool(options & OptionsBitmap.EXECUTE_IF_OFF)

    async def _move(self, request: MoveRequest, *, with_on_off: bool = False) -> None:
        if request.rate == 0:
            raise StatusError(Status.INVALID_COMMAND, "a movement without a rate is none")
        if with_on_off or self._executes(request):
            asked = MAX_LEVEL if request.move_mode is MoveModeEnum.UP else MIN_LEVEL
            way = abs(self._aim(asked) - self._aim(self._known_level()))
            await self._go(asked, way / request.rate if request.rate else 0, with_on_off=with_on_off)

    async def _step(self, request: StepRequest, *, with_on_off: bool = False) -> None:
        size = request.step_size
        if size == 0:
            raise StatusError(Status.INVALID_COMMAND, "a step of no size is none")
        if with_on_off or self._executes(request):
            level = self._known_level()
            asked = level + size if request.step_mode is StepModeEnum.UP else level - size
            # a step that ends at a limit takes that part of the time only
            share = abs(self._aim(asked) - self._aim(level)) / size
            await self._go(asked, _seconds(request.transition_time) * share, with_on_off=with_on_off)

    async def _go(self, asked: int, seconds: float, *, with_on_off: bool = False) -> None:
        """Go to a level; with On/Off it is on above the minimum, and off there (1.6.4.1.2)."""
        command = self._drive.overtake()
        switch = self._switch if with_on_off else None
        if switch is not None:
            self._newest_switching = command
        on = asked > MIN_LEVEL
        start, target = self.current_level, self._aim(asked)
        if start is not None and start != target and seconds > 0:
            off = switch is not None and not on
            movement = Transition(
                self._aim(start), target, self._clock.monotonic(), seconds, off=off, lowest=self._lowest
            )
            await self._set_out(movement, switch if on else None)
            return
        if switch is not None and not on:
            # off before the level, which is then but what it will come on with
            self._drive.stay()
            await switch.follow(on=False)
            if self._drive.newest is not command:
                return
        await self._drive.reach(target)
        if switch is not None and on and self._newest_switching is command:
            # on after the level, so that it does not come on with the old one
            await switch.follow(on=True)

    async def _set_out(self, movement: Transition, turn_on: OnOffServer | None) -> None:
        """Begin a movement, with the device on if it is to be."""
        self._drive.set_out(movement)
        if turn_on is not None:
            try:
                await turn_on.follow(on=True)
            except Exception:
                self._drive.give_up(movement)
                raise

    def _stop(self) -> object:
        """Stay at the present level; return what tells this command from others."""
        command = self._drive.overtake()
        self._drive.stay()
        return command

    # ------------------------------------------------------------------ what the drive does

    def _show(self, level: int | None, ended: bool) -> None:  # noqa: FBT001 - a `Watch` is told so
        self.current_level = level
        if ended:
            self.changed(LevelControl.current_level)  # at once; other changes are reported quietly (1.6.6.2)
        scenes = scenes_of(self.endpoint)
        if scenes is not None:
            scenes.invalidate()

    def _time_changed(self) -> None:
        self.changed(LevelControl.remaining_time)

    async def _turn_off(self) -> None:
        if self._switch is not None:
            await self._switch.follow(on=False)

    # ------------------------------------------------------------------ inside

    def _aim(self, asked: int) -> int:
        """Return the level that the device is brought to when one is asked for."""
        return MIN_LEVEL if asked <= MIN_LEVEL else max(_within(asked), self._lowest)

    def _known_level(self) -> int:
        if self.current_level is None:
            raise StatusError(Status.FAILURE, "it is not known which level it has")
        return self.current_level

    @property
    def _clock(self) -> Clock:
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        return self.endpoint.tree.clock

    @property
    def _switch(self) -> OnOffServer | None:
        assert self.endpoint is not None
        found = self.endpoint.clusters.get(OnOffServer.ID)
        return found if isinstance(found, OnOffServer) else None


def _within(level: int) -> int:
    """Return the nearest level that there is."""
    return min(max(level, MIN_LEVEL), MAX_LEVEL)


def _seconds(tenths: int | None) -> float:
    """Return a transition time; null is as fast as the device can (1.6.7.1)."""
    return (tenths or 0) / 10
