"""The home's bus, where everything meets: what comes in goes out, in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from optimizer.formulation.program import Floats, LinearProgram, Numbers, Rows
    from optimizer.load import InterruptibleLoad
    from optimizer.problem import Problem
    from optimizer.vehicle import Vehicle

ORDER: Final = 2e-5
"""Share of the highest price that doing something at the end of the horizon, not now, costs."""


class Bus:
    """The balance of the home, and which way stored energy may go.

    :ivar hours: how long each step is
    :ivar balance: one equation a step; its dual is what a kWh more of load costs
    :ivar stored: how much of what batteries give may go where; None when it may go anywhere
    :ivar unsold: the same for batteries that must not sell; None when all may
    :ivar load_kw: base load
    :ivar sun_kw: what the panels could give
    :ivar most_in_kw: most that all parts together can draw
    :ivar most_out_kw: most that they can give
    :ivar price: the highest that a kWh has
    :ivar order: what puts equals in an order, per kWh in each step: sooner is better
    """

    def __init__(self, program: LinearProgram, problem: Problem) -> None:
        horizon = problem.horizon
        self.program = program
        self.count = len(horizon)
        self.steps: Numbers = np.arange(self.count)
        self.hours: Floats = np.array(horizon.hours)
        self.load_kw: Floats = np.array(problem.load.power_w) / 1000
        self.sun_kw: Floats = np.zeros(self.count)
        if problem.solar is not None:
            self.sun_kw = np.array(problem.solar.production_w) / 1000
        self.most_in_kw: Floats = self.load_kw.copy()
        self.most_out_kw: Floats = self.sun_kw.copy()
        elapsed = np.array(horizon.offsets_s[:-1]) / horizon.offsets_s[-1]
        self.price = problem.highest_price
        self.order: Floats = ORDER * self.price * elapsed
        self.balance = program.equal(self.load_kw - self.sun_kw)
        choosy: list[Vehicle | InterruptibleLoad] = [*problem.vehicles, *problem.interruptible]
        self.stored: Rows | None = None
        self.unsold: Rows | None = None
        if problem.batteries and not all(each.from_battery for each in choosy):
            self.stored = program.at_most(self.load_kw)
        if not all(each.feed_in for each in problem.batteries):
            self.unsold = program.at_most(self.load_kw)

    def draw(
        self, columns: Numbers, most_kw: ArrayLike, steps: Numbers, *, from_battery: bool = True
    ) -> None:
        """Let columns, in kW, draw from the bus in these steps.

        :param from_battery: stored energy may go there
        """
        self.program.put(self.balance[steps], columns, -1.0)
        np.add.at(self.most_in_kw, steps, most_kw)
        if from_battery:
            self.feed(columns, steps, -1.0)

    def feed(self, columns: Numbers, steps: Numbers, factor: ArrayLike, *, sold: bool = False) -> None:
        """Let stored energy go to columns (negative factor) or come from them.

        :param sold: it is the way out to the grid, open only to batteries that may sell
        """
        if self.stored is not None:
            self.program.put(self.stored[steps], columns, factor)
        if self.unsold is not None and not sold:
            self.program.put(self.unsold[steps], columns, factor)
