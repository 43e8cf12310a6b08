"""What must hold is looked at: each condition is seen when it is broken, and only then."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import bridge.loads.carrying_out
import bridge.planner.carrying_out
from bridge.actions import Requester
from bridge.choices import Policy
from bridge.command import Origin
from bridge.loads.wish import LoadKind, LoadWish
from bridge.planner.news import PlannerState, Trigger
from bridge.planner.planner import Planner
from bridge.planner.settings import EnergySettings, TariffSettings
from bridge.planner.window import DAYS
from bridge.simulation.house import VirtualHouse
from bridge.simulation.virtual_time import VirtualClock, run_virtually
from bridge.simulation.watch import CONDITIONS, Watch
from hw.setpoint import Setpoint, SetpointKind
from hw.simulator.in_process import InverterModule
from hw.simulator.physics import GridMeter
from hw.simulator.world import Home, World

NOON = datetime(2026, 6, 15, 11, tzinfo=UTC)
OPERATOR = Requester(Origin.GRID_OPERATOR, "the grid operator")


def breaches(sabotage, seconds=400, wish=None):
    """Return the names of what is broken in a home that is tampered with after a while.

    :param wish: what is wanted of the water heater
    """

    async def life():
        settings = EnergySettings(tariff=TariffSettings(import_price=0.3))
        world = World(Home(inverters=4, plugs=1), start=NOON, step_s=5.0)
        house = VirtualHouse(world, VirtualClock(NOON), settings, "UTC", interval=10.0)
        await house.start(Policy.SELF_CONSUMPTION)
        if wish is not None:
            house.home.registry.set_wish(house.physics.modules["P000001"].identity.key, wish)
        watch = Watch(house)
        watch.start()
        await asyncio.sleep(100)
        sabotage(house)
        await asyncio.sleep(seconds)
        watch.stop()
        await house.stop()
        assert watch.looks == pytest.approx((100 + seconds) / 10, abs=2)
        return {each.name for each in watch.breaches}

    return run_virtually(life())


def lose_grid(house):
    house.physics.world.supply.grid = False


def command_by_nobody(house):
    house.physics.world.battery.charge_rate = 5000.0


def limit_by_nobody(house):
    house.physics.world.inverters[0].limited = True


def overfill(house):
    house.physics.world.battery.energy_wh = 2 * house.physics.world.battery.capacity_wh


def weaken(house):
    battery = house.physics.world.battery
    battery.take = lambda power_w, seconds: None
    battery.power_w = 2 * battery.power_max_w


class Careless:
    """A battery that gives what it keeps back, or sells what it holds."""

    def __init__(self, power_w, soc_percent):
        self.power_w = power_w
        self.soc_percent = soc_percent

    def __call__(self, house):
        battery = house.physics.world.battery
        battery.energy_wh = battery.capacity_wh * self.soc_percent / 100
        house.physics.world.heaters[0].water_c = 70.0  # it takes nothing
        house.physics.world._balance = self._balance(house.physics.world)

    def _balance(self, world):
        usual = type(world)._balance

        def balance(seconds, own_s, phases):
            usual(world, seconds, own_s, phases)
            world.meter.power_w += self.power_w - world.battery.power_w
            world.battery.power_w = self.power_w

        return balance


def test_a_home_that_is_left_alone_breaks_nothing():
    assert breaches(lambda house: None) == set()


def test_an_outage_breaks_nothing():
    assert breaches(lose_grid) == set()


@pytest.mark.parametrize(
    ("sabotage", "broken"),
    [
        (command_by_nobody, "origin"),
        (limit_by_nobody, "origin"),
        (overfill, "charge"),
        (Careless(-6000.0, 80), "power"),
        (Careless(-500.0, 5), "reserve"),
        (Careless(-1500.0, 80), "sale"),
    ],
)
def test_a_device_that_breaks_something_is_seen(sabotage, broken):
    assert broken in breaches(sabotage)


def test_an_inverter_that_says_it_obeys_and_does_not_is_seen(monkeypatch):
    usual = InverterModule._apply

    def lie(module, setpoint: Setpoint):
        applied = usual(module, setpoint)
        module.inverter.limited = False
        return applied

    def limit(house):
        for key in [each.identity.key for each in house.physics.modules.values()]:
            if SetpointKind.POWER_LIMIT_PERCENT in house.home.registry[key].record.capabilities.setpoints:
                house.home.actions.limit_share(key, 10.0, OPERATOR)

    assert breaches(limit) == set()
    monkeypatch.setattr(InverterModule, "_apply", lie)
    assert "limit" in breaches(limit)


def test_what_flows_into_a_grid_that_is_gone_is_seen(monkeypatch):
    monkeypatch.setattr(GridMeter, "darken", lambda meter: setattr(meter, "power_w", -500.0))
    assert "outage" in breaches(lose_grid)


def test_a_hub_that_carries_out_a_plan_in_an_outage_is_seen():
    def deceive(house):
        house.physics.modules["G000001"].distortion = lambda reading: replace(reading, voltage_v=230.0)
        house.physics.modules["B000001"].distortion = lambda reading: replace(reading, grid_forming=None)
        lose_grid(house)

    assert breaches(deceive) == {"blind"}


def test_a_hub_without_a_plan_that_says_nothing_of_it_is_seen(monkeypatch):
    def forget(house):
        monkeypatch.setattr(
            Planner, "state", property(lambda _: PlannerState(None, None, Trigger.SCHEDULE, "", ""))
        )

    assert breaches(forget) == {"plan"}


def test_a_hub_that_leaves_the_plan_in_force_without_knowing_the_home_is_seen(monkeypatch):
    monkeypatch.setattr(bridge.planner.carrying_out.CarryingOut, "release", lambda *_: 0)

    def deafen(house):
        key = house.physics.modules["B000001"].identity.key
        house.home.arbiter.submit(
            key, SetpointKind.HOLD, origin=Origin.PLAN, source="planner", duration=600.0
        )
        house.physics.modules["G000001"].silent = "the cable is out"

    assert breaches(deafen) == {"safe"}


WARM = LoadWish(
    LoadKind.INTERRUPTIBLE, energy_wh=100, power_w=2000, earliest="11:00", done_by="11:10", days=DAYS
)


def test_a_load_that_has_not_by_its_deadline_what_is_wanted_is_seen(monkeypatch):
    assert breaches(lambda house: None, 600, WARM) == set()
    # A hub that never lets it run.
    monkeypatch.setattr(bridge.loads.carrying_out, "settled", lambda *_: False)
    assert breaches(lambda house: None, 600, WARM) == {"wish"}


def test_every_condition_has_its_words():
    assert all(each.says and each.name == name for name, each in CONDITIONS.items())
