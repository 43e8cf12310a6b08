"""Reads every module again and again, and notices the ones that do not answer.

One task a link (a Modbus endpoint, or a device of its own): the modules behind it are read one after the
other, each when it is due, so nothing queues up however slow a device is. An address is asked for its modules
until it has answered once, and again when all of them have been silent for long (another device may have
moved in) or when its driver has heard of more of them. What a person removed is not taken in again until a
person names its address.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.drivers import GrowingDriver
from hw.module import ModuleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.drivers import Driver
    from bridge.pace import Pace
    from bridge.registry import RegisteredModule, Registry
    from hw.module import Module
    from matter_node.clock import Clock

MISSES: Final = 3
"""Readings missed in a row after which a module is unreachable."""
SILENCE: Final = 9.0
"""Seconds of silence after which one missed reading is enough."""
LONGEST_RETRY: Final = 8.0
"""Seconds between two attempts at what does not answer, at most."""
REDISCOVERY: Final = 60.0
"""Seconds of silence of all its modules after which an address is asked anew who is there."""
_MEASURE_INTERVAL: Final = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """One address to find modules at."""

    driver: str
    address: str
    serial: str = ""
    name: str = ""
    room: str = ""
    role: str = ""


@dataclass(slots=True)
class _Polled:
    """One module on a link."""

    module: RegisteredModule
    device: Module
    due: float
    heard: float
    """When it last answered, or was found."""
    missed: int = 0


@dataclass(slots=True)
class _Site:
    """A source on a link, and how asking it for its modules goes."""

    source: Source
    due: float
    attempts: int = 0
    polled: list[_Polled] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Keys of the modules that were found; one that a person has removed since is not taken in again."""
    named: bool = False
    """Whether somebody named the address again: what was removed may come back."""


class Poller:
    """Reads the modules of all sources."""

    def __init__(
        self,
        registry: Registry,
        drivers: dict[str, Driver],
        pace: Pace,
        clock: Clock,
        *,
        randomness: random.Random | None = None,
    ) -> None:
        self._registry = registry
        self._drivers = drivers
        self._pace = pace
        self._clock = clock
        self._random = randomness or random.Random()  # noqa: S311 - spreads work, keeps no secret
        self._links: dict[str, _Link] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, sources: Iterable[Source]) -> None:
        """Begin to read. Raise ValueError for an address or driver that is none."""
        for source in sources:
            self._add(source, named=False)
        self._tasks.append(asyncio.create_task(self._measure(), name="pace"))

    def add(self, source: Source) -> None:
        """Read the modules of one more source; one that is known already is asked again who is there.

        A person names it: what was removed may come back.
        """
        self._add(source, named=True)

    def addresses(self, driver: str) -> tuple[str, ...]:
        """Return the addresses that are asked by a driver."""
        return tuple(
            site.source.address
            for link in self._links.values()
            for site in link.sites
            if site.source.driver == driver
        )

    def _add(self, source: Source, *, named: bool) -> None:
        driver = self._drivers[source.driver]
        name = f"{source.driver} {driver.link(source.address)}"
        link = self._links.get(name)
        if link is None:
            link = self._links[name] = _Link(self._registry, driver, self._pace, self._clock, self._random)
            self._tasks.append(asyncio.create_task(link.run(), name=name))
        link.add(source, named=named)

    async def first_look(self, seconds: float) -> None:
        """Wait until every address was asked once, but not longer than `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for link in tuple(self._links.values()):
                    await link.looked.wait()

    async def stop(self) -> None:
        """Stop reading and let go of the devices."""
        pending = set(self._tasks)
        while pending:
            # More than once: a library in between may take a cancellation for a lost connection.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.5)
        self._tasks.clear()
        await asyncio.gather(*(link.close() for link in self._links.values()))
        self._links.clear()

    async def _measure(self) -> None:
        while True:
            self._pace.measure(self._clock.monotonic())
            await asyncio.sleep(_MEASURE_INTERVAL)


class _Link:
    """One Modbus endpoint or one device: the sources that name it and the modules behind it."""

    def __init__(
        self, registry: Registry, driver: Driver, pace: Pace, clock: Clock, randomness: random.Random
    ) -> None:
        self._registry = registry
        self._driver = driver
        # Asked once: a protocol takes long to compare with, and a link is looked at with each reading.
        self._growing = driver if isinstance(driver, GrowingDriver) else None
        self._pace = pace
        self._clock = clock
        self._random = randomness
        self.sites: list[_Site] = []
        """The sources on it."""
        self._failures = 0
        """Readings that failed in a row, of whichever module."""
        self._added = asyncio.Event()
        self.looked = asyncio.Event()
        """Set once every address was asked."""

    def add(self, source: Source, *, named: bool) -> None:
        site = next((site for site in self.sites if site.source.address == source.address), None)
        if site is None:
            self.sites.append(_Site(source, self._clock.monotonic(), named=named))
        elif named:
            before = site.source
            site.source = replace(
                source,
                serial=source.serial or before.serial,
                name=source.name or before.name,
                room=source.room or before.room,
                role=source.role or before.role,
            )
            site.taken = {polled.module.key for polled in site.polled if polled.module.key in self._registry}
            site.named = True
            site.due = self._clock.monotonic()
        self._added.set()

    async def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            if not self.sites:
                self._added.clear()
                await self._added.wait()
            due, site, polled = self._next()
            delay = due - self._clock.monotonic()
            if delay > 0:
                self._added.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._added.wait()
                continue
            try:
                if polled is None:
                    await self._discover(site)
                    if all(each.polled or each.attempts for each in self.sites):
                        self.looked.set()
                else:
                    await self._read(site, polled)
                    await self._look_again(site)
            except Exception:  # noqa: BLE001 - a driver's bug must not end the polling of its link
                _log.exception("polling %s failed", site.source.address)
                site.due = self._clock.monotonic() + LONGEST_RETRY
                for each in site.polled:
                    each.due = site.due

    async def close(self) -> None:
        for site in self.sites:
            await self._let_go(site)

    def _next(self) -> tuple[float, _Site, _Polled | None]:
        """Return what is due next. A link has a handful of modules: looking at all of them is quick."""
        due: list[tuple[float, _Site, _Polled | None]] = []
        for site in self.sites:
            if site.polled:
                due.extend((polled.due, site, polled) for polled in site.polled)
            else:
                due.append((site.due, site, None))
        return min(due, key=lambda each: each[0])

    async def _discover(self, site: _Site) -> None:
        source = site.source
        try:
            modules = await self._driver.discover(source.address, serial=source.serial)
        except (ModuleError, OSError) as error:
            site.attempts += 1
            site.due = self._clock.monotonic() + self._retry(site.attempts)
            if site.attempts == 1:
                _log.warning("no module found at %s yet: %s", source.address, error)
            here = self._driver.link(source.address)
            for registered in self._registry:
                record = registered.record
                missing = registered.device is None and record.driver == source.driver
                if missing and self._driver.link(record.address) == here:
                    self._registry.lost(registered, str(error))
            return
        site.attempts = 0
        for polled in [each for each in site.polled if each.module.key not in self._registry]:
            await self._drop(site, polled)
        new = [module for module in modules if self._is_new(site, module.identity.key)]
        for module in modules:
            if module not in new:
                await module.close()
        name = "" if site.taken else source.name
        site.taken.update(module.identity.key for module in modules)
        site.named = False
        found = self._registry.found(new, source.driver, name=name, room=source.room, role=source.role)
        now = self._clock.monotonic()
        for registered, device in zip(found, new, strict=True):
            site.polled.append(_Polled(registered, device, now, now))
        if not site.polled:
            site.due = now + REDISCOVERY
            if self._growing is None:
                _log.info("%s is asked no more: its modules were removed", source.address)
                self.sites.remove(site)

    def _is_new(self, site: _Site, key: str) -> bool:
        """Tell whether a module that was found is to be read, and is not yet."""
        if any(polled.module.key == key for polled in site.polled):
            return False
        if key in self._registry:
            return True
        return key not in site.taken and (site.named or not self._registry.is_retired(key))

    async def _look_again(self, site: _Site) -> None:
        """Take in the modules that have come to an address since it was asked."""
        growing = self._growing
        grown = growing is not None and growing.news(site.source.address, site.taken)
        if grown or site.named:
            await self._discover(site)

    async def _read(self, site: _Site, polled: _Polled) -> None:
        module = polled.module
        try:
            async with module.lock:
                began = self._clock.monotonic()
                reading = await polled.device.read()
        except (ModuleError, OSError) as error:
            module.reads_failed += 1
            if module.key in self._registry:
                await self._missed(site, polled, str(error))
            else:
                await self._drop(site, polled)
            return
        now = self._clock.monotonic()
        module.reads_ok += 1
        module.round_trip_s = now - began
        polled.heard = now
        polled.missed = 0
        self._failures = 0
        # Spread a little, so that modules found together do not stay together.
        polled.due = max(polled.due + self._pace.interval, now) + self._random.uniform(0, 0.02)
        if module.key in self._registry:
            self._registry.took(module, reading)
        else:
            await self._drop(site, polled)

    async def _drop(self, site: _Site, polled: _Polled) -> None:
        """Let go of a module that was removed."""
        site.polled.remove(polled)
        await polled.device.close()

    async def _missed(self, site: _Site, polled: _Polled, reason: str) -> None:
        now = self._clock.monotonic()
        polled.missed += 1
        self._failures += 1
        polled.due = now + self._retry(polled.missed)
        silence = max(SILENCE, self._pace.interval + 3)
        # When one module after the other fails, it is the link: all of them are silent.
        suspects = [polled]
        if self._failures > 1:
            suspects = [each for each_site in self.sites for each in each_site.polled]
        for each in suspects:
            if each.missed >= MISSES or now - each.heard >= silence:
                self._registry.lost(each.module, reason)
        if all(now - each.heard >= REDISCOVERY for each in site.polled):
            await self._let_go(site)
            site.due = now

    async def _let_go(self, site: _Site) -> None:
        for polled in site.polled:
            if polled.module.device is polled.device:
                polled.module.device = None
            with contextlib.suppress(ModuleError, OSError):
                await polled.device.close()
        site.polled.clear()

    def _retry(self, attempts: int) -> float:
        """Return the pause before the next attempt: at first as usual, then longer and longer."""
        pause = min(self._pace.interval * 2.0 ** min(max(attempts - MISSES, 0), 6), LONGEST_RETRY)
        return pause * self._random.uniform(0.8, 1.2)
