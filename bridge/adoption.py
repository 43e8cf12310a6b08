"""Makes devices modules of the home: by what was found, by address, by Matter setup code, as people want."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.announcements import MATTER
from bridge.drivers import NATIVE, Commissioner, drivers_for
from bridge.events import ModulesRegistered
from bridge.poller import Source
from hw.module import ModuleError
from matter_node.codec.onboarding import parse_manual_code, parse_qr_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.candidates import CandidateBook
    from bridge.drivers import Driver
    from bridge.events import EventBus
    from bridge.poller import Poller
    from bridge.registry import Registry
    from hw.module import Module

LOOK: Final = 8.0
"""Seconds that one driver may look at one address."""
COMMISSION: Final = 120.0
"""Seconds that a Matter server may take to commission a device."""
PATIENCE: Final = 8.0
"""Seconds that somebody is kept waiting for it; it goes on after that."""

_log = logging.getLogger(__name__)


class NoDeviceError(LookupError):
    """There is nothing that a driver understands; the message says where, and what each driver said."""


class NotByAddressError(NoDeviceError):
    """The device cannot be registered so; the message says how."""


class NoCommissionerError(RuntimeError):
    """No driver of the hub commissions Matter devices."""


class StillCommissioningError(RuntimeError):
    """A device is being commissioned, which takes its time; its modules appear when it is done."""


class Adoption:
    """Registers what a person chose."""

    def __init__(
        self,
        registry: Registry,
        drivers: Mapping[str, Driver],
        poller: Poller,
        bus: EventBus,
        book: CandidateBook,
    ) -> None:
        """Take the parts; `book` has what was found."""
        self._registry = registry
        self._drivers = drivers
        self._poller = poller
        self._bus = bus
        self._book = book
        self._commissioning: asyncio.Task[tuple[str, ...]] | None = None

    async def stop(self) -> None:
        """Commission no more."""
        if self._commissioning is not None and not self._commissioning.done():
            self._commissioning.cancel()
            await asyncio.wait([self._commissioning])

    def is_candidate(self, text: str) -> bool:
        """Tell whether a text is the id of something that was found."""
        return self._book.get(text) is not None

    def is_setup_code(self, text: str) -> bool:
        """Tell whether a text is a Matter setup code."""
        try:
            judge_setup_code(text)
        except ValueError:
            return False
        return True

    async def register(
        self, address: str, *, driver: str | None = None, name: str = "", room: str = "", role: str = ""
    ) -> tuple[str, ...]:
        """Make what is at an address modules of the home; return their keys when they are on the node.

        :param driver: who talks to it; None to try all
        :raises ValueError: that is no address, or no driver
        :raises NoDeviceError: nothing answers there that a driver understands
        """
        said: list[str] = []
        if driver == NATIVE:
            raise NotByAddressError("a module with the ORES protocol asks for its registration itself")
        for candidate in drivers_for(address, self._drivers, driver):
            try:
                modules = await self._probe(candidate, address)
            except (ModuleError, OSError, TimeoutError) as error:
                said.append(f"{candidate}: {error or 'no answer'}")
                continue
            keys = [module.identity.key for module in modules]
            if all(key in self._registry for key in keys):
                return tuple(keys)
            await self._close(modules)
            return await self._take_in(Source(candidate, address, name=name, room=room, role=role), set(keys))
        raise NoDeviceError(f"nothing at {address} is understood ({'; '.join(said)})")

    async def register_candidate(
        self, candidate: str, *, name: str = "", room: str = "", role: str = ""
    ) -> tuple[str, ...]:
        """Make a candidate a module.

        :raises NotByAddressError: it takes more than that
        :raises NoDeviceError: there is none of that id, or it is gone
        """
        found = self._book.get(candidate)
        if found is None:
            raise NoDeviceError(f"there is no candidate {candidate}")
        if found.driver not in self._drivers or found.driver in {NATIVE, MATTER}:
            raise NotByAddressError(found.remedy or f"no driver speaks with {found.model}")
        return await self.register(found.address, driver=found.driver, name=name, room=room, role=role)

    async def commission(
        self, setup_code: str, *, name: str = "", room: str = "", role: str = ""
    ) -> tuple[str, ...]:
        """Make a Matter device a module by its setup code; return the keys of its modules.

        :param setup_code: `MT:...`, or 11 or 21 digits
        :raises ValueError: that is no setup code
        :raises NoCommissionerError: the hub has no Matter server
        :raises NoDeviceError: no such device was found, or it could not be commissioned
        :raises StillCommissioningError: it takes longer than `PATIENCE` and goes on, or another one does
        """
        judge_setup_code(setup_code)
        driver: object = self._drivers.get(MATTER)
        servers = self._poller.addresses(MATTER)
        if not isinstance(driver, Commissioner) or not servers:
            raise NoCommissionerError("the hub has no Matter server to commission devices with")
        if self._commissioning is not None and not self._commissioning.done():
            raise StillCommissioningError("another device is being commissioned")
        called = (name, room, role)
        work = self._commission(driver, servers[0], setup_code, called)
        self._commissioning = asyncio.create_task(work, name="commissioning")
        done, _ = await asyncio.wait([self._commissioning], timeout=PATIENCE)
        if not done:
            self._commissioning.add_done_callback(_say_how_it_ended)
            raise StillCommissioningError("the device is being commissioned")
        return self._commissioning.result()

    # ------------------------------------------------------------------ inside

    async def _commission(
        self, driver: Commissioner, server: str, setup_code: str, called: tuple[str, str, str]
    ) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(COMMISSION):
                keys = set(await driver.commission(server, setup_code))
        except (ModuleError, OSError) as error:
            raise NoDeviceError(f"the device could not be commissioned: {error or 'no answer'}") from error
        if all(key in self._registry for key in keys):
            return tuple(sorted(keys))
        registered = await self._take_in(Source(MATTER, server), keys)
        for key in registered if any(called) else ():
            name, room, role = (text or None for text in called)
            self._registry.rename(key, name=name, room=room, role=role)
        return registered

    async def _take_in(self, source: Source, keys: set[str]) -> tuple[str, ...]:
        registered: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()

        def note(event: ModulesRegistered) -> None:
            new = {record.key for record in event.records}
            if keys & new and not registered.done():
                registered.set_result(tuple(sorted(keys)))

        unsubscribe = self._bus.subscribe(ModulesRegistered, note)
        try:
            for key in keys:
                self._registry.reinstate(key)
            self._poller.add(source)
            async with asyncio.timeout(LOOK):
                return await registered
        except TimeoutError as error:
            raise NoDeviceError(f"{source.address} answered once, and then no more") from error
        finally:
            unsubscribe()

    async def _probe(self, name: str, address: str) -> list[Module]:
        async with asyncio.timeout(LOOK):
            return list(await self._drivers[name].discover(address))

    async def _close(self, modules: Iterable[Module]) -> None:
        for module in modules:
            await module.close()


def _say_how_it_ended(task: asyncio.Task[tuple[str, ...]]) -> None:
    """Say in the log what came of a commissioning that nobody waits for any more."""
    if task.cancelled():
        return
    if error := task.exception():
        _log.warning("%s", error)
    else:
        _log.info("commissioned %s", ", ".join(task.result()))


def judge_setup_code(text: str) -> None:
    """Raise ValueError for what is no Matter setup code."""
    if text.startswith("MT:"):
        parse_qr_code(text)
    else:
        parse_manual_code(text.replace("-", "").replace(" ", ""))
