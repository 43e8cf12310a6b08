"""Modules that are lost, dead or lying leave the plan, people are told, and all comes back by itself."""

from datetime import UTC, datetime

import pytest

from bridge.alerts import AlertBook
from bridge.command import Origin
from bridge.doubts import CHARGE_WRONG, CONTRADICTED, GIVES_NOTHING, OUT_OF_STEP
from bridge.faults import ActiveFault, Severity
from bridge.planner.alerting import GOOD_NEWS_S, no_plan
from bridge.planner.news import PlanChanged
from bridge.planner.planner import SETTLING, TICK
from bridge.planner.pulses import LOOK, PULSE_S, PULSE_W, PULSES, SOONEST
from bridge.planner.solving import SolveError
from bridge.record import OperatingMode
from hw.module import Nameplate
from hw.setpoint import SetpointKind

METER, BATTERY, SUN = "acme-1", "acme-2", "acme-3"
MIDNIGHT = 12_800.0
HOUR = 3600


@pytest.fixture
def doubt(home):
    def doubt(module, what):
        time = datetime.fromtimestamp(home.clock.utc(), UTC)
        home.faults.raise_fault(
            ActiveFault(module, what.code, what.source, Severity.WARNING, time, "it says what cannot be")
        )

    return doubt


@pytest.fixture
def believe(home):
    def believe(module, what):
        time = datetime.fromtimestamp(home.clock.utc(), UTC)
        home.faults.clear(module, what.code, what.source, time)

    return believe


@pytest.fixture
async def running(simulated, make_planner, clock):
    """At noon in the sun, with a plan; the battery has energy for the dear hours."""
    clock.now = MIDNIGHT + 12 * HOUR
    simulated.soc = 60.0
    record = simulated.home.registry[SUN]
    record.record = record.record.__class__(
        **{name: getattr(record.record, name) for name in record.record.__dataclass_fields__}
        | {"nameplate": Nameplate(power_w=2000.0)}
    )
    simulated.sun_w = 1200.0
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    assert planner.state.plan.steps[0].solar_w < -1000
    yield planner
    await planner.stop()


def about_plan(home):
    return [alert for alert in home.alerts.unresolved() if alert.subject.startswith("plan")]


async def test_a_battery_that_is_lost_costs_something_and_people_are_told_what(simulated, running, home):
    # That the home takes less than when the last plan was made is no merit of the lost battery.
    simulated.load_w, simulated.sun_w = 500.0, 0.0
    kept, simulated.reserve = simulated.reserve, 100.0  # it is off
    home.registry.lost(home.registry[BATTERY], "pulled out")
    simulated.silent.add(BATTERY)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert running.state.plan.steps[0].batteries == {}
    (alert,) = about_plan(home)
    assert alert.title == "The plan does without Device 2"
    assert alert.text.startswith("It does not answer. The expected bill of the coming day is ")
    assert alert.text.endswith("EUR higher.")
    await simulated.pass_(600)
    assert about_plan(home) == [alert], "it is told once"
    simulated.reserve = kept
    simulated.silent.clear()
    simulated.read()
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert BATTERY in running.state.plan.steps[0].batteries
    (news,) = about_plan(home)
    assert news.title == "Device 2 is in the plan again"
    assert news.text.startswith("Device 2 can be counted on again. ")
    assert news.text.endswith("EUR lower.")
    assert news.severity is Severity.INFO
    await simulated.pass_(GOOD_NEWS_S + TICK)
    assert about_plan(home) == []


@pytest.mark.parametrize("what", [GIVES_NOTHING, "lost"])
async def test_panels_that_are_dead_or_lost_are_not_counted_on(
    simulated, running, home, doubt, believe, what
):
    if what == "lost":
        home.registry.lost(home.registry[SUN], "pulled out")
        simulated.silent.add(SUN)
    else:
        doubt(SUN, what)
    simulated.sun_w = 0.0
    simulated.read()
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert all(step.solar_w == 0 for step in running.state.plan.steps)
    (alert,) = about_plan(home)
    assert alert.title == "The plan does without Device 3"
    assert "The plan now counts on up to" in alert.text
    assert "less sun" in alert.text
    simulated.silent.clear()
    if what != "lost":
        believe(SUN, what)
    simulated.sun_w = 1200.0
    simulated.read()
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert min(step.solar_w for step in running.state.plan.steps) < -1000
    (news,) = about_plan(home)
    assert "more sun" in news.text


async def test_a_battery_that_lies_is_let_go_at_once(simulated, make_planner, home, clock, doubt, believe):
    clock.now = MIDNIGHT + 4.75 * HOUR
    simulated.soc = 15.0
    simulated.read()
    planner = make_planner()
    planner.start()
    await simulated.pass_(TICK)
    assert simulated.told[0] is SetpointKind.CHARGE_W
    doubt(BATTERY, CHARGE_WRONG)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert planner.state.plan.steps[0].batteries == {}
    assert [each for each in home.arbiter.live(BATTERY) if each.origin is Origin.PLAN] == []
    assert simulated.told[0] is SetpointKind.AUTO
    believe(BATTERY, CHARGE_WRONG)
    await simulated.pass_(TICK)
    assert simulated.told[0] is SetpointKind.CHARGE_W
    await planner.stop()


async def test_it_is_let_go_also_when_no_other_plan_can_be_made(simulated, make_planner, home, clock, doubt):
    clock.now = MIDNIGHT + 4.75 * HOUR
    simulated.soc = 15.0
    failure = None

    async def make(question, limit):
        from bridge.planner.worker import answer

        if failure is not None:
            raise failure
        return answer(question)

    simulated.read()
    planner = make_planner(make)
    planner.start()
    await simulated.pass_(TICK)
    assert simulated.told[0] is SetpointKind.CHARGE_W
    failure = SolveError("not now")
    doubt(BATTERY, CHARGE_WRONG)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert simulated.told[0] is SetpointKind.AUTO
    await planner.stop()


async def test_when_the_meter_lies_nothing_is_carried_out(simulated, running, home, doubt, believe):
    heard = []
    home.bus.subscribe(PlanChanged, heard.append)
    doubt(METER, CONTRADICTED)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert running.state.waiting == "Device 1 cannot be believed: it says what cannot be"
    assert heard[-1].plan is None
    assert [each for each in home.arbiter.live(BATTERY) if each.origin is Origin.PLAN] == []
    (alert,) = about_plan(home)
    assert alert.title == "The plan is not carried out"
    assert "Batteries follow their own logic" in alert.text
    await simulated.pass_(120)
    assert len(about_plan(home)) == 1
    believe(METER, CONTRADICTED)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert running.state.waiting == ""
    assert heard[-1].plan is not None
    assert [each.title for each in about_plan(home)] == ["The plan is carried out again"]


async def test_a_meter_that_was_put_right_is_found_so_by_pulses(simulated, running, home, doubt):
    """While it is out of step nothing is planned, so the hub asks a battery for a little, now and then."""
    doubt(METER, OUT_OF_STEP)
    simulated.metered = 0.1
    home.plausibility.stop()
    home.plausibility.start()
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert "cannot be believed" in running.state.waiting
    before = len(simulated.devices[BATTERY].told)
    await simulated.pass_(SOONEST + LOOK + 2 * PULSES * PULSE_S + LOOK, step=2.0)
    told = [(kind, value) for _, kind, value, _ in simulated.devices[BATTERY].told[before:]]
    assert [each for each in told if each[0] is SetpointKind.CHARGE_W] == [
        (SetpointKind.CHARGE_W, PULSE_W)
    ] * PULSES
    assert told[-1][0] is SetpointKind.AUTO
    assert running.state.waiting, "it still reads a tenth"
    simulated.metered = 1.0
    await simulated.pass_(2 * SOONEST, step=2.0)
    assert running.state.waiting == ""
    assert home.faults.active(METER) == ()
    assert [each.title for each in about_plan(home)] == ["The plan is carried out again"]
    assert [each for each in home.arbiter.live(BATTERY) if each.origin is Origin.DEFAULT] == []


@pytest.mark.parametrize("why", ["autonomous", "full", "a person's"])
async def test_a_battery_that_must_not_be_commanded_is_given_no_pulses(simulated, running, home, doubt, why):
    doubt(METER, OUT_OF_STEP)
    if why == "autonomous":
        home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    elif why == "full":
        simulated.soc = 99.0
    else:
        home.arbiter.submit(BATTERY, SetpointKind.HOLD, origin=Origin.USER, source="t")
    await simulated.pass_(SOONEST + 2 * LOOK, step=5.0)
    assert not any(value == PULSE_W for _, value in simulated.devices[BATTERY].values)


async def test_what_a_person_does_is_no_news_to_people(simulated, running, home):
    home.registry.set_quarantined(BATTERY, quarantined=True)
    await simulated.pass_(2 * TICK)
    assert running.state.plan.steps[0].batteries == {}
    home.registry.remove(SUN)
    await simulated.pass_(2 * TICK)
    assert about_plan(home) == []


async def test_a_module_that_is_removed_takes_its_alert_with_it(simulated, running, home):
    home.registry.lost(home.registry[BATTERY], "pulled out")
    simulated.silent.add(BATTERY)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    assert len(about_plan(home)) == 1
    home.registry.remove(BATTERY)
    await simulated.pass_(2 * TICK)
    assert about_plan(home) == []


async def test_an_alert_outlives_a_restart_and_goes_without_a_planner(simulated, running, home, clock):
    home.registry.lost(home.registry[BATTERY], "pulled out")
    simulated.silent.add(BATTERY)
    await simulated.pass_(2 * SETTLING, step=SETTLING)
    (alert,) = about_plan(home)
    again = AlertBook(home.storage, home.bus, clock, home.registry, home.fault_log)
    again.start()
    assert [each.number for each in again.about("plan")] == [alert.number]
    no_plan(again)
    assert again.about("plan") == []
