"""Find devices and make them modules of the home. Looking only reads; registering is what a person wants."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.events import ModulesRegistered
from bridge.poller import Source
from hw.module import ModuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from bridge.drivers import Driver
    from bridge.events import EventBus
    from bridge.poller import Poller
    from bridge.registry import Registry
    from hw.module import Module
    from matter_node.clock import Clock

LOOK: Final = 8.0
"""Seconds that one driver may look at one address."""
MOST_CANDIDATES: Final = 500

_log = logging.getLogger(__name__)


class DiscoveryBusyError(RuntimeError):
    """Somebody is looking already."""


class NoDeviceError(LookupError):
    """There is nothing that a driver understands; the message says where, and what each driver said."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that was found.

    :ivar id: the key that it would have as a module
    :ivar source: how it was found, such as `probe`
    :ivar confidence: 0 to 1: 1 when a driver has read it
    :ivar seen: UTC, aware
    """

    id: str
    driver: str
    address: str
    kind: str
    vendor: str
    model: str
    serial: str
    source: str
    confidence: float
    seen: datetime | None
    registered: bool


@dataclass(frozen=True, slots=True)
class CandidatesChanged:
    """Something else was found, or the looking began or ended."""

    looking: bool


class Discovery:
    """Looks at addresses with the drivers, and registers what a person chose."""

    def __init__(
        self,
        registry: Registry,
        drivers: Mapping[str, Driver],
        poller: Poller,
        bus: EventBus,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._drivers = drivers
        self._poller = poller
        self._bus = bus
        self._clock = clock
        self._found: dict[str, Candidate] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def looking(self) -> bool:
        """Whether somebody is looking now."""
        return self._looking is not None

    def candidates(self) -> tuple[Candidate, ...]:
        """Return what was found and is no module yet, by key."""
        known = (found for key, found in self._found.items() if key not in self._registry)
        return tuple(sorted(known, key=lambda found: found.id))

    def judge(self, address: str, driver: str | None = None) -> tuple[str, ...]:
        """Return the drivers that an address can be meant for. Raise ValueError if there is none."""
        if driver is not None and driver not in self._drivers:
            raise ValueError(f"there is no driver {driver!r}; there are {', '.join(self._drivers)}")
        problems = []
        possible = []
        for name in (driver,) if driver else tuple(self._drivers):
            try:
                self._drivers[name].link(address)
            except ValueError as error:
                problems.append(str(error))
            else:
                possible.append(name)
        if not possible:
            raise ValueError("; ".join(dict.fromkeys(problems)))
        return tuple(possible)

    def begin(self, addresses: Iterable[str]) -> None:
        """Begin to look at addresses; CandidatesChanged tells of what is found and when it is over.

        :raises DiscoveryBusyError: somebody is looking
        :raises ValueError: one of them is no address
        """
        if self._looking is not None:
            raise DiscoveryBusyError("devices are being looked for already")
        places = [(address, name) for address in addresses for name in self.judge(address)]
        self._looking = asyncio.create_task(self._look(places), name="discovery")
        self._bus.publish(CandidatesChanged(looking=True))

    async def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def register(
        self, address: str, *, driver: str | None = None, name: str = "", room: str = ""
    ) -> tuple[str, ...]:
        """Make what is at an address modules of the home; return their keys when they are on the node.

        :param driver: who talks to it; None to try all
        :raises ValueError: that is no address, or no driver
        :raises NoDeviceError: nothing answers there that a driver understands
        """
        said: list[str] = []
        for candidate in self.judge(address, driver):
            try:
                modules = await self._probe(candidate, address)
            except (ModuleError, OSError, TimeoutError) as error:
                said.append(f"{candidate}: {error or 'no answer'}")
                continue
            keys = [module.identity.key for module in modules]
            if all(key in self._registry for key in keys):
                return tuple(keys)
            await self._close(modules)
            return await self._take_in(Source(candidate, address, name=name, room=room), set(keys))
        raise NoDeviceError(f"nothing at {address} is understood ({'; '.join(said)})")

    async def register_candidate(self, candidate: str, *, name: str = "") -> tuple[str, ...]:
        """Make a candidate a module. Raise NoDeviceError if there is none of that id, or it is gone."""
        found = self._found.get(candidate)
        if found is None:
            raise NoDeviceError(f"there is no candidate {candidate}")
        return await self.register(found.address, driver=found.driver, name=name)

    async def _take_in(self, source: Source, keys: set[str]) -> tuple[str, ...]:
        registered: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()

        def note(event: ModulesRegistered) -> None:
            new = {record.key for record in event.records}
            if keys & new and not registered.done():
                registered.set_result(tuple(sorted(keys)))

        unsubscribe = self._bus.subscribe(ModulesRegistered, note)
        try:
            self._poller.add(source)
            async with asyncio.timeout(LOOK):
                return await registered
        except TimeoutError as error:
            raise NoDeviceError(f"{source.address} answered once, and then no more") from error
        finally:
            unsubscribe()

    async def _look(self, places: list[tuple[str, str]]) -> None:
        try:
            for address, name in places:
                try:
                    modules = await self._probe(name, address)
                except (ModuleError, OSError, TimeoutError) as error:
                    _log.debug("%s at %s: %s", name, address, error)
                    continue
                for module in modules:
                    self._note(module, name, "probe")
                await self._close(modules)
                self._bus.publish(CandidatesChanged(looking=True))
        finally:
            self._looking = None
            self._bus.publish(CandidatesChanged(looking=False))

    async def _probe(self, name: str, address: str) -> list[Module]:
        async with asyncio.timeout(LOOK):
            return list(await self._drivers[name].discover(address))

    async def _close(self, modules: Iterable[Module]) -> None:
        for module in modules:
            await module.close()

    def _note(self, module: Module, driver: str, source: str) -> None:
        identity = module.identity
        if len(self._found) >= MOST_CANDIDATES and identity.key not in self._found:
            return
        self._found[identity.key] = Candidate(
            id=identity.key,
            driver=driver,
            address=module.address,
            kind=module.kind.value,
            vendor=identity.vendor,
            model=identity.model,
            serial=identity.serial,
            source=source,
            confidence=1.0,
            seen=_utc(self._clock),
            registered=identity.key in self._registry,
        )


def _utc(clock: Clock) -> datetime | None:
    from datetime import UTC, datetime

    now = clock.utc()
    return None if now is None else datetime.fromtimestamp(now, UTC)
