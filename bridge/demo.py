"""The simulated home of `ores-bridge demo`: it runs as long as the hub does, and can lose its grid."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from bridge.control import ControlError
from bridge.poller import Source
from hw.module import ModuleKind
from hw.simulator.process import SimulatedHome, SimulationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from bridge.settings import DemoSettings


_DRIVERS: Final[dict[str, str]] = {ModuleKind.LOAD: "shelly", ModuleKind.EVSE: "goe"}
LONGEST: Final = 86_400.0
"""Seconds that an outage lasts at most that ends by itself."""

_log = logging.getLogger(__name__)


class Demo:
    """A simulated home, and its main switch."""

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._home: SimulatedHome | None = None
        self._switch: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def home(self) -> AsyncIterator[Sequence[Source]]:
        """Run the home and give the addresses of its devices.

        Ports differ from run to run; the devices' serial numbers follow from the seed, so the registry knows
        them again. Raise SimulationError when it does not start.
        """
        settings = self._settings
        async with SimulatedHome(
            settings.modules,
            plugs=settings.plugs,
            evse=settings.chargers,
            seed=settings.seed,
            speed=settings.speed,
        ) as home:
            self._home = home
            if settings.outage_after is not None:
                self._plan(self._lose(settings.outage_after, settings.outage_for))
            try:
                yield [
                    Source(_DRIVERS.get(device.kind, "sunspec"), device.address) for device in home.devices
                ]
            finally:
                self._plan(None)
                self._home = None

    def requests(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[object]]]:
        """Return what the control socket answers to besides: `demo-outage`."""
        return {"demo-outage": self._outage}

    async def _outage(self, params: dict[str, Any]) -> object:
        """Take the grid away, or give it back, and tell the truth about the home."""
        lasting = params.get("for_s")
        if lasting is not None and (isinstance(lasting, bool) or not isinstance(lasting, int | float)):
            raise ControlError("invalid", "for_s is a number of seconds")
        if lasting is not None and not 0 < lasting <= LONGEST:
            raise ControlError("invalid", f"an outage lasts up to {LONGEST / 3600:.0f} h")
        home = self._home
        if home is None:
            raise ControlError("unavailable", "the simulated home does not run yet")
        self._plan(None)
        try:
            if params.get("over") is True:
                await home.grid()
            else:
                await home.outage(meter_silent=params.get("meter_silent") is True)
                if lasting is not None:
                    self._plan(self._restore(lasting))
            return await home.state()
        except SimulationError as error:
            raise ControlError("unavailable", str(error)) from error

    def _plan(self, later: Any) -> None:
        """Do something later, in place of what was to be done."""
        if self._switch is not None:
            self._switch.cancel()
        self._switch = None if later is None else asyncio.create_task(later, name="outage")

    async def _lose(self, after: float, lasting: float | None) -> None:
        await asyncio.sleep(after)
        await self._turn(on=False)
        if lasting is not None:
            await self._restore(lasting)

    async def _restore(self, after: float) -> None:
        await asyncio.sleep(after)
        await self._turn(on=True)

    async def _turn(self, *, on: bool) -> None:
        if self._home is None:
            return
        try:
            await (self._home.grid() if on else self._home.outage())
        except SimulationError as error:
            _log.error("the main switch of the simulated home does not move: %s", error)
