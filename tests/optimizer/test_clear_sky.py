"""The sun's place and a clear sky against what is published."""

from datetime import UTC, datetime

import numpy as np
import pytest

from optimizer.forecast.clear_sky import Site, clear_sky, elevation, irradiance
from optimizer.problem_error import ProblemError


def test_the_elevation_is_that_of_the_solar_position_algorithm_s_worked_example():
    """Reda and Andreas (NREL/TP-560-34302, table A5.1): 39.872 degrees before refraction."""
    golden = Site(39.742476, -105.1786)
    when = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC).timestamp()
    assert np.degrees(elevation(golden, when)) == pytest.approx(39.872, abs=0.02)


@pytest.mark.parametrize(
    ("when", "latitude", "height"),
    [
        (datetime(2027, 6, 21, 12, 2, tzinfo=UTC), 51.48, 61.96),  # 90 - latitude + 23.44
        (datetime(2027, 12, 22, 11, 58, tzinfo=UTC), 51.48, 15.08),
        (datetime(2027, 3, 20, 12, 7, tzinfo=UTC), 0.0, 89.9),
    ],
)
def test_noon_stands_as_high_as_the_solstices_and_the_equinox_say(when, latitude, height):
    assert np.degrees(elevation(Site(latitude, 0.0), when.timestamp())) == pytest.approx(height, abs=0.15)


def test_the_day_in_the_far_north_has_no_night_in_june_and_no_noon_in_december():
    times = datetime(2027, 6, 21, tzinfo=UTC).timestamp() + 3600 * np.arange(24)
    assert (elevation(Site(70.0, 25.0), times) > 0).all()
    assert (elevation(Site(70.0, 25.0), times + 183 * 86_400) < 0).all()


def test_clear_sky_irradiance_is_haurwitz_s():
    """1098 cos(z) exp(-0.059 / cos(z)): 1035 W/m2 with the sun overhead, 488 at 30 degrees, none at night."""
    heights = np.radians([90.0, 30.0, -5.0])
    assert irradiance(heights) == pytest.approx([1035.1, 487.9, 0.0], abs=0.1)


def test_means_of_intervals_add_up_to_the_day():
    site = Site(34.1, -117.4)
    start = datetime(2027, 6, 1, tzinfo=UTC).timestamp()
    hourly = clear_sky(site, start + 3600 * np.arange(24), 3600)
    quarterly = clear_sky(site, start + 900 * np.arange(96), 900)
    assert hourly.sum() == pytest.approx(quarterly.sum() / 4)
    assert 8000 < hourly.sum() < 9000


def test_there_is_no_such_place():
    with pytest.raises(ProblemError, match="the latitude is 91"):
        Site(91, 0)
