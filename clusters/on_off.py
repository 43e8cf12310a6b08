"""Something that is on or off: OnOff with its lighting feature (Matter Application Clusters 1.5)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from clusters.countdown import Countdown
from clusters.definitions.on_off import OffWithEffectRequest, OnOff, OnOffControlBitmap, OnWithTimedOffRequest
from clusters.definitions.scenes_management import AttributeValuePairStruct
from clusters.scenes_management import ScenesManagementServer
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.scenes_management import Values
    from matter_node.model import Context

_log = logging.getLogger(__name__)


class Switch(Protocol):
    """Switches the device that the cluster stands for."""

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        """Switch it and return when it is so.

        :raises StatusError: it is not so
        """


class OnOffServer(OnOff):
    """A switch: commands go to the device, and the attribute says what the device says.

    A command is answered when the device has obeyed, so whoever reads OnOff next reads the truth.
    StartUpOnOff is kept for those who set it, and not acted upon: what it is about is the device's getting
    power, and a bridge that starts gives none to it.
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

    # ------------------------------------------------------------------ attributes

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
        await self._turn(on=False)

    async def handle_on(self, _: Context) -> None:
        """Turn it on."""
        await self._turn(on=True)

    async def handle_toggle(self, _: Context) -> None:
        """Turn it to what it is not."""
        await self._turn(on=None)

    async def handle_off_with_effect(self, context: Context, _: OffWithEffectRequest) -> None:
        """Turn it off; a relay has no effects. What it was before can be recalled."""
        if self.global_scene_control:
            if self._scenes is not None and context.fabric_index:
                self._scenes.store_global_scene(context.fabric_index)
            self.global_scene_control = False
        await self._turn(on=False)

    async def handle_on_with_recall_global_scene(self, context: Context) -> None:
        """Turn it on as it was before OffWithEffect."""
        if self.global_scene_control:
            return
        if self._scenes is not None and context.fabric_index:
            await self._scenes.recall_global_scene(context)
        await self._turn(on=True)

    async def handle_on_with_timed_off(self, _: Context, request: OnWithTimedOffRequest) -> None:
        """Turn it on for some time, unless it is just waiting after such a time (1.5.7.6)."""
        if request.on_off_control & OnOffControlBitmap.ACCEPT_ONLY_WHEN_ON and not self.on_off:
            return
        if self._off_wait.tenths and not self.on_off:
            self._set_off_wait(min(self._off_wait.tenths, request.off_wait_time))
            self._off_wait.start()
            return
        await self._turn(on=True)
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
        fit = []
        for pair in values:
            value = pair.value_unsigned8
            plain = AttributeValuePairStruct(attribute_id=OnOff.on_off.id, value_unsigned8=value)
            if value is None or pair != plain:
                raise StatusError(Status.INVALID_COMMAND, "a scene holds OnOff, as an unsigned byte")
            fit.append(replace(plain, value_unsigned8=int(value == 1)))
        return tuple(fit)

    async def recall_scene_values(self, values: Values, _: Context) -> None:
        """Turn it to what the scene remembers."""
        for pair in values:
            await self._turn(on=pair.value_unsigned8 == 1)

    @property
    def _scenes(self) -> ScenesManagementServer | None:
        assert self.endpoint is not None
        found = self.endpoint.clusters.get(ScenesManagementServer.ID)
        return found if isinstance(found, ScenesManagementServer) else None

    # ------------------------------------------------------------------ inside

    async def _turn(self, *, on: bool | None) -> None:
        """Turn it on, off, or (None) to what it is not when what was asked before has been done."""
        async with self._turning:
            wanted = not self.on_off if on is None else on
            await self._switch.switch(wanted)
            self._settle(wanted)

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
            await self._turn(on=False)
        except StatusError as error:
            _log.warning("Could not be turned off when its time was over: %s", error)

    def _off_wait_over(self) -> None:
        self.changed(OnOff.off_wait_time)
