"""Find devices and make them modules of the home. Looking only reads; registering is what a person wants."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge import scan as scans
from bridge.announcements import MATTER, Announcements
from bridge.candidates import READ, Candidate, CandidateBook
from bridge.drivers import NATIVE, Commissioner
from bridge.events import ModulesRegistered
from bridge.poller import Source
from bridge.scan import LatelyError, Memory, Scan, ScanState
from hw.module import ModuleError, ModuleUnreachable
from matter_node.codec.onboarding import parse_manual_code, parse_qr_code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from bridge.drivers import Driver
    from bridge.events import EventBus
    from bridge.poller import Poller
    from bridge.registry import Registry
    from hw.module import Module
    from hw.sighting import Sighting
    from matter_node.clock import Clock
    from matter_node.storage import Storage
    from matter_node.transport.network import HomeNetwork

LOOK: Final = 8.0
"""Seconds that one driver may look at one address."""
COMMISSION: Final = 120.0
"""Seconds that a Matter server may take to commission a device."""
PATIENCE: Final = 8.0
"""Seconds that somebody is kept waiting for it; it goes on after that."""
LISTEN: Final = 3.0
"""Seconds that devices have to announce themselves."""
SCANNED: Final = "sunspec"
"""The driver of what a scan asks: the others' devices announce themselves."""

_log = logging.getLogger(__name__)


class DiscoveryBusyError(RuntimeError):
    """Somebody is looking already."""


class NoDeviceError(LookupError):
    """There is nothing that a driver understands; the message says where, and what each driver said."""


class NotByAddressError(NoDeviceError):
    """The device cannot be registered so; the message says how."""


class NoCommissionerError(RuntimeError):
    """No driver of the hub commissions Matter devices."""


class StillCommissioningError(RuntimeError):
    """A device is being commissioned, which takes its time; its modules appear when it is done."""


@dataclass(frozen=True, slots=True)
class CandidatesChanged:
    """Something else was found, or the looking began or ended."""

    looking: bool


class Discovery:
    """Listens to announcements, looks at addresses with the drivers, and registers what a person chose."""

    def __init__(
        self,
        registry: Registry,
        drivers: Mapping[str, Driver],
        poller: Poller,
        bus: EventBus,
        clock: Clock,
        storage: Storage,
    ) -> None:
        self._registry = registry
        self._drivers = drivers
        self._poller = poller
        self._bus = bus
        self._clock = clock
        self._book = CandidateBook(clock)
        self._memory = Memory(storage, clock)
        self._announcements = Announcements(self._book, self._tell, self._follow)
        self._looking: asyncio.Task[None] | None = None
        self._commissioning: asyncio.Task[tuple[str, ...]] | None = None
        self.scan: Scan | None = None
        """The scan that runs, or the last one."""

    @property
    def looking(self) -> bool:
        """Whether somebody is looking now."""
        return self._looking is not None

    def start(self, network: HomeNetwork) -> None:
        """Listen to what devices announce on a network that is started."""
        self._announcements.start(network)

    async def stop(self) -> None:
        """Look no more."""
        await self.stop_scan()
        if self._commissioning is not None and not self._commissioning.done():
            self._commissioning.cancel()
            await asyncio.wait([self._commissioning])
        await self._announcements.stop()

    # ------------------------------------------------------------------ looking

    def candidates(self) -> tuple[Candidate, ...]:
        """Return what was found and is no module yet, the surest first."""
        links = {self._link(each.record.driver, each.record.address) for each in self._registry}

        def is_new(found: Candidate) -> bool:
            if found.id in self._registry:
                return False
            # What announces itself does not always tell the serial number by which a module is known.
            return found.source != "mdns" or self._link(found.driver, found.address) not in links

        return self._book.all(is_new)

    def judge(self, address: str, driver: str | None = None) -> tuple[str, ...]:
        """Return the drivers that an address can be meant for. Raise ValueError if there is none."""
        if driver is not None and driver not in self._drivers:
            raise ValueError(f"there is no driver {driver!r}; there are {', '.join(self._drivers)}")
        problems = []
        possible = []
        for name in (driver,) if driver else tuple(each for each in self._drivers if each != NATIVE):
            try:
                self._drivers[name].link(address)
            except ValueError as error:
                problems.append(str(error))
            else:
                possible.append(name)
        if not possible:
            raise ValueError("; ".join(dict.fromkeys(problems)) or f"no driver takes {address!r}")
        return tuple(possible)

    def begin(self, address: str | None = None) -> Scan:
        """Look at an address, or at whoever announces itself; CandidatesChanged tells of what is found.

        :raises DiscoveryBusyError: somebody is looking
        :raises LatelyError: the address was asked less than a day ago
        :raises ValueError: that is no address, or a public one
        """
        if address is None:
            return self._begin(Scan("", 0, self._clock.utc() or 0.0), self._listen)
        drivers = self.judge(address)
        if SCANNED in drivers:
            endpoint = self._drivers[SCANNED].link(address)
            if not scans.is_local_host(endpoint.rpartition(":")[0]):
                raise ValueError(f"{address} is not in a home network")
            if left := self._memory.left(endpoint):
                raise LatelyError(address, left)
        scan = Scan(address, 1, self._clock.utc() or 0.0)
        return self._begin(scan, lambda: self._look_at(scan, address, drivers))

    def begin_network(self, network: str, port: int = scans.MODBUS_PORT) -> Scan:
        """Ask each host of a private network whether SunSpec is spoken there.

        :param network: such as `192.168.1.0/24`, at most of 254 hosts
        :raises DiscoveryBusyError: somebody is looking
        :raises LatelyError: all of it was asked less than a day ago
        :raises ValueError: it may not be scanned
        """
        addresses = [f"{host}:{port}" for host in scans.hosts(network)]
        whole = f"{network}:{port}"
        if left := self._memory.left(whole):
            raise LatelyError(f"port {port} of {network}", left)
        scan = Scan(network, len(addresses), self._clock.utc() or 0.0)

        async def work() -> None:
            self._memory.note(whole)
            look = self._drivers[SCANNED].look
            await scans.run(scan, addresses, look, self._memory, lambda seen: self._seen(scan, seen, SCANNED))

        return self._begin(scan, work)

    async def stop_scan(self) -> None:
        """End the scan that runs; what it has found stays."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    # ------------------------------------------------------------------ registering

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

    def _begin(self, scan: Scan, work: Callable[[], Awaitable[None]]) -> Scan:
        if self._looking is not None:
            raise DiscoveryBusyError("devices are being looked for already")
        self.scan = scan
        self._looking = asyncio.create_task(self._run(scan, work), name="discovery")
        self._tell()
        return scan

    async def _run(self, scan: Scan, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
            scan.state = ScanState.DONE
        except Exception:
            _log.exception("looking at %s failed", scan.target or "announcements")
            raise
        finally:
            if scan.state is ScanState.RUNNING:
                scan.state = ScanState.STOPPED
            scan.ended = self._clock.utc()
            self._looking = None
            self._tell()

    async def _listen(self) -> None:
        if self._announcements.look():
            await asyncio.sleep(LISTEN)

    async def _look_at(self, scan: Scan, address: str, drivers: Sequence[str]) -> None:
        for name in drivers:
            taken = True
            try:
                async with asyncio.timeout(LOOK):
                    self._seen(scan, await self._drivers[name].look(address), name)
            except (ModuleError, OSError) as error:
                scan.said.append(f"{name}: {error or 'no answer'}")
                taken = not isinstance(error, ModuleUnreachable)
            if taken and name == SCANNED:
                self._memory.note(self._drivers[name].link(address))
        scan.done = 1

    def _seen(self, scan: Scan, seen: Iterable[Sighting], driver: str) -> None:
        for each in seen:
            identity = each.identity
            self._book.note(
                Candidate(
                    id=identity.key,
                    driver=driver,
                    address=each.address,
                    kind=each.kind.value if each.kind else "",
                    vendor=identity.vendor,
                    model=identity.model,
                    serial=identity.serial,
                    source="probe",
                    confidence=READ,
                )
            )
            scan.found.append(identity.key)
        self._tell()

    def _follow(self, seen: Candidate) -> None:
        """Ask for a lost module where a device of its key announces itself: its address may have changed.

        Who answers there is told by its serial number, as everywhere.
        """
        if seen.id not in self._registry:
            return
        registered = self._registry[seen.id]
        record = registered.record
        if registered.reachable or record.driver != seen.driver or seen.driver == NATIVE:
            return
        if self._link(seen.driver, seen.address) != self._link(record.driver, record.address):
            _log.info("%s announces itself at %s: it is asked there", record.name, seen.address)
            self._poller.add(Source(seen.driver, seen.address))

    def _tell(self) -> None:
        self._bus.publish(CandidatesChanged(looking=self.looking))

    def _link(self, driver: str, address: str) -> str:
        """Return what modules of a driver at an address share; empty where nobody can say."""
        if driver not in self._drivers:
            return ""
        try:
            return f"{driver} {self._drivers[driver].link(address)}"
        except ValueError:
            return ""

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
