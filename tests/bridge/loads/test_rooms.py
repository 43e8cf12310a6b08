"""Rooms in the planning process: learned from what was recorded, planned, and what they are set to."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.asked_room import AskedRoom
from bridge.loads.rooms import setpoints_of
from bridge.planner.outlook import KnownAir, Outlook
from bridge.planner.past import STEP
from bridge.planner.question import Question, Recorded, steps_from
from bridge.planner.worker import answer
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities
from hw.reading import Reading, ThermostatMode, ThermostatReading
from optimizer.reason import ReasonCode

MIDNIGHT = 1_782_000_000 // 86_400 * 86_400
HOUR = 3600
DAY = 86_400
START, STEPS = steps_from(MIDNIGHT)
BEGINS = START + np.cumsum((0, *STEPS[:-1]))


def band(low, high):
    return {"lowest_c": (low,) * len(STEPS), "highest_c": (high,) * len(STEPS)}


def room(**changes):
    values = {
        "key": "bedroom", "title": "Bedroom", "heats": True, "temperature_c": 19.0, "power_w": 1500.0,
        "outdoor_c": None, "priority": 5,
    } | band(19.0, 22.0)  # fmt: skip
    return AskedRoom(**values | changes)


def question(*rooms, prices=lambda hour: 0.1 if hour < 6 else 0.4, **changes):
    values = {
        "start": START, "steps_s": STEPS, "zone": "UTC",
        "import_price": tuple(prices((begin - MIDNIGHT) / HOUR % 24) for begin in BEGINS),
        "export_price": (0.0,) * len(STEPS), "currency": "EUR", "feed_in_counts": True,
        "load_w": 300.0, "production_w": 0.0, "peak_w": 0.0, "place": None, "batteries": (),
        "backup_hours": None, "recorded": None, "rooms": rooms,
    }  # fmt: skip
    return Question(**values | changes)


def steps(plan, key="bedroom"):
    return [((step.start - MIDNIGHT) / HOUR, step.loads[key]) for step in plan.steps]


def at(plan, hour):
    return next(load for time, load in reversed(steps(plan)) if time <= hour)


def test_a_question_with_rooms_travels_as_json():
    air = KnownAir(MIDNIGHT, HOUR, (3.0, None))
    posed = question(
        room(), outlook=Outlook(air=air), recorded=Recorded("x", (), (), (), rooms=(("a", 9.0),))
    )
    assert Question.from_json(posed.to_json()) == posed


def test_it_is_set_to_the_top_of_its_band_before_it_gets_dear_and_to_the_bottom_then():
    plan = answer(question(room()))
    assert at(plan, 5).setpoint_c == 22
    assert at(plan, 5.9).temperature_c == pytest.approx(22, abs=0.1)
    assert at(plan, 7).setpoint_c == 19
    assert (at(plan, 7).on, at(plan, 7).code) == (False, ReasonCode.WAIT_COMFORT)
    assert all(19 <= load.setpoint_c <= 22 for _, load in steps(plan))
    assert all(load.temperature_c >= 19 - 1e-6 for _, load in steps(plan))
    assert not plan.violations
    told = plan.rooms["bedroom"]
    assert (told.explained, told.days) == (0, 0), "it is a usual room until something is known of it"


def test_one_that_is_cooled_is_cooled_ahead():
    cool = room(heats=False, temperature_c=25.0, **band(23.0, 25.0))
    plan = answer(question(cool))
    assert at(plan, 5.9).setpoint_c == 23
    assert at(plan, 7).setpoint_c == 25
    assert all(load.temperature_c <= 25 + 1e-6 for _, load in steps(plan))


def test_a_band_that_falls_is_no_discomfort_and_nobody_heats_above_it():
    day = [7 <= (begin - MIDNIGHT) / HOUR % 24 < 22 for begin in BEGINS]
    fall = room(
        temperature_c=21.0,
        lowest_c=tuple(20.0 if each else 17.0 for each in day),
        highest_c=tuple(22.0 if each else 17.0 for each in day),
    )
    plan = answer(question(fall, prices=lambda hour: 0.3))
    # In the morning it begins late, for its owner wants it no warmer by night.
    (cold,) = plan.violations
    assert cold.startswith("Bedroom: up to")
    assert cold.endswith("K too cold.")
    night = [load for time, load in steps(plan) if time < 3]
    assert not any(load.on for load in night)
    assert night[0].code is ReasonCode.UNAVAILABLE
    assert all(load.setpoint_c == 17 for load in night)


def test_what_takes_an_unknown_power_is_asked_for():
    plan = answer(question(room(power_w=None)))
    assert plan.violations == (
        "Bedroom: what it takes is not known yet: say its power, or let it run for a day as usual.",
    )
    assert plan.steps[0].loads == {}


def test_it_is_warmer_outside_so_it_heats_less():
    def heat(outside):
        air = KnownAir(MIDNIGHT, HOUR, (outside,) * 60)
        plan = answer(question(room(), outlook=Outlook(air=air)))
        return sum(load.power_w * length for (_, load), length in zip(steps(plan), STEPS, strict=True))

    assert heat(-5.0) > 1.5 * heat(10.0)
    assert answer(question(room(outdoor_c=18.9))).steps[0].loads["bedroom"].power_w < 100


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Ten days of a room of 40 h, warmed by 20 K with 1.2 kW; one thermostat measures, one says it runs."""
    path = tmp_path_factory.mktemp("room") / "telemetry.db"
    store = Store(path, time_zone("UTC"))
    makers = {key: FrameMaker() for key in ("meter", "measured", "silent")}
    warm, on = 20.0, False
    every, keep = STEP // 3, np.exp(-STEP / 3 / 3600 / 40)
    for time in range(MIDNIGHT - 10 * DAY, MIDNIGHT, every):
        hour = time / HOUR % 24
        air = 4 + 3 * np.sin(2 * np.pi * (hour - 9) / 24)
        goal = (21.0, 20.0, 22.0)[time // DAY % 3] if 6 <= hour < 21 else 18.5
        on = warm < goal + (0.2 if on else -0.2)
        warm = keep * warm + (1 - keep) * (air + 20 * on)
        said = ThermostatReading(ThermostatMode.HEAT, True, goal, 7.0, 28.0, on, round(air, 1))
        moment = datetime.fromtimestamp(time, UTC)
        power = 1200.0 * on
        for reading in (
            Reading("meter", moment, power_w=300.0 + 2 * power),
            Reading("measured", moment, power_w=power, temperature_c=warm, thermostat=said),
            Reading("silent", moment, temperature_c=warm, thermostat=replace(said, outdoor_c=None)),
        ):
            store.commit([makers[reading.module].frame(reading, Capabilities())])
    yield Recorded(str(path), ("meter",), (), (), rooms=(("measured", None), ("silent", 1200.0)))
    store.close()


def test_it_is_learned_from_what_was_recorded(recorded):
    rooms = (room(key="measured", power_w=None), room(key="silent", power_w=1200.0))
    plan = answer(question(*rooms, recorded=recorded))
    measured, silent = plan.rooms["measured"], plan.rooms["silent"]
    assert measured.power_w == pytest.approx(1200, rel=0.02)
    assert measured.loss_w_per_k == pytest.approx(1200 / 20, rel=0.15)
    assert measured.capacity_wh_per_k == pytest.approx(40 * 1200 / 20, rel=0.2)
    assert measured.explained > 0.9
    assert measured.days == pytest.approx(10, abs=0.1)
    # Nobody tells it what it is outside: that follows, too.
    assert silent.loss_w_per_k == pytest.approx(1200 / 20, rel=0.4)
    assert silent.capacity_wh_per_k == pytest.approx(40 * 1200 / 20, rel=0.4)
    # What they took is none of the load that just happens.
    foreseen = plan.foreseen.load_w
    assert max(foreseen[20:]) == pytest.approx(300, abs=40)


@given(
    st.booleans(),
    st.lists(
        st.tuples(st.floats(0, 3000), st.floats(-20, 90), st.floats(5, 80), st.floats(0, 30)),
        min_size=1,
        max_size=40,
    ),
    st.floats(-20, 90),
)
def test_whatever_is_planned_a_setpoint_is_within_its_band(heats, rows, now_c):
    lows = tuple(low for _, _, low, _ in rows)
    highs = tuple(low + wide for _, _, low, wide in rows)
    asked = room(heats=heats, temperature_c=now_c, lowest_c=lows, highest_c=highs)
    found = setpoints_of(asked, [row[0] for row in rows], [row[1] for row in rows], 3000.0)
    assert all(low <= each <= high for each, low, high in zip(found, lows, highs, strict=True))
    for each, (power, _, _, _), low, high in zip(found, rows, lows, highs, strict=True):
        if power == 0:
            assert each == (low if heats else high), "while it waits it is where comfort ends"
