"""The planner in a simulated home, with hours that pass in an instant."""

import asyncio

import pytest

from bridge.choices import Policy
from bridge.command import CommandState, Origin
from bridge.planner.news import NotNowError, PlanChanged, PlannerBusyError, Trigger
from bridge.planner.planner import BURST, BURST_S, OLDEST, PERIOD, SETTLING, TICK
from bridge.planner.posing import FRESH
from bridge.planner.solving import SolveError
from bridge.record import OperatingMode
from hw.setpoint import SetpointKind

METER, BATTERY, SUN = "acme-1", "acme-2", "acme-3"
HOUR = 3600
MIDNIGHT = 12_800.0
"""What the clock shows at the first midnight, when the cheap hours begin."""


@pytest.fixture
def night(clock, simulated):
    """An hour and a quarter of the cheap hours is left, and the battery has room for more than that."""
    clock.now = MIDNIGHT + 4.75 * HOUR
    simulated.soc = 15.0


@pytest.fixture
def heard(home):
    said = []
    home.bus.subscribe(PlanChanged, said.append)
    return said


def planned(home):
    """What the plan has the arbiter tell the battery."""
    return [(each.kind, each.value) for each in home.arbiter.live(BATTERY) if each.origin is Origin.PLAN]


class Failing:
    """Makes plans until it is told not to."""

    def __init__(self, make):
        self.make = make
        self.error = None
        self.asked = 0

    async def __call__(self, question, limit):
        self.asked += 1
        if self.error is not None:
            # Raised again and again, one and the same would have an endless traceback.
            raise type(self.error)(*self.error.args)
        from bridge.planner.worker import answer

        return answer(question)


@pytest.fixture
def failing():
    return Failing(None)


async def test_it_charges_in_the_cheap_hours_and_serves_the_home_in_the_dear_ones(
    simulated, make_planner, home, clock
):
    clock.now = MIDNIGHT - 1.5 * HOUR
    simulated.soc = 20.0
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(1.5 * HOUR)
    evening = simulated.soc
    await simulated.pass_(6 * HOUR, step=60.0)
    morning = simulated.soc
    await simulated.pass_(1.5 * HOUR)
    later = simulated.soc
    await planner.stop()
    # The evening empties it to its reserve, the night fills it, the day uses it.
    assert evening == pytest.approx(simulated.reserve, abs=2)
    assert morning > 95
    assert later == pytest.approx(morning - 15, abs=3)
    assert SetpointKind.CHARGE_W in [kind for kind, _ in simulated.devices[BATTERY].values]
    await clock.pass_(0)
    assert planned(home) == []
    assert simulated.told[0] is SetpointKind.AUTO


async def test_own_sun_is_all_that_a_battery_holds_under_self_consumption(
    simulated, night, make_planner, home
):
    home.choices.choose(policy=Policy.SELF_CONSUMPTION)
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(HOUR)
    await planner.stop()
    assert simulated.soc <= 15.0


async def test_the_plan_is_made_at_once_and_then_every_five_minutes(simulated, make_planner, failing, heard):
    simulated.read()
    planner = make_planner(failing)
    planner.start()
    await simulated.pass_(1)
    assert failing.asked == 1
    assert [event.trigger for event in heard] == [Trigger.SCHEDULE]
    await simulated.pass_(3 * PERIOD)
    await planner.stop()
    assert failing.asked == 4


async def test_it_waits_for_the_first_readings(simulated, make_planner, failing, home):
    planner = make_planner(failing)
    planner.start()
    assert "does not answer" in planner.state.waiting
    with pytest.raises(NotNowError):
        planner.replan()
    await simulated.pass_(2 * TICK)
    assert planner.state.waiting == ""
    assert planner.state.plan is not None
    await planner.stop()


@pytest.mark.parametrize("silent", [METER, BATTERY])
async def test_without_fresh_readings_the_modules_follow_their_own_logic(
    simulated, night, make_planner, home, heard, silent
):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    assert simulated.told[0] is SetpointKind.CHARGE_W
    simulated.silent.add(silent)
    await simulated.pass_(FRESH + 3 * TICK)
    assert "older than" in planner.state.waiting
    assert planned(home) == []
    assert simulated.told[0] is SetpointKind.AUTO
    assert heard[-1].plan is None
    simulated.silent.clear()
    await simulated.pass_(3 * TICK)
    assert planner.state.waiting == ""
    assert heard[-1].plan is not None
    assert simulated.told[0] is SetpointKind.CHARGE_W
    await planner.stop()


async def test_a_lost_battery_leaves_the_plan_at_once_and_comes_back(simulated, make_planner, home):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    assert BATTERY in planner.state.plan.steps[0].batteries
    home.registry.lost(home.registry[BATTERY], "pulled out")
    simulated.silent.add(BATTERY)
    await simulated.pass_(SETTLING, step=0.1)
    assert planner.state.plan.steps[0].batteries == {}
    assert planner.state.trigger is Trigger.MODULE
    simulated.silent.clear()
    await simulated.pass_(2 * SETTLING, step=0.1)
    assert BATTERY in planner.state.plan.steps[0].batteries
    await planner.stop()


async def test_a_battery_that_comes_and_goes_keeps_no_computer_busy(simulated, make_planner, failing, home):
    simulated.read()
    planner = make_planner(failing)
    planner.start()
    await simulated.pass_(TICK)
    before = failing.asked
    for _ in range(60):
        home.registry.lost(home.registry[BATTERY], "a loose contact")
        await simulated.pass_(1, step=1.0)
    await simulated.pass_(BURST_S, step=1.0)
    await planner.stop()
    assert BURST < failing.asked - before <= BURST * (2 + 60 / BURST_S)
    assert planner.state.plan.steps[0].batteries


async def test_an_autonomous_module_or_home_is_left_alone(simulated, night, make_planner, home):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    assert planned(home)
    home.registry.set_mode(BATTERY, OperatingMode.AUTONOMOUS)
    await simulated.pass_(2 * TICK)
    assert planned(home) == []
    assert planner.state.plan.steps[0].batteries == {}
    home.registry.set_mode(BATTERY, OperatingMode.FEDERATED)
    await simulated.pass_(2 * TICK)
    assert planned(home)
    home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await simulated.pass_(2 * TICK)
    assert planned(home) == []
    assert planner.state.waiting == "the home is autonomous"
    await planner.stop()
    refused = [each for each in home.changes if each.state is CommandState.REFUSED]
    assert refused == []


async def test_what_a_person_says_comes_before_the_plan(simulated, night, make_planner, home):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    home.arbiter.submit(BATTERY, SetpointKind.HOLD, origin=Origin.USER, source="test", duration=900)
    await simulated.pass_(600)
    assert simulated.told[0] is SetpointKind.HOLD
    await simulated.pass_(600)
    assert simulated.told[0] is SetpointKind.CHARGE_W
    await planner.stop()


@pytest.mark.parametrize("error", [SolveError("it hangs"), RuntimeError("a bug")])
async def test_the_last_plan_stays_in_force_while_no_other_can_be_made(
    simulated, night, make_planner, failing, error
):
    simulated.read()
    planner = make_planner(failing)
    planner.start()
    await simulated.pass_(TICK)
    plan = planner.state.plan
    failing.error = error
    await simulated.pass_(HOUR)
    assert planner.state.plan is plan
    assert planner.state.waiting == ""
    assert str(error) in planner.state.failure
    assert simulated.told[0] is SetpointKind.CHARGE_W
    await simulated.pass_(OLDEST, step=60.0)
    assert planner.state.waiting == "the last plan is too old"
    assert simulated.told[0] is SetpointKind.AUTO
    failing.error = None
    await simulated.pass_(2 * PERIOD)
    assert planner.state.failure == ""
    assert planner.state.plan is not plan
    await planner.stop()


async def test_a_plan_on_request_is_one_at_a_time(simulated, make_planner, heard):
    from bridge.planner.worker import answer

    gate = asyncio.Event()
    gate.set()

    async def slow(question, limit):
        await gate.wait()
        return answer(question)

    simulated.read()
    planner = make_planner(slow)
    planner.start()
    await simulated.pass_(TICK)
    gate.clear()
    planner.replan()
    await simulated.pass_(1)
    with pytest.raises(PlannerBusyError):
        planner.replan()
    gate.set()
    await simulated.pass_(1)
    assert heard[-1].trigger is Trigger.REQUEST
    await planner.stop()


async def test_a_new_reserve_or_policy_makes_a_new_plan(simulated, make_planner, home, heard):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    home.arbiter.submit(BATTERY, SetpointKind.RESERVE_PERCENT, 40.0, origin=Origin.USER, source="test")
    await simulated.pass_(2 * TICK)
    assert heard[-1].trigger is Trigger.POLICY
    count = len(heard)
    home.choices.choose(policy=Policy.BACKUP)
    await simulated.pass_(2 * TICK)
    assert len(heard) > count
    assert heard[-1].trigger is Trigger.POLICY
    await planner.stop()


async def test_a_hub_that_hangs_leaves_no_setpoint_behind(simulated, night, make_planner, home):
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    ends = [each.expires for each in home.arbiter.live(BATTERY)]
    assert ends
    assert all(0 < end - home.clock.utc() <= 600 for end in ends)
    await planner.stop()
