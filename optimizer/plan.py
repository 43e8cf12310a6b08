"""The answer to a planning problem: what every part does in every step, what it costs, and why.

Powers are means over a step, in W, at the part's AC terminals: into the part positive, out of it negative;
`grid_w` is positive while the home draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from optimizer.horizon import Horizon
    from optimizer.reason import Reason


class BatteryMode(StrEnum):
    """What a battery is told for a step, in a word; the band of powers says it in full."""

    BALANCE = "balance"
    """Store what is left over and cover what is missing."""
    STORE = "store"
    """Store what is left over, cover nothing: energy is worth more later."""
    COVER = "cover"
    """Cover what is missing, store nothing: what is left over is better sold."""
    HOLD = "hold"
    """Neither."""
    CHARGE = "charge"
    """Charge, from the grid as well."""
    DISCHARGE = "discharge"
    """Discharge, into the grid as well."""


@dataclass(frozen=True, slots=True)
class Band:
    """What a battery is told for a step, so that it does right also when load and sun are not as forecast.

    It keeps the meter at zero as well as it can with a power in this band, charging positive. Vehicles and
    loads that batteries must not feed are left out of what the meter says.
    """

    mode: BatteryMode
    lowest_w: float
    highest_w: float


class Wish(StrEnum):
    """What can be wished and be broken."""

    IMPORT_CAP = "import_cap"
    EXPORT_CAP = "export_cap"
    SUN_UNUSED = "sun_unused"
    """Production that nobody took and that cannot be curtailed."""
    LOAD = "load"
    """Load that is not served in an outage."""
    CRITICAL_LOAD = "critical_load"
    BATTERY_MINIMUM = "battery_minimum"
    RESERVE = "reserve"
    SURVIVAL = "survival"
    """Living through an outage for the wished time."""
    ENERGY = "energy"
    """Energy by a deadline."""
    RUN = "run"
    """A run of a machine."""
    COMFORT = "comfort"


@dataclass(frozen=True, slots=True)
class Violation:
    """A wish that the plan breaks, because it must.

    :ivar name: of the part; empty for the home
    :ivar amount: by how much, in `unit`; at the worst step where it is broken in several
    :ivar when: the first step in which it is broken begins then
    :ivar sentence: the same in English
    """

    wish: Wish
    name: str
    amount: float
    unit: str
    when: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Costs:
    """What the plan costs, by cause. Costs positive, income and worth negative.

    :ivar energy: drawing energy
    :ivar feed_in: selling energy
    :ivar demand: what the highest import adds to the demand charges
    :ivar wear: of the batteries
    :ivar dwell: of standing at high charge
    :ivar co2: emissions, at the problem's price
    :ivar terminal: minus the worth of what is stored at the end
    :ivar worth: minus the worth of the energy in vehicles
    :ivar risk: of load lost in outages
    :ivar change: departing from the previous plan
    :ivar wishes: broken wishes
    :ivar order: amounts that put equals in an order: what can be done sooner is done sooner; haste
    """

    energy: float = 0.0
    feed_in: float = 0.0
    demand: float = 0.0
    wear: float = 0.0
    dwell: float = 0.0
    co2: float = 0.0
    terminal: float = 0.0
    worth: float = 0.0
    risk: float = 0.0
    change: float = 0.0
    wishes: float = 0.0
    order: float = 0.0

    @property
    def bill(self) -> float:
        """What the supplier will ask."""
        return self.energy + self.feed_in + self.demand

    @property
    def total(self) -> float:
        """What the plan makes smallest."""
        return (
            self.bill + self.wear + self.dwell + self.co2 + self.terminal + self.worth
            + self.risk + self.change + self.wishes + self.order
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedBattery:
    """What a battery does.

    :ivar power_w: charging positive
    :ivar stored_wh: at the end of each step
    :ivar value: what a kWh more in the store would be worth in each step
    """

    name: str
    power_w: tuple[float, ...]
    stored_wh: tuple[float, ...]
    bands: tuple[Band, ...]
    value: tuple[float, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """What a vehicle, a load that can wait or a thermal store does.

    :ivar starts: when a shiftable load starts, None when it does not or is none
    :ivar temperature_c: of a thermal store at the end of each step
    """

    name: str
    power_w: tuple[float, ...]
    reasons: tuple[Reason, ...]
    starts: datetime | None = None
    temperature_c: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """How the home would live through an outage, on the cautious forecast of the sun.

    :ivar hours: how long it would last if the grid failed at the beginning of each step; what lasts beyond
        the horizon counts to its end
    :ivar need_wh: stored energy that lasting for the wished time takes, one value a step; infinite where no
        battery is large or strong enough
    :ivar longest_h: the longest time that full batteries could last from each step on
    """

    hours: tuple[float, ...]
    need_wh: tuple[float, ...]
    longest_h: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hedged:
    """What all batteries together are told for the first hour, as load and sun may differ from the forecast.

    :ivar lowest_w: of their band
    :ivar highest_w: of their band
    :ivar worth: what a kWh stored after that hour is worth on average
    :ivar gain: what this band costs less on average than the one that takes the forecast for certain
    """

    lowest_w: float
    highest_w: float
    worth: float
    gain: float


@dataclass(frozen=True, slots=True)
class Solved:
    """How the plan was found.

    :ivar seconds: it took, formulation and reasons included
    :ivar solver_s: of these in the solver
    :ivar rounds: linear or integer programs that were solved
    :ivar columns: variables of the last one
    :ivar binaries: of these that are yes or no
    :ivar grid_overlaps: steps that draw and feed in at once; none in an exact plan
    :ivar battery_overlaps: steps in which a battery charges and discharges at once; none in an exact plan
    :ivar gap: how far the plan may be from the best, relative to its cost; 0 when it is proved to be the best
    :ivar exact: no overlap, every lowest power kept, and the gap within what was asked for
    """

    seconds: float
    solver_s: float
    rounds: int
    columns: int
    binaries: int
    grid_overlaps: int
    battery_overlaps: int
    gap: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What every part does in every step.

    :ivar grid_w: drawing positive, feeding in negative
    :ivar solar_w: what the panels give, negative
    :ivar curtailed_w: what they could give more, a magnitude
    :ivar unserved_w: load that is not served in an outage
    :ivar energy_value: what a kWh more of load would cost in each step
    :ivar hedged: None when the problem does not say how far load and sun may differ from the forecast, or
        when hedging does not apply: an outage is among the next two days, or no battery is always there
    :ivar backup: None when no battery can feed the home in an outage, or nobody asked
    """

    horizon: Horizon
    grid_w: tuple[float, ...]
    solar_w: tuple[float, ...]
    curtailed_w: tuple[float, ...]
    unserved_w: tuple[float, ...]
    energy_value: tuple[float, ...]
    batteries: tuple[PlannedBattery, ...]
    loads: tuple[PlannedLoad, ...]
    solar_reasons: tuple[Reason, ...]
    costs: Costs
    violations: tuple[Violation, ...]
    backup: Backup | None
    solved: Solved
    hedged: Hedged | None = None

    def said(self) -> dict[str, tuple[float, ...]]:
        """Return the power of each battery and load by its name, one value a step."""
        batteries = {each.name: each.power_w for each in self.batteries}
        return batteries | {each.name: each.power_w for each in self.loads}

    def battery(self, name: str) -> PlannedBattery:
        """Return what a battery does. Raise KeyError when there is none of that name."""
        for each in self.batteries:
            if each.name == name:
                return each
        raise KeyError(name)

    def load(self, name: str) -> PlannedLoad:
        """Return what a load does. Raise KeyError when there is none of that name."""
        for each in self.loads:
            if each.name == name:
                return each
        raise KeyError(name)
