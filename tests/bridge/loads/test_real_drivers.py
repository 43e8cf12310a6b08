"""The plan's word at simulated devices: real drivers over real HTTP and Modbus, in real time.

Hours do not pass here, so the prices move instead: what is cheap later is made cheap now.
"""

import asyncio
from datetime import datetime

import aiohttp
import pytest

from bridge.choices import Policy
from bridge.drivers import driver
from bridge.home import Home
from bridge.loads.changing import changed
from bridge.loads.run import LoadState
from bridge.pace import Pace
from bridge.planner.plan import HomePlan
from bridge.planner.planner import Planner
from bridge.planner.posing import Posing
from bridge.planner.settings import PlannerSettings
from bridge.poller import Poller, Source
from bridge.time_zone import time_zone
from hw.module import ModuleKind
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage
from optimizer.reason import ReasonCode

UTC = time_zone("UTC")
DRIVERS = {ModuleKind.LOAD: "shelly", ModuleKind.EVSE: "goe"}


class MovingPrices:
    """A tariff whose cheap hours begin when a test says so."""

    zone, currency, is_known = UTC, "EUR", True

    def __init__(self):
        self.now = False

    def over(self, start, steps):
        first = tuple(0.10 if self.now or number > 12 else 0.50 for number in range(len(steps)))
        return first, (0.0,) * len(steps)


class House:
    def __init__(self, home, prices, planner, truth):
        self.home, self.prices, self.planner, self.truth = home, prices, planner, truth

    def module(self, kind):
        return next(each for each in self.home.registry if each.record.kind is kind)

    def wish(self, module, **changes):
        now = self.home.clock.utc()
        self.home.registry.set_wish(module.key, changed(module.record, changes, now, UTC))

    def step(self, module):
        plan = self.planner.state.plan
        return None if plan is None else plan.steps[0].loads.get(module.key)


async def until(condition, seconds=40.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.1)


@pytest.fixture
async def house():
    from bridge.planner.worker import answer

    async def solved(question, limit):
        return HomePlan.from_json(answer(question).to_json())

    home = Home(MemoryStorage(), AsyncioClock(), UTC)
    home.choices.choose(policy=Policy.SAVINGS)
    prices = MovingPrices()
    # At night, so that no sun decides.
    midnight = datetime.fromisoformat("2026-06-15T00:30+00:00")
    async with SimulatedHome(modules=4, plugs=1, evse=1, start=midnight) as running:
        names = ("sunspec", "shelly", "goe")
        pace = Pace(0.2, 1.0, lambda: 0.0)
        poller = Poller(home.registry, {name: driver(name) for name in names}, pace, home.clock)
        home.start()
        await running.car(running.device("evse").serial, plugged=True, needs_wh=20_000)
        poller.start([Source(DRIVERS.get(each.kind, "sunspec"), each.address) for each in running.devices])
        await poller.first_look(10.0)
        planner = Planner(Posing(PlannerSettings(), prices, home, None), home, 60.0, make=solved)
        yield House(home, prices, planner, running)
        await planner.stop()
        await home.arbiter.close()
        await poller.stop()
        home.stop()


async def test_a_dishwasher_waits_behind_its_plug_for_the_cheap_hours_and_is_started_for_good(house):
    plug = house.module(ModuleKind.LOAD)
    house.wish(plug, kind="machine", energy_wh=1000, run_minutes=60, once_by=house.home.clock.utc() + 36_000)
    house.planner.start()
    await until(lambda: plug.reading is not None and plug.reading.connected is False)
    await until(lambda: house.step(plug) is not None)
    assert house.step(plug).code is ReasonCode.WAIT_CHEAPER
    assert (await house.truth.state())["plugs"] == [False]
    house.prices.now = True
    house.planner.replan()
    await until(lambda: plug.reading.connected is True)
    assert house.home.runs.run(plug.key).state is LoadState.RUNNING
    # Neither the end of the plan nor that of the hub breaks it off.
    house.prices.now = False
    await house.planner.stop()
    await house.home.arbiter.close()
    await asyncio.sleep(1)
    assert (await house.truth.state())["plugs"] == [True]


async def test_a_press_of_its_button_wins_against_the_plan(house):
    plug = house.module(ModuleKind.LOAD)
    house.wish(
        plug, kind="interruptible", energy_wh=4000, power_w=2000, once_by=house.home.clock.utc() + 36_000
    )
    house.planner.start()
    await until(lambda: plug.reading is not None and plug.reading.connected is False)
    await asyncio.sleep(1)
    async with aiohttp.ClientSession() as person:
        await person.get(f"http://{plug.record.address}/rpc/Switch.Set?id=0&on=true")
    await until(lambda: house.home.runs.run(plug.key).person_until > 0)
    await until(lambda: house.step(plug) is not None and house.step(plug).code is ReasonCode.GIVEN)
    await asyncio.sleep(2)
    assert (await house.truth.state())["plugs"] == [True]


async def test_a_car_waits_at_a_real_charger_and_charges_when_it_is_cheap(house):
    charger = house.module(ModuleKind.EVSE)
    house.wish(charger, kind="interruptible", energy_wh=5000, once_by=house.home.clock.utc() + 36_000)
    house.planner.start()
    await until(lambda: charger.reading is not None and charger.reading.connected is False)
    await until(lambda: (charger.reading.power_w or 0) < 50)
    assert (await house.truth.state())["evse"][0]["current_a"] == 0
    house.prices.now = True
    # Its contactor is not switched twice in five minutes: as if those had passed.
    for key, charging in list(house.planner._loads._charging.items()):
        house.planner._loads._charging[key] = type(charging)(charging.current_a, None)
    house.planner.replan()
    await until(lambda: (charger.reading.power_w or 0) > 3000)
    truth = (await house.truth.state())["evse"][0]
    assert truth["allowed"]
    assert 6 <= truth["current_a"] <= 16
    kinds = {each.kind.value for each in house.home.arbiter.live(charger.key)}
    assert kinds == {"connect", "charge_current_a"}
