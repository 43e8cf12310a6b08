"""The limit on what is fed in is kept however often modules are read, and does not wear out inverters."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.choices import Policy
from bridge.command import CommandState, Origin
from bridge.events import CommandChanged
from bridge.planner.settings import EnergySettings, GridSettings, TariffSettings
from bridge.simulation.house import VirtualHouse
from bridge.simulation.virtual_time import VirtualClock, run_virtually
from bridge.simulation.watch import Watch
from hw.simulator.world import Home, World

MORNING = datetime(2026, 6, 15, 8, tzinfo=UTC)
LIMIT_W, HOURS = 1000.0, 3


async def live(interval):
    settings = EnergySettings(
        tariff=TariffSettings(import_price=0.3, export_price=0.08), grid=GridSettings(export_limit_w=LIMIT_W)
    )
    world = World(Home(inverters=6), start=MORNING, step_s=2.0)
    world.battery.energy_wh = world.battery.capacity_wh
    house = VirtualHouse(world, VirtualClock(MORNING), settings, "UTC", interval=interval)
    writes = []

    def changed(event):
        if event.command.origin is Origin.GRID_OPERATOR and event.command.state is CommandState.QUEUED:
            writes.append(event.command)

    house.home.bus.subscribe(CommandChanged, changed)
    await house.start(Policy.SELF_CONSUMPTION)
    watch = Watch(house)
    watch.start()
    exported = world.meter.exported_wh
    await asyncio.sleep(HOURS * 3600.0)
    watch.stop()
    produced = house.physics.world.meter.exported_wh - exported
    await house.stop()
    return watch.breaches, len(writes) / len(world.inverters) / HOURS, produced / HOURS


@pytest.mark.parametrize("interval", [8.0, 30.0, 60.0])
def test_the_limit_is_kept_and_used_with_few_writes(interval):
    breaches, writes_an_hour, exported_w = run_virtually(live(interval))
    assert [each for each in breaches if each.name == "export"] == []
    assert 0.5 * LIMIT_W < exported_w <= LIMIT_W
    assert writes_an_hour < 40
