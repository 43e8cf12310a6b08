"""A node with one lamp that is switched and dimmed, and time that goes by only when a test lets it."""

import asyncio

from clusters.definitions.level_control import (
    MoveModeEnum,
    MoveRequest,
    MoveToLevelRequest,
    OptionsBitmap,
    StepModeEnum,
    StepRequest,
    StopRequest,
)
from clusters.level_control import LevelControlServer
from matter_node.status import Status, StatusError
from node_lab.plug import FIRST, Plug

NOT_OVERRIDDEN = {"options_mask": OptionsBitmap(0), "options_override": OptionsBitmap(0)}
EVEN_IF_OFF = {
    "options_mask": OptionsBitmap.EXECUTE_IF_OFF,
    "options_override": OptionsBitmap.EXECUTE_IF_OFF,
}


class Lamp:
    """A lamp that obeys after a while, unless it is stuck.

    :ivar told: the levels that it was told, and when
    :ivar heard: all that it was told, in order
    """

    def __init__(self):
        self.on = False
        self.level = None
        self.stuck = False
        self.takes = 0.0
        self.clock = None
        self.told = []
        self.heard = []

    async def switch(self, on):
        await self._obey()
        self.heard.append(on)
        self.on = on

    async def set_level(self, level):
        self.told.append((self.clock.now, level))
        await self._obey()
        self.heard.append(level)
        self.level = level

    async def _obey(self):
        over = asyncio.Event()
        self.clock.call_later(self.takes, over.set)
        if self.takes:
            await over.wait()
        if self.stuck:
            raise StatusError(Status.FAILURE, "stuck")

    @property
    def levels(self):
        return [level for _, level in self.told]


class DimmedLamp(Plug):
    """The lamp on a node. Commands run until they are answered, however long the lamp takes."""

    def __init__(self, make_node, level=50, storage=None, *, on=True, lowest=1):
        self.lamp = Lamp()
        self.level = LevelControlServer(self.lamp, level=level, lowest=lowest)
        super().__init__(make_node, storage, relay=self.lamp, more=[self.level])
        self.lamp.clock = self.clock
        self.lamp.level, self.lamp.on = self.level.current_level, on
        self.on_off.show(on)

    def restarted(self):
        return DimmedLamp(self.make_node, storage=self.storage)

    @property
    def shown(self):
        return self.level.current_level

    @property
    def remaining(self):
        return self.level.read_remaining_time(FIRST)

    async def pass_time(self, seconds):
        """Let time go by, and everybody do what he does at his time."""
        end = self.clock.now + seconds
        await self.settle()
        while (due := self.clock.next_due()) is not None and due <= end:
            self.clock.advance(max(due - self.clock.now, 0) + 1e-9)
            await self.settle()
        self.clock.advance(max(end - self.clock.now, 0))
        await self.settle()

    async def settle(self):
        for _ in range(12):
            await asyncio.sleep(0)

    async def answer(self, work):
        """Return the status that a command is answered with; time goes by until it is."""
        task = asyncio.ensure_future(work)
        await self.settle()
        while not task.done():
            await self.pass_time(0.1)
        try:
            task.result()
        except StatusError as error:
            return error.status
        return Status.SUCCESS

    async def turn(self, command):
        """Send Off, On or Toggle."""
        return await self.answer(getattr(self.on_off, f"handle_{command}")(FIRST))

    async def to(self, level, tenths=0, *, with_on_off=False, **options):
        """Send MoveToLevel."""
        request = MoveToLevelRequest(level=level, transition_time=tenths, **(NOT_OVERRIDDEN | options))
        return await self._send("move_to_level", request, with_on_off)

    async def move(self, mode, rate, *, with_on_off=False, **options):
        """Send Move."""
        request = MoveRequest(move_mode=MoveModeEnum[mode], rate=rate, **(NOT_OVERRIDDEN | options))
        return await self._send("move", request, with_on_off)

    async def step(self, mode, size, tenths=0, *, with_on_off=False, **options):
        """Send Step."""
        request = StepRequest(
            step_mode=StepModeEnum[mode],
            step_size=size,
            transition_time=tenths,
            **(NOT_OVERRIDDEN | options),
        )
        return await self._send("step", request, with_on_off)

    async def stop(self, *, with_on_off=False, **options):
        """Send Stop."""
        return await self._send("stop", StopRequest(**(NOT_OVERRIDDEN | options)), with_on_off)

    async def _send(self, name, request, with_on_off):
        command = getattr(LevelControlServer, f"{name}_with_on_off" if with_on_off else name)
        return await self.answer(self.level.invoke(command, FIRST, request))
