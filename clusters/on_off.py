"""Something that is on or off: OnOff with its lighting feature (Matter Application Clusters 1.5)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from clusters.countdown import Countdown
from clusters.definitions.on_off import (
    OffWithEffectRequest,
    OnOff,
    OnOffControlBitmap,
    OnWithTimedOffRequest,
    StartUpOnOffEnum,
)
from clusters.definitions.scenes_management import AttributeValuePairStruct
from clusters.scenes_management import scene_bytes, scenes_of
from matter_node.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.scenes_management import ScenesManagementServer, Values
    from matter_node.model import Context

_log = logging.getLogger(__name__)


class Switch(Protocol):
    """Switches the device that the cluster stands for."""

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        """Switch it and return when it is so.

        :raises StatusError: it is not so
        """


@runtime_checkable
class StartUp(Protocol):
    """A switch whose device can be told what it does when it is supplied with power (1.5.6.5)."""

    def start_up(self, wanted: StartUpOnOffEnum | None) -> None:
        """Have the device do so from now on; None: be what it was before. It need not be done at once.

        :raises StatusError: it cannot be told now
        """


@runtime_checkable
class Leveled(Protocol):
    """A cluster server on the same endpoint whose level On and Off act upon (1.6.4.1): LevelControl."""

    def overtake(self) -> None:
        """End a movement of the level: a newer command says what is wanted."""

    async def turning_on(self) -> None:
        """Have the level that the device is to come on with. Raise StatusError: it does not."""

    async def turned_off(self) -> None:
        """Have the level of a device that is off."""


class OnOffServer(OnOff):
    """A switch: commands go to the device, and the attribute says what the device says.

    A command is answered when the device has obeyed, so whoever reads OnOff next reads the truth.
    StartUpOnOff is about the device's getting power, and a bridge that starts gives none to it: it goes to
    the device, if that can keep it (`StartUp`), and is only kept for those who set it otherwise.
    """

    def __init__(self, switch: Switch) -> None:
        super().__init__(features=OnOff.Feature.LT, global_scene_control=True)
        self._switch = switch
        self._on_time = Countdown(self._on_time_over)
        self._off_wait = Countdown(self._off_wait_over)
        self._turning = asyncio.Lock()
        self._switching_off: asyncio.Task[None] | None = None

    def attached(self) -> None:
        """Take up work."""
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        self._on_time.clock = self._off_wait.clock = self.endpoint.tree.clock

    def detached(self) -> None:
        """Let timed commands go: nobody would hear of their end."""
        self._on_time.stop()
        self._off_wait.stop()
        if self._switching_off is not None:
            self._switching_off.cancel()

    def show(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it shows
        """Show what the device says."""
        if on != self.on_off:
            self._settle(on)

    def show_start_up(self, value: StartUpOnOffEnum | None) -> None:
        """Show what the device says it does when it is supplied with power."""
        if value is not self.start_up_on_off:
            self.start_up_on_off = value

    # ------------------------------------------------------------------ attributes

    def write_start_up_on_off(self, _: Context, value: StartUpOnOffEnum | None) -> None:
        """Have the device do so when it is supplied with power. Raise StatusError: it cannot be told now."""
        if isinstance(self._switch, StartUp):
            self._switch.start_up(value)
        self.start_up_on_off = value

    def read_on_time(self, _: Context) -> int:
        """Return how long it stays on after OnWithTimedOff, in tenths of a second."""
        return self._on_time.tenths

    def write_on_time(self, _: Context, value: int) -> None:
        """Change that."""
        self._set_on_time(value)

    def read_off_wait_time(self, _: Context) -> int:
        """Return how long OnWithTimedOff does not turn it on again, in tenths of a second."""
        return self._off_wait.tenths

    def write_off_wait_time(self, _: Context, value: int) -> None:
        """Change that."""
        self._set_off_wait(value)

    # ------------------------------------------------------------------ commands

    async def handle_off(self, _: Context) -> None:
        """Turn it off."""
        await self._obey(on=False)

    async def handle_on(self, _: Context) -> None:
        """Turn it on."""
        await self._obey(on=True)

    async def handle_toggle(self, _: Context) -> None:
        """Turn it to what it is not."""
        await self._obey(on=None)

    async def handle_off_with_effect(self, context: Context, _: OffWithEffectRequest) -> None:
        """Turn it off; a relay has no effects. What it was before can be recalled."""
        if self.global_scene_control:
            if self._scenes is not None and context.fabric_index:
                self._scenes.store_global_scene(context.fabric_index)
            self.global_scene_control = False
        await self._obey(on=False)

    async def handle_on_with_recall_global_scene(self, context: Context) -> None:
        """Turn it on as it was before OffWithEffect."""
        if self.global_scene_control:
            return
        if self._scenes is not None and context.fabric_index:
            await self._scenes.recall_global_scene(context)
        await self._obey(on=True)

    async def handle_on_with_timed_off(self, _: Context, request: OnWithTimedOffRequest) -> None:
        """Turn it on for some time, unless it is just waiting after such a time (1.5.7.6)."""
        if request.on_off_control & OnOffControlBitmap.ACCEPT_ONLY_WHEN_ON and not self.on_off:
            return
        if self._off_wait.tenths and not self.on_off:
            self._set_off_wait(min(self._off_wait.tenths, request.off_wait_time))
            self._off_wait.start()
            return
        await self._obey(on=True)
        self._set_on_time(max(self._on_time.tenths, request.on_time))
        self._set_off_wait(request.off_wait_time)
        self._on_time.start()

    # ------------------------------------------------------------------ scenes

    def scene_values(self) -> Values:
        """Return what a scene remembers: whether it is on."""
        return (AttributeValuePairStruct(attribute_id=OnOff.on_off.id, value_unsigned8=int(self.on_off)),)

    def fit_scene_values(self, values: Sequence[AttributeValuePairStruct]) -> Values:
        """Return OnOff as 0 or 1; what is neither is 0 (1.4.7.4.2).

        :raises StatusError: INVALID_COMMAND: another attribute, or another type
        """
        return tuple(
            AttributeValuePairStruct(attribute_id=OnOff.on_off.id, value_unsigned8=int(value == 1))
            for value in scene_bytes(values, OnOff.on_off)
        )

    async def recall_scene_values(self, values: Values, _: Context) -> None:
        """Turn it to what the scene remembers; a level is the scene's, not what On and Off make it."""
        for pair in values:
            await self._turn(on=pair.value_unsigned8 == 1)

    # ------------------------------------------------------------------ the neighbours on its endpoint

    async def follow(self, *, on: bool) -> None:
        """Turn it to what a command of LevelControl makes it, if it is not that already (1.6.4.1.2).

        :raises StatusError: the device does not obey
        """
        async with self._turning:
            if on != self.on_off:
                await self._switch.switch(on)
                self._settle(on)

    @property
    def _scenes(self) -> ScenesManagementServer | None:
        return scenes_of(self.endpoint)

    @property
    def _level(self) -> Leveled | None:
        assert self.endpoint is not None
        return next((each for each in self.endpoint.clusters.values() if isinstance(each, Leveled)), None)

    # ------------------------------------------------------------------ inside

    async def _obey(self, *, on: bool | None) -> None:
        """Do as a command says; the level, if there is one, becomes what On and Off make it (1.6.4.1.1)."""
        level = self._level
        if level is not None:
            level.overtake()
        await self._turn(on=on, level=level)

    async def _turn(self, *, on: bool | None, level: Leveled | None = None) -> None:
        """Turn it on, off, or (None) to what it is not when what was asked before has been done."""
        async with self._turning:
            wanted = not self.on_off if on is None else on
            follows = level if wanted != self.on_off else None
            if follows is not None and wanted:
                await follows.turning_on()
            await self._switch.switch(wanted)
            self._settle(wanted)
            if follows is not None and not wanted:
                await follows.turned_off()

    def _settle(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it settles to
        """Take note that the device is on or off now."""
        changed, self.on_off = on != self.on_off, on
        if on:
            self.global_scene_control = True
            if not self._on_time.tenths:
                self._set_off_wait(0)
            self._off_wait.stop()
        else:
            self._on_time.stop()
            self._set_on_time(0)
            self._off_wait.start()
        if changed and self._scenes is not None:
            self._scenes.invalidate()

    def _set_on_time(self, tenths: int) -> None:
        if tenths != self._on_time.tenths:
            self._on_time.set(tenths)
            self.changed(OnOff.on_time)

    def _set_off_wait(self, tenths: int) -> None:
        if tenths != self._off_wait.tenths:
            self._off_wait.set(tenths)
            self.changed(OnOff.off_wait_time)

    def _on_time_over(self) -> None:
        """Turn it off: its time is over."""
        self.changed(OnOff.on_time)
        self._set_off_wait(0)
        self._switching_off = asyncio.get_running_loop().create_task(self._turn_off_in_time())

    async def _turn_off_in_time(self) -> None:
        try:
            await self._obey(on=False)
        except StatusError as error:
            _log.warning("Could not be turned off when its time was over: %s", error)

    def _off_wait_over(self) -> None:
        self.changed(OnOff.off_wait_time)
