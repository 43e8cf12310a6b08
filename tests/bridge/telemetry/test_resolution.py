from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.telemetry.resolution import NAMES, POINTS, resolution
from bridge.time_zone import time_zone

ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland"))]


@given(st.sampled_from(NAMES), st.sampled_from(ZONES), st.integers(0, 2**33))
def test_spans_follow_each_other_without_gap_or_overlap(name, zone, time):
    span = resolution(name, time, time, zone)
    start = span.floor(time)
    end = span.after(start)
    assert start <= time < end
    assert span.floor(start) == start
    assert span.floor(end - 1) == start
    assert span.floor(end) == end


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(600, "1s"), (3600, "5s"), (86_400, "5m"), (7 * 86_400, "15m"), (365 * 86_400, "1d"), (2**36, "1mo")],
)
def test_auto_takes_the_finest_that_is_not_too_many(seconds, name):
    assert resolution("auto", 0, seconds).name == name
    if name != "1mo":
        assert seconds / resolution(name, 0, 1).seconds <= POINTS


def test_an_unknown_resolution_says_which_there_are():
    with pytest.raises(ValueError, match="'2h' is no resolution; there are auto, 1s, 5s"):
        resolution("2h", 0, 1)


def test_a_time_zone_has_a_name_of_the_database():
    assert str(time_zone("Europe/Berlin")) == "Europe/Berlin"
    assert time_zone("UTC") is UTC
    for name in ("Berlin", "", "../etc/passwd", "/etc/passwd", "Europe"):
        with pytest.raises(ValueError, match="is no time zone"):
            time_zone(name)


def test_the_machines_time_zone_is_the_default(monkeypatch):
    monkeypatch.setenv("TZ", ":America/New_York")
    assert str(time_zone()) == "America/New_York"
    monkeypatch.setenv("TZ", "nonsense")
    assert datetime.now(time_zone()).utcoffset() is not None
