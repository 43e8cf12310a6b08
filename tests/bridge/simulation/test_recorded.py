"""Recorded homes are taken as they are, or refused with what is wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.planner.past import Past
from bridge.simulation.recorded import RecordError, from_past, from_table
from optimizer.forecast.history import History

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 6, 1, tzinfo=UTC)
HEAD = "time,load_w,solar_w"


@pytest.fixture
def table(tmp_path):
    """Read lines as a table."""

    def read(*lines, head=HEAD):
        path = tmp_path / "home.csv"
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        return from_table(path, BERLIN)

    return read


def hourly(count=24, step=timedelta(hours=1), load=lambda n: 100 + n, sun=lambda n: 10 * n):
    return [f"{(START + step * n).isoformat()},{load(n)},{sun(n)}" for n in range(count)]


def test_rows_become_steps_in_the_zone_of_the_home(table):
    home = table(*hourly(30))
    assert (len(home), home.step_s) == (30, 3600)
    assert home.start == START
    assert home.start.tzinfo is BERLIN
    assert home.load_w[:3].tolist() == [100, 101, 102]
    assert home.sun_w[:3].tolist() == [0, 10, 20]
    assert home.import_price is None


@pytest.mark.parametrize(
    "write",
    [
        lambda time: time.replace(tzinfo=None).isoformat(),
        lambda time: time.astimezone(BERLIN).isoformat(),
        lambda time: str(int(time.timestamp())),
        lambda time: time.strftime("%Y-%m-%d %H:%M"),
    ],
)
def test_times_may_be_written_in_many_ways(table, write):
    home = table(*(f"{write(START + timedelta(hours=n))},1,2" for n in range(24)))
    assert home.start == START


def test_what_is_finer_is_averaged_over_quarters_from_the_full_quarter_on(table):
    step = timedelta(minutes=5)
    begin = START + 2 * step
    lines = [f"{(begin + step * n).isoformat()},{n},0" for n in range(300)]
    home = table(*lines)
    assert home.step_s == 900
    assert home.start == START + 3 * step
    assert home.load_w[:2].tolist() == [2.0, 5.0]


def test_prices_of_its_own_come_along(table):
    lines = [f"{line},0.{n:02}" for n, line in enumerate(hourly(24))]
    home = table(*lines, head=HEAD + ",import_price")
    assert home.import_price[:3].tolist() == [0.0, 0.01, 0.02]
    assert home.export_price.tolist() == [0.0] * 24


def test_what_is_missing_is_taken_from_the_days_beside_and_said(table):
    lines = hourly(72)
    lines[30] = lines[30].rpartition(",")[0] + ","  # 06:00 of the second day has no sun
    del lines[35]
    home = table(*lines)
    assert home.sun_w[30] == 60
    assert home.load_w[35] == 111
    assert "missing" in home.about


def test_a_load_below_zero_is_none(table):
    assert table(*hourly(24, load=lambda n: -5)).load_w.max() == 0


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "fewer than two"),
        (hourly(5), "less than a day"),
        (hourly(24, load=lambda n: "much"), "line 2: load_w is 'much'"),
        (hourly(24, load=lambda n: "inf"), "line 2: load_w is infinite"),
        (["yesterday,1,2", *hourly(24)], "line 2: 'yesterday' is no time"),
        ([*hourly(24), hourly(24)[3]], "line 26: this time is not after"),
        (hourly(30, step=timedelta(minutes=7)), "evenly spaced"),
        (hourly(30, step=timedelta(hours=2)), "evenly spaced"),
        ([line for n, line in enumerate(hourly(60)) if n % 5 or n < 2], "18 % is missing"),
        ([line for n, line in enumerate(hourly(96)) if n % 24 != 7], "one time of the day is missing"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_line(table, lines, complaint):
    with pytest.raises(RecordError, match=complaint):
        table(*lines)


def test_a_column_that_lacks_is_named(table):
    with pytest.raises(RecordError, match="no column solar_w"):
        table("1,2", head="time,load_w")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecordError, match="cannot be read"):
        from_table(tmp_path / "nothing.csv", BERLIN)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}".encode()))
def test_anything_in_a_file_is_a_home_or_refused(tmp_path, content):
    path = tmp_path / "home.csv"
    path.write_bytes(content)
    try:
        home = from_table(path, BERLIN)
    except RecordError:
        return
    assert np.isfinite(home.load_w).all()


def past(load, sun):
    return Past(History(START, 900, np.array(load)), History(START, 900, np.array(sun)), {})


def test_what_the_hub_recorded_is_taken_by_whole_days_from_the_first_load_on():
    nothing, load = [np.nan] * 10, [float(n) for n in range(250)]
    home = from_past(past(nothing + load, nothing + [0.0] * 250), BERLIN)
    assert home.days == 2
    assert home.start == START + timedelta(seconds=9000)
    assert home.load_w[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("load", "complaint"), [([np.nan] * 200, "nothing"), ([1.0] * 50, "less than a day")]
)
def test_a_hub_that_has_recorded_little_says_so(load, complaint):
    with pytest.raises(RecordError, match=complaint):
        from_past(past(load, load), BERLIN)
