"""Prices that are not published yet, from those of the last days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.forecast.history import DAY_S, grid, local_seconds, over
from optimizer.problem_error import ProblemError

_PERSISTENCE = 0.7
"""How much of the last day's level the next ones keep; it made errors smallest on a year of hourly prices."""

if TYPE_CHECKING:
    from datetime import tzinfo

    from optimizer.forecast.history import History
    from optimizer.formulation.program import Numbers
    from optimizer.horizon import Horizon


def forecast_price(
    known: History, horizon: Horizon, *, days: int = 14, zone: tzinfo | None = None
) -> tuple[float, ...]:
    """Return published prices as far as they go, and after them the usual ones at the same time of day.

    Usual is the mean of the last days, moved most of the way to the level of the last day: dear days follow
    on dear days.

    :param known: prices per kWh, published ones of the future among them
    :param zone: whose clocks tell the time of day; UTC without one
    :raises ProblemError: no price is known
    """
    if np.isnan(known.power_w).all():
        raise ProblemError("no price is known")
    ahead = grid(horizon, known.step_s)
    past = known.last(days)
    slot = (_clock(past.times_s, zone) % DAY_S) // known.step_s
    usual = np.full(DAY_S // known.step_s, np.nanmean(past.power_w))
    for each in np.unique(slot[~np.isnan(past.power_w)]):
        usual[each] = np.nanmean(past.power_w[slot == each])
    difference = (past.power_w - usual[slot])[-DAY_S // known.step_s :]
    if not np.isnan(difference).all():
        usual += _PERSISTENCE * np.nanmean(difference)
    prices = usual[(_clock(ahead, zone) % DAY_S) // known.step_s]
    where = (ahead - int(known.times_s[0])) // known.step_s
    published = (where >= 0) & (where < len(known))
    values = known.power_w[where[published]]
    prices[published] = np.where(np.isnan(values), prices[published], values)
    return tuple(over(horizon, ahead, known.step_s, prices).tolist())


def _clock(times_s: Numbers, zone: tzinfo | None) -> Numbers:
    """Return what clocks show, as seconds since 1970."""
    return times_s if zone is None else local_seconds(times_s, zone)
