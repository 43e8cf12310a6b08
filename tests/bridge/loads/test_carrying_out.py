"""Loads that wait, in a simulated home, with hours that pass in an instant."""

import math

import pytest

from bridge.command import Origin
from bridge.loads.events import LoadMet, LoadMissed
from bridge.loads.run import LoadState
from bridge.record import OperatingMode
from hw.setpoint import SetpointKind as Kind
from optimizer.reason import ReasonCode

METER, PLUG, OTHER = "acme-1", "acme-2", "acme-3"
HOUR = 3600
MIDNIGHT = 12_800.0
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def hours(plug):
    """When a plug was switched, in hours after midnight."""
    return [(round((time - MIDNIGHT) / HOUR, 2), on) for time, on in plug.switchings]


def planned(home, key=PLUG):
    return [(each.kind, each.value) for each in home.arbiter.live(key) if each.origin is Origin.PLAN]


@pytest.fixture
def heard(home):
    said = []
    for kind in (LoadMissed, LoadMet):
        home.bus.subscribe(kind, said.append)
    return said


@pytest.fixture
def evening(clock):
    clock.now = MIDNIGHT - 4 * HOUR


async def test_a_dishwasher_that_is_to_be_done_by_seven_runs_in_the_cheap_hours(
    simulated, planner, wish, evening, home, heard
):
    machine = simulated.machine(PLUG)
    machine.set()
    wish(PLUG, kind="machine", energy_wh=1500, run_minutes=90, once_by="07:00")
    planner.start()
    await simulated.pass_(simulated.until(0) - 60)
    assert machine.on is False
    assert machine.left == machine.lasts
    assert home.runs.run(PLUG).state is LoadState.WAITING
    step = planner.state.plan.steps[0].loads[PLUG]
    assert (step.on, step.code) == (False, ReasonCode.WAIT_CHEAPER)
    assert "Starts at" in step.sentence
    await simulated.pass_(simulated.until(7.5))
    assert machine.left == 0
    assert machine.broken_off == 0
    start = next(time for time, on in hours(machine) if on)
    assert 0 <= start <= 4.5
    # It is left on, as its owner had it, and wanted no more.
    assert machine.on
    assert planned(home) == []
    assert home.registry[PLUG].record.wish.once_by is None
    assert heard[-1] == LoadMet(PLUG)
    await planner.stop()


async def test_a_program_goes_on_whatever_becomes_of_the_plan(simulated, planner, wish, home, clock):
    clock.now = MIDNIGHT - 0.5 * HOUR
    machine = simulated.machine(PLUG)
    machine.set()
    wish(PLUG, kind="machine", energy_wh=1500, run_minutes=90, once_by="07:00")
    planner.start()
    await simulated.pass_(HOUR)
    assert home.runs.run(PLUG).state is LoadState.RUNNING
    assert machine.on
    step = planner.state.plan.steps[0].loads[PLUG]
    assert (step.code, round(step.power_w)) == (ReasonCode.GIVEN, 1000)
    home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await simulated.pass_(300)
    assert machine.on
    await planner.stop()
    await home.arbiter.close()
    await simulated.pass_(HOUR)
    assert machine.left == 0
    assert machine.broken_off == 0


async def test_a_machine_without_a_figure_is_asked_for_them(simulated, planner, wish, evening):
    simulated.machine(PLUG).set()
    wish(PLUG, kind="machine", once_by="07:00")
    planner.start()
    await simulated.pass_(60)
    assert "say its energy and power" in planner.state.plan.violations[0]
    await planner.stop()


async def test_too_late_is_better_than_never_and_said(simulated, planner, wish, home, clock, heard):
    clock.now = MIDNIGHT + 6 * HOUR
    machine = simulated.machine(PLUG)
    machine.set()
    wish(PLUG, kind="machine", energy_wh=1500, run_minutes=90, once_by="07:00")
    planner.start()
    await simulated.pass_(2 * HOUR)
    assert machine.left == 0
    assert [type(event) for event in heard] == [LoadMissed]
    assert heard[0].text.startswith("It was not done by Fri 07:00.")
    await planner.stop()


async def test_a_heater_takes_its_energy_in_the_cheap_hours_and_no_more(
    simulated, planner, wish, evening, home, heard
):
    heater = simulated.plug(PLUG)
    wish(PLUG, kind="interruptible", energy_wh=5000, power_w=2000, done_by="07:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(30)
    before = simulated.energy[PLUG]
    await simulated.pass_(simulated.until(7.1))
    assert simulated.energy[PLUG] - before == pytest.approx(5000, abs=700)
    assert all(0 <= time <= 6.1 for time, on in hours(heater)[1:])
    assert heard == [LoadMet(PLUG)]
    # Now it is the next night's turn.
    assert home.runs.run(PLUG).taken_wh < 100
    assert not heater.on
    await planner.stop()


async def test_a_heater_runs_on_the_sun_that_is_left_over(simulated, planner, wish, clock):
    clock.now = MIDNIGHT + 7 * HOUR
    heater = simulated.plug(PLUG)
    simulated.rated(6000.0)
    simulated.sun_w = lambda: max(0.0, 4000 * math.sin(math.pi * ((clock.now - MIDNIGHT) / HOUR - 5) / 14))
    wish(PLUG, kind="interruptible", energy_wh=4000, power_w=2000, done_by="20:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(60)
    before = simulated.energy[PLUG]
    drawn = []
    for _ in range(9 * 4):
        await simulated.pass_(900)
        drawn.append(simulated.grid_w if heater.on else 0.0)
    await planner.stop()
    assert simulated.energy[PLUG] - before == pytest.approx(4000, abs=600)
    # What is fed in counts nothing here, and drawing costs 40 ct: it runs when the sun is enough for it.
    assert max(drawn) <= 0


async def test_a_person_wins_and_the_plan_takes_note(simulated, planner, wish, evening, home, clock):
    heater = simulated.plug(PLUG)
    wish(PLUG, kind="interruptible", energy_wh=5000, power_w=2000, done_by="07:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(60)
    assert not heater.on
    heater.press(True, clock.now)
    await simulated.pass_(20, step=1.0)
    assert heater.on
    assert planned(home) == []
    step = planner.state.plan.steps[0].loads[PLUG]
    assert (step.code, step.sentence) == (ReasonCode.GIVEN, "A person switched it on.")
    await simulated.pass_(2 * HOUR)
    assert heater.on
    heater.press(False, clock.now)
    await simulated.pass_(20, step=1.0)
    assert not home.runs.run(PLUG).person_on
    heater.press(True, clock.now)
    await simulated.pass_(20, step=1.0)
    assert heater.on
    assert home.runs.run(PLUG).person_on
    # What it took meanwhile need not be taken in the night.
    assert home.runs.run(PLUG).taken_wh == pytest.approx(4000, abs=100)
    home.arbiter.submit(PLUG, Kind.CONNECT, 0.0, origin=Origin.USER, source="test")
    await simulated.pass_(60)
    assert not heater.on
    assert home.runs.run(PLUG).person_until > clock.utc()
    await simulated.pass_(simulated.until(1))
    assert not heater.on
    await planner.stop()


async def test_a_person_who_switches_a_waiting_machine_on_has_started_it(
    simulated, planner, wish, evening, home, clock
):
    machine = simulated.machine(PLUG)
    machine.set()
    wish(PLUG, kind="machine", energy_wh=1500, run_minutes=90, once_by="07:00")
    planner.start()
    await simulated.pass_(120)
    machine.press(True, clock.now)
    await simulated.pass_(20, step=1.0)
    assert home.runs.run(PLUG).state is LoadState.RUNNING
    await simulated.pass_(2 * HOUR)
    assert machine.left == 0
    assert home.runs.run(PLUG).state in {LoadState.DONE, LoadState.IDLE}
    assert machine.on
    await planner.stop()


@pytest.mark.parametrize("how", ["silent", "autonomous", "home"])
async def test_what_cannot_be_commanded_leaves_the_plan_and_is_let_go(
    simulated, planner, wish, evening, home, how
):
    heater = simulated.plug(PLUG)
    simulated.plug(OTHER, 500.0)
    for key in (PLUG, OTHER):
        wish(key, kind="interruptible", energy_wh=1000, power_w=500, done_by="07:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(60)
    assert planned(home)
    match how:
        case "silent":
            home.registry.lost(home.registry[PLUG], "pulled out")
            simulated.silent.add(PLUG)
        case "autonomous":
            home.registry.set_mode(PLUG, OperatingMode.AUTONOMOUS)
        case "home":
            home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await simulated.pass_(60)
    assert planned(home) == []
    if how != "silent":
        assert heater.on
    if how != "home":
        assert PLUG not in planner.state.plan.steps[0].loads
        assert planned(home, OTHER)
    await planner.stop()


async def test_a_load_that_was_unplugged_all_night_is_told_of_with_the_reason(
    simulated, planner, wish, evening, home, heard
):
    simulated.plug(PLUG)
    wish(PLUG, kind="interruptible", energy_wh=5000, power_w=2000, done_by="07:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(60)
    simulated.silent.add(PLUG)
    home.registry.lost(home.registry[PLUG], "no answer")
    await simulated.pass_(simulated.until(7.2), step=60.0)
    assert heard == [LoadMissed(PLUG, "It got 0.0 of 5.0 kWh by Fri 07:00. It did not answer: no answer.")]
    (alert,) = [each for each in home.alerts.unresolved() if each.code == "LOAD_MISSED"]
    assert alert.module == PLUG
    await planner.stop()


async def test_what_was_begun_is_known_after_the_hub_was_killed(
    simulated, planner, wish, home, clock, another_home
):
    clock.now = MIDNIGHT - 0.5 * HOUR
    simulated.machine(PLUG).set()
    simulated.plug(OTHER)
    wish(PLUG, kind="machine", energy_wh=1500, run_minutes=90, once_by="07:00")
    wish(OTHER, kind="interruptible", energy_wh=5000, power_w=2000, done_by="07:00", days=EVERY_DAY)
    planner.start()
    await simulated.pass_(HOUR)
    before = home.runs.run(PLUG)
    assert before.state is LoadState.RUNNING
    again = another_home(home.storage, clock)
    again.start()
    assert again.runs.run(PLUG).started == before.started
    assert again.runs.run(OTHER).taken_wh == pytest.approx(home.runs.run(OTHER).taken_wh, abs=70)
    assert again.registry[PLUG].record.wish.kind.value == "machine"
    await planner.stop()
