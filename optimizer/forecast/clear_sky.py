"""Where the sun stands, and what it gives through a clear sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.problem_error import number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from optimizer.formulation.program import Floats

_J1970: Final = 2_440_587.5 - 2_451_545.0
"""1 January 1970 in days since noon of 1 January 2000."""
_SAMPLE_S: Final = 300


@dataclass(frozen=True, slots=True)
class Site:
    """A place on Earth.

    :ivar latitude: degrees, north positive
    :ivar longitude: degrees, east positive
    :raises ProblemError: there is no such place
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        number("the latitude", self.latitude, -90.0, 90.0)
        number("the longitude", self.longitude, -180.0, 180.0)


def elevation(site: Site, times_s: ArrayLike) -> Floats:
    """Return how high the centre of the sun stands, in radians, without refraction.

    The low-precision formulae of the Astronomical Almanac, good to 0.01 degrees from 1950 to 2050 (Michalsky,
    The Astronomical Almanac's algorithm for approximate solar position, Solar Energy 40, 1988).

    :param times_s: seconds since 1970
    """
    days = np.asarray(times_s, float) / 86_400 + _J1970
    mean_longitude = np.radians(280.460 + 0.985_647_4 * days)
    anomaly = np.radians(357.528 + 0.985_600_3 * days)
    longitude = mean_longitude + np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 0.000_000_4 * days)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    # Greenwich sidereal time at noon of 1 January 2000 was 18.697 375 h; it gains 3.94 min a day on the sun.
    sidereal = np.radians(15 * (18.697_375 + 24.065_709_824_2 * days) + site.longitude)
    latitude = np.radians(site.latitude)
    height: Floats = np.arcsin(
        np.sin(declination) * np.sin(latitude)
        + np.cos(declination) * np.cos(latitude) * np.cos(sidereal - ascension)
    )
    return height


def irradiance(height: Floats) -> Floats:
    """Return global horizontal irradiance under a clear sky, in W/m2.

    Haurwitz (Journal of Meteorology 2, 1945): the elevation is all that it needs to know.
    """
    upright = np.sin(height)
    seen = upright > 1e-3
    shown: Floats = np.where(seen, 1098 * upright * np.exp(-0.059 / np.where(seen, upright, 1.0)), 0.0)
    return shown


def clear_sky(site: Site, times_s: ArrayLike, step_s: int) -> Floats:
    """Return the mean clear-sky irradiance of intervals, in W/m2.

    :param times_s: when each begins, in seconds since 1970
    :param step_s: how long each is
    """
    count = max(step_s // _SAMPLE_S, 1)
    middles = (np.arange(count) + 0.5) * step_s / count
    times = np.asarray(times_s, float)
    mean: Floats = irradiance(elevation(site, times[:, None] + middles)).mean(axis=1)
    return mean
