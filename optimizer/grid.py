"""What the grid asks and allows: prices, limits, demand charges, outages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optimizer.problem_error import MOST_POWER_W, MOST_PRICE, ProblemError, length, name, number, series

if TYPE_CHECKING:
    from optimizer.horizon import Horizon, Window


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """A price on the highest import power within a window.

    :ivar price: for each kW of the highest import
    :ivar reached_w: highest import of the accounting period so far; only what exceeds it costs anew
    :ivar further: windows in which it counts, too, such as the same hours of other days
    :raises ProblemError: price or power are absurd
    """

    name: str
    window: Window
    price: float
    reached_w: float = 0.0
    further: tuple[Window, ...] = ()

    @property
    def windows(self) -> tuple[Window, ...]:
        """All windows in which it counts; they do not overlap."""
        return (self.window, *self.further)

    def __post_init__(self) -> None:
        name("a demand charge", self.name)
        number(f"the price of demand charge {self.name!r}", self.price, 0.0, MOST_PRICE)
        number(f"the reached peak of demand charge {self.name!r}", self.reached_w, 0.0, MOST_POWER_W)


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid over a horizon, one value a step.

    :ivar import_price: per kWh drawn; may be negative
    :ivar export_price: per kWh fed in; negative when feeding in costs
    :ivar import_cap_w: most that may be drawn, None for no cap; a magnitude. Base load may exceed it, since
        nothing can be done about that, and the plan then names the violation
    :ivar export_cap_w: most that may be fed in, None for no cap; a magnitude
    :ivar feed_in: whether anything may be fed in at all
    :ivar connected: False for the steps of an outage, None when there is none
    :ivar co2_kg_per_kwh: emissions of what is drawn
    :ivar demand_charges: prices on the highest import
    :ivar currency: in what the prices are, for the reasons' sentences
    :raises ProblemError: a value is absurd
    """

    import_price: tuple[float, ...]
    export_price: tuple[float, ...]
    import_cap_w: tuple[float, ...] | None = None
    export_cap_w: tuple[float, ...] | None = None
    feed_in: bool = True
    connected: tuple[bool, ...] | None = None
    co2_kg_per_kwh: tuple[float, ...] | None = None
    demand_charges: tuple[DemandCharge, ...] = field(default=())
    currency: str = "EUR"

    def __post_init__(self) -> None:
        put = object.__setattr__
        for what in ("import_price", "export_price"):
            label = what.replace("_", " ")
            put(self, what, series(f"the {label}", getattr(self, what), -MOST_PRICE, MOST_PRICE))
        for what in ("import_cap_w", "export_cap_w"):
            if getattr(self, what) is not None:
                label = what.removesuffix("_w").replace("_", " ")
                put(self, what, series(f"the {label}", getattr(self, what), 0.0, MOST_POWER_W))
        if self.co2_kg_per_kwh is not None:
            put(self, "co2_kg_per_kwh", series("the CO2 intensity", self.co2_kg_per_kwh, 0.0, 100.0))
        if self.connected is not None:
            put(self, "connected", tuple(bool(each) for each in self.connected))
        put(self, "demand_charges", tuple(self.demand_charges))
        names = [each.name for each in self.demand_charges]
        if len(set(names)) != len(names):
            raise ProblemError("two demand charges have the same name")

    def check(self, horizon: Horizon) -> None:
        """Raise ProblemError when there is not one value a step."""
        count = len(horizon)
        length("the import price", self.import_price, count)
        length("the export price", self.export_price, count)
        for what in ("import_cap_w", "export_cap_w", "connected", "co2_kg_per_kwh"):
            values = getattr(self, what)
            if values is not None:
                length(f"the grid's {what}", values, count)
