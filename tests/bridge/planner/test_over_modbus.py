"""The simulated home on its sockets, read over Modbus: what breaks leaves the plan, and comes back healed."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.choices import Policy
from bridge.drivers import driver
from bridge.home import Home
from bridge.pace import Pace
from bridge.planner.planner import Planner
from bridge.planner.posing import Posing
from bridge.planner.settings import PlannerSettings, TariffSettings
from bridge.planner.solving import PlanningProcess
from bridge.planner.tariff import Tariff
from bridge.plausibility import Plausibility
from bridge.poller import Poller, Source
from bridge.time_zone import time_zone
from hw.module import ModuleKind
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage

HASTE = 20.0
"""A minute of doubt is three seconds here."""
GREAT_HASTE = 100.0
"""Ten minutes of doubt are six seconds here."""
NOON = datetime(2026, 6, 15, 11, tzinfo=UTC)


class Running:
    """A hub's home that reads and plans the simulated one."""

    def __init__(self, simulated, clock, haste):
        self.simulated = simulated
        self.home = home = Home(MemoryStorage(), clock)
        home.plausibility = Plausibility(
            home.registry, home.arbiter, home.bus, clock, home.faults, home.grid, haste=haste
        )
        home.choices.choose(policy=Policy.SAVINGS)
        self.poller = Poller(
            home.registry, {"sunspec": driver("sunspec")}, Pace(0.2, 1.0, lambda: 0.0), clock
        )
        self.process = PlanningProcess()
        tariff = Tariff.of(TariffSettings(import_price=0.40, export_price=0.08), time_zone("UTC"))
        # Where it is noon now, as it is in the simulated home.
        longitude = 180.0 - datetime.now(UTC).timestamp() % 86_400 / 240
        settings = PlannerSettings(latitude=0.0, longitude=longitude)
        self.planner = Planner(Posing(settings, tariff, home, None), home, 60.0, make=self.process.plan)

    async def start(self):
        self.home.start()
        self.poller.start([Source("sunspec", device.address) for device in self.simulated.devices])
        await self.poller.first_look(10.0)
        self.process.start()
        self.planner.start()
        await self.until(lambda: self.step is not None and self.step.batteries)

    async def stop(self):
        await self.planner.stop()
        await self.process.stop()
        self.home.stop()
        await self.home.arbiter.close()
        await self.poller.stop()

    @property
    def step(self):
        plan = self.planner.state.plan
        return None if plan is None or self.planner.state.waiting else plan.steps[0]

    @property
    def told(self):
        return [alert.title for alert in self.home.alerts.unresolved()]

    def of(self, kind):
        return next(module for module in self.home.registry if module.record.kind is kind)

    async def until(self, condition, seconds=60.0):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.05)


@pytest.fixture
async def running(request):
    async with SimulatedHome(6, seed=7, start=NOON) as simulated:
        running = Running(simulated, AsyncioClock(), getattr(request, "param", HASTE))
        await running.start()
        yield running
        await running.stop()


async def test_an_inverter_that_dies_at_noon_is_not_counted_on_until_it_gives_again(running):
    dead = running.of(ModuleKind.MICROINVERTER)
    await running.until(lambda: dead.reading is not None and dead.reading.power_w < -100)
    await running.until(lambda: running.step is not None and running.step.solar_w < -400)
    members = running.planner._alerting.members()
    assert dead.key in members
    await running.simulated.fault(dead.record.identity.serial, "dead")
    title = f"The plan does without {dead.record.name}"
    await running.until(lambda: title in running.told)
    (alert,) = [each for each in running.home.alerts.unresolved() if each.title == title]
    assert "It gives nothing while the others give" in alert.text
    assert "less sun" in alert.text
    assert "EUR higher" in alert.text
    assert dead.key not in running.planner._alerting.members()
    await running.simulated.heal(dead.record.identity.serial)
    await running.until(lambda: f"{dead.record.name} is in the plan again" in running.told)
    assert title not in running.told


@pytest.mark.parametrize("running", [GREAT_HASTE], indirect=True)
async def test_a_battery_whose_charge_is_made_up_leaves_the_plan_until_it_can_be_believed(running):
    battery = running.of(ModuleKind.BATTERY)
    await asyncio.sleep(1)  # for a charge to compare with
    await running.simulated.fault(battery.record.identity.serial, "lying", -30.0)
    await running.until(lambda: f"The plan does without {battery.record.name}" in running.told)
    assert running.step.batteries == {}
    await running.simulated.heal(battery.record.identity.serial)
    await running.until(lambda: f"{battery.record.name} is in the plan again" in running.told)
    assert battery.key in running.step.batteries


async def test_a_meter_that_lies_ends_the_plan_until_it_tells_the_truth(running):
    meter = running.of(ModuleKind.METER)
    await running.simulated.fault(meter.record.identity.serial, "lying", -6000.0)
    await running.until(lambda: "cannot be believed" in running.planner.state.waiting)
    await running.until(lambda: "The plan is not carried out" in running.told)
    await running.simulated.heal(meter.record.identity.serial)
    await running.until(lambda: running.step is not None)
    await running.until(lambda: "The plan is carried out again" in running.told)


async def test_a_battery_that_is_cut_off_leaves_the_plan_and_comes_back(running):
    battery = running.of(ModuleKind.BATTERY)
    await running.simulated.fault(battery.record.identity.serial, "link")
    await running.until(lambda: running.step is not None and not running.step.batteries)
    await running.until(lambda: f"The plan does without {battery.record.name}" in running.told)
    await running.simulated.heal(battery.record.identity.serial)
    await running.until(lambda: battery.key in running.step.batteries)
