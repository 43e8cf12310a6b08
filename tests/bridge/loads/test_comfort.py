"""Bands of comfort: what can be said, and what holds when."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.asked import LoadStep
from bridge.loads.comfort import Band, BandError, band_at, bands_of, bands_over, next_change
from bridge.loads.thermostats import setpoint_now
from bridge.loads.wish import LoadKind, LoadWish
from bridge.time_zone import time_zone
from hw.reading import ThermostatMode, ThermostatReading
from optimizer.reason import ReasonCode

BERLIN = time_zone("Europe/Berlin")
DAY = {"lowest_c": 20, "highest_c": 22, "start": "06:00", "end": "22:00"}
ELSE = {"lowest_c": 17, "highest_c": 17}
BANDS = bands_of([ELSE, DAY])


def moment(text):
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("time", "band"),
    [
        ("2026-01-10T05:59+01:00", (17, 17)),
        ("2026-01-10T06:00+01:00", (20, 22)),
        ("2026-07-10T21:59+02:00", (20, 22)),
        ("2026-07-10T22:00+02:00", (17, 17)),
    ],
)
def test_what_holds_is_by_the_clock_on_the_wall(time, band):
    assert band_at(BANDS, moment(time), BERLIN) == band


def test_a_band_may_last_over_midnight_and_the_first_that_holds_tells():
    bands = bands_of([{"lowest_c": 15, "highest_c": 16, "start": "22:00", "end": "6:30"}, DAY, ELSE])
    assert band_at(bands, moment("2026-01-10T06:15+01:00"), BERLIN) == (15, 16)
    assert band_at(bands, moment("2026-01-10T23:00+01:00"), BERLIN) == (15, 16)
    assert band_at(bands, moment("2026-01-10T06:30+01:00"), BERLIN) == (20, 22)


def test_the_next_band():
    assert next_change(BANDS, moment("2026-01-10T12:00+01:00"), BERLIN) == moment("2026-01-10T22:00+01:00")
    assert next_change(BANDS, moment("2026-01-10T23:00+01:00"), BERLIN) == moment("2026-01-11T06:00+01:00")
    assert next_change(bands_of([ELSE]), moment("2026-01-10T12:00+01:00"), BERLIN) is None


def test_a_steps_band_is_that_of_its_end():
    start = int(moment("2026-01-10T05:30+01:00"))
    assert bands_over(BANDS, start, (1800, 1800, 900), BERLIN) == ((17, 17), (20, 22), (20, 22))


@pytest.mark.parametrize(
    ("bands", "complaint"),
    [
        ("warm", "are a list of at most 12"),
        ([ELSE] * 13, "are a list of at most 12"),
        ([{"lowest_c": 20}], "number 1 has lowest_c and highest_c"),
        ([ELSE | {"days": ["mon"]}], "number 1 has lowest_c and highest_c"),
        (
            [ELSE, {"lowest_c": 22, "highest_c": 20}],
            "number 2: the lowest, 22 °C, is above the highest, 20 °C",
        ),
        ([{"lowest_c": 0, "highest_c": 20}], "number 1: lowest_c is 1 to 95 °C, not 0"),
        ([{"lowest_c": 20, "highest_c": True}], "number 1: highest_c is a temperature in °C, not True"),
        ([{"lowest_c": 20, "highest_c": float("nan")}], "number 1: highest_c is a temperature"),
        ([DAY | {"end": None}], "number 1: start and end belong together"),
        ([DAY | {"end": "06:00"}], "number 1: it begins and ends at 06:00"),
        ([DAY | {"end": "25:00"}], "number 1: '25:00' is no time of day"),
        ([DAY], "one of them is without a time"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(bands, complaint):
    with pytest.raises(BandError) as refused:
        bands_of(bands)
    assert str(refused.value).startswith(complaint)


class Registered:
    """As much of a registered module as a setpoint follows from."""

    def __init__(self, wish, thermostat):
        self.record = type("Record", (), {"wish": wish})
        self.reading = type("Reading", (), {"thermostat": thermostat})


_C = st.floats(1, 95)


@given(
    st.tuples(_C, _C), st.tuples(_C, _C), st.none() | st.floats(-50, 150), st.none() | st.floats(-50, 150),
    st.none() | st.floats(-500, 500), st.integers(0, 400 * 86_400), st.sampled_from(ThermostatMode),
)  # fmt: skip
def test_whatever_a_plan_says_a_setpoint_is_within_band_and_limits(
    by_day, by_night, lowest, highest, wanted, time, mode
):
    day, night = sorted(by_day), sorted(by_night)
    bands = bands_of(
        [
            DAY | {"lowest_c": day[0], "highest_c": day[1]},
            {"lowest_c": night[0], "highest_c": night[1]},
        ]
    )
    thermostat = ThermostatReading(mode, True, 20.0, lowest, highest, True)
    module = Registered(LoadWish(LoadKind.COMFORT, bands=bands), thermostat)
    step = LoadStep(0.0, on=False, code=ReasonCode.RUN_AHEAD, sentence="", setpoint_c=wanted)
    now = moment("2026-01-01T00:00+01:00") + time
    found = setpoint_now(module, step, now, BERLIN)
    held = band_at(bands, now, BERLIN)
    if found is None:
        possible = held.within(lowest, highest)
        assert possible is None or wanted is None or mode not in {ThermostatMode.HEAT, ThermostatMode.COOL}
        return
    assert held.lowest_c <= found <= held.highest_c
    assert lowest is None or found >= lowest
    assert highest is None or found <= highest
    assert isinstance(held, Band)
    assert datetime.fromtimestamp(now, UTC)
