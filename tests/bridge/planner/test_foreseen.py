"""A battery that a person has told something until some time: the plan foresees it."""

import pytest

from bridge.command import Command, Origin
from bridge.planner.held import Held, held
from bridge.planner.question import AskedBattery, Question, steps_from
from bridge.planner.worker import answer
from hw.setpoint import SetpointKind as Kind
from optimizer.reason import ReasonCode

NOW = 1_782_000_000 // 86_400 * 86_400
HOUR = 3600


def command(kind=Kind.CHARGE_W, value=2000.0, origin=Origin.USER, expires=NOW + HOUR, target=None):
    return Command(
        id="1", module="b", kind=kind, value=value, origin=origin, source="test", created=NOW - 60.0,
        expires=expires, target_percent=target,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        ([command()], Held(2000.0, HOUR, None)),
        ([command(Kind.DISCHARGE_W, 1500.0, target=30.0)], Held(-1500.0, HOUR, 30.0)),
        ([command(Kind.HOLD, None, Origin.SAFETY)], Held(0.0, HOUR, None)),
        # A reserve moves nothing; the plan is not held by itself; and nobody knows an end that is not said.
        ([command(Kind.RESERVE_PERCENT, 40.0), command()], Held(2000.0, HOUR, None)),
        ([command(origin=Origin.PLAN)], None),
        ([command(expires=None)], None),
        ([command(Kind.CHARGE_LIMIT_W, 0.0)], None),
        ([], None),
    ],
)
def test_what_a_battery_is_told_by_others(commands, found):
    assert held(commands, NOW) == found


def question(told, stored_wh=2000.0):
    start, steps = steps_from(NOW)
    battery = AskedBattery(
        "b", 10_000.0, stored_wh, 4000.0, 4000.0, 1000.0, 1.0, 1.0, 0.02,
        grid_charging=True, feed_in=False, held=told,
    )  # fmt: skip
    count = len(steps)
    return Question(
        start, steps, "UTC", (0.3,) * count, (0.05,) * count, "EUR", True, 800.0, 0.0, 0.0, None, (battery,),
        None, None,
    )  # fmt: skip


def test_it_travels_as_json():
    posed = question(Held(2000.0, 7200.0, 80.0))
    assert Question.from_json(posed.to_json()) == posed


def steps(told, **options):
    plan = answer(question(told, **options))
    for step in plan.steps:
        assert step.grid_w == pytest.approx(step.load_w + step.solar_w + step.storage_w, abs=0.01)
    assert plan.backup_hours is not None
    return [(step.start - NOW, step.batteries["b"], step) for step in plan.steps]


def test_it_charges_as_told_and_is_planned_from_what_it_will_hold_then():
    found = steps(Held(2000.0, 2 * HOUR, None))
    during = [battery for begin, battery, _ in found if begin < 2 * HOUR]
    assert {round(battery.power_w) for battery in during} == {2000}
    assert {battery.code for battery in during} == {ReasonCode.GIVEN}
    assert during[0].sentence == "Does what it was told: to charge with 2000 W."
    assert during[-1].soc_percent == pytest.approx(60, abs=0.1)
    _, after, _ = next(each for each in found if each[0] >= 2 * HOUR)
    assert after.code is not ReasonCode.GIVEN
    assert after.power_w < 0
    assert after.soc_percent < 60


def test_it_stops_when_it_has_reached_its_target():
    found = steps(Held(-1600.0, 5 * HOUR, 40.0), stored_wh=5600.0)
    during = [battery for begin, battery, _ in found if begin < HOUR]
    assert {round(battery.power_w) for battery in during} == {-1600}
    assert during[-1].soc_percent == pytest.approx(40, abs=0.1)
    assert next(battery for begin, battery, _ in found if begin >= HOUR).code is not ReasonCode.GIVEN
    # What it gives beyond the load is fed in, as the meter will read.
    assert found[0][2].grid_w == pytest.approx(-800, abs=1)


def test_it_rests_as_told():
    found = steps(Held(0.0, HOUR, None))
    during = [battery for begin, battery, _ in found if begin < HOUR]
    assert {battery.power_w for battery in during} == {0}
    assert during[-1].soc_percent == pytest.approx(20)
    assert found[0][2].grid_w == pytest.approx(800, abs=1)
