"""What all reasons draw on: flows and worths of each step, and how numbers are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from optimizer.formulation.home import Home
    from optimizer.formulation.program import Floats, Numbers, Rows
    from optimizer.solver import Solution

SMALL_KW: Final = 1e-4
"""Powers, and energies in kWh, below this are none."""
_SMALL_SHARE: Final = 1e-4
_CENTS: Final = {"EUR": "ct", "USD": "ct", "AUD": "ct", "CAD": "ct", "NZD": "ct", "GBP": "p", "CHF": "Rp."}


@dataclass(frozen=True, slots=True)
class Facts:
    """A solution in the words of the home. Arrays have one value a step, powers in kW, prices per kWh.

    :ivar aside: what is drawn by loads that batteries must not feed
    :ivar worth: what a kWh more of load would cost: the price at the home's bus
    :ivar stored: what all batteries together give
    :ivar gives: whether a battery could give more or take less
    :ivar kept: in which steps a part does what the previous plan said and would not by itself
    :ivar small: a difference of prices that counts as none
    """

    home: Home
    solution: Solution
    drawn: Floats
    fed: Floats
    curtailed: Floats
    stored: Floats
    aside: Floats
    worth: Floats
    import_price: Floats
    export_price: Floats
    connected: NDArray[np.bool_]
    gives: NDArray[np.bool_]
    kept: Mapping[str, NDArray[np.bool_]]
    small: float

    @classmethod
    def of(cls, home: Home, solution: Solution, kept: Mapping[str, NDArray[np.bool_]]) -> Facts:
        """Return the facts of a solution."""
        values, problem = solution.values, home.problem
        count = home.bus.count
        connected = np.ones(count, bool) if problem.grid.connected is None else problem.grid.connected
        stored, gives = np.zeros(count), np.zeros(count, bool)
        for part in home.batteries:
            discharge = values[part.discharge]
            stored += discharge
            more = (discharge < part.battery.discharge_w / 1000 * part.share - SMALL_KW) & (
                values[part.stored] > part.lowest_kwh + SMALL_KW
            )
            gives |= more | (values[part.charge] > SMALL_KW)
        aside = np.zeros(count)
        for energy in home.energies:
            if not energy.load.from_battery:
                aside[energy.steps] += values[energy.power]
        return cls(
            home,
            solution,
            values[home.grid.drawn],
            values[home.grid.fed],
            values[home.grid.curtailed],
            stored,
            aside,
            solution.equal_duals[home.bus.balance.numbers] / home.bus.hours,
            np.array(problem.import_price),
            np.array(problem.grid.export_price),
            np.array(connected),
            gives,
            kept,
            _SMALL_SHARE * home.bus.price,
        )

    def most_duals(self, rows: Rows) -> Floats:
        """Return the duals of rows that are at most their right sides; never positive."""
        return self.solution.most_duals[rows.numbers]

    def values(self, columns: Numbers) -> Floats:
        """Return the values of columns."""
        return self.solution.values[columns]

    def time(self, step: int) -> datetime:
        """Return when a step begins."""
        return self.home.problem.horizon.time(step)

    def clock(self, step: int) -> str:
        """Return when a step begins, in words: the weekday only where it is another day than the first."""
        when, start = self.time(step), self.home.problem.horizon.start
        return f"{when:%H:%M}" if when.date() == start.date() else f"{when:%a %H:%M}"

    def money(self, price: float) -> str:
        """Return a price per kWh in words."""
        currency = self.home.problem.grid.currency
        if currency in _CENTS:
            return f"{round(100 * float(price), 1) + 0.0:.1f} {_CENTS[currency]}"
        return f"{round(float(price), 3) + 0.0:.3f} {currency}"

    def draws(self, step: int) -> bool:
        """Say whether the home draws from the grid."""
        return bool(self.drawn[step] > SMALL_KW)

    def feeds(self, step: int) -> bool:
        """Say whether the home feeds into the grid."""
        return bool(self.fed[step] > SMALL_KW)

    def cost(self, step: int, *, from_battery: bool = True) -> float:
        """Return what a kWh more would cost a load in a step.

        The worth at the bus alone does not say it where nothing is drawn or fed in: there more costs more
        than less saves.
        """
        worth = float(self.worth[step])
        at_zero = not (self.draws(step) or self.feeds(step) or self.curtailed[step] > SMALL_KW)
        if at_zero and not (from_battery and self.gives[step]):
            return max(worth, float(self.import_price[step])) if self.connected[step] else worth
        return worth

    def avoided(self, step: int) -> float:
        """Return what a kWh from a battery saves or earns in a step."""
        if self.feeds(step):
            return float(self.export_price[step])
        return self.cost(step, from_battery=False)

    def keeps(self, name: str, step: int) -> bool:
        """Say whether a part does what it does because the previous plan said so."""
        return name in self.kept and bool(self.kept[name][step])

    def sunny(self, step: int) -> bool:
        """Say whether there is more sun than base load, so that nothing need be drawn for a while."""
        sun = self.home.bus.sun_kw[step] > self.home.bus.load_kw[step] + SMALL_KW
        return bool(sun) and not self.draws(step)

    def reason(
        self,
        code: ReasonCode,
        step: int,
        sentence: str,
        value: float | None = None,
        later: int | None = None,
    ) -> Reason:
        """Return a reason for a step."""
        when = None if later is None else self.time(later)
        return Reason(code, sentence, float(self.worth[step]), None if value is None else float(value), when)
