import asyncio
import time

from bridge.drivers import DRIVERS, driver
from bridge.events import CommandChanged
from bridge.grid import GridChanged
from bridge.home import Home
from bridge.island.keeper import LoadShed
from bridge.island.mode import ModeChanged
from bridge.island.settings import IslandSettings
from bridge.pace import Pace
from bridge.poller import Poller, Source
from hw.module import ModuleKind
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage

QUICK = IslandSettings(off_s=2, spacing_s=1, stable_s=3)
DRIVER = {"load": "shelly", "evse": "goe"}


class LivingHome:
    """What the hub knows and does of a simulated home; everything but Matter and HTTP is the real part."""

    def __init__(self, simulated, settings=QUICK, storage=None):
        self.simulated = simulated
        self.storage = storage or MemoryStorage()
        self.home = Home(self.storage, AsyncioClock(), island=settings)
        self.heard = []
        """(seconds of the loop's clock, event)"""
        for kind in (ModeChanged, LoadShed, GridChanged, CommandChanged):
            self.home.bus.subscribe(kind, lambda event: self.heard.append((time.monotonic(), event)))
        drivers = {name: driver(name) for name in DRIVERS}
        self._poller = Poller(
            self.home.registry, drivers, Pace(0.25, 1.0, time.process_time), self.home.clock
        )

    async def start(self, *, known=True):
        self.home.start()
        self._poller.start(
            Source(DRIVER.get(each.kind, "sunspec"), each.address) for each in self.simulated.devices
        )
        if known:
            expected = len(self.simulated.devices)
            await self.until(lambda: sum(each.reading is not None for each in self.registry) == expected)
            await self.until(lambda: self.home.flow_meter.flows is not None)

    async def stop(self):
        self.home.stop()
        await self.home.arbiter.close()
        await self._poller.stop()

    async def kill(self):
        """End as a killed hub does: nothing is taken back."""
        self.home.island.stop()
        self.home.protector.stop()
        await self._poller.stop()

    @property
    def registry(self):
        return self.home.registry

    @property
    def mode(self):
        return self.home.island.mode

    @property
    def modes(self):
        return [event.mode for _, event in self.heard if isinstance(event, ModeChanged)]

    @property
    def off(self):
        return [each.module for each in self.home.island.off()]

    def shed(self):
        return [(event.module, event.shed) for _, event in self.heard if isinstance(event, LoadShed)]

    def of(self, kind, index=0):
        found = [each for each in self.registry if each.record.kind is ModuleKind(kind)]
        return sorted(found, key=lambda each: each.key)[index]

    async def until(self, condition, seconds=30):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for is somebody else's state
                await asyncio.sleep(0.02)

    async def truly(self, condition, seconds=30):
        """Wait until the truth about the simulated home is so."""
        async with asyncio.timeout(seconds):
            while not condition(state := await self.simulated.state()):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.1)
        return state
