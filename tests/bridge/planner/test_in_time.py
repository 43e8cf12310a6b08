"""How soon after an event another plan is in force: the real process, the real clock."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from bridge.planner.news import PlanChanged, Trigger
from bridge.planner.planner import SETTLING, Planner
from bridge.planner.solving import PlanningProcess
from hw.reading import BatteryReading, Reading
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage

METER, BATTERY = "acme-1", "acme-2"
CAPACITY = 10_000.0


@pytest.fixture
async def clock():
    return AsyncioClock()


@pytest.fixture
async def home(clock, another_home):
    return another_home(MemoryStorage(), clock)


async def changed(home, act):
    """Do something, and return how long it took until another plan was in force, and that plan."""
    heard = asyncio.get_running_loop().create_future()
    forget = home.bus.subscribe(PlanChanged, lambda event: heard.done() or heard.set_result(event))
    started = time.perf_counter()
    act()
    event = await asyncio.wait_for(heard, 60)
    forget()
    return time.perf_counter() - started, event


async def test_a_lost_battery_is_planned_without_as_soon_as_things_have_settled(simulated, posing, home):
    process = PlanningProcess()
    process.start()
    simulated.read()
    planner = Planner(posing, home, 60.0, make=process.plan)
    _, first = await changed(home, planner.start)
    assert BATTERY in first.plan.steps[0].batteries
    taken = []
    for _ in range(3):
        lost, without = await changed(home, lambda: home.registry.lost(home.registry[BATTERY], "pulled out"))
        assert without.trigger is Trigger.MODULE
        assert without.plan.steps[0].batteries == {}
        reading = Reading(
            BATTERY, datetime.now(UTC), battery=BatteryReading(soc_percent=50.0, capacity_wh=CAPACITY)
        )
        planner._hurried.clear()
        back, with_it = await changed(
            home, lambda reading=reading: home.registry.took(home.registry[BATTERY], reading)
        )
        assert BATTERY in with_it.plan.steps[0].batteries
        taken += [lost, back]
    question = posing.question(time.time())

    async def timed():
        started = time.perf_counter()
        await process.plan(question, 60)
        return time.perf_counter() - started

    warm = min([await timed() for _ in range(5)])
    await planner.stop()
    await process.stop()
    # Nothing but settling and solving is in it: starting a process alone would take ten times a plan.
    assert SETTLING < min(taken) < SETTLING + 8 * warm
