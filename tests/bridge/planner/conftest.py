from datetime import UTC, datetime

import pytest
from plan_lab.tariffs import night_tariff

from bridge.choices import Policy
from bridge.planner.plan import HomePlan
from bridge.planner.planner import Planner
from bridge.planner.posing import Posing
from bridge.planner.settings import PlannerSettings
from hw.module import ModuleKind, Nameplate
from hw.reading import BatteryReading, Reading
from hw.setpoint import SetpointKind

METER, BATTERY, SUN = "acme-1", "acme-2", "acme-3"
CAPACITY = 10_000.0


class SimulatedHome:
    """A meter, a battery that obeys, and a load; its physics pass with the hand-moved clock."""

    def __init__(self, home, clock, make_device):
        self.home = home
        self.clock = clock
        self.soc = 50.0
        self.reserve = 10.0
        self.load_w = 1000.0
        self.sun_w = 0.0
        self.battery_w = 0.0
        self.metered = 1.0
        """What the meter reads, of what is."""
        self.silent = set()
        self.devices = {}
        for key, kind in (
            (METER, ModuleKind.METER),
            (BATTERY, ModuleKind.BATTERY),
            (SUN, ModuleKind.MICROINVERTER),
        ):
            device = make_device(key.removeprefix("acme-"), kind=kind, clock=clock)
            if key == BATTERY:
                device.nameplate = Nameplate(
                    charge_power_w=4000, discharge_power_w=4000, capacity_wh=CAPACITY
                )
            else:
                # Of a panel without a rating no sun is expected until it gave some.
                device.nameplate = Nameplate()
            self.devices[key] = device
            home.registry.found([device], "sunspec")

    @property
    def told(self):
        """What the battery was last told; its own logic at first."""
        values = [
            each for each in self.devices[BATTERY].values if each[0] is not SetpointKind.RESERVE_PERCENT
        ]
        return values[-1] if values else (SetpointKind.AUTO, None)

    def power(self):
        residual = self.load_w - self.sun_w
        kind, value = self.told
        wanted = {
            SetpointKind.AUTO: -residual,
            SetpointKind.HOLD: 0.0,
            SetpointKind.CHARGE_W: value,
            SetpointKind.DISCHARGE_W: -(value or 0.0),
            SetpointKind.CHARGE_LIMIT_W: min(-residual, value or 0.0),
        }[kind]
        if (wanted > 0 and self.soc >= 100) or (wanted < 0 and self.soc <= self.reserve):
            wanted = 0.0
        return max(-4000.0, min(4000.0, wanted))

    def read(self):
        """Let the hub read every module that is not silent."""
        now = datetime.fromtimestamp(self.clock.utc(), UTC)
        self.battery_w = self.power()
        battery = BatteryReading(soc_percent=self.soc, capacity_wh=CAPACITY, reserve_percent=self.reserve)
        metered_w = self.metered * (self.load_w - self.sun_w + self.battery_w)
        readings = {
            METER: Reading(METER, now, power_w=metered_w, voltage_v=230.0),
            BATTERY: Reading(BATTERY, now, power_w=self.battery_w, battery=battery),
            SUN: Reading(SUN, now, power_w=-self.sun_w),
        }
        for key, reading in readings.items():
            if key not in self.silent and key in self.home.registry:
                self.home.registry.took(self.home.registry[key], reading)

    async def pass_(self, seconds, step=30.0):
        """Let time pass: the battery fills and empties, and modules are read."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.read()
            length = min(step, end - self.clock.monotonic())
            await self.clock.pass_(length)
            self.soc += 100 * self.battery_w * length / 3600 / CAPACITY
            self.soc = max(0.0, min(100.0, self.soc))


@pytest.fixture
def simulated(home, clock, make_device):
    home.choices.choose(policy=Policy.SAVINGS)
    simulated = SimulatedHome(home, clock, make_device)
    home.start()
    return simulated


@pytest.fixture
def tariff():
    return night_tariff()


@pytest.fixture
def posing(home, simulated, tariff):
    return Posing(PlannerSettings(), tariff, home, None)


@pytest.fixture
def make_planner(home, posing):
    """Make a planner whose plans come from a function, or from the optimizer in this process."""
    from bridge.planner.worker import answer

    async def solved(question, limit):
        return HomePlan.from_json(answer(question).to_json())

    def make(how=solved, keeper=None):
        return Planner(posing, home, 60.0, make=how, keeper=keeper)

    return make
