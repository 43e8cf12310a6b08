"""What a kWh is worth that is still stored when the horizon ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.battery import Battery
    from optimizer.problem import Problem

_DAY_S: Final = 86_400
_LATER: Final = 0.98
"""What is saved after the horizon, in share of what is saved in it. Without it a battery would be kept full
for ever where prices stay as they are: each plan would find that later is as good."""


def terminal_value(problem: Problem, battery: Battery) -> float:
    """Return what the battery says, or what a stored kWh would save in an ordinary hour of the last day.

    That is the median of what energy costs: the price at which it sells while sun is left over, and the price
    at which it is bought otherwise; less losses and wear on its way out, and a little less for being later.

    :return: per stored kWh, never negative
    """
    if battery.terminal_value is not None:
        return battery.terminal_value
    offsets = np.array(problem.horizon.offsets_s)
    last = offsets[:-1] >= offsets[-1] - _DAY_S
    bought = np.array(problem.import_price)[last]
    sold = np.array(problem.grid.export_price)[last] if problem.grid.feed_in else np.zeros_like(bought)
    load = np.array(problem.load.power_w)[last]
    sun = np.zeros_like(load) if problem.solar is None else np.array(problem.solar.production_w)[last]
    median = float(np.median(np.where(sun > load, np.minimum(sold, bought), bought)))
    return max(median - battery.wear / 2, 0.0) * battery.discharge_efficiency * _LATER
