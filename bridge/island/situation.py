"""What is known of the home at one instant, as far as an island needs it.

Powers are in W, import and charging positive; times are seconds of one clock, whichever it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CRITICAL = 9
"""Priority of the loads that go last."""


@dataclass(frozen=True, slots=True)
class Store:
    """A battery that answers.

    :ivar time: when it was read
    :ivar soc_percent: state of charge
    :ivar power_w: now, charging positive
    :ivar charge_w: most that it charges with; `discharge_w` the same, a magnitude
    :ivar dark: it supplies nobody: it is off, or there is no voltage at its terminals
    """

    key: str
    time: float
    soc_percent: float
    capacity_wh: float
    power_w: float
    charge_w: float
    discharge_w: float
    dark: bool = False


@dataclass(frozen=True, slots=True)
class Currents:
    """What a charging point can offer a car, in whole amperes per phase.

    :ivar ampere_w: what an ampere is in watts: voltage times phases
    """

    ampere_w: float
    least_a: int
    most_a: int

    @property
    def least_w(self) -> float:
        """What a car takes at least, if it takes anything."""
        return self.least_a * self.ampere_w


@dataclass(frozen=True, slots=True)
class Load:
    """A load or a charging point that can be switched off.

    :ivar priority: 0 is the first to go, 9 is critical
    :ivar power_w: what it takes now; None when nobody knows
    :ivar expected_w: what it takes when it runs, as far as is known
    :ivar on: whether it is switched on; None when nobody knows
    :ivar currents: what a charging point can offer that takes a current; None of anything else
    """

    key: str
    priority: int
    power_w: float | None
    expected_w: float
    on: bool | None = True
    currents: Currents | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A producer that answers.

    :ivar power_w: negative while it produces
    :ivar rated_w: its rating
    :ivar limitable: whether it can be told how much it may produce
    """

    key: str
    power_w: float
    rated_w: float
    limitable: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """The home.

    :ivar now: the time
    :ivar lost_at: when the grid went
    :ivar import_w: what the home drew from the grid when it was last there, for as long as no battery was
        read since; 0 then
    :ivar export_w: what a meter at the supply says that goes out although the grid is gone
    :ivar frequency_off_hz: how far the island's frequency is above the nominal one; None when nobody knows
    """

    now: float
    lost_at: float
    stores: tuple[Store, ...] = ()
    loads: tuple[Load, ...] = ()
    sources: tuple[Source, ...] = ()
    import_w: float = 0.0
    export_w: float = 0.0
    frequency_off_hz: float | None = None

    @property
    def capacity_wh(self) -> float:
        """What all batteries hold when full."""
        return math.fsum(store.capacity_wh for store in self.stores)

    @property
    def soc_percent(self) -> float | None:
        """State of charge of all batteries together; None when none answers."""
        if not self.stores:
            return None
        return math.fsum(each.soc_percent * each.capacity_wh for each in self.stores) / self.capacity_wh

    @property
    def read_at(self) -> float:
        """When the battery was read that was read longest ago; -inf when none answers."""
        return min((store.time for store in self.stores), default=-math.inf)

    @property
    def storage_w(self) -> float:
        """What the batteries take, negative while they give."""
        return math.fsum(store.power_w for store in self.stores)

    @property
    def carried_w(self) -> float:
        """What the batteries carry, or will as soon as they notice: negative while they charge."""
        return self.import_w - self.storage_w

    @property
    def solar_w(self) -> float:
        """What the sun gives, as a magnitude."""
        return -math.fsum(source.power_w for source in self.sources)

    @property
    def load_w(self) -> float:
        """What the home uses."""
        return self.carried_w + self.solar_w

    @property
    def dark(self) -> bool:
        """Whether no battery supplies anybody, although one could be asked."""
        return bool(self.stores) and all(store.dark for store in self.stores)

    def discharge_w(self, floor_percent: float) -> float:
        """Return what the batteries can give that are above a state of charge."""
        return math.fsum(each.discharge_w for each in self.stores if each.soc_percent > floor_percent)

    def above_wh(self, percent: float) -> float:
        """Return the energy above a state of charge, 0 below it."""
        soc = self.soc_percent
        return 0.0 if soc is None else max(0.0, (soc - percent) / 100 * self.capacity_wh)
