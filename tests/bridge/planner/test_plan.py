"""Reading what the planning process says, whatever that is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.asked import LoadProgram, LoadStep
from bridge.planner.plan import BatteryStep, HomePlan, PlanStep, with_plan
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

BATTERY = BatteryStep(500.0, 51.0, BatteryMode.CHARGE, 500.0, 500.0, ReasonCode.CHARGE_CHEAP, "It is cheap.")
LOAD = LoadStep(300.0, True, ReasonCode.RUN_CHEAP, "It is cheap.")
STEP = PlanStep(1_782_000_000, 300, 0.1, 0.05, 800.0, -200.0, 1100.0, {"b": BATTERY}, {"l": LOAD})
NEXT = PlanStep(1_782_000_300, 900, 0.4, 0.05, 800.0, -200.0, 600.0, {"b": BATTERY})
PROGRAM = LoadProgram(1000.0, 7200.0, 500.0, 3)
PLAN = HomePlan(
    (STEP, NEXT), "EUR", 0.3, 5.0, (), exact=True, history_days=2.0, seconds=0.1, programs={"l": PROGRAM}
)

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({})
)


def test_a_plan_survives_its_way_and_knows_its_steps():
    assert HomePlan.from_json(PLAN.to_json()) == PLAN
    assert PLAN.step(1_782_000_000) == STEP
    assert PLAN.step(1_782_000_300) == NEXT
    assert PLAN.step(PLAN.end) is None
    assert PLAN.step(1_781_999_999) is None
    assert STEP.storage_w == 500.0


def test_the_steps_of_a_plan_that_was_read_are_those_that_were_written():
    read = HomePlan.from_json(PLAN.to_json()).steps
    assert list(read) == [STEP, NEXT]
    assert read[-1] == NEXT
    assert read[:1] == (STEP,)
    assert read != (STEP, STEP)
    assert read != (STEP,)
    with pytest.raises(IndexError):
        read[2]
    assert HomePlan.from_json(HomePlan.from_json(PLAN.to_json()).to_json()) == PLAN


def test_what_is_told_with_a_plan_is_one_object_of_json():
    told = json.loads("".join(with_plan({"made": 5.0}, HomePlan.from_json(PLAN.to_json()))))
    assert told == {"made": 5.0, "plan": json.loads(json.dumps(PLAN.values()))}
    assert json.loads("".join(with_plan({"made": None}, None))) == {"made": None, "plan": None}


@given(st.binary())
def test_bytes_that_are_no_plan_are_a_value_error(line):
    with pytest.raises(ValueError, match=r"."):
        HomePlan.from_json(line)


@given(st.data())
def test_a_plan_with_any_value_in_it_is_refused_or_can_be_used(data):
    values = json.loads(PLAN.to_json())
    place = values
    places = [(), ("steps", 0), ("steps", 0, "batteries", "b"), ("steps", 0, "loads", "l"), ("programs", "l")]
    for key in data.draw(st.sampled_from(places)):
        place = place[key]
    place[data.draw(st.sampled_from([*place, "unknown"]))] = data.draw(VALUES)
    try:
        plan = HomePlan.from_json(json.dumps(values).encode())
    except ValueError:
        return
    assert plan.steps
    assert plan.end > 0 or plan.steps[-1].start <= 0
    plan.step(1_782_000_100.0)
    assert [step.storage_w for step in plan.steps]
    assert all(load.on in {True, False} for step in plan.steps for load in step.loads.values())
    assert sum(program.power_w + program.run_s for program in plan.programs.values()) < 1e13
    assert abs(plan.bill + plan.seconds + plan.history_days) < 1e13
