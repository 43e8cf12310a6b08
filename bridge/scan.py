"""Where an active scan may look, and what it must not do: ask a device twice a day.

A person starts it, for one host that they name or for a small private network. A few hosts are asked at a
time, each over one connection, and whoever took the connection is left alone for a day: asking is harmless to
most devices and not to all.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from hw.module import ModuleError, ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from hw.sighting import Sighting
    from matter_node.clock import Clock
    from matter_node.storage import Storage

LARGEST: Final = 24
"""Length of the shortest prefix that is scanned: 254 hosts."""
AT_A_TIME: Final = 4
"""Hosts that are asked at once."""
AGAIN: Final = 86_400.0
"""Seconds for which who was asked is left alone."""
MODBUS_PORT: Final = 502
PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")))
"""RFC 1918, and this machine itself."""
_ASKED: Final = "scanned/"

_log = logging.getLogger(__name__)


class LatelyError(RuntimeError):
    """It was asked less than a day ago."""

    def __init__(self, what: str, left: float) -> None:
        super().__init__(f"{what} was asked less than a day ago")
        self.left = left
        """Seconds until it may be asked again."""


class ScanState(StrEnum):
    """How far a scan is."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody, or the end of the hub, has ended it."""


@dataclass(slots=True)
class Scan:
    """One scan, and how far it is.

    :ivar target: what was to be looked at: an address, a network, or empty for whoever announces itself
    :ivar total: addresses to ask
    :ivar done: addresses that were asked
    :ivar skipped: addresses that were not asked because they were asked less than a day ago
    :ivar found: keys of what was found, in its order
    :ivar said: why nothing was found, by address; of a single host only
    :ivar began: UTC, seconds since 1970
    """

    target: str
    total: int
    began: float
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: ScanState = ScanState.RUNNING
    done: int = 0
    skipped: int = 0
    found: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: float | None = None


def hosts(network: str) -> list[str]:
    """Return the hosts of a network that may be scanned, such as `192.168.1.0/24`. Raise ValueError."""
    try:
        parsed = ip_network(network, strict=False)
    except ValueError as error:
        raise ValueError(f"{network!r} is no network such as 192.168.1.0/24") from error
    if not isinstance(parsed, IPv4Network) or not any(parsed.subnet_of(each) for each in PRIVATE):
        raise ValueError(f"{network} is no private network: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if parsed.prefixlen < LARGEST:
        raise ValueError(f"{network} is too large: at most a /{LARGEST}, which is 254 hosts")
    return [str(host) for host in parsed.hosts()]


def is_local_host(host: str) -> bool:
    """Tell whether a host that a person named may be asked: a name, or an address that is not public."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return True
    if isinstance(address, IPv4Address):
        return any(address in each for each in PRIVATE) or address.is_link_local
    return address.is_private or address.is_link_local


class Memory:
    """Who was asked lately. It outlives a restart: what was asked must not be asked again for that."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._asked: dict[str, float] = {}
        now = self._now()
        for key, value in storage.scan(_ASKED):
            when = float(value)
            if now - when < AGAIN:
                self._asked[key.removeprefix(_ASKED)] = when
            else:
                storage.delete(key)

    def left(self, what: str) -> float:
        """Return the seconds for which somebody is still to be left alone."""
        when = self._asked.get(what)
        if when is None:
            return 0.0
        # A clock that was set back must not lock anybody out for longer than a day.
        return min(AGAIN, max(0.0, when + AGAIN - self._now()))

    def note(self, what: str) -> None:
        """Note that somebody is asked now."""
        self._asked[what] = self._now()
        self._storage.put(_ASKED + what, repr(self._asked[what]).encode())

    def _now(self) -> float:
        return self._clock.utc() or 0.0


async def run(
    scan: Scan,
    addresses: Sequence[str],
    look: Callable[[str], Awaitable[Sequence[Sighting]]],
    memory: Memory,
    on_progress: Callable[[Sequence[Sighting]], None],
) -> None:
    """Ask addresses, a few at a time; whoever was asked within a day is skipped.

    :param look: asks one address
    :param on_progress: called after each address with what was found there
    """
    gate = asyncio.Semaphore(AT_A_TIME)

    async def ask(address: str) -> None:
        async with gate:
            if memory.left(address):
                scan.skipped += 1
                scan.done += 1
                return
            seen: Sequence[Sighting] = ()
            try:
                seen = await look(address)
            except ModuleUnreachable as error:
                _log.debug("%s: %s", address, error)
            except (ModuleError, OSError, TimeoutError) as error:
                memory.note(address)
                _log.debug("%s: %s", address, error)
            else:
                memory.note(address)
            scan.done += 1
            on_progress(seen)

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            group.create_task(ask(address))
