from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.planner.question import steps_from
from bridge.planner.settings import PriceWindowSettings, TariffSettings
from bridge.planner.tariff import Tariff
from bridge.planner.window import minutes

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = PriceWindowSettings(start="22:00", end="06:00", import_price=0.12)
WEEKEND = PriceWindowSettings(start="00:00", end="24:00", import_price=0.20, days=("sat", "sun"))


def tariff(*windows, zone=BERLIN, **more):
    found = Tariff.of(TariffSettings(import_price=0.35, export_price=0.08, windows=windows, **more), zone)
    assert found is not None
    return found


def price(found, *local):
    return found.at(datetime(*local, tzinfo=BERLIN).timestamp())[0]


def test_without_a_price_there_is_no_tariff():
    assert Tariff.of(TariffSettings(), BERLIN) is None


def test_a_flat_price_holds_at_any_time():
    assert tariff().over(1_782_000_000, (300, 900, 3600)) == ((0.35,) * 3, (0.08,) * 3)


def test_a_window_may_pass_midnight_and_ends_on_the_minute():
    found = tariff(NIGHT)
    assert price(found, 2026, 6, 22, 21, 59) == 0.35
    assert price(found, 2026, 6, 22, 22, 0) == 0.12
    assert price(found, 2026, 6, 23, 5, 59) == 0.12
    assert price(found, 2026, 6, 23, 6, 0) == 0.35


def test_days_are_those_on_which_a_window_begins():
    friday_night = PriceWindowSettings(start="22:00", end="06:00", import_price=0.05, days=("fri",))
    found = tariff(friday_night)
    assert price(found, 2026, 6, 26, 23, 0) == 0.05  # a Friday
    assert price(found, 2026, 6, 27, 5, 0) == 0.05
    assert price(found, 2026, 6, 26, 5, 0) == 0.35
    assert price(found, 2026, 6, 27, 23, 0) == 0.35


def test_the_first_window_that_holds_a_time_tells():
    assert price(tariff(WEEKEND, NIGHT), 2026, 6, 27, 23, 0) == 0.20
    assert price(tariff(NIGHT, WEEKEND), 2026, 6, 27, 23, 0) == 0.12


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 28), 7), ((2026, 10, 24), 9), ((2026, 6, 20), 8)])
def test_on_the_days_when_clocks_are_moved_the_night_is_an_hour_shorter_or_longer(day, hours):
    start = int(datetime(*day, 20, tzinfo=BERLIN).timestamp())
    drawing, _ = tariff(NIGHT).over(start, (900,) * 4 * 14)
    assert drawing.count(0.12) == 4 * hours


def test_a_step_across_a_change_has_the_mean_price():
    start = int(datetime(2026, 6, 22, 21, tzinfo=BERLIN).timestamp())
    half_past = PriceWindowSettings(start="21:30", end="23:00", import_price=0.15)
    (drawn,), (fed,) = tariff(half_past).over(start, (3600,))
    assert (drawn, fed) == (0.25, 0.08)


@pytest.mark.parametrize("text", ["24:01", "7", "07:60", "7 pm", ""])
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(ValueError, match="no time of day"):
        minutes(text)


@pytest.mark.parametrize("now", [1_782_000_000, 1_782_000_299.9, 1_782_003_541, 1_782_001_800])
def test_steps_are_short_first_and_follow_the_clock_later(now):
    start, steps = steps_from(now)
    assert start <= now < start + 300
    assert list(steps) == sorted(steps)
    assert set(steps) == {300, 900, 3600}
    time = start
    for seconds in steps:
        assert time % seconds == 0
        time += seconds
    assert 47 * 3600 <= time - start <= 48 * 3600
    assert len(steps) < 180
