"""Forecasts on recorded homes, and on homes that are simple enough to know the answer."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from optimizer_lab import recorded

from optimizer.forecast.anchoring import anchored
from optimizer.forecast.clear_sky import Site, clear_sky
from optimizer.forecast.forecast import Forecast
from optimizer.forecast.history import History, local_seconds
from optimizer.forecast.load_profile import Method, forecast_load
from optimizer.forecast.price_profile import forecast_price
from optimizer.forecast.score import score
from optimizer.forecast.solar_profile import forecast_solar
from optimizer.forecast.weather import Weather
from optimizer.horizon import Horizon
from optimizer.problem_error import ProblemError

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2027, 5, 3, tzinfo=UTC)
SITE = Site(48.0, 9.0)


def hours(start, count):
    return Horizon.uniform(start, 3600, count)


def days(count, profile):
    return History(MONDAY, 3600, np.tile(np.asarray(profile, float), count))


# ---------------------------------------------------------------- load


def test_a_home_that_is_the_same_every_day_is_forecast_as_it_is():
    profile = np.arange(24) * 10.0
    forecast = forecast_load(days(14, profile), hours(MONDAY + timedelta(days=14), 24), UTC)
    assert forecast.expected_w == pytest.approx(profile)
    assert forecast.low_w == pytest.approx(profile)
    assert forecast.high_w == pytest.approx(profile)


def test_weekends_are_forecast_from_weekends():
    week = np.concatenate([np.full(24, 500.0)] * 5 + [np.full(24, 2000.0)] * 2)
    history = History(MONDAY, 3600, np.tile(week, 4))
    forecast = forecast_load(history, hours(MONDAY + timedelta(days=28), 24 * 7), UTC)
    assert np.reshape(forecast.expected_w, (7, 24)).mean(axis=1) == pytest.approx(week[::24], rel=0.02)


def test_days_follow_the_clock_of_the_home_when_it_is_moved():
    """Someone cooks at noon, before and after the clocks go back on 31 October."""
    start = datetime(2027, 10, 4, tzinfo=BERLIN)
    times = History(start, 3600, np.zeros(24 * 35)).times_s
    noon = (local_seconds(times, BERLIN) % 86_400) == 12 * 3600
    history = History(start, 3600, np.where(noon, 3000.0, 100.0))
    horizon = hours(datetime(2027, 11, 4, tzinfo=BERLIN), 24)
    assert int(np.argmax(forecast_load(history, horizon, BERLIN).expected_w)) == 12


def test_a_median_leaves_bursts_out_and_a_mean_does_not():
    power = np.full(24 * 30, 300.0)
    power[12::72] = 3000.0
    history = History(MONDAY, 3600, power)
    horizon = hours(MONDAY + timedelta(days=30), 24)
    mean = forecast_load(history, horizon, UTC)
    median = forecast_load(history, horizon, UTC, method=Method.MEDIAN)
    assert mean.expected_w[12] > 600
    assert median.expected_w[12] == pytest.approx(300, rel=0.1)
    assert mean.high_w[12] >= 2500


def test_gaps_are_left_out_and_without_history_there_is_a_prior():
    profile = np.arange(24) * 10.0
    power = np.tile(profile, 14)
    power[::5] = np.nan
    horizon = hours(MONDAY + timedelta(days=14), 24)
    assert forecast_load(History(MONDAY, 3600, power), horizon, UTC).expected_w == pytest.approx(profile)
    empty = forecast_load(History.of(MONDAY, 3600, [None] * 48), horizon, UTC, prior_w=250)
    assert empty.expected_w == pytest.approx([250.0] * 24)
    assert forecast_load(History(MONDAY, 900, np.empty(0)), horizon, UTC).expected_w == pytest.approx(
        [400.0] * 24
    )


def test_nothing_that_comes_after_is_looked_at():
    profile = np.arange(24) * 10.0
    history = days(20, profile)
    horizon = hours(MONDAY + timedelta(days=14), 24)
    future = history.power_w.copy()
    future[24 * 14 :] = 1e6
    assert forecast_load(history, horizon, UTC) == forecast_load(History(MONDAY, 3600, future), horizon, UTC)
    site_history = History(MONDAY, 3600, future)
    assert forecast_solar(history, horizon, SITE) == forecast_solar(site_history, horizon, SITE)


def test_unequal_steps_get_the_means_of_their_time():
    history = days(14, np.arange(24) * 10.0)
    standard = forecast_load(history, Horizon.standard(MONDAY + timedelta(days=14, hours=5)), UTC)
    assert standard.expected_w[0] == pytest.approx(50)
    assert standard.expected_w[12] == pytest.approx(60)
    assert len(standard.expected_w) == 284


def test_the_first_hour_is_tied_to_what_is_measured():
    said = Forecast((500.0,) * 12, (300.0,) * 12, (900.0,) * 12)
    horizon = Horizon.uniform(MONDAY, 900, 12)
    tied = anchored(said, horizon, measured_w=2500, said_w=500)
    assert 2000 < tied.expected_w[0] < 2500
    assert list(tied.expected_w) == sorted(tied.expected_w, reverse=True)
    assert tied.expected_w[-1] == pytest.approx(500, rel=0.4)
    assert all(
        low <= expected <= high
        for low, expected, high in zip(tied.low_w, tied.expected_w, tied.high_w, strict=True)
    )
    assert min(anchored(said, horizon, measured_w=0, said_w=2000).expected_w) == 0


# ---------------------------------------------------------------- sun


def sunny(count, factor=1.0, shade=()):
    history = History(MONDAY, 3600, np.zeros(24 * count))
    power = clear_sky(SITE, history.times_s, 3600) * 5 * factor
    power[np.isin(np.arange(len(power)) % 24, shade)] *= 0.2
    return History(MONDAY, 3600, power)


def test_panels_under_a_clear_sky_are_forecast_with_the_season():
    history = sunny(30)
    horizon = hours(MONDAY + timedelta(days=30), 24)
    expected = clear_sky(SITE, [round(horizon.time(step).timestamp()) for step in range(24)], 3600) * 5
    assert forecast_solar(history, horizon, SITE).expected_w == pytest.approx(expected, rel=0.01, abs=20)
    assert score(forecast_solar(history, horizon, SITE).expected_w, expected).nmae < 0.01


def test_shade_of_certain_hours_is_learned():
    horizon = hours(MONDAY + timedelta(days=30), 24)
    free = np.array(forecast_solar(sunny(30), horizon, SITE).expected_w)
    shaded = np.array(forecast_solar(sunny(30, shade=(15, 16)), horizon, SITE).expected_w)
    ratio = shaded[10:18] / free[10:18]
    assert ratio == pytest.approx([1, 1, 1, 1, 1, 0.2, 0.2, 1], abs=0.02)


def test_after_dull_hours_the_next_hours_are_expected_dull_and_tomorrow_hardly():
    history = sunny(31)
    noon = 24 * 30 + 12
    power = history.power_w[:noon].copy()
    power[-2:] *= 0.2
    horizon = hours(MONDAY + timedelta(hours=noon), 24 * 6)
    clear = np.array(forecast_solar(history, horizon, SITE).expected_w)
    dull = np.array(forecast_solar(History(MONDAY, 3600, power), horizon, SITE).expected_w)
    assert dull[0] / clear[0] < 0.65
    assert dull[:3].sum() / clear[:3].sum() < dull[3:6].sum() / clear[3:6].sum() < 0.95
    assert dull[24:48].sum() / clear[24:48].sum() > 0.95


def test_weather_makes_the_forecast_of_cloudy_days_better():
    """Days that are clear and dull at random: only weather knows which."""
    dice, count = np.random.default_rng(3), 40
    kt = np.repeat(dice.choice((1.0, 0.3), count), 24)
    history = History(MONDAY, 3600, np.zeros(24 * count))
    clear = clear_sky(SITE, history.times_s, 3600)
    history = History(MONDAY, 3600, clear * kt * 5)
    errors = {"without": 0.0, "with": 0.0}
    for day in range(30, count):
        span = slice(24 * day, 24 * day + 24)
        horizon = hours(MONDAY + timedelta(days=day), 24)
        weather = Weather(horizon.start, tuple((clear * kt)[span].tolist()))
        for way, known in (("without", None), ("with", weather)):
            said = forecast_solar(history, horizon, SITE, weather=known).expected_w
            errors[way] += float(np.abs(np.array(said) - history.power_w[span]).sum())
    assert errors["with"] < 0.2 * errors["without"]


def test_new_panels_are_forecast_from_their_size():
    horizon = hours(MONDAY, 24)
    forecast = forecast_solar(History(MONDAY, 3600, np.empty(0)), horizon, SITE, prior_w=5000)
    assert 1500 < max(forecast.expected_w) < 4000


def test_panels_that_were_seen_by_night_alone_are_forecast_from_their_size():
    night = History(MONDAY, 3600, np.zeros(3))
    after = hours(MONDAY + timedelta(hours=3), 24)
    fresh = forecast_solar(History(MONDAY, 3600, np.empty(0)), after, SITE, prior_w=5000)
    assert forecast_solar(night, after, SITE, prior_w=5000) == fresh
    assert max(forecast_solar(night, after, SITE).expected_w) == 0


def test_the_morning_is_forecast_from_the_size_of_panels_that_were_seen_from_noon_on():
    whole = sunny(1)
    noon = int(np.argmax(whole.power_w))
    half = History(MONDAY, 3600, np.where(np.arange(24) < noon, np.nan, whole.power_w))
    tomorrow = hours(MONDAY + timedelta(days=1), 24)
    said = np.array(forecast_solar(half, tomorrow, SITE, prior_w=5000).expected_w)
    early = whole.power_w[: noon - 2] > 500
    assert (said[: noon - 2][early] > 200).all()
    assert said[noon + 1] == pytest.approx(whole.power_w[noon + 1], rel=0.1)


def test_a_mountain_stays_where_it_is_when_days_grow_longer():
    shaded = sunny(30, shade=(4, 10))
    later = hours(MONDAY + timedelta(days=45), 24)
    free = np.array(forecast_solar(sunny(30), later, SITE, prior_w=5000).expected_w)
    said = np.array(forecast_solar(shaded, later, SITE, prior_w=5000).expected_w)
    assert (said[free > 0][0] < 0.5 * free[free > 0][0]).all()


# ---------------------------------------------------------------- prices, scores, what is no history


def test_prices_are_the_published_ones_and_then_the_usual_ones():
    usual = 0.2 + 0.01 * np.arange(24)
    known = History(MONDAY, 3600, np.concatenate((np.tile(usual, 13), np.full(24, 0.5))))
    prices = forecast_price(known, hours(MONDAY + timedelta(days=13), 48))
    assert prices[:24] == pytest.approx([0.5] * 24)
    # The day after is as dear as the last one in part, with the shape of all days.
    mean = (13 * usual + 0.5) / 14
    assert prices[24:] == pytest.approx(mean + 0.7 * (0.5 - mean.mean()))
    with pytest.raises(ProblemError, match="no price is known"):
        forecast_price(History.of(MONDAY, 3600, [None]), hours(MONDAY, 4))


def test_a_score_says_how_wrong_a_forecast_was_and_on_which_side():
    result = score([100, 200, 300], [200, 200, 200], low_w=[50, 250, 50], high_w=[150, 300, 400])
    assert (result.nmae, result.bias, result.coverage) == (pytest.approx(1 / 3), 0.0, 1.0)
    assert result.nrmse == pytest.approx(np.sqrt(2 / 3) / 2)
    assert (result.below_low, result.above_high) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    gaps = score([100, 300], [float("nan"), 200])
    assert (gaps.nmae, gaps.bias, gaps.coverage) == (0.5, 0.5, 0.5)
    assert score([1.0], [float("nan")]).nmae is None
    assert score([1.0], [0.0]).nmae is None
    with pytest.raises(ValueError, match="2 forecast and 1 measured"):
        score([1, 2], [1])


@pytest.mark.parametrize(
    ("start", "step_s", "power", "words"),
    [
        (MONDAY.replace(tzinfo=None), 3600, [1.0], "without a time zone"),
        (MONDAY, 7000, [1.0], "does not divide a day"),
        (MONDAY, 3600, [float("inf")], "one row of finite powers"),
    ],
)
def test_what_is_no_history(start, step_s, power, words):
    with pytest.raises(ProblemError, match=words):
        History(start, step_s, np.array(power))


# ---------------------------------------------------------------- recorded homes


def day_ahead(history, forecast, last):
    """Score forecasts of days, each made at its midnight, against what came, every other day."""
    said, came, low, high = [], [], [], []
    for day in range(45, last, 2):
        begin = 1 + 24 * day
        horizon = hours(recorded.START + timedelta(hours=begin), 24)
        made = forecast(history, horizon)
        said += made.expected_w
        low += made.low_w
        high += made.high_w
        came += history.power_w[begin : begin + 24].tolist()
    return score(said, came, low_w=low, high_w=high)


def naive(history, horizon):
    begin = len(history.until(horizon.start))
    values = tuple(history.power_w[begin - 24 : begin].tolist())
    return Forecast(values, values, values)


@pytest.mark.parametrize("home", recorded.HOMES)
def test_load_of_recorded_homes_is_forecast_better_than_by_yesterday(home):
    history = History(recorded.START, 3600, recorded.load_w(home))
    ours = day_ahead(history, lambda past, ahead: forecast_load(past, ahead, recorded.ZONE), 360)
    yesterday = day_ahead(history, naive, 360)
    assert ours.nmae < 0.97 * yesterday.nmae
    assert abs(ours.bias) < 0.05
    assert 0.03 < ours.below_low < 0.25
    assert 0.03 < ours.above_high < 0.25


@pytest.mark.parametrize("home", recorded.HOMES)
def test_sun_of_recorded_homes_is_forecast_better_than_by_yesterday(home):
    """By squared error, which is what a bill feels; by absolute error lasting clouds make yesterday good."""
    history = History(recorded.START, 3600, recorded.sun_w(home))
    ours = day_ahead(history, lambda past, ahead: forecast_solar(past, ahead, recorded.SITE), 360)
    yesterday = day_ahead(history, naive, 360)
    assert ours.nrmse < 0.95 * yesterday.nrmse
    assert ours.nmae < 1.1 * yesterday.nmae
    assert abs(ours.bias) < 0.05
    assert ours.below_low < 0.25
