"""The simulated home obeys physics, balances, and is the same for the same seed."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.simulator.physics import Battery, Health
from hw.simulator.weather import LONGITUDE, sun_at
from hw.simulator.world import Home, World

MIDNIGHT = datetime(2026, 6, 15, tzinfo=UTC)


def lived(seconds, **options):
    options.setdefault("start", MIDNIGHT)
    world = World(Home.of(options.pop("modules", 4)), **options)
    world.advance(seconds)
    return world


def test_the_sun_rises_culminates_in_the_south_at_local_noon_and_sets():
    noon = datetime(2026, 6, 21, 12, tzinfo=UTC) - timedelta(hours=LONGITUDE / 15)
    day = [sun_at(noon + timedelta(minutes=10 * step)) for step in range(-72, 72)]
    highest = max(day, key=lambda sun: sun.elevation)
    assert highest is day[72]
    assert math.degrees(highest.elevation) == pytest.approx(90 - 48 + 23.45, abs=0.1)
    assert highest.azimuth == pytest.approx(0, abs=0.02)
    assert 900 < highest.clear_sky < 1050
    assert day[0].clear_sky == 0
    assert day[40].azimuth < 0 < day[104].azimuth


def test_winter_days_are_shorter_and_darker():
    def light(month):
        return sum(
            sun_at(datetime(2026, month, 21, h, m, tzinfo=UTC)).clear_sky for h in range(24) for m in (0, 30)
        )

    assert light(12) < light(3) < light(6)


@pytest.mark.parametrize("speed", [1, 60, 3600])
@pytest.mark.parametrize("modules", [4, 25])
def test_the_meter_balances_at_every_step(speed, modules):
    world = World(Home.of(modules), seed=3, speed=speed)
    for step in range(1, 200):
        world.advance(step * world.step_s)
        assert world.meter.power_w == pytest.approx(
            world.load_w + world.solar_w + world.battery.power_w, abs=1e-6
        )


def test_energy_is_conserved_over_a_day():
    world = World(Home.of(4), seed=5, start=MIDNIGHT, speed=60)
    made = sum(inverter.energy_wh for inverter in world.inverters)
    cells, charged, discharged = world.battery.energy_wh, world.battery.imported_wh, world.battery.exported_wh
    imported, exported, consumed = world.meter.imported_wh, world.meter.exported_wh, 0.0
    for step in range(1, round(86400 / world.step_s)):
        world.advance(step * world.step_s)
        consumed += world.load_w * world.step_s / 3600
    made = sum(inverter.energy_wh for inverter in world.inverters) - made
    charged, discharged = world.battery.imported_wh - charged, world.battery.exported_wh - discharged
    imported, exported = world.meter.imported_wh - imported, world.meter.exported_wh - exported
    assert made > 4000
    assert made + imported + discharged == pytest.approx(consumed + exported + charged, abs=0.01)
    eta = Battery.EFFICIENCY
    assert world.battery.energy_wh - cells == pytest.approx(charged * eta - discharged / eta, abs=0.01)


def test_counters_only_grow():
    world = World(Home.of(4), seed=2, speed=240)
    before = (0.0,) * 5
    for step in range(1, 500):
        world.advance(step * world.step_s)
        meter, battery = world.meter, world.battery
        now = (
            meter.imported_wh,
            meter.exported_wh,
            battery.imported_wh,
            battery.exported_wh,
            world.inverters[0].energy_wh,
        )
        assert all(b <= n for b, n in zip(before, now, strict=True))
        before = now


def test_the_battery_serves_the_home_at_night_and_fills_by_day():
    night = lived(3600, seed=4)
    assert night.solar_w == 0
    assert night.battery.power_w == pytest.approx(-night.load_w, abs=2500)
    assert night.battery.power_w < 0
    noon = lived(3600, seed=4, start=MIDNIGHT + timedelta(hours=10))
    assert noon.battery.soc_percent > 50 or noon.load_w > -noon.solar_w


@given(
    st.lists(
        st.tuples(
            st.floats(-20_000, 20_000), st.floats(1, 3600), st.sampled_from([None, -2500.0, 0.0, 2500.0])
        ),
        max_size=60,
    ),
    st.floats(0, 100),
)
@settings(max_examples=200)
def test_no_commands_and_no_loads_push_a_battery_beyond_its_limits(steps, reserve):
    battery = Battery(reserve_percent=reserve)
    for residual, seconds, rate in steps:
        battery.charge_rate, battery.discharge_rate = rate, None if rate is None else -rate
        before = battery.energy_wh
        battery.step(seconds, residual, 20.0)
        assert 0 <= battery.soc_percent <= 100
        assert abs(battery.power_w) <= battery.power_max_w
        if battery.power_w < 0:
            assert battery.energy_wh >= reserve / 100 * battery.capacity_wh - 1e-6
            assert battery.energy_wh <= before
        assert battery.discharge_max_w(1) >= 0


def test_a_nearly_full_battery_takes_less_and_less():
    taken = [Battery(energy_wh=5120 * share).charge_max_w(1) for share in (0.5, 0.9, 0.95, 0.99, 1.0)]
    assert taken[0] == taken[1] == 2500
    assert taken[1] > taken[2] > taken[3] > taken[4] == 0


def test_a_dead_panel_gives_nothing_and_a_sagging_one_less_than_its_twin():
    world = World(Home.of(8), seed=6)
    world.inverters[0].health, world.inverters[2].health = Health.DEAD, Health.SAGGING
    world.advance(60)
    assert world.inverters[0].power_w == 0
    assert world.inverters[2].power_w > world.inverters[4].power_w * 0.75


def test_inverters_give_no_more_than_their_rating_and_their_limit():
    world = World(Home.of(30), seed=8, start=MIDNIGHT + timedelta(hours=10))
    world.inverters[3].limited, world.inverters[3].limit_percent = True, 25.0
    for seconds in range(0, 3600, 60):
        world.advance(seconds)
        assert all(0 <= -inverter.power_w <= inverter.rated_w for inverter in world.inverters)
        assert -world.inverters[3].power_w <= 200 or world.steps == 1


def fingerprint(world):
    battery = world.battery
    return (
        [(i.power_w, i.energy_wh, i.temperature_c) for i in world.inverters],
        (battery.power_w, battery.energy_wh, battery.imported_wh),
        (world.meter.power_w, world.meter.imported_wh, world.meter.frequency_hz),
        (world.load_phases_w, world.transmittance),
    )


@pytest.mark.parametrize("speed", [1, 120])
def test_the_same_seed_gives_the_same_home_however_it_is_looked_at(speed):
    at_once = lived(5000, seed=11, speed=speed)
    bit_by_bit = World(Home.of(4), seed=11, start=MIDNIGHT, speed=speed)
    for seconds in range(0, 5001, 7):
        bit_by_bit.advance(seconds)
    bit_by_bit.advance(5000)
    assert fingerprint(at_once) == fingerprint(bit_by_bit)


def test_another_seed_gives_another_home():
    assert fingerprint(lived(5000, seed=1)) != fingerprint(lived(5000, seed=2))


def test_revert_timers_run_in_the_hub_s_seconds_at_any_speed():
    world = World(Home.of(4), speed=600)
    inverter = world.inverters[0]
    inverter.limited, inverter.limit_timer.left = True, 10.0
    world.advance(600 * 9.5)
    assert inverter.limited
    world.advance(600 * 10.5)
    assert not inverter.limited


@pytest.mark.parametrize(
    ("modules", "inverters", "battery", "meter"),
    [
        (1, 1, False, False),
        (2, 1, False, True),
        (3, 1, True, True),
        (4, 2, True, True),
        (1000, 998, True, True),
    ],
)
def test_a_home_of_so_many_modules(modules, inverters, battery, meter):
    assert Home.of(modules) == Home(inverters, battery, meter)


@pytest.mark.parametrize("modules", [0, -1, 1001])
def test_a_home_has_bounds(modules):
    with pytest.raises(ValueError, match="1 to 1000"):
        Home.of(modules)


@pytest.mark.parametrize("speed", [0, -1, 1e6, float("nan")])
def test_time_has_bounds(speed):
    with pytest.raises(ValueError, match="speed"):
        World(Home.of(4), speed=speed)
