"""A limit on what is fed in, set by law: it stays in the inverters without a hub, and goes when it does."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.command import Origin
from bridge.drivers import driver
from bridge.home import Home
from bridge.pace import Pace
from bridge.planner.economy import Economy
from bridge.planner.settings import EnergySettings, GridSettings
from bridge.poller import Poller, Source
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
LIMIT_W = 300.0


class RunningHub:
    """What of a hub keeps the limit, from its start to an orderly end."""

    def __init__(self, simulated, storage, directory, limit_w):
        clock = AsyncioClock()
        self.simulated = simulated
        self.home = Home(storage, clock)
        settings = EnergySettings(grid=GridSettings(export_limit_w=limit_w))
        self.economy = Economy(settings, self.home, directory, None, reckon=None)
        drivers = {"sunspec": driver("sunspec")}
        self.poller = Poller(self.home.registry, drivers, Pace(0.2, 1.0, lambda: 0.0), clock)

    async def __aenter__(self):
        self.home.start()
        self.poller.start([Source("sunspec", each.address) for each in self.simulated.devices])
        await self.poller.first_look(10.0)
        self.economy.start()
        return self

    async def __aexit__(self, *_):
        self.home.stop()
        await self.economy.stop()
        await self.home.arbiter.close()
        await self.poller.stop()

    @property
    def inverters(self):
        return [each for each in self.home.registry if each.record.kind is ModuleKind.MICROINVERTER]

    async def until(self, condition, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.05)


@pytest.fixture
async def simulated():
    async with SimulatedHome(6, seed=7, start=NOON) as home:
        yield home


async def in_force(simulated):
    """Ask every inverter by its registers; return its limit in percent and its rating in W."""
    found = []
    for each in simulated.devices:
        for module in await driver("sunspec").discover(each.address):
            if module.kind is ModuleKind.MICROINVERTER:
                reading, view = await module.read(), await module._control._view()
                limited = (reading.power_limit_percent or 100) < 100
                assert not (limited and view.number(module._control.REVERT)), "it would fall back by itself"
                found.append((reading.power_limit_percent, module.nameplate.power_w))
            await module.close()
    return found


async def test_a_legal_limit_stays_in_the_inverters_when_the_hub_ends_and_goes_when_it_is_lifted(
    simulated, tmp_path
):
    storage = MemoryStorage()
    async with RunningHub(simulated, storage, tmp_path, LIMIT_W) as hub:
        await hub.until(lambda: all(each.reading is not None for each in hub.inverters))
    left = await in_force(simulated)
    assert sum(percent / 100 * rating for percent, rating in left) <= LIMIT_W * 1.02
    assert all(percent > 0 for percent, _ in left)
    async with RunningHub(simulated, storage, tmp_path, LIMIT_W) as hub:
        await hub.until(lambda: all(each.reading is not None for each in hub.inverters))
    assert await in_force(simulated) == left, "the next hub takes them up"
    async with RunningHub(simulated, storage, tmp_path, None) as hub:
        await hub.until(
            lambda: all(
                each.reading is not None and each.reading.power_limit_percent == 100 for each in hub.inverters
            )
        )
    assert {percent for percent, _ in await in_force(simulated)} <= {100, None}


async def test_other_limits_are_given_back_when_the_hub_ends(simulated, tmp_path):
    async with RunningHub(simulated, MemoryStorage(), tmp_path, None) as hub:
        for each, origin in zip(hub.inverters, (Origin.PLAN, Origin.USER, Origin.SAFETY), strict=False):
            hub.home.arbiter.submit(
                each.key, SetpointKind.POWER_LIMIT_PERCENT, 40, origin=origin, source="test"
            )
        await hub.until(
            lambda: (
                sum(
                    each.reading is not None and each.reading.power_limit_percent == 40
                    for each in hub.inverters
                )
                >= 3
            )
        )
    assert {percent for percent, _ in await in_force(simulated)} <= {100, None}
