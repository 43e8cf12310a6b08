"""What a home takes and what its panels could give, over months: measured somewhere, or made up."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import numpy as np

from hw.simulator.household import Household
from hw.simulator.physics import SolarInverter
from hw.simulator.weather import Clouds, sun_at

if TYPE_CHECKING:
    from optimizer.forecast.clear_sky import Site
    from optimizer.formulation.program import Floats

STEP_S: Final = 900
_FINE_S: Final = 180
"""Seconds over which nothing changes in a made-up home."""
_YEAR_H: Final = 8766.0
_TILT: Final = math.radians(30)
_SOILING: Final = 0.97
_RATIO: Final = 0.9
"""Rating of the inverter over the peak power of its panels, as they are usually sold."""
_DULLNESS: Final = (0.66, 0.12, 0.28, 0.5)
"""Share of a clear day's light: its mean, how far the seasons move it, its spread, and how much of it stays
for the next day."""
_CLEARNESS: Final = (0.12, 1.0)
_TEMPERATURE: Final = (9.0, 10.0, 5.0)
"""Of the air: mean of the year, and how far season and hour of the day move it, in degrees Celsius."""
_WARMEST_DAY: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Load and sun in equal steps.

    :ivar start: of the first step, in the home's time zone
    :ivar load_w: a magnitude, like all rows without gaps
    :ivar sun_w: what the panels could give, a magnitude
    :ivar import_price: per kWh, if what was recorded has prices of its own; else the tariff holds
    :ivar export_price: the same
    :ivar about: where it comes from, for a person
    """

    start: datetime
    step_s: int
    load_w: Floats
    sun_w: Floats
    about: str
    import_price: Floats | None = None
    export_price: Floats | None = None

    def __len__(self) -> int:
        return len(self.load_w)

    @property
    def hours(self) -> float:
        """How long a step is."""
        return self.step_s / 3600

    @property
    def days(self) -> float:
        """How long it is."""
        return len(self) * self.step_s / 86_400

    def first(self, days: int) -> Profile:
        """Return the first days, or all if there are no more."""
        last = days * 86_400 // self.step_s
        return replace(
            self,
            load_w=self.load_w[:last],
            sun_w=self.sun_w[:last],
            import_price=None if self.import_price is None else self.import_price[:last],
            export_price=None if self.export_price is None else self.export_price[:last],
        )

    def scaled(self, *, kwh_per_year: float | None = None) -> Profile:
        """Return a home that takes so much in a year, in the same way."""
        if kwh_per_year is None:
            return self
        mean_w = float(self.load_w.mean())
        factor = kwh_per_year * 1000 / _YEAR_H / mean_w if mean_w > 0 else 0.0
        return replace(self, load_w=self.load_w * factor)


def made_up(
    start: datetime, days: int, site: Site, *, solar_kwp: float, kwh_per_year: float, seed: int
) -> Profile:
    """Return a home that is not there: the simulator's household and panels, under days of every kind.

    The household has the seasons of the standard profile H0 (VDEW, 1999); days are clear or dull as the days
    before were and as the season is. The same seed gives the same home.

    :param start: midnight in the home's time zone
    :param solar_kwp: peak power of the panels, which face the equator
    :param kwh_per_year: what the home takes in a year of average days
    """
    steps = days * 86_400 // STEP_S
    load = _load(start, steps, seed)
    usual_w = float(load.mean())
    # A year has as many days of each season: what a part of it takes follows from that.
    half = 0 if site.latitude >= 0 else 183
    seasons = [_season((_day(start, day) + half) % 366) for day in range(days)]
    usual = sum(_season(day) for day in range(1, 366)) / 365
    load *= np.repeat(seasons, 86_400 // STEP_S) / usual
    load *= kwh_per_year * 1000 / _YEAR_H / usual_w
    sun = _sun(start, steps, site, seed) * solar_kwp
    about = f"a made-up home, seed {seed}, with {kwh_per_year:.0f} kWh a year and {solar_kwp:g} kWp"
    return Profile(start, STEP_S, load, sun, about)


def _chance(seed: int, what: str) -> Random:
    return Random(f"{seed} {what}")  # noqa: S311 - a repeatable home is the point


def _day(start: datetime, later: int) -> int:
    """Return the day of the year, 1 to 366."""
    return (start.date() + timedelta(days=later)).timetuple().tm_yday


def _season(day: int) -> float:
    """Return how a household's load follows the year: the dynamic factor of the standard load profile H0."""
    return -3.92e-10 * day**4 + 3.2e-7 * day**3 - 7.02e-5 * day**2 + 2.1e-3 * day + 1.24


def _load(start: datetime, steps: int, seed: int) -> Floats:
    """Return what the simulator's household takes, in watts."""
    household = Household(_chance(seed, "household"))
    fine = STEP_S // _FINE_S
    begin, load = start.astimezone(UTC), np.empty(steps)
    for step in range(steps):
        local = (begin + timedelta(seconds=STEP_S * step)).astimezone(start.tzinfo)
        # The simulated household's clock is an hour ahead of what it is told.
        time = local.replace(tzinfo=UTC) - timedelta(hours=1)
        load[step] = sum(sum(household.step(time, _FINE_S)) for _ in range(fine)) / fine
    return load


def _sun(start: datetime, steps: int, site: Site, seed: int) -> Floats:
    """Return what a kilowatt of panels gives, in watts."""
    clouds, days = Clouds(_chance(seed, "clouds")), _chance(seed, "days")
    panels = SolarInverter(
        rated_w=1000 * _RATIO,
        panel_w=1000.0,
        strings=0,
        tilt=_TILT,
        azimuth=0.0 if site.latitude >= 0 else math.pi,
        soiling=_SOILING,
        energy_wh=0.0,
    )
    mean, seasonal, spread, stays = _DULLNESS
    swing = math.copysign(1.0, site.latitude)
    begin, fine = start.astimezone(UTC), STEP_S // _FINE_S
    sun, mood, today, clearness = np.zeros(steps), 0.0, None, 1.0
    for step in range(steps):
        time = begin + timedelta(seconds=STEP_S * step)
        summer = swing * math.cos(2 * math.pi * (time.timetuple().tm_yday - _WARMEST_DAY) / 365)
        if time.date() != today:
            today = time.date()
            mood = stays * mood + math.sqrt(1 - stays**2) * days.gauss(0.0, 1.0)
            clearness = min(max(mean + seasonal * summer + spread * mood, _CLEARNESS[0]), _CLEARNESS[1])
        above = sun_at(time + timedelta(seconds=STEP_S / 2), site.latitude, site.longitude)
        above = replace(above, clear_sky=above.clear_sky * clearness)
        usual, season, hour = _TEMPERATURE
        noon = math.cos(2 * math.pi * (time.hour + site.longitude / 15 - 14) / 24)
        air_c = usual + season * summer + hour * noon
        for _ in range(fine):
            through = clouds.step(_FINE_S)
            if above.clear_sky > 0:
                panels.step(_FINE_S, above, through, air_c)
                sun[step] -= panels.power_w / fine
    return sun
