"""A battery: what it holds, what it can do, and what using it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.problem_error import (
    MOST_ENERGY_WH,
    MOST_POWER_W,
    MOST_PRICE,
    ProblemError,
    length,
    name,
    number,
    series,
)

if TYPE_CHECKING:
    from optimizer.horizon import Horizon, Window


@dataclass(frozen=True, slots=True)
class Taper:
    """Charging power that falls as the battery fills, in a straight line.

    :ivar from_wh: stored energy from which on it falls
    :ivar to_w: charging power that is left when the battery is full
    """

    from_wh: float
    to_w: float


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery. Energies are what is stored, powers what passes its AC terminals, as magnitudes.

    :ivar capacity_wh: energy when full
    :ivar stored_wh: energy now
    :ivar charge_w: most that it charges with
    :ivar discharge_w: most that it discharges with
    :ivar minimum_wh: it is not discharged below; when it holds less now, the plan fills it first
    :ivar maximum_wh: it is not charged above, None for the capacity; when it holds more now, that may stay
    :ivar charge_efficiency: share of what it draws that is stored
    :ivar discharge_efficiency: share of what leaves the store that comes out
    :ivar self_discharge: share of the stored energy lost in an hour
    :ivar wear: cost of a kWh that goes in and out again: price over cycles times usable kWh
    :ivar reserve_wh: wished to be kept at each step's end, one value a step or one for all
    :ivar reserve_price: what a kWh of missing reserve costs for an hour; None for the problem's
    :ivar dwell_above_wh: stored energy above which ageing costs, None for nowhere
    :ivar dwell_price: what a kWh above that costs for an hour
    :ivar terminal_value: worth of a kWh still stored when the horizon ends; None to have it worked out
    :ivar haste: what it costs that a kWh comes out an hour later
    :ivar taper: how charging slows down; None for not at all
    :ivar grid_charging: it may charge from the grid; else all such batteries together charge with no more
        than what the sun leaves over from the base load
    :ivar feed_in: what it holds may be sold to the grid
    :ivar available: when it can be used (a vehicle that feeds the home); None for always
    :ivar idle: a time in which it neither charges nor discharges, though it could in an outage; None for none
    :ivar backs_up: it can feed the home in an outage
    :raises ProblemError: a value is absurd
    """

    name: str
    capacity_wh: float
    stored_wh: float
    charge_w: float
    discharge_w: float
    minimum_wh: float = 0.0
    maximum_wh: float | None = None
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    self_discharge: float = 0.0
    wear: float = 0.0
    reserve_wh: float | tuple[float, ...] = 0.0
    reserve_price: float | None = None
    dwell_above_wh: float | None = None
    dwell_price: float = 0.0
    terminal_value: float | None = None
    haste: float = 0.0
    taper: Taper | None = None
    grid_charging: bool = True
    feed_in: bool = True
    available: tuple[Window, ...] | None = None
    backs_up: bool = True
    idle: Window | None = None

    def __post_init__(self) -> None:
        name("a battery", self.name)
        who = repr(self.name)
        number(f"the capacity of {who}", self.capacity_wh, 0.0, MOST_ENERGY_WH)
        number(f"the energy in {who}", self.stored_wh, 0.0, self.capacity_wh)
        number(f"the minimum of {who}", self.minimum_wh, 0.0, self.capacity_wh)
        number(f"the maximum of {who}", self.most_wh, self.minimum_wh, self.capacity_wh)
        number(f"the charging power of {who}", self.charge_w, 0.0, MOST_POWER_W)
        number(f"the discharging power of {who}", self.discharge_w, 0.0, MOST_POWER_W)
        number(f"the charging efficiency of {who}", self.charge_efficiency, 0.01, 1.0)
        number(f"the discharging efficiency of {who}", self.discharge_efficiency, 0.01, 1.0)
        number(f"the self-discharge of {who}", self.self_discharge, 0.0, 0.5)
        number(f"the wear of {who}", self.wear, 0.0, MOST_PRICE)
        number(f"the price of dwelling high of {who}", self.dwell_price, 0.0, MOST_PRICE)
        if self.dwell_above_wh is not None:
            number(f"the dwelling height of {who}", self.dwell_above_wh, 0.0, self.capacity_wh)
        if self.terminal_value is not None:
            number(f"the terminal value of {who}", self.terminal_value, -MOST_PRICE, MOST_PRICE)
        number(f"the haste of {who}", self.haste, 0.0, MOST_PRICE)
        if self.reserve_price is not None:
            number(f"the price of the reserve of {who}", self.reserve_price, 0.0, MOST_PRICE**2)
        self._check_reserve()
        self._check_taper()
        if self.available is not None:
            object.__setattr__(self, "available", tuple(self.available))

    def _check_reserve(self) -> None:
        what = f"the reserve of {self.name!r}"
        if isinstance(self.reserve_wh, int | float):
            number(what, self.reserve_wh, 0.0, MOST_ENERGY_WH)
        else:
            object.__setattr__(self, "reserve_wh", series(what, self.reserve_wh, 0.0, MOST_ENERGY_WH))

    def _check_taper(self) -> None:
        if self.taper is not None:
            number(f"the start of the taper of {self.name!r}", self.taper.from_wh, 0.0, self.capacity_wh)
            number(f"the end of the taper of {self.name!r}", self.taper.to_w, 0.0, self.charge_w)
            if self.taper.from_wh >= self.capacity_wh:
                raise ProblemError(f"the taper of {self.name!r} starts where it ends")

    @property
    def most_wh(self) -> float:
        """It is not charged above."""
        return self.capacity_wh if self.maximum_wh is None else self.maximum_wh

    def reserve(self, horizon: Horizon) -> tuple[float, ...]:
        """Return the wished reserve of each step, in Wh."""
        values = self.reserve_wh
        return horizon.constant(values) if isinstance(values, int | float) else values

    def check(self, horizon: Horizon) -> None:
        """Raise ProblemError when there is not one value a step."""
        if not isinstance(self.reserve_wh, int | float):
            length(f"the reserve of {self.name!r}", self.reserve_wh, len(horizon))
