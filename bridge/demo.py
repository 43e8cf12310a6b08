"""The simulated home of `ores-bridge demo`: its processes run as long as the hub does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from bridge.poller import Source
from hw.module import ModuleKind
from hw.simulator.process import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.settings import DemoSettings


_DRIVERS: Final[dict[str, str]] = {ModuleKind.LOAD: "shelly", ModuleKind.EVSE: "goe"}


@contextlib.asynccontextmanager
async def simulated_home(settings: DemoSettings) -> AsyncIterator[Sequence[Source]]:
    """Run a simulated home and give the addresses of its devices.

    Ports differ from run to run; the devices' serial numbers follow from the seed, so the registry knows them
    again. Raise SimulationError when it does not start.
    """
    async with SimulatedHome(
        settings.modules,
        plugs=settings.plugs,
        evse=settings.chargers,
        seed=settings.seed,
        speed=settings.speed,
    ) as home:
        yield [Source(_DRIVERS.get(device.kind, "sunspec"), device.address) for device in home.devices]
