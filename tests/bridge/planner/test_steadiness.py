"""Plans that follow each other: equals must not take turns because of noise."""

import random
from dataclasses import replace

import pytest

from bridge.planner.plan import BatteryStep, HomePlan, PlanStep
from bridge.planner.question import AskedBattery, AskedBefore, Question, steps_from
from bridge.planner.worker import answer
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

HOUR = 3600
START = 1_782_000_000 // HOUR * HOUR
"""At midnight."""


def equal_choices(dice, now, before):
    """Three hours of the night are equally cheap but for half a tenth of a cent; the two batteries are equal.

    What is measured has its noise, too: the load a tenth, the charge a hundredth.
    """
    start, steps = steps_from(now)
    times = [start + sum(steps[:number]) for number in range(len(steps))]
    price = tuple((0.10 if time // HOUR % 24 in {22, 1, 4} else 0.40) + dice.gauss(0, 5e-4) for time in times)
    batteries = tuple(
        AskedBattery(
            name, 5_000.0, 1_500.0 * dice.uniform(0.99, 1.01), 2_500.0, 2_500.0, 500.0, 0.95, 0.95, 0.02,
            grid_charging=True, feed_in=False,
        )
        for name in ("east", "west")
    )  # fmt: skip
    return Question(
        start=start,
        steps_s=steps,
        zone="UTC",
        import_price=price,
        export_price=(0.05,) * len(steps),
        currency="EUR",
        feed_in_counts=True,
        load_w=800.0 * dice.uniform(0.9, 1.1),
        production_w=0.0,
        peak_w=0.0,
        place=None,
        batteries=batteries,
        backup_hours=None,
        recorded=None,
        before=before,
    )


def flips(steady):
    """Return how often twelve plans in a row changed their minds on when a battery is charged."""
    dice, before, plan, count = random.Random(7), None, None, 0
    for number in range(12):
        now = START + 300 * number
        last, plan = plan, answer(equal_choices(dice, now, before))
        for step in plan.steps if last is not None else ():
            was = last.step(step.start)
            if was is not None:
                count += sum(
                    (was.batteries[name].power_w > 50) is not (step.batteries[name].power_w > 50)
                    for name in step.batteries
                )
        before = AskedBefore.of(plan, now) if steady else None
    return count


def test_plans_do_not_flip_between_equals():
    assert flips(steady=True) <= flips(steady=False) / 10


def test_a_reason_that_counts_changes_the_plan_all_the_same():
    dice = random.Random(7)
    first = answer(equal_choices(dice, START, None))
    before = AskedBefore.of(first, START)
    asked = equal_choices(dice, START, before)
    dear = tuple(0.45 if price < 0.2 else 0.15 for price in asked.import_price)
    charged = {step.start for step in answer(replace(asked, import_price=dear)).steps if step.storage_w > 100}
    assert charged
    assert not charged & {step.start for step in first.steps if step.storage_w > 100}


def plan(*steps):
    return HomePlan(steps, "EUR", 0.0, None, (), exact=True, history_days=0.0, seconds=0.1)


def step(start, duration, **batteries):
    planned = {
        name: BatteryStep(
            power, 50.0, BatteryMode.CHARGE, power, power, ReasonCode.CHARGE_CHEAP, "It is cheap."
        )
        for name, power in batteries.items()
    }
    return PlanStep(start, duration, 0.3, 0.05, 500.0, 0.0, 500.0, planned)


def test_what_is_past_of_a_plan_does_not_count():
    before = AskedBefore.of(
        plan(step(START, 300, b=1.0), step(START + 300, 300, b=2.0), step(START + 600, 900, b=3.0)),
        START + 310,
    )
    assert before == AskedBefore(START + 300, (300, 900), {"b": (2.0, 3.0)})


@pytest.mark.parametrize("now", [START, START + 900])
def test_a_plan_that_is_over_or_has_no_batteries_says_nothing(now):
    assert AskedBefore.of(plan(step(START, 300), step(START + 300, 600)), now) is None
