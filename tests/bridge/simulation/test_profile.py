"""A made-up home is one that could be, and the same for the same seed."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bridge.simulation.profile import STEP_S, made_up
from optimizer.forecast.clear_sky import Site

BERLIN, SYDNEY = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Sydney")
MUNICH, BONDI = Site(48.1, 11.6), Site(-33.9, 151.3)


def home(start=datetime(2025, 1, 1, tzinfo=BERLIN), days=10, site=MUNICH, *, kwp=1.0, kwh=4000.0, seed=1):
    return made_up(start, days, site, solar_kwp=kwp, kwh_per_year=kwh, seed=seed)


@pytest.fixture(scope="module")
def year():
    return home(days=365)


def by_day(row):
    return row.reshape(-1, 86_400 // STEP_S).sum(axis=1) * STEP_S / 3600 / 1000


def test_the_same_seed_is_the_same_home_and_another_one_is_another():
    assert (home().load_w == home().load_w).all()
    assert (home().sun_w == home().sun_w).all()
    assert (home().load_w != home(seed=2).load_w).any()
    assert (home().sun_w != home(seed=2).sun_w).any()


def test_a_year_has_the_energy_that_was_asked_for(year):
    assert by_day(year.load_w).sum() == pytest.approx(4000, rel=0.01)
    assert 850 < by_day(year.sun_w).sum() < 1300, "a kilowatt of panels in Munich"
    assert home(kwh=0).load_w.max() == 0
    assert home(kwp=0).sun_w.max() == 0
    assert home(kwp=3).sun_w == pytest.approx(3 * home().sun_w)


def test_a_part_of_a_year_has_the_share_of_its_season(year):
    january = home(days=31)
    assert by_day(january.load_w).sum() == pytest.approx(by_day(year.load_w)[:31].sum(), rel=0.1)
    assert by_day(january.load_w).sum() > 4000 / 12


def test_summer_is_bright_and_days_are_dull_or_clear(year):
    light = by_day(year.sun_w)
    june, december = light[151:181], light[334:365]
    assert june.mean() > 2 * december.mean()
    assert june.min() < 0.5 * june.max()


def test_there_is_no_sun_at_night_and_most_of_it_at_local_noon():
    summer = home(datetime(2025, 6, 10, tzinfo=BERLIN), days=10)
    mean = summer.sun_w.reshape(-1, 96).mean(axis=0)
    assert mean[:16].max() == 0
    assert 12 <= np.argmax(mean) / 4 <= 15, "13:13 by summer time"


def test_in_the_south_panels_look_north_and_winter_is_in_july():
    mean = {month: home(datetime(2025, month, 1, tzinfo=SYDNEY), 20, BONDI) for month in (1, 7)}
    assert by_day(mean[1].sun_w).mean() > by_day(mean[7].sun_w).mean() > 1.0
    assert mean[7].load_w.mean() > mean[1].load_w.mean()


def test_people_live_by_their_clocks_also_when_these_are_moved():
    """In both seasons the evening is busy, by the clock on the wall."""
    for month in (1, 7):
        begin = datetime(2025, month, 1, tzinfo=BERLIN)
        load = home(begin, 28).load_w.reshape(-1, 96).mean(axis=0)
        assert load[17 * 4 : 21 * 4].mean() > 1.5 * load[1 * 4 : 5 * 4].mean()


def test_a_profile_can_be_cut_and_scaled():
    whole = home()
    assert len(whole.first(3)) == 3 * 96
    assert whole.first(3).start == whole.start
    assert len(whole.first(99)) == len(whole)
    twice = whole.scaled(kwh_per_year=2 * whole.load_w.mean() * 8.766)
    assert twice.load_w == pytest.approx(2 * whole.load_w)
    assert whole.days == timedelta(seconds=len(whole) * whole.step_s) / timedelta(days=1)
