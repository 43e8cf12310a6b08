"""The planning problem: everything that a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from optimizer.problem_error import MOST_PRICE, ProblemError, length, number

if TYPE_CHECKING:
    from optimizer.battery import Battery
    from optimizer.grid import Grid
    from optimizer.horizon import Horizon
    from optimizer.island import Island
    from optimizer.load import BaseLoad, InterruptibleLoad, ShiftableLoad
    from optimizer.previous import Previous
    from optimizer.solar import Solar
    from optimizer.thermal_store import ThermalStore
    from optimizer.vehicle import Vehicle

_LEAST_PRICE: Final = 0.1
_WISH: Final = 10.0
_LIMIT: Final = 2_000.0
_UNSERVED: Final = 3_000.0
_UNSERVED_CRITICAL: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Tiers:
    """What it costs to break a wish, by rank, per kWh (of a reserve and of comfort: for an hour).

    Each rank is so far above the one below that a lower one gives way first.

    :ivar wish: of the residents
    :ivar limit: of the grid
    :ivar unserved: load in an outage
    :ivar unserved_critical: critical load in an outage
    """

    wish: float
    limit: float
    unserved: float
    unserved_critical: float


@dataclass(frozen=True, slots=True)
class Problem:
    """What there is and what is wished, over a horizon.

    :ivar previous: the plan in force; the new one departs from it only for a reason
    :ivar steadiness: what departing from it costs, per kWh
    :ivar co2_price: what a kg of CO2 from the grid counts
    :ivar wish_price: what a kWh of a broken wish costs; None for ten times the highest price
    :raises ProblemError: the parts do not fit together: another number of steps, two of the same name
    """

    horizon: Horizon
    grid: Grid
    load: BaseLoad
    solar: Solar | None = None
    batteries: tuple[Battery, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    interruptible: tuple[InterruptibleLoad, ...] = ()
    shiftable: tuple[ShiftableLoad, ...] = ()
    thermal: tuple[ThermalStore, ...] = ()
    island: Island | None = None
    previous: Previous | None = None
    steadiness: float = 0.0
    co2_price: float = 0.0
    wish_price: float | None = None

    def __post_init__(self) -> None:
        count = len(self.horizon)
        for what in ("batteries", "vehicles", "interruptible", "shiftable", "thermal"):
            object.__setattr__(self, what, tuple(getattr(self, what)))
        self.grid.check(self.horizon)
        length("the load", self.load.power_w, count)
        if self.solar is not None:
            length("the production", self.solar.production_w, count)
        for battery in self.batteries:
            battery.check(self.horizon)
        for store in self.thermal:
            store.check(self.horizon)
        number("the price of departing from the previous plan", self.steadiness, 0.0, MOST_PRICE)
        number("the price of CO2", self.co2_price, 0.0, MOST_PRICE)
        if self.wish_price is not None:
            number("the price of a wish", self.wish_price, 0.0, MOST_PRICE**2)
        names = [each.name for each in (*self.batteries, *self.loads)]
        for each in names:
            if names.count(each) > 1:
                raise ProblemError(f"two parts are called {each!r}")

    @property
    def loads(self) -> tuple[Vehicle | InterruptibleLoad | ShiftableLoad | ThermalStore, ...]:
        """Everything that can wait."""
        return (*self.vehicles, *self.interruptible, *self.shiftable, *self.thermal)

    @property
    def import_price(self) -> tuple[float, ...]:
        """Price of a kWh drawn in each step, emissions included."""
        grid = self.grid
        if grid.co2_kg_per_kwh is None or not self.co2_price:
            return grid.import_price
        return tuple(
            price + self.co2_price * co2
            for price, co2 in zip(grid.import_price, grid.co2_kg_per_kwh, strict=True)
        )

    @property
    def highest_price(self) -> float:
        """The highest price that a kWh has here, by magnitude; a tenth when all are lower."""
        return max(
            _LEAST_PRICE,
            *map(abs, self.import_price),
            *map(abs, self.grid.export_price),
            *(abs(each.value) for each in self.vehicles),
            *(abs(each.terminal_value or 0.0) for each in self.batteries),
        )

    @property
    def tiers(self) -> Tiers:
        """What breaking wishes costs here."""
        highest = self.highest_price
        wish = _WISH * highest if self.wish_price is None else self.wish_price
        return Tiers(wish, _LIMIT * highest, _UNSERVED * highest, _UNSERVED_CRITICAL * highest)
