"""The plan as forecasts of Device Energy Management: what each module will do (Application Clusters 9.2).

A slot is a time in which a module does one thing: take power, rest, or give it. A forecast has room for ten,
so what is planned for after them is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from clusters.power_forecast import MOST_SLOTS, ForecastSlot, PowerForecast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.planner.plan import HomePlan

IDLE_W: Final = 50.0
"""A module with less power than this is at rest."""
_Power = tuple[int, int, float]
"""Start, duration and power of a step."""


@dataclass(frozen=True, slots=True)
class PlannedPowers:
    """What a plan has the modules take, read once for all of them: powers with start and duration.

    :ivar solar_w: of all panels; production is negative
    :ivar battery_w: by module key, of the steps that the battery is in
    :ivar load_w: by module key; 0 in steps that the load is not in
    """

    solar_w: tuple[_Power, ...]
    battery_w: dict[str, list[_Power]]
    load_w: dict[str, list[_Power]]

    @classmethod
    def of(cls, plan: HomePlan) -> PlannedPowers:
        """Read a plan."""
        solar: list[_Power] = []
        batteries: dict[str, list[_Power]] = {}
        loads: dict[str, dict[int, float]] = {}
        for step in plan.steps:
            solar.append((step.start, step.duration, step.solar_w))
            for key, battery in step.batteries.items():
                batteries.setdefault(key, []).append((step.start, step.duration, battery.power_w))
            for key, load in step.loads.items():
                loads.setdefault(key, {})[step.start] = load.power_w
        return cls(
            tuple(solar),
            batteries,
            {
                key: [(start, duration, powers.get(start, 0.0)) for start, duration, _ in solar]
                for key, powers in loads.items()
            },
        )

    def battery(self, module: str) -> PowerForecast | None:
        """Return what a battery does, from the first step on; None if it is not in the plan."""
        return _forecast(self.battery_w.get(module, ()))

    def load(self, module: str) -> PowerForecast | None:
        """Return what a load or a car does, from the first step on; None if it never runs in the plan."""
        powers = self.load_w.get(module, ())
        return _forecast(powers) if any(power > IDLE_W for *_, power in powers) else None

    def solar(self, share: float) -> PowerForecast | None:
        """Return what an inverter is expected to produce.

        :param share: of all the home's sun
        """
        return _forecast([(start, duration, share * power) for start, duration, power in self.solar_w])


def _forecast(steps: Sequence[_Power]) -> PowerForecast | None:
    """Return a forecast of steps."""
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
