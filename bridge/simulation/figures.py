"""What a comparison comes to, by month and in total, in plain figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from bridge.simulation.comparison import Comparison
    from optimizer.formulation.program import Floats
    from optimizer.simulation import Outcome

_LEAST_GAP: Final = 0.005
"""Share of the bill without a battery below which there is nothing to win."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A span of time. Energies and shares are those of the home that follows the plan.

    :ivar label: such as `2026-06`, or `total`
    :ivar bill_none: what the supplier asks without a battery; the other bills are those with one
    :ivar cost_none: bill and wear, less what the battery gained since the span began; what plans are made for
    :ivar gap_won: how much of the way from the rule to perfect foresight the plan goes, by costs; None where
        there is no way to go
    :ivar self_consumption: share of the sun that stayed in the home; None without sun
    :ivar self_sufficiency: share of the load that did not come from the grid; None without load
    :ivar cycles: discharged energy over the battery's capacity
    :ivar errands_wh: what cars and machines took, which is in the load
    :ivar won_by_moving: what the rule would have cost less, had they run when the plan has them run, and not
        as soon as they were wanted
    :ivar unserved_none_wh: what nobody supplied in outages without a battery; the others those with one
    """

    label: str
    days: float
    load_wh: float
    solar_wh: float
    imported_wh: float
    exported_wh: float
    bill_none: float
    bill_rule: float
    bill_plan: float
    bill_perfect: float
    cost_none: float
    cost_rule: float
    cost_plan: float
    cost_perfect: float
    gap_won: float | None
    self_consumption: float | None
    self_sufficiency: float | None
    cycles: float
    errands_wh: float
    won_by_moving: float
    unserved_none_wh: float
    unserved_rule_wh: float
    unserved_plan_wh: float

    def values(self) -> dict[str, Any]:
        """Return them in plain values."""
        return asdict(self)


def by_month(comparison: Comparison) -> list[Figures]:
    """Return the figures of each month of the home's calendar."""
    world = comparison.case.world
    steps = groupby(range(len(world)), key=lambda step: f"{world.time(step):%Y-%m}")
    spans = ((label, list(numbers)) for label, numbers in steps)
    return [_span(comparison, label, numbers[0], numbers[-1] + 1) for label, numbers in spans]


def in_total(comparison: Comparison) -> Figures:
    """Return the figures of the whole time."""
    return _span(comparison, "total", 0, len(comparison.case.world))


def battery_w(comparison: Comparison, outcome: Outcome) -> Floats:
    """Return what the battery took in each step, charging positive."""
    world = comparison.case.world
    supplied = outcome.load_w - outcome.unserved_w
    power: Floats = outcome.grid_w - supplied + world.sun_w - outcome.curtailed_w
    return power


def _span(comparison: Comparison, label: str, first: int, last: int) -> Figures:
    case, world = comparison.case, comparison.case.world
    hours, plan = world.hours, comparison.plan

    def energy(row: Floats) -> float:
        return float(row[first:last].sum()) * hours

    def bill(outcome: Outcome) -> float:
        return float(outcome.bill[first:last].sum())

    def cost(outcome: Outcome) -> float:
        before = outcome.stored_wh[first - 1] if first else case.battery.stored_wh
        gained = (outcome.stored_wh[last - 1] - before) if world.batteries else 0.0
        return outcome.cost(first, last) - float(gained) / 1000 * case.worth

    none, rule, planned, perfect = (
        comparison.none.cost(first, last),
        cost(comparison.rule),
        cost(plan),
        cost(comparison.perfect),
    )
    load, sun = energy(plan.load_w), energy(world.sun_w - plan.curtailed_w)
    imported, exported = energy(plan.grid_w.clip(0)), energy((-plan.grid_w).clip(0))
    discharged = energy((-battery_w(comparison, plan)).clip(0))
    capacity = case.battery.capacity_wh
    gap = rule - perfect
    return Figures(
        label,
        (last - first) * world.step_s / 86_400,
        load,
        sun,
        imported,
        exported,
        bill(comparison.none),
        bill(comparison.rule),
        bill(plan),
        bill(comparison.perfect),
        none,
        rule,
        planned,
        perfect,
        (rule - planned) / gap if gap > _LEAST_GAP * abs(none) and gap > 0 else None,
        float(np.clip(1 - exported / sun, 0, 1)) if sun > 0 else None,
        float(np.clip(1 - imported / load, 0, 1)) if load > 0 else None,
        discharged / capacity if capacity > 0 else 0.0,
        energy(plan.load_w - world.load_w),
        rule - cost(comparison.moved),
        energy(comparison.none.unserved_w),
        energy(comparison.rule.unserved_w),
        energy(plan.unserved_w),
    )
