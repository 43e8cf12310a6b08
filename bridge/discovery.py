"""Finds devices that could be modules: what announces itself, and what is asked. Looking only reads."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge import scan as scans
from bridge.adoption import LOOK, Adoption
from bridge.announcements import Announcements
from bridge.candidates import READ, Candidate, CandidateBook
from bridge.drivers import NATIVE, drivers_for
from bridge.poller import Source
from bridge.scan import LatelyError, Memory, Scan, ScanState
from hw.module import ModuleError, ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from bridge.drivers import Driver
    from bridge.events import EventBus
    from bridge.poller import Poller
    from bridge.registry import Registry
    from hw.sighting import Sighting
    from matter_node.clock import Clock
    from matter_node.storage import Storage
    from matter_node.transport.network import HomeNetwork

LISTEN: Final = 3.0
"""Seconds that devices have to announce themselves."""
SCANNED: Final = "sunspec"
"""The driver of what a scan asks: the others' devices announce themselves."""

_log = logging.getLogger(__name__)


class DiscoveryBusyError(RuntimeError):
    """Somebody is looking already."""


@dataclass(frozen=True, slots=True)
class CandidatesChanged:
    """Something else was found, or the looking began or ended."""

    looking: bool


class Discovery:
    """Listens to announcements, and looks at addresses with the drivers."""

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
        self.adoption: Final = Adoption(registry, drivers, poller, bus, self._book)
        """Makes what was found modules of the home."""
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
        await self.adoption.stop()
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

    def begin(self, address: str | None = None) -> Scan:
        """Look at an address, or at whoever announces itself; CandidatesChanged tells of what is found.

        :raises DiscoveryBusyError: somebody is looking
        :raises LatelyError: the address was asked less than a day ago
        :raises ValueError: that is no address, or a public one
        """
        if address is None:
            return self._begin(Scan("", 0, self._clock.utc() or 0.0), self._listen)
        drivers = drivers_for(address, self._drivers)
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

    # ------------------------------------------------------------------ inside

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
