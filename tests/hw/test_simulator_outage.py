"""The simulated home without its grid: what supplies it, what that can carry, and when it is dark."""

from datetime import UTC, datetime

import pytest

from hw.simulator.supply import OVERLOAD_S, RECONNECT_S, RETRY_S, SupplyState
from hw.simulator.world import Home, World

NOON = datetime(2026, 6, 15, 11, tzinfo=UTC)
NIGHT = datetime(2026, 6, 15, 0, tzinfo=UTC)


class Lived:
    """A world to live in, second by second."""

    def __init__(self, start=NOON, *, modules=4, plugs=0, evse=0, soc=60.0):
        self.world = World(Home.of(modules, plugs, evse), start=start, seed=2)
        for heater in self.world.heaters:
            heater.output = False
        for point in self.world.points:
            point.car.take(plugged=False, needs_wh=30_000)
        if self.world.battery:
            self.world.battery.energy_wh = self.world.battery.capacity_wh * soc / 100
        self._seconds = 0.0

    @property
    def supply(self):
        return self.world.supply

    def live(self, seconds):
        self._seconds += seconds
        self.world.advance(self._seconds)
        return self.world.supply.state

    def lose(self, seconds=5):
        self.supply.grid = False
        return self.live(seconds)


def test_the_battery_supplies_the_home_and_the_meter_measures_nothing():
    home = Lived(NIGHT)
    home.live(5)
    assert home.lose() is SupplyState.ISLAND
    meter, world = home.world.meter, home.world
    assert (meter.power_w, meter.frequency_hz, max(meter.voltages_v) < 1) == (0, 0, True)
    assert world.battery.power_w == pytest.approx(-world.load_w)
    assert 225 < home.supply.voltages_v[0] < 235
    imported = meter.imported_wh
    home.live(600)
    assert meter.imported_wh == imported


def test_the_home_goes_back_to_the_grid_a_while_after_it_is_there():
    home = Lived(NIGHT)
    home.lose()
    home.supply.grid = True
    assert home.live(RECONNECT_S - 1) is SupplyState.ISLAND
    assert home.world.meter.power_w == 0
    assert home.live(3) is SupplyState.GRID
    assert home.world.battery.forming is False


def test_without_a_battery_it_is_dark_until_the_grid_is_back():
    home = Lived(modules=2)
    assert home.live(5) is SupplyState.GRID
    assert home.lose() is SupplyState.DARK
    assert (home.world.solar_w, home.world.load_w) == (0, 0)
    home.supply.grid = True
    assert home.live(2) is SupplyState.GRID


def test_more_sun_than_room_lifts_the_frequency_and_inverters_give_less():
    home = Lived(modules=12, soc=99.5)
    home.live(5)
    home.lose(60)
    world = home.world
    assert home.supply.state is SupplyState.ISLAND
    assert 50.2 < home.supply.frequency_hz < 51.3
    able = sum(inverter.available_w for inverter in world.inverters)
    assert -world.solar_w < able / 2
    assert world.battery.power_w <= world.battery.charge_max_w(1) * 1.05 + 50
    assert all(inverter.throttled for inverter in world.inverters)


def test_inverters_that_heed_no_frequency_end_in_the_dark():
    home = Lived(modules=12, soc=99.5)
    for inverter in home.world.inverters:
        inverter.deaf = True
    home.live(5)
    assert home.lose(OVERLOAD_S + 5) is SupplyState.DARK
    assert home.supply.because == "sun that nobody takes"


def test_a_limit_keeps_deaf_inverters_from_that():
    home = Lived(modules=12, soc=99.5)
    for inverter in home.world.inverters:
        inverter.deaf, inverter.limited, inverter.limit_percent = True, True, 2.0
    home.live(5)
    assert home.lose(60) is SupplyState.ISLAND
    assert home.supply.frequency_hz == 50.0


def test_an_overload_is_carried_for_a_few_seconds_and_then_it_is_dark_for_a_while():
    home = Lived(NIGHT, plugs=2)
    home.live(5)
    for heater in home.world.heaters:
        heater.output = True
    assert home.lose(OVERLOAD_S - 2) is SupplyState.ISLAND
    assert home.live(5) is SupplyState.DARK
    assert home.supply.because == "too much load"
    assert (home.world.plugs_w, home.supply.voltages_v, home.supply.frequency_hz) == (0, (0, 0, 0), 0)
    home.world.heaters[0].output = False
    assert home.live(RETRY_S + 2) is SupplyState.ISLAND


def test_a_car_that_charges_is_too_much_at_once():
    home = Lived(NIGHT, evse=1)
    home.world.points[0].car.take(plugged=True, needs_wh=30_000)
    home.live(5)
    assert home.world.evse_w > 10_000
    assert home.lose(2) is SupplyState.DARK
    # Power is back before the car charges: there is time to forbid it.
    home.live(RETRY_S)
    assert (home.supply.state, home.world.evse_w) == (SupplyState.ISLAND, 3)


def test_a_power_that_is_not_the_homes_is_fatal_unless_it_was_told_before():
    home = Lived(NIGHT)
    home.world.battery.charge_rate, home.world.battery.discharge_rate = 1000.0, -1000.0
    home.live(5)
    assert home.lose() is SupplyState.ISLAND
    home.world.battery.charge_rate = 2500.0
    assert home.live(3) is SupplyState.ISLAND
    home.world.battery.charge_rate, home.world.battery.discharge_rate = 1000.0, -1000.0
    assert home.live(2) is SupplyState.DARK


def test_an_empty_battery_starts_the_home_again_when_the_sun_is_up():
    home = Lived(NIGHT, soc=10.3)
    home.live(5)
    home.lose(1200)
    assert (home.supply.state, home.supply.because) == (SupplyState.DARK, "the battery is empty")
    assert home.world.battery.soc_percent == pytest.approx(10, abs=0.2)
    home.live(5 * 3600 - 1200)
    assert home.supply.state is SupplyState.ISLAND
    assert home.world.solar_w < -50
    assert home.supply.blackouts == 1


def test_what_is_below_the_floor_starts_nothing():
    home = Lived(NOON, soc=5.2)
    home.live(5)
    assert home.lose(3600) is SupplyState.DARK
    assert home.world.solar_w == 0


def test_inverters_watch_the_voltage_for_a_while_before_they_feed_in_again():
    home = Lived(NOON, plugs=2)
    home.live(5)
    home.lose(2)
    for heater in home.world.heaters:
        heater.output = True
    home.world.battery.power_max_w = 500.0
    home.live(5)
    assert (home.supply.state, home.world.solar_w) == (SupplyState.DARK, 0)
    for heater in home.world.heaters:
        heater.output = False
    home.world.battery.power_max_w = 2500.0
    home.live(RETRY_S)
    assert (home.supply.state, home.world.solar_w) == (SupplyState.ISLAND, 0)
    home.live(65)
    assert home.world.solar_w < -500


def test_a_relay_without_power_stays_as_it_is_and_forgets_its_timer():
    home = Lived(modules=2, plugs=1)
    home.live(2)
    home.world.heaters[0].switch(on=False, flip_back_s=30)
    home.lose(60)
    home.supply.grid = True
    home.live(120)
    assert home.world.heaters[0].output is False
