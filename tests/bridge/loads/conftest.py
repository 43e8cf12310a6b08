"""A home with a meter, plugs, and a charging point; its physics pass with the hand-moved clock."""

import math
from datetime import UTC, datetime

import pytest
from plan_lab.tariffs import night_tariff

from bridge.choices import Policy
from bridge.planner.plan import HomePlan
from bridge.planner.planner import Planner
from bridge.planner.posing import Posing
from bridge.planner.settings import PlannerSettings
from bridge.time_zone import time_zone
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import EvseReading, PlugState, Reading
from hw.setpoint import SetpointKind as Kind

METER, PLUG, OTHER, WALLBOX, SUN = "acme-1", "acme-2", "acme-3", "acme-4", "acme-5"
HOUR = 3600
MIDNIGHT = 12_800.0
"""What the clock shows at the first midnight, when the cheap hours begin: a Friday."""
AMPERE_W = 3 * 230.0


class Plug:
    """A relay with a load behind it that takes power whenever it may, as the device's own timer has it."""

    def __init__(self, home, device, power_w):
        self.home, self.device, self.rated_w = home, device, power_w
        self.own = True
        self.heard = 0
        self.on = True
        self.switchings = []

    def live(self, now):
        """Take what was told since."""
        for time, kind, value, expires in self.device.told[self.heard :]:
            wanted = self.own if kind is Kind.AUTO else value == 1
            if kind is Kind.CONNECT and expires is None:
                self.own = wanted
            self.switch(wanted, time)
        self.heard = len(self.device.told)

    def switch(self, on, now):
        if on is not self.on:
            self.switchings.append((now, on))
        self.on = on

    def press(self, on, now):
        """Press the button on it."""
        self.own = on
        self.switch(on, now)

    @property
    def power_w(self):
        return self.rated_w if self.on else 0.0


class Machine(Plug):
    """A machine that was set and waits for power: then its program takes so long."""

    def __init__(self, home, device, power_w, lasts):
        super().__init__(home, device, power_w)
        self.lasts = lasts
        self.left = 0.0
        self.broken_off = 0

    def set(self):
        self.left = self.lasts

    def pass_(self, seconds):
        if self.on and self.left > 0:
            self.left = max(0.0, self.left - seconds)
        elif not self.on and 0 < self.left < self.lasts:
            self.broken_off += 1

    @property
    def power_w(self):
        return self.rated_w if self.on and self.left > 0 else 0.0


class Wallbox:
    """A charging point of three phases with a car."""

    def __init__(self, device):
        self.device = device
        self.heard = 0
        self.on, self.limit_a = True, 16.0
        self.plug = True
        self.session_wh = 0.0
        self.wants_wh = math.inf
        self.car = {}
        self.total_wh = 100_000.0
        self.currents = []

    def live(self, now):
        for time, kind, value, _ in self.device.told[self.heard :]:
            if kind is Kind.AUTO:
                self.on, self.limit_a = True, 16.0
            elif kind is Kind.CONNECT:
                self.on = value == 1
            else:
                self.limit_a = value
            self.currents.append((time, self.current_a))
        self.heard = len(self.device.told)

    @property
    def current_a(self):
        wants = self.plug and self.session_wh < self.wants_wh
        return self.limit_a if self.on and wants else 0.0

    @property
    def power_w(self):
        return AMPERE_W * self.current_a

    def comes(self, wants_wh=math.inf):
        """A car comes that is full when it has taken so much."""
        self.plug, self.session_wh, self.wants_wh = True, 0.0, wants_wh

    def reading(self, now):
        state = PlugState.NOT_CONNECTED
        if self.plug:
            charging = PlugState.CHARGING if self.current_a else PlugState.NO_DEMAND
            state = charging if self.on else PlugState.DEMAND
        evse = EvseReading(
            plug=state,
            session_energy_wh=self.session_wh,
            current_offered_a=self.limit_a if self.on else 0.0,
            current_min_a=6.0,
            current_max_a=16.0,
            phases=3 if self.power_w else None,
            **self.car,
        )
        return Reading(
            WALLBOX,
            now,
            power_w=self.power_w,
            voltage_v=230.0,
            connected=self.on,
            energy_imported_wh=self.total_wh,
            evse=evse,
        )


class SimulatedHome:
    def __init__(self, home, clock, make_device):
        self.home, self.clock, self.make_device = home, clock, make_device
        self.load_w = 400.0
        self.sun_w = lambda: 0.0
        self.silent = set()
        self.plugs = {}
        self.energy = {}
        self.wallbox = None
        self.bill = 0.0
        for key, kind in ((METER, ModuleKind.METER), (SUN, ModuleKind.MICROINVERTER)):
            device = make_device(key.removeprefix("acme-"), kind=kind, clock=clock)
            device.nameplate = Nameplate()
            home.registry.found([device], "sunspec")

    def rated(self, power_w):
        """Say what the panels are rated for, so that sun is expected of them."""
        device = self.make_device(SUN.removeprefix("acme-"), kind=ModuleKind.MICROINVERTER, clock=self.clock)
        device.nameplate = Nameplate(power_w=power_w)
        self.home.registry.found([device], "sunspec")

    def _device(self, key, kind, kinds):
        device = self.make_device(key.removeprefix("acme-"), kind=kind, clock=self.clock, kinds=kinds)
        device.nameplate = Nameplate()
        device.capabilities = Capabilities(frozenset(kinds), reverts=True, revert_s_max=600)
        return device

    def plug(self, key, power_w=2000.0):
        device = self._device(key, ModuleKind.LOAD, (Kind.CONNECT, Kind.AUTO))
        self.home.registry.found([device], "shelly")
        self.plugs[key] = Plug(self.home, device, power_w)
        self.energy[key] = 5000.0
        return self.plugs[key]

    def machine(self, key, power_w=1000.0, lasts=5400.0):
        self.plug(key)
        self.plugs[key] = Machine(self.home, self.plugs[key].device, power_w, lasts)
        return self.plugs[key]

    def add_wallbox(self):
        device = self._device(WALLBOX, ModuleKind.EVSE, (Kind.CONNECT, Kind.CHARGE_CURRENT_A, Kind.AUTO))
        device.nameplate = Nameplate(power_w=11_040, voltage_v=230, current_a=16, phases=3)
        self.home.registry.found([device], "goe")
        self.wallbox = Wallbox(device)
        return self.wallbox

    @property
    def grid_w(self):
        loads = sum(plug.power_w for plug in self.plugs.values())
        return self.load_w + loads + (self.wallbox.power_w if self.wallbox else 0.0) - self.sun_w()

    def live(self):
        now = self.clock.monotonic()
        for each in self.plugs.values():
            each.live(now)
        if self.wallbox is not None:
            self.wallbox.live(now)

    def read(self):
        """Let the hub read every module that is not silent."""
        self.live()
        now = datetime.fromtimestamp(self.clock.utc(), UTC)
        readings = [
            Reading(METER, now, power_w=self.grid_w, voltage_v=230.0),
            Reading(SUN, now, power_w=-self.sun_w()),
        ]
        readings += [
            Reading(key, now, power_w=plug.power_w, connected=plug.on, energy_imported_wh=self.energy[key])
            for key, plug in self.plugs.items()
        ]
        if self.wallbox is not None:
            readings.append(self.wallbox.reading(now))
        for reading in readings:
            if reading.module not in self.silent and reading.module in self.home.registry:
                self.home.registry.took(self.home.registry[reading.module], reading)

    async def pass_(self, seconds, step=30.0):
        """Let time pass: energy is counted, and modules are read."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.read()
            length = min(step, end - self.clock.monotonic())
            await self.clock.pass_(length)
            self.live()
            for key, plug in self.plugs.items():
                self.energy[key] += plug.power_w * length / 3600
                if isinstance(plug, Machine):
                    plug.pass_(length)
            if self.wallbox is not None:
                gained = self.wallbox.power_w * length / 3600
                self.wallbox.session_wh += gained
                self.wallbox.total_wh += gained

    def until(self, hour):
        """Seconds until an hour after the first midnight."""
        return MIDNIGHT + hour * HOUR - self.clock.monotonic()


@pytest.fixture
def simulated(home, clock, make_device):
    home.zone = time_zone("UTC")
    home.choices.choose(policy=Policy.SAVINGS)
    simulated = SimulatedHome(home, clock, make_device)
    home.start()
    return simulated


@pytest.fixture
def tariff():
    return night_tariff()


@pytest.fixture
def looking_out():
    """What is known of the time to come besides: nothing."""


@pytest.fixture
def posing(home, simulated, tariff, looking_out):
    return Posing(PlannerSettings(), tariff, home, None, looking_out)


@pytest.fixture
def planner(home, posing):
    """A planner whose plans come from the optimizer in this process."""
    from bridge.planner.worker import answer

    async def solved(question, limit):
        return HomePlan.from_json(answer(type(question).from_json(question.to_json())).to_json())

    return Planner(posing, home, 60.0, make=solved)


@pytest.fixture
def wish(home, clock):
    """Say what is wanted of a load, as a person does."""
    from bridge.loads.changing import changed

    def wish(key, **changes):
        record = home.registry[key].record
        home.registry.set_wish(key, changed(record, changes, clock.utc(), home.zone))

    return wish
