"""Whether the grid is gone: what the meter and the batteries say, weighed."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.grid import GridChanged, GridState, GridWatch
from hw.module import ModuleKind
from hw.reading import Reading

METER, BATTERY = "acme-1", "acme-2"
LOST, THERE, UNKNOWN = GridState.LOST, GridState.CONNECTED, GridState.UNKNOWN


class Witnesses:
    """A meter and a battery, read every second; says what the hub knows after each reading."""

    def __init__(self, home, *, meter=True):
        self.home = home
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        if meter:
            home.add("1", kind=ModuleKind.METER)
        home.add("2", kind=ModuleKind.BATTERY)
        self.watch = GridWatch(home.registry, home.bus)
        self.watch.start()

    def meter(self, volts, watts=300.0, hertz=50.0):
        return self._say(METER, voltage_v=volts, power_w=watts, frequency_hz=hertz)

    def battery(self, forming, volts=230.0):
        return self._say(BATTERY, grid_forming=forming, voltage_v=volts, power_w=-500.0)

    def silent(self, key):
        self.home.registry.lost(self.home.registry[key], "no answer")
        return self.watch.state

    def _say(self, key, **values):
        self.now += timedelta(seconds=1)
        self.home.registry.took(self.home.registry[key], Reading(module=key, time=self.now, **values))
        return self.watch.state


@pytest.fixture
def both(home):
    return Witnesses(home)


def test_one_bad_reading_is_no_outage(both):
    assert [both.meter(volts) for volts in (230.0, 0.0, 231.0, 0.0, 229.0)] == [THERE] * 5


def test_no_voltage_twice_in_a_row_is_one(both):
    assert [both.meter(volts) for volts in (230.0, 0.0, 0.0)] == [THERE, THERE, LOST]


def test_a_grid_that_sags_is_measured_by_what_it_is_when_it_is_well(both):
    """120 V are good where a meter never showed more, and too little for a home of 230 V."""
    both.meter(230.0)
    both.meter(231.0)
    assert both.watch.good_s == 1
    both.meter(120.0)
    assert both.watch.good_s == 0
    assert [both.meter(100.0), both.meter(100.0)] == [THERE, LOST]


def test_no_voltage_and_a_battery_that_forms_an_island_are_one_at_once(both):
    both.meter(230.0)
    both.battery(forming=False)
    assert [both.meter(0.0), both.battery(forming=True)] == [THERE, LOST]
    both.meter(230.0)
    assert [both.battery(forming=True), both.meter(0.0)] == [THERE, LOST]


def test_a_silent_meter_alone_is_none(both):
    both.meter(230.0)
    both.battery(forming=False)
    assert both.silent(METER) is UNKNOWN
    assert [both.battery(forming=False) for _ in range(5)] == [UNKNOWN] * 5


def test_a_meter_that_falls_silent_as_a_battery_forms_an_island_is_one(both):
    both.meter(230.0)
    both.battery(forming=False)
    assert [both.battery(forming=True), both.battery(forming=True)] == [THERE, LOST]
    assert both.silent(METER) is LOST
    # It is read again when it has power again, and so has the home soon.
    assert both.meter(230.0, watts=0.0) is THERE
    assert [both.battery(forming=True), both.battery(forming=True)] == [THERE, THERE]


def test_a_battery_that_lies_is_not_believed_against_a_meter_through_which_power_flows(both):
    for _ in range(5):
        assert both.meter(230.0, watts=700.0) is THERE
        assert both.battery(forming=True) is THERE


def test_a_meter_inside_the_island_measures_what_the_battery_makes(both):
    both.meter(230.0, watts=0.0)
    both.battery(forming=False)
    states = [state for _ in range(3) for state in (both.battery(forming=True), both.meter(230.0, watts=2.0))]
    assert states == [THERE, THERE, THERE, THERE, LOST, LOST]
    both.battery(forming=False)
    assert both.meter(230.0, watts=2.0) is THERE


def test_without_a_meter_the_batteries_tell(home):
    alone = Witnesses(home, meter=False)
    assert [alone.battery(forming) for forming in (False, True, True, True, False)] == [
        THERE,
        THERE,
        LOST,
        LOST,
        THERE,
    ]
    assert alone.silent(BATTERY) is UNKNOWN


def test_a_battery_that_says_nothing_of_the_grid_changes_nothing(both):
    both.meter(230.0)
    assert [both.battery(None) for _ in range(3)] == [THERE] * 3


def test_the_grid_proves_itself_for_as_long_as_it_is_within_limits(both):
    both.meter(230.0)
    for _ in range(10):
        both.meter(230.0)
    assert both.watch.good_s == 10
    both.meter(190.0)
    assert both.watch.good_s == 0
    for _ in range(3):
        both.meter(231.0)
    assert both.watch.good_s == 2
    both.meter(231.0, hertz=50.6)
    assert both.watch.good_s == 0
    both.meter(231.0)
    both.meter(0.0)
    both.meter(0.0)
    assert both.watch.good_s == 0


@pytest.mark.parametrize(
    ("volts", "hertz", "good"),
    [
        (120.0, 60.0, True),
        (108.0, 60.0, False),
        (120.0, 60.2, False),
        (200.0, 50.1, True),
        (256.0, 50.0, False),
    ],
)
def test_limits_are_those_of_the_place(both, volts, hertz, good):
    both.meter(volts, hertz=hertz)
    both.meter(volts, hertz=hertz)
    assert (both.watch.good_s > 0) is good


def test_a_battery_returns_to_the_grid_in_its_own_time(both):
    both.meter(230.0)
    both.battery(forming=False)
    both.meter(0.0)
    both.battery(forming=True)
    assert both.meter(230.0, watts=0.0) is THERE
    assert both.watch.apart
    both.meter(230.0, watts=900.0)
    assert not both.watch.apart, "power flows: it says so for no reason"
    both.meter(230.0, watts=0.0)
    both.battery(forming=False)
    assert not both.watch.apart


def test_who_says_that_it_is_gone_is_told(home, both):
    heard = []
    home.bus.subscribe(GridChanged, heard.append)
    both.meter(230.0)
    both.battery(forming=False)
    both.battery(forming=True)
    both.battery(forming=True)
    assert heard[-1].because == "Device 2 supplies the home without the grid"
