"""The plan as forecasts of Device Energy Management: what each module will do (Application Clusters 9.2).

A slot is a time in which a module does one thing: take power, rest, or give it. A forecast has room for ten,
so what is planned for after them is not told.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from clusters.power_forecast import MOST_SLOTS, ForecastSlot, PowerForecast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.planner.plan import HomePlan

IDLE_W: Final = 50.0
"""A module with less power than this is at rest."""


def battery_forecast(plan: HomePlan | None, module: str) -> PowerForecast | None:
    """Return what a plan has a battery do, from its first step on; None if the battery is not in it."""
    steps = () if plan is None else plan.steps
    return _forecast(
        [
            (step.start, step.duration, step.batteries[module].power_w)
            for step in steps
            if module in step.batteries
        ]
    )


def load_forecast(plan: HomePlan | None, module: str) -> PowerForecast | None:
    """Return what a plan has a load or a car do, from its first step on; None if it never runs in it."""
    steps = () if plan is None else plan.steps
    powers = [
        (step.start, step.duration, step.loads[module].power_w if module in step.loads else 0.0)
        for step in steps
    ]
    return _forecast(powers) if any(power > IDLE_W for *_, power in powers) else None


def solar_forecast(plan: HomePlan | None, share: float) -> PowerForecast | None:
    """Return what a plan expects an inverter to produce; None without a plan.

    :param share: of all the home's sun
    """
    steps = () if plan is None else plan.steps
    return _forecast([(step.start, step.duration, share * step.solar_w) for step in steps])


def _forecast(steps: Sequence[tuple[int, int, float]]) -> PowerForecast | None:
    """Return a forecast of steps: start, duration and power."""
    if not steps:
        return None
    stages = [
        [step[1:] for step in stage] for _, stage in groupby(steps, key=lambda step: _direction(step[2]))
    ]
    return PowerForecast(start=steps[0][0], slots=tuple(_slot(stage) for stage in stages[:MOST_SLOTS]))


def _direction(power_w: float) -> int:
    return (power_w > IDLE_W) - (power_w < -IDLE_W)


def _slot(stage: Sequence[tuple[int, float]]) -> ForecastSlot:
    powers = [power for _, power in stage]
    lasts = sum(duration for duration, _ in stage)
    mean = sum(duration * power for duration, power in stage) / lasts
    # A mean is not quite between its terms where rounding has its way.
    return ForecastSlot(duration_s=lasts, nominal_w=mean, min_w=min(*powers, mean), max_w=max(*powers, mean))
