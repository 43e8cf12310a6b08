"""The hub's brain lives in virtual time as it does in real time."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.choices import Policy
from bridge.command import CommandState, Origin
from bridge.events import CommandChanged
from bridge.grid import GridState
from bridge.planner.settings import EnergySettings, PriceWindowSettings, TariffSettings
from bridge.record import OperatingMode
from bridge.simulation.house import VirtualHouse
from bridge.simulation.virtual_time import VirtualClock, run_virtually
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from hw.simulator.world import Home, World

START = datetime(2026, 6, 15, tzinfo=UTC)
NIGHT = PriceWindowSettings(start="02:00", end="06:00", import_price=0.10)


def live(scenario, seconds, start=START):
    """Let a house live for a while, with a scenario beside it, and return what that returns."""

    async def life():
        settings = EnergySettings(tariff=TariffSettings(import_price=0.40, windows=(NIGHT,)))
        world = World(Home(inverters=2), start=start, step_s=10.0)
        house = VirtualHouse(world, VirtualClock(start), settings, "Europe/Berlin")
        beside = asyncio.ensure_future(scenario(house))
        await house.start(Policy.SAVINGS)
        await asyncio.sleep(seconds)
        result = await beside
        await house.stop()
        return result

    return run_virtually(life())


def test_it_finds_the_modules_and_carries_out_a_plan_within_two_minutes():
    async def look(house):
        await asyncio.sleep(110)
        kinds = sorted(module.record.kind for module in house.home.registry)
        return kinds, house.home.grid.state, house.planner.state

    kinds, grid, planner = live(look, 120)
    assert kinds == sorted([ModuleKind.BATTERY, ModuleKind.METER, *[ModuleKind.MICROINVERTER] * 2])
    assert grid is GridState.CONNECTED
    assert planner.plan is not None
    assert planner.waiting == ""


def test_the_battery_buys_in_the_cheap_hours_and_serves_the_dear_ones():
    async def follow(house):
        charges = []
        for _ in range(24):
            charges.append(house.physics.world.battery.soc_percent)
            await asyncio.sleep(1800)
        return charges

    # In summer there is nothing to be bought: the sun comes early enough.
    charges = live(follow, 12 * 3600, datetime(2026, 12, 15, 1, tzinfo=UTC))
    at_two, at_six = charges[0], charges[8]
    assert at_six > at_two + 10
    assert min(charges[8:]) < at_six, "what was bought is used in the morning"


def test_a_setpoint_is_in_force_until_it_expires_and_then_the_register_is_free():
    async def command(house):
        await asyncio.sleep(60)
        key = house.physics.modules["B000001"].identity.key
        told = house.home.arbiter.submit(
            key, SetpointKind.CHARGE_W, 800.0, origin=Origin.USER, source="test", duration=120.0
        )
        await asyncio.sleep(30)
        battery = house.physics.world.battery
        during = house.home.arbiter.command(told.id).state, battery.charge_rate, battery.power_w
        # Nobody else shall command it afterwards.
        house.home.choices.choose(mode=OperatingMode.AUTONOMOUS)
        await asyncio.sleep(110)
        return during, house.home.arbiter.command(told.id).state, house.physics.world.battery.charge_rate

    during, after, rate = live(command, 210)
    assert during == (CommandState.APPLIED, 800.0, 800.0)
    assert after is CommandState.EXPIRED
    assert rate is None


@pytest.mark.parametrize("serial", ["G000001", "B000001"])
def test_a_module_that_falls_silent_is_noticed_and_the_plan_lets_go_or_goes_on(serial):
    async def cut(house):
        await asyncio.sleep(120)
        house.physics.modules[serial].silent = "the cable is out"
        await asyncio.sleep(180)
        key = house.physics.modules[serial].identity.key
        return house.home.registry[key].reachable, house.planner.state.waiting

    reachable, waiting = live(cut, 320)
    assert not reachable
    assert ("does not answer" in waiting) == (serial == "G000001")


def test_the_same_seed_lives_the_same_day():
    async def watch(house):
        commands = []
        house.home.bus.subscribe(CommandChanged, lambda event: commands.append(event.command))
        await asyncio.sleep(3 * 3600)
        applied = [each for each in commands if each.state is CommandState.APPLIED]
        return [(each.kind, each.value, each.created) for each in applied], house.physics.world.meter.power_w

    assert live(watch, 3 * 3600 + 10) == live(watch, 3 * 3600 + 10)
