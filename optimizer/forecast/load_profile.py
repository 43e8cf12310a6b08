"""The load that is to be expected, from days of the same kind."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.forecast.forecast import Forecast
from optimizer.forecast.history import DAY_S, grid, local_seconds, over
from optimizer.forecast.quantile import quantiles

if TYPE_CHECKING:
    from datetime import tzinfo

    from numpy.typing import NDArray

    from optimizer.forecast.history import History
    from optimizer.formulation.program import Floats, Numbers
    from optimizer.horizon import Horizon

_FEWEST_DAYS: Final = 3
"""A kind of day that was seen less often is forecast from all days."""
_HALF_LIFE_DAYS: Final = 14.0
_PERSISTENCE: Final = 0.6
"""How much of today's level tomorrow keeps: chosen by what plans cost in the end on recorded homes."""
_MEMORY_DAYS: Final = 1.5
"""In which persistence falls to 1/e of that."""
_LEVELS: Final = (0.2, 3.0)
_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday."""


class Method(StrEnum):
    """How days become one profile."""

    EWMA = "ewma"
    """Mean in which recent days weigh more: right on average, which is what a bill asks for."""
    MEDIAN = "median"
    """Smallest absolute error; too low on average where load comes in bursts."""


def forecast_load(
    history: History,
    horizon: Horizon,
    zone: tzinfo,
    *,
    method: Method = Method.EWMA,
    days: int = 35,
    prior_w: float = 400.0,
) -> Forecast:
    """Return the expected load.

    The profile is that of workdays or of weekends, and a day begins when the clock in the home says so. How
    the last day was against its profile tells whether the home is full or empty now, and fades.

    :param history: gaps are left out; what happened after the horizon's start is not looked at
    :param prior_w: expected when nothing was measured yet
    """
    step_s = history.step_s
    past = history.until(horizon.start).last(days)
    ahead = grid(horizon, step_s)
    # The last day is looked at together with what is ahead, to see how it was against its profile.
    last = past.last(1)
    times = np.concatenate((last.times_s, ahead))
    day, weekend, slot = _calendar(past.times_s, step_s, zone)
    _, wanted_weekend, wanted_slot = _calendar(times, step_s, zone)
    rows = np.empty((3, len(times)))
    for kind in (False, True):
        which = weekend == kind
        if len(np.unique(day[which])) < _FEWEST_DAYS:
            which = np.ones(len(past), bool)
        table, weight = _table(past.power_w[which], DAY_S // step_s, day[which], slot[which])
        wanted = wanted_weekend == kind
        rows[:, wanted] = _profile(table, weight, method, prior_w)[:, wanted_slot[wanted]]
    level = _level(last.power_w, rows[0, : len(last)])
    age_days = np.maximum(ahead - round(horizon.start.timestamp()), 0) / DAY_S
    rows = rows[:, len(last) :] * (1 + _PERSISTENCE * np.exp(-age_days / _MEMORY_DAYS) * (level - 1))
    return Forecast.of(*(over(horizon, ahead, step_s, row) for row in rows))


def _calendar(times_s: Numbers, step_s: int, zone: tzinfo) -> tuple[Numbers, NDArray[np.bool_], Numbers]:
    """Return of each time the number of its day, whether that is at a weekend, and its slot."""
    day, second = np.divmod(local_seconds(times_s, zone), DAY_S)
    return day, (day + _EPOCH_WEEKDAY) % 7 >= 5, second // step_s


def _level(measured_w: Floats, profile_w: Floats) -> float:
    """Return what was measured over what the profile says for that time."""
    known = ~np.isnan(measured_w)
    said = profile_w[known].sum()
    return float(np.clip(measured_w[known].sum() / said, *_LEVELS)) if said > 0 else 1.0


def _table(power_w: Floats, slots: int, day: Numbers, slot: Numbers) -> tuple[Floats, Floats]:
    """Return a row of slots for each day, NaN where nothing is known, and the weight of each day."""
    if not len(day):
        return np.full((1, slots), np.nan), np.ones(1)
    first, last = int(day.min()), int(day.max())
    table = np.full((last - first + 1, slots), np.nan)
    table[day - first, slot] = power_w
    return table, 0.5 ** ((last - first - np.arange(len(table))) / _HALF_LIFE_DAYS)


def _profile(table: Floats, weight: Floats, method: Method, prior_w: float) -> Floats:
    """Return expected, low and high of each slot; where a slot was never seen, the mean of the others."""
    seen = ~np.isnan(table)
    if not seen.any():
        prior = np.full(table.shape[1], prior_w)
        return np.stack((prior, prior * 0.3, prior * 2.0))
    known = seen.any(axis=0)
    part = table[:, known]
    low, median, high = quantiles(part, 0.1, 0.5, 0.9)
    if method is Method.MEDIAN:
        expected = median
    else:
        weights = weight[:, None] * seen[:, known]
        expected = np.where(seen[:, known], part, 0.0).T @ weight / weights.sum(axis=0)
    rows = np.stack((expected, low, high))
    profile = np.repeat(rows.mean(axis=1, keepdims=True), table.shape[1], axis=1)
    profile[:, known] = rows
    return profile
