"""What the hub would expect at each step of a simulation, from what it had seen until then.

Forecasts follow from the past of load and sun alone, and not from what a battery did. So they are worked out
ahead of the plans, in processes beside the one that plans, and are the same however many there are.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from optimizer.forecast.anchoring import anchored
from optimizer.forecast.forecast import Forecast
from optimizer.forecast.history import History
from optimizer.forecast.load_profile import forecast_load
from optimizer.forecast.solar_profile import forecast_solar
from optimizer.horizon import Horizon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimizer.forecast.clear_sky import Site
    from optimizer.formulation.program import Floats

_NEAR_S: Final = 2 * 3600
"""What a plan sees in the steps of the simulation; what is farther it sees by the hour."""
HORIZON_S: Final = 48 * 3600
"""How far plans look."""
_HOUR: Final = 3600
_CHUNK: Final = 96
"""Steps that a process works out at a time."""


class Expected(NamedTuple):
    """What is expected over the horizon of one step."""

    load: Forecast
    sun: Forecast


@dataclass(frozen=True, slots=True, eq=False)
class Foresight:
    """Makes the forecasts of each step.

    :ivar start: of the first step, in the home's time zone
    :ivar load_w: what happens; of each step only what was before it is looked at
    :ivar sun_w: the same of the sun
    :ivar peak_w: of the panels, for the first day
    """

    start: datetime
    step_s: int
    load_w: Floats
    sun_w: Floats
    site: Site
    peak_w: float

    def horizon(self, step: int) -> Horizon:
        """Return what a plan looks at that is made when a step begins."""
        begin = (self.start.astimezone(UTC) + timedelta(seconds=step * self.step_s)).astimezone(
            self.start.tzinfo
        )
        return Horizon(begin, horizon_steps(begin, self.step_s))

    def expected(self, step: int) -> Expected:
        """Return the forecasts that are made when a step begins."""
        horizon, zone = self.horizon(step), self.start.tzinfo
        assert zone is not None
        load = forecast_load(
            History(self.start, self.step_s, self.load_w),
            horizon,
            zone,
            prior_w=self._before(self.load_w, step),
        )
        sun = forecast_solar(
            History(self.start, self.step_s, self.sun_w), horizon, self.site, prior_w=self.peak_w
        )
        if step:
            load = anchored(load, horizon, self._before(self.load_w, step), load.expected_w[0])
            sun = _lit(sun, anchored(sun, horizon, self._before(self.sun_w, step), sun.expected_w[0]))
        return Expected(load, sun)

    def _before(self, row: Floats, step: int) -> float:
        """Return what was measured just before a step; at the very start, what is then."""
        return float(row[max(step - 1, 0)])


def horizon_steps(begin: datetime, step_s: int) -> tuple[int, ...]:
    """Return the lengths of a plan's steps: those of the simulation for some hours, then hours."""
    time = round(begin.timestamp())
    near = _NEAR_S // step_s
    while (time + near * step_s) % _HOUR:
        near += 1
    return (step_s,) * near + (_HOUR,) * ((HORIZON_S - near * step_s) // _HOUR)


def _lit(forecast: Forecast, tied: Forecast) -> Forecast:
    """Leave the night dark, whatever the panels gave just now."""
    dark = [expected <= 0 for expected in forecast.expected_w]
    rows = (
        tuple(0.0 if night else value for night, value in zip(dark, row, strict=True))
        for row in (tied.expected_w, tied.low_w, tied.high_w)
    )
    return Forecast(*rows)


def expectations(foresight: Foresight, steps: range, jobs: int) -> Iterator[Expected]:
    """Yield the forecasts of steps, one after the other.

    :param jobs: processes that work them out; 0 for this one alone
    """
    if jobs < 1:
        yield from (foresight.expected(step) for step in steps)
        return
    parts = [steps[first : first + _CHUNK] for first in range(0, len(steps), _CHUNK)]
    # A process of its own, and not a copy of this one: numpy may hold threads here.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _take, (foresight,)) as pool:
        try:
            for chunk in pool.map(_work, parts):
                yield from chunk
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_foresight: Foresight | None = None
"""In a process that forecasts: what it works on, sent once."""


def _take(foresight: Foresight) -> None:
    global _foresight  # noqa: PLW0603 - a process of a pool has no other place
    _foresight = foresight


def _work(part: range) -> list[Expected]:
    assert _foresight is not None
    return [_foresight.expected(step) for step in part]
