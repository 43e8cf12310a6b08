"""The plan over restarts."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.choices import Policy
from bridge.planner.keeper import MOST_BYTES, KeptPlan, PlanKeeper
from bridge.planner.news import PlanChanged
from bridge.planner.plan import BatteryStep, HomePlan, PlanStep
from bridge.planner.planner import FIRST_READINGS, OLDEST, TICK
from bridge.planner.settings import PlannerSettings, TariffSettings
from bridge.planner.solving import SolveError
from bridge.record import OperatingMode
from bridge.state import StateError
from hw.setpoint import SetpointKind
from matter_node.storage import MemoryStorage
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

METER, BATTERY = "acme-1", "acme-2"
CHARGE = BatteryStep(
    2000.0, 51.0, BatteryMode.CHARGE, 2000.0, 2000.0, ReasonCode.CHARGE_CHEAP, "It is cheap."
)
TARIFF = TariffSettings(import_price=0.3)


def plan(start, hours=48):
    steps = tuple(
        PlanStep(int(start) + 3600 * hour, 3600, 0.1, 0.05, 800.0, 0.0, 2800.0, {BATTERY: CHARGE})
        for hour in range(hours)
    )
    return HomePlan(steps, "EUR", 0.3, 5.0, (), exact=True, history_days=2.0, seconds=0.1)


@pytest.fixture
def keeper(home):
    return PlanKeeper(home.storage, TARIFF, PlannerSettings())


@pytest.fixture
def keep(keeper, simulated, posing, home, clock):
    """Leave behind the plan of a former run."""

    def keep(age=60.0, policy=Policy.SAVINGS, modules=None):
        made = clock.utc() - age
        modules = posing.candidates() if modules is None else frozenset(modules)
        keeper.keep(KeptPlan(plan(made), made, "module"), policy.value, modules)

    return keep


async def failing(question, limit):
    raise SolveError("there is none")


async def test_the_last_plan_is_in_force_before_there_is_a_new_one(
    keep, keeper, simulated, make_planner, home
):
    keep()
    heard = []
    home.bus.subscribe(PlanChanged, heard.append)
    simulated.read()
    planner = make_planner(failing, keeper)
    planner.start()
    assert planner.state.waiting == ""
    assert planner.state.trigger == "module"
    assert [event.plan for event in heard] == [planner.state.plan]
    await simulated.pass_(TICK)
    assert simulated.told == (SetpointKind.CHARGE_W, 2000)
    assert planner.state.failure == "there is none"
    await planner.stop()


async def test_what_the_planner_makes_is_what_is_kept(keeper, simulated, make_planner, posing):
    simulated.read()
    planner = make_planner(keeper=keeper)
    planner.start()
    await simulated.pass_(TICK)
    state = planner.state
    await planner.stop()
    again = PlanKeeper(keeper._storage, TARIFF, PlannerSettings()).kept("savings", posing.candidates())
    assert again == KeptPlan(state.plan, state.made, state.trigger.value)
    assert len(keeper._storage.get("plan")) < 32_000


async def test_it_waits_a_little_for_the_first_reading_of_a_battery(keep, keeper, simulated, make_planner):
    keep()
    simulated.silent.add(BATTERY)
    simulated.read()
    asked = []

    async def counting(question, limit):
        asked.append([each.name for each in question.batteries])
        raise SolveError("not now")

    planner = make_planner(counting, keeper)
    planner.start()
    await simulated.pass_(2, step=1.0)
    assert asked == []
    simulated.silent.clear()
    await simulated.pass_(2, step=1.0)
    assert asked == [[BATTERY]]
    await planner.stop()


async def test_it_does_not_wait_for_a_battery_that_is_dead(keep, keeper, simulated, make_planner):
    keep()
    simulated.silent.add(BATTERY)
    simulated.read()
    planner = make_planner(keeper=keeper)
    planner.start()
    await simulated.pass_(FIRST_READINGS + TICK, step=5.0)
    assert planner.state.plan.steps[0].batteries == {}
    await planner.stop()


@pytest.mark.parametrize(
    "otherwise",
    [
        {"age": OLDEST + 1},
        {"age": -60.0},
        {"policy": Policy.GREEN},
        {"modules": ()},
        {"modules": (BATTERY, "another")},
    ],
)
async def test_a_plan_for_other_circumstances_is_not_in_force(
    keep, keeper, simulated, make_planner, otherwise
):
    keep(**otherwise)
    simulated.read()
    planner = make_planner(failing, keeper)
    planner.start()
    assert planner.state.plan is None
    await planner.stop()


def test_neither_is_one_made_with_other_settings(keeper, home):
    keeper.keep(KeptPlan(plan(0), 0.0, "schedule"), "savings", {BATTERY})
    assert keeper.kept("savings", {BATTERY}) is not None
    for tariff, settings in (
        (TariffSettings(import_price=0.31), PlannerSettings()),
        (TARIFF, PlannerSettings(grid_charging=False)),
    ):
        assert PlanKeeper(home.storage, tariff, settings).kept("savings", {BATTERY}) is None


async def test_an_autonomous_battery_is_not_a_battery_of_the_plan(
    keep, keeper, simulated, make_planner, home
):
    keep()
    home.registry.set_mode(BATTERY, OperatingMode.AUTONOMOUS)
    simulated.read()
    planner = make_planner(failing, keeper)
    planner.start()
    assert planner.state.plan is None
    await planner.stop()


@given(st.binary(max_size=300), st.booleans())
def test_whatever_is_stored_is_a_plan_or_none(data, compressed):
    storage = MemoryStorage()
    storage.put("plan", zlib.compress(data) if compressed else data)
    assert PlanKeeper(storage).kept() is None


def test_what_is_far_too_long_is_not_kept(keeper, home):
    keeper.keep(KeptPlan(plan(0), 0.0, "schedule"))
    assert keeper.kept() is not None
    import random

    noise = random.Random(1)
    sentences = tuple(
        "".join(chr(noise.randrange(32, 120)) for _ in range(100)) for _ in range(MOST_BYTES // 80)
    )
    long = HomePlan(plan(0).steps, "EUR", 0.0, None, sentences, exact=True, history_days=0.0, seconds=0.0)
    keeper.keep(KeptPlan(long, 0.0, "schedule"))
    assert keeper.kept() is None
    home.storage.put("plan", zlib.compress(b"[" + b" " * 100_000_000))
    assert keeper.kept() is None


async def test_a_full_disk_hinders_no_plan(keeper, simulated, make_planner, home, monkeypatch):
    def full(key, value):
        raise StateError("the disk is full")

    monkeypatch.setattr(home.storage, "put", full)
    simulated.read()
    planner = make_planner(keeper=keeper)
    planner.start()
    await simulated.pass_(1)
    assert planner.state.plan is not None
    await planner.stop()
