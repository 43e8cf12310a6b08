"""What another plan makes otherwise."""

import pytest

from bridge.planner.change import AHEAD, PlanDifference
from bridge.planner.plan import HomePlan, PlanStep

START = 1_782_000_000
HOUR = 3600


def plan(solar, grid, *, start=START, duration=HOUR, price=0.3):
    steps = tuple(
        PlanStep(start + number * duration, duration, price, 0.1, 500.0, -sun, power, {})
        for number, (sun, power) in enumerate(zip(solar, grid, strict=True))
    )
    return HomePlan(steps, "EUR", 0.0, None, (), exact=True, history_days=0.0, seconds=0.0)


def test_less_sun_and_a_higher_bill_are_told_with_their_figures():
    before = plan([800, 400, 0], [-1000, 0, 1000])
    after = plan([400, 200, 0], [-600, 200, 1000])
    found = PlanDifference.between(before, after, START)
    assert (found.sun_w, found.sun_wh) == (-400, -600)
    # 0.4 kWh less are fed in at 10 ct, 0.2 kWh more are drawn at 30 ct.
    assert found.bill == pytest.approx(0.04 + 0.06)
    assert found.sentence == (
        "The plan now counts on up to 400 W (0.6 kWh in the coming day) less sun; "
        "the expected bill of the coming day is 0.10 EUR higher."
    )
    back = PlanDifference.between(after, before, START).sentence
    assert "more sun" in back
    assert "0.10 EUR lower" in back


def test_plans_of_other_steps_are_compared_where_they_overlap():
    before = plan([0] * 4, [1000] * 4)
    after = plan([0] * 40, [2000] * 40, start=START + 600, duration=300)
    found = PlanDifference.between(before, after, START + 900)
    # The later one ends first, after 3 h and a half from its start.
    assert found.bill == pytest.approx(0.3 * (600 + 40 * 300 - 900) / HOUR)


def test_only_the_coming_day_counts():
    before, after = plan([0] * 48, [1000] * 48), plan([0] * 48, [2000] * 48)
    assert PlanDifference.between(before, after, START).bill == pytest.approx(0.3 * AHEAD / HOUR)


def test_plans_that_say_the_same_or_never_meet_differ_in_nothing():
    one = plan([100], [0])
    assert PlanDifference.between(one, one, START).sentence == ""
    assert PlanDifference.between(one, plan([0], [5000], start=START + 7200), START).sentence == ""
