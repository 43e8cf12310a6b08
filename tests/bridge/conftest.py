import asyncio
import heapq
from datetime import UTC, datetime

import pytest

import bridge.home
from bridge.events import CommandChanged
from bridge.module_face import Stage
from bridge.settings import FacesSettings
from hw.module import Capabilities, Identity, ModuleKind, ModuleUnreachable, Nameplate
from hw.reading import Reading
from hw.setpoint import Applied, AppliedState, SetpointKind
from matter_node.storage import MemoryStorage


class HandClock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1000.0
        self._timers = []
        self._count = 0

    def monotonic(self):
        return self.now

    def utc(self):
        return 1_780_000_000.0 + self.now

    def call_later(self, delay, callback):
        self._count += 1
        timer = [self.now + delay, self._count, callback]
        heapq.heappush(self._timers, timer)
        return Cancel(timer)

    async def pass_(self, seconds):
        """Let time pass, with everything that happens meanwhile."""
        end = self.now + seconds
        await settle()
        while self._timers and self._timers[0][0] <= end:
            time, _, callback = heapq.heappop(self._timers)
            self.now = max(self.now, time)
            if callback is not None:
                callback()
                await settle()
        self.now = end
        await settle()


class Cancel:
    def __init__(self, timer):
        self._timer = timer

    def cancel(self):
        self._timer[2] = None


async def settle():
    """Let happen what is due at once, and what follows from it."""
    due = asyncio.get_running_loop()._ready
    for _ in range(20):
        await asyncio.sleep(0)
        if not due:
            return


class Device:
    """A module with a memory: what it was told, when, and what is in force."""

    def __init__(self, serial="1001", *, kind=ModuleKind.BATTERY, clock=None, kinds=tuple(SetpointKind)):
        self.identity = Identity("ACME", "Device", serial)
        self.kind = kind
        self.address = f"10.0.0.1:502:{int(serial) % 247 + 1}"
        self.nameplate = Nameplate(power_w=5000)
        self.capabilities = Capabilities(frozenset(kinds), reverts=True, revert_s_max=600)
        self.clock = clock
        self.told = []
        self.broken = ""
        self.closed = False

    @property
    def values(self):
        """What it was told, without the times."""
        return [(kind, value) for _, kind, value, _ in self.told]

    async def open(self):
        pass

    async def read(self):
        if self.broken:
            raise ModuleUnreachable(self.broken)
        return Reading(module=self.identity.key, time=datetime(2026, 6, 21, 12, tzinfo=UTC), power_w=0.0)

    async def apply(self, setpoint):
        time = self.clock.monotonic() if self.clock else 0.0
        if self.broken:
            return Applied(setpoint, AppliedState.FAILED, detail=self.broken)
        self.told.append((time, setpoint.kind, setpoint.value, setpoint.expires_in))
        return Applied(setpoint, AppliedState.APPLIED, setpoint.value, setpoint.expires_in)

    async def close(self):
        self.closed = True


class Home(bridge.home.Home):
    """A home with devices in it."""

    def __init__(self, storage, clock, island=None):
        super().__init__(storage, clock, island=island)
        self.changes = []
        self.bus.subscribe(CommandChanged, lambda event: self.changes.append(event.command))

    def stage(self, top, grouping=None, faces=None):
        """What the faces of the home's modules stand on."""
        return Stage(top, self, faces or FacesSettings(charging=False), grouping)

    def add(self, serial="1001", **options):
        device = Device(serial, clock=self.clock, **options)
        (module,) = self.registry.found([device], "sunspec")
        self.answers(module)
        return device

    def answers(self, module):
        reading = Reading(module=module.key, time=datetime(2026, 6, 21, 12, tzinfo=UTC), power_w=0.0)
        self.registry.took(module, reading)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def home(clock):
    return Home(MemoryStorage(), clock)


@pytest.fixture
def another_home():
    """Make a home, such as the one after a restart."""
    return Home


@pytest.fixture
def make_device():
    """Make a device that answers what a test wants."""
    return Device
