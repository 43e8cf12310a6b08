"""A car, and the days of those who drive it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

LOCAL = timedelta(hours=1)
"""From UTC to the clock that people live by."""


@dataclass(frozen=True, slots=True)
class Trip:
    """When the car is away on a day, in hours of the local clock, and what that takes from its battery."""

    leaves: float
    returns: float
    uses_wh: float

    def away(self, hour: float) -> bool:
        """Tell whether the car is away at an hour."""
        return self.leaves <= hour < self.returns


def trip_on(day: date, random: Random) -> Trip:
    """Draw a day: to work and back from Monday to Friday, and somewhere on most other days."""
    # The same four draws on every day keep the sequence the same for a seed.
    early, late, far, whether = (random.gauss(0, 1), random.gauss(0, 1), random.random(), random.random())
    if day.weekday() < 5:
        return Trip(7.5 + 0.3 * early, 17.4 + 0.5 * late, 5_000 + 8_000 * far)
    if whether < 0.6:
        return Trip(min(10.5 + early, 12.5), max(15.5 + 1.5 * late, 13.0), 3_000 + 20_000 * far)
    return Trip(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Car:
    """A car with a battery, and an on-board charger for three phases."""

    random: Random
    level_wh: float = 0.0
    """In the battery."""
    plugged: bool = False
    by_hand: bool = False
    """Somebody else than its drivers has plugged or unplugged it, and will again."""
    _day: date = date.min
    _trip: Trip = field(default_factory=lambda: Trip(0, 0, 0))
    _away: bool = False

    CAPACITY_WH = 58_000.0
    MAX_A = 16.0
    LEAST_A = 6.0
    """With less on offer it does not charge (IEC 61851-1)."""
    EFFICIENCY = 0.92
    TAPER = 0.95
    """Above this share of its capacity the battery lets less and less in."""

    def __post_init__(self) -> None:
        self.level_wh = self.CAPACITY_WH * self.random.uniform(0.5, 0.8)

    @property
    def needs_wh(self) -> float:
        """What is missing in the battery."""
        return self.CAPACITY_WH - self.level_wh

    def live(self, now: datetime) -> None:
        """Come and go as people do."""
        local = now + LOCAL
        started = self._day == date.min
        if local.date() != self._day:
            self._day, self._trip = local.date(), trip_on(local.date(), self.random)
        away = self._trip.away(local.hour + local.minute / 60 + local.second / 3600)
        if away and not self._away:
            self.level_wh = max(0.1 * self.CAPACITY_WH, self.level_wh - self._trip.uses_wh)
        if not self.by_hand and (away != self._away or started):
            self.plugged = not away
        self._away = away

    def take(self, plugged: bool, needs_wh: float | None) -> None:  # noqa: FBT001 - in or out is what it is told
        """Be plugged or unplugged by hand, in need of so much. Raise ValueError beyond its capacity."""
        if needs_wh is not None:
            if not 0 <= needs_wh <= self.CAPACITY_WH:
                raise ValueError(f"a car needs 0 to {self.CAPACITY_WH:.0f} Wh, not {needs_wh}")
            self.level_wh = self.CAPACITY_WH - needs_wh
        self.plugged, self.by_hand = plugged, True

    def draws_a(self, offered_a: float, voltage_v: float, phases: int) -> float:
        """Return the current that it takes on each of some phases."""
        if not self.plugged or offered_a < self.LEAST_A or self.needs_wh <= 0:
            return 0.0
        share = max(0.08, (1 - self.level_wh / self.CAPACITY_WH) / (1 - self.TAPER))
        most_w = self.MAX_A * 230 * 3 * min(1.0, share)
        return min(offered_a, self.MAX_A, most_w / (voltage_v * phases))

    def charge(self, energy_wh: float) -> None:
        """Put energy in, as the charging point counts it."""
        self.level_wh = min(self.CAPACITY_WH, self.level_wh + energy_wh * self.EFFICIENCY)
