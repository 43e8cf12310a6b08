"""The sun that is to be expected, from a clear sky and from what the panels made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.forecast.clear_sky import Site, clear_sky
from optimizer.forecast.forecast import Forecast
from optimizer.forecast.history import DAY_S, grid, over
from optimizer.forecast.quantile import quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.forecast.history import History
    from optimizer.forecast.weather import Weather
    from optimizer.formulation.program import Floats
    from optimizer.horizon import Horizon

_DAWN_W_M2: Final = 15.0
"""With less light the ratio of production to a clear sky says nothing."""
_HALF_LIFE_DAYS: Final = 30.0
_PERSISTENCE: Final = ((86_400, 0.1, 48.0), (7_200, 0.6, 3.0))
"""How many seconds one looks back, how much of that clearness stays, and in how many hours it falls to 1/e.

Chosen by what plans cost in the end on recorded homes, not by the smallest error: tomorrow is best expected
to be as usual, although yesterday's clouds would make the error a little smaller.
"""
_HOUR_S: Final = 3600
_CLEAREST: Final = 1.5
_DARK_SHARE: Final = 0.02
"""Of the highest production: with less, clearness is not to be told."""
_PRIOR: Final = (0.6, 0.2, 1.0)
"""Usual, low and high share of the peak power under a clear sky, before anything was measured."""
_CAUTION: Final = 0.5
"""P10 over P50 of a weather forecast that does not say its own."""


def forecast_solar(
    history: History,
    horizon: Horizon,
    site: Site,
    *,
    weather: Weather | None = None,
    days: int = 35,
    prior_w: float = 0.0,
) -> Forecast:
    """Return the expected production.

    What the panels gave in each slot of the day, as a ratio to a clear sky, holds their direction, their
    size, their shade and the usual clouds of the season. The last day and the last hours, against that, tell
    how clear it is now, and what comes is partly like that.

    A weather forecast takes the place of the clouds: the panels are then expected to make of its irradiance
    what they made of a clear sky on clear days. Where it tells production, that is taken as it is. For steps
    that it says nothing about, what is usual is expected.

    :param history: production as magnitudes; what happened after the horizon's start is not looked at
    :param weather: one value a step of the horizon
    :param prior_w: peak power of the panels, for when nothing was measured yet
    """
    step_s = history.step_s
    past = history.until(horizon.start).last(days)
    ahead = grid(horizon, step_s)
    clear = clear_sky(site, ahead, step_s)
    if np.isnan(past.power_w).all():
        usual, low, high = (np.full(DAY_S // step_s, share * prior_w / 1000) for share in _PRIOR)
        clearness: tuple[float | None, ...] = (None, None)
    else:
        usual, low, high, clearness = learned(past, site, prior_w)
    slot = (ahead % DAY_S) // step_s
    age_h = np.maximum(ahead - round(horizon.start.timestamp()), 0) / 3600
    level = np.ones(len(ahead))
    for seen, (_, share, memory_h) in zip(clearness, _PERSISTENCE, strict=True):
        if seen is not None:
            level += share * np.exp(-age_h / memory_h) * (seen - level[0])
    rows = (clear * usual[slot] * level, clear * low[slot], clear * high[slot])
    foreseen = tuple(over(horizon, ahead, step_s, row) for row in rows)
    if weather is None:
        return Forecast.of(*foreseen)
    light = np.maximum(over(horizon, ahead, step_s, clear), _DAWN_W_M2)
    told = _by_weather(weather, foreseen[2] / light, foreseen[2])
    known = ~np.isnan(told[0])
    return Forecast.of(
        *(np.where(known, said, usually) for said, usually in zip(told, foreseen, strict=True))
    )


def _by_weather(weather: Weather, made: Floats, highest: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what the weather lets the panels give: expected, low and high; NaN where it is not known.

    :param made: what the panels make of a W/m2 on clear days, in each step
    :param highest: what they give on clear days
    """
    if weather.production_w is not None:
        expected = np.array(weather.production_w, float)
        cautious, hopeful = weather.low_production_w, weather.high_production_w
        scale: Floats | float = 1.0
    else:
        expected = made * np.array(weather.irradiance_w_m2, float)
        cautious, hopeful, scale = weather.low_irradiance_w_m2, None, made
    low = expected * _CAUTION if cautious is None else scale * np.array(cautious, float)
    high = highest if hopeful is None else scale * np.array(hopeful, float)
    # A row that is shorter than the expected one says as much as if it were not there.
    return (
        expected,
        np.where(np.isnan(low), expected * _CAUTION, low),
        np.where(np.isnan(high), highest, high),
    )


def learned(
    past: History, site: Site, prior_w: float
) -> tuple[Floats, Floats, Floats, tuple[float | None, ...]]:
    """Return what the panels made of a clear sky.

    A slot that was never seen by day is taken for like the nearest within an hour that was, since days grow
    longer; a part of the day that was never seen, for what panels of `prior_w` usually make.

    :return: usual, low (P10) and high (P90) ratio of production to clear-sky irradiance in each slot of the
        UTC day, and how clear the last day and the last hours were against the usual; None where it was dark
    """
    step_s, times = past.step_s, past.times_s
    clear = clear_sky(site, times, step_s)
    day, slot = times // DAY_S, (times % DAY_S) // step_s
    first = int(day[0])
    table = np.full((int(day[-1]) - first + 1, DAY_S // step_s), np.nan)
    lit = clear > _DAWN_W_M2
    table[day[lit] - first, slot[lit]] = past.power_w[lit] / clear[lit]
    weight = 0.5 ** ((len(table) - 1 - np.arange(len(table))) / _HALF_LIFE_DAYS)
    seen = ~np.isnan(table)
    weights = weight[:, None] * seen
    known = seen.any(axis=0)
    usual = np.zeros(table.shape[1])
    usual[known] = (np.where(seen, table, 0.0) * weights).sum(axis=0)[known] / weights.sum(axis=0)[known]
    low, high = usual.copy(), usual.copy()
    if known.any():
        low[known], high[known] = quantiles(table[:, known], 0.1, 0.9)
    for row, share in zip((usual, low, high), _PRIOR, strict=True):
        _fill(row, known, _HOUR_S // step_s, share * prior_w / 1000)
    made = clear * usual[slot]
    return usual, low, high, tuple(_clearness(past, made, lit, back_s) for back_s, _, _ in _PERSISTENCE)


def _fill(ratio: Floats, known: NDArray[np.bool_], reach: int, prior: float) -> None:
    """Fill in what was never seen, from what is no farther than `reach` slots, or else by the prior."""
    there = np.flatnonzero(known)
    for slot in np.flatnonzero(~known):
        distance = np.abs(there - slot)
        near = distance.min(initial=len(ratio)) <= reach
        ratio[slot] = ratio[there[distance.argmin()]] if near else prior


def _clearness(past: History, usual_w: Floats, lit: NDArray[np.bool_], back_s: int) -> float | None:
    """Return production over the usual one, looking back for some time."""
    since = len(past) - max(back_s // past.step_s, 1)
    recent = np.flatnonzero(lit & ~np.isnan(past.power_w))
    recent = recent[recent >= since]
    usual = float(usual_w[recent].sum())
    if usual <= _DARK_SHARE * usual_w.max(initial=0.0) * len(recent):
        return None
    return float(np.clip(past.power_w[recent].sum() / usual, 0.0, _CLEAREST))
