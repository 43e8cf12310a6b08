"""Loads in the planning process: what is learned, at which prices they run, and what else is foreseen."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bridge.loads.asked import AskedLoad, GivenLoad
from bridge.loads.learned import usual_day, usual_run
from bridge.loads.wish import Hours, LoadKind
from bridge.planner.past import STEP
from bridge.planner.question import Question, Recorded, steps_from
from bridge.planner.worker import answer
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities
from hw.reading import Reading
from optimizer.reason import ReasonCode

MIDNIGHT = 1_782_000_000 // 86_400 * 86_400
HOUR = 3600


def question(loads=(), given=(), prices=lambda hour: 0.3, **changes):
    start, steps = steps_from(MIDNIGHT)
    begins = np.cumsum((0, *steps[:-1]))
    values = {
        "start": start, "steps_s": steps, "zone": "UTC",
        "import_price": tuple(prices(begin / HOUR % 24) for begin in begins),
        "export_price": (0.0,) * len(steps), "currency": "EUR", "feed_in_counts": True,
        "load_w": 300.0, "production_w": 0.0, "peak_w": 0.0, "place": None, "batteries": (),
        "backup_hours": None, "recorded": None, "loads": tuple(loads), "given": tuple(given),
    }  # fmt: skip
    return Question(**values | changes)


def asked(key="heater", kind=LoadKind.INTERRUPTIBLE, until=8, **changes):
    values = {
        "key": key, "title": key.capitalize(), "kind": kind, "start": float(MIDNIGHT),
        "by": MIDNIGHT + until * HOUR, "need_wh": 2000.0, "taken_wh": 0.0, "run_s": None,
        "power_w": 1000.0, "least_w": None, "hours": Hours.ANY, "from_battery": True, "takes_sun": False,
        "priority": 5, "learns": True,
    }  # fmt: skip
    return AskedLoad(**values | changes)


def runs(plan, key="heater"):
    """The hours after midnight at which a load runs."""
    return [(step.start - MIDNIGHT) / HOUR for step in plan.steps if step.loads[key].on]


def energy(plan, key="heater"):
    return sum(step.loads[key].power_w * step.duration / HOUR for step in plan.steps)


def test_a_question_with_loads_travels_as_json():
    posed = question(
        [asked(until=5), asked("dryer", LoadKind.MACHINE)], [GivenLoad("pump", 500.0, 900.0, "On.", False)]
    )
    assert Question.from_json(posed.to_json()) == posed


def test_what_it_has_got_already_is_not_asked_for_again():
    plan = answer(question([asked(taken_wh=1500.0)]))
    assert energy(plan) == pytest.approx(500, abs=100)
    done = answer(question([asked(taken_wh=2500.0)]))
    assert energy(done) == 0
    assert done.steps[0].loads["heater"].code is ReasonCode.DONE


def test_what_is_on_or_off_is_planned_so_for_the_next_hours():
    plan = answer(question([asked(need_wh=1300.0, until=4)]))
    powers = {round(step.loads["heater"].power_w) for step in plan.steps if step.start < MIDNIGHT + 2 * HOUR}
    assert powers <= {0, 1000}
    assert energy(plan) >= 1300


def three_levels(hour):
    return 0.10 if hour < 3 else 0.40 if 3 <= hour < 6 else 0.25


@pytest.mark.parametrize(
    ("hours", "power_w", "wanted"),
    [
        # 6 kWh with 1 kW by eight: of eight hours three are off-peak, and three are peak.
        (Hours.OFF_PEAK, 1000.0, lambda hour: hour < 3),
        (Hours.NOT_PEAK, 1000.0, lambda hour: hour < 3 or hour >= 6),
        (Hours.ANY, 1000.0, lambda hour: hour < 8),
    ],
)
def test_peak_and_off_peak_are_the_dearest_and_the_cheapest_third(hours, power_w, wanted):
    plan = answer(question([asked(hours=hours, need_wh=6000.0, power_w=power_w)], prices=three_levels))
    found = runs(plan)
    assert found
    assert all(wanted(hour) for hour in found)
    lacks = [each for each in plan.violations if each.startswith("Heater: ")]
    assert bool(lacks) is (hours is not Hours.ANY)


def test_at_one_price_nothing_is_peak_and_all_is_off_peak():
    for hours in Hours:
        assert runs(answer(question([asked(hours=hours)])))


def test_a_machine_runs_in_one_piece_and_not_into_the_peak():
    machine = asked("washer", LoadKind.MACHINE, need_wh=1000.0, run_s=2 * HOUR, power_w=None)
    dear_at_one = question(
        [replace(machine, hours=Hours.NOT_PEAK)],
        prices=lambda hour: 0.5 if 1 <= hour < 3 else 0.2,
    )
    plan = answer(dear_at_one)
    found = runs(plan, "washer")
    assert found[0] == 3
    assert found == [3 + quarter / 4 for quarter in range(8)]
    assert energy(plan, "washer") == pytest.approx(1000)


def test_several_days_of_one_load_are_one_to_a_reader():
    again = asked(start=MIDNIGHT + 8 * HOUR, until=30)
    plan = answer(question([asked(), again]))
    assert energy(plan) == pytest.approx(4000, abs=500)
    assert len(runs(plan)) > 4
    assert not any("heater" in each for each in plan.violations)


def test_what_goes_on_whatever_is_planned_is_foreseen():
    given = GivenLoad("dryer", 2000.0, 1.5 * HOUR, "Its program goes on: it is not broken off.", False)
    plan = answer(question(given=[given]))
    first, later = plan.steps[0], next(each for each in plan.steps if each.start >= MIDNIGHT + 2 * HOUR)
    assert first.loads["dryer"].code is ReasonCode.GIVEN
    assert first.loads["dryer"].sentence.startswith("Its program goes on")
    assert (round(first.load_w), round(first.grid_w)) == (2300, 2300)
    assert "dryer" not in later.loads
    assert energy_of(plan, "dryer") == pytest.approx(3000)


def energy_of(plan, key):
    steps = [step for step in plan.steps if key in step.loads]
    return sum(step.loads[key].power_w * step.duration / HOUR for step in steps)


# ---------------------------------------------------------------------- from the past


def quarters(days, *spans):
    """Power in quarters of an hour: spans are day, hour, hours, watts."""
    power = np.zeros(days * 96)
    for day, hour, lasts, watts in spans:
        begin = int(day * 96 + hour * 4)
        power[begin : begin + int(lasts * 4)] = watts
    return power


def test_the_middle_of_a_machines_runs_is_usual_for_it():
    past = quarters(10, (1, 20, 2, 500), (3, 20, 2, 600), (5, 9, 2, 550), (7, 9, 0.25, 30), (8, 9, 6, 900))
    # A burst of 7 Wh is no run, and one long run of four moves the middle a little.
    usual = usual_run(past)
    assert usual is not None
    assert (usual.energy_wh, usual.run_s, usual.of) == (1150, 7200, 4)


def test_a_pause_of_a_quarter_belongs_to_the_run():
    past = quarters(2, (1, 8, 2, 800))
    past[96 + 36] = 0.0
    usual = usual_run(past)
    assert usual is not None
    assert (usual.run_s, usual.of) == (7200, 1)


def test_of_a_load_that_never_ran_nothing_is_usual():
    assert usual_run(quarters(5)) is None
    assert usual_day(quarters(5)) is None
    assert usual_run(np.full(960, np.nan)) is None


def test_days_on_which_a_heater_rests_are_not_in_the_middle():
    past = quarters(6, (0, 5, 2, 2000), (2, 5, 1.5, 2000), (4, 5, 2.5, 2000))
    usual = usual_day(past)
    assert usual is not None
    assert (usual.energy_wh, usual.power_w, usual.of) == (4000, 2000, 3)


@pytest.fixture
def recorded(tmp_path):
    """Two weeks in which a heater takes 2 kW from 18:00 to 20:00, besides 300 W of everything else.

    The plug that it hangs on measures nothing.
    """
    store = Store(tmp_path / "telemetry.db", time_zone("UTC"))
    makers = {key: FrameMaker() for key in ("meter", "heater", "plug")}
    for time in range(MIDNIGHT - 14 * 86_400, MIDNIGHT, STEP // 3):
        heater = 2000.0 if 18 <= time / HOUR % 24 < 20 else 0.0
        for key, power in (("meter", 300.0 + heater), ("heater", heater), ("plug", None)):
            on = heater > 0 if power is None else None
            reading = Reading(key, datetime.fromtimestamp(time, UTC), power_w=power, connected=on)
            store.commit([makers[key].frame(reading, Capabilities())])
    yield str(tmp_path / "telemetry.db")
    store.close()


def test_the_past_of_planned_loads_is_no_part_of_the_load_that_just_happens(recorded):
    def evening(**changes):
        where = Recorded(recorded, ("meter",), (), (), **changes.pop("loads", {}))
        plan = answer(question(recorded=where, **changes))
        return next(each for each in plan.steps if each.start == MIDNIGHT + 19 * HOUR)

    assert evening().load_w == pytest.approx(2300, abs=100)
    assert evening(loads={"loads": (("heater", None),)}).load_w == pytest.approx(300, abs=30)


def test_of_a_load_that_measures_nothing_it_counts_how_long_it_was_on(recorded):
    where = Recorded(recorded, ("meter",), (), (), (("plug", 2000.0),))
    plan = answer(question(recorded=where))
    evening = next(each for each in plan.steps if each.start == MIDNIGHT + 19 * HOUR)
    assert evening.load_w == pytest.approx(300, abs=30)


def test_what_nobody_said_is_learned_and_said(recorded):
    where = Recorded(recorded, ("meter",), (), (), (("heater", None),))
    plan = answer(question([asked(need_wh=None, power_w=None, until=20)], recorded=where))
    program = plan.programs["heater"]
    assert program.need_wh == pytest.approx(4000, abs=50)
    assert program.power_w == pytest.approx(2000, abs=20)
    assert program.learned_from == 10
    assert energy(plan) == pytest.approx(4000, abs=600)


def test_what_cannot_be_learned_is_asked_for():
    plan = answer(question([asked(need_wh=None, power_w=None)]))
    assert plan.violations == (
        "Heater: what it takes is not known yet: say its energy and power, or let it run once as usual.",
    )
    assert plan.steps[0].loads == {}
