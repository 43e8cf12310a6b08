"""How a Matter node is found and finds others: DNS service discovery (Matter Core 4.3)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from matter_node.entropy import SystemEntropy
from matter_node.ids import MATTER_PORT
from matter_node.secure_channel.parameters import OWN_PARAMETERS, SessionParameters
from matter_node.transport.browser import Browser
from matter_node.transport.dns import DNSAddress, DNSIncoming, DNSService
from matter_node.transport.interfaces import Interface, InterfaceMonitor, select
from matter_node.transport.responder import Responder
from matter_node.transport.service import TYPE_A, TYPE_AAAA, TYPE_SRV, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matter_node.entropy import Entropy
    from matter_node.transport.address import Address
    from matter_node.transport.browser import FoundService

_log = logging.getLogger(__name__)

OPERATIONAL = "_matter._tcp"
COMMISSIONABLE = "_matterc._udp"
_QUERY_TIMES = (0.0, 0.25, 1.0, 3.0)
_MAX_HOSTS = 64
_MAX_ADDRESSES = 16


@dataclass(frozen=True, slots=True)
class CommissionableRecord:
    """What a node shows while it can be commissioned (Matter Core 4.3.1).

    :ivar discriminator: 0..4095
    :ivar mode: 1 for the node's own passcode, 2 for one that an administrator chose (TXT key CM)
    :ivar device_type: primary device type, or None not to tell, as are the following
    :ivar device_name: at most 32 octets of UTF-8
    :ivar rotating_id: rotating device id, upper-case hex, at most 100 digits
    :ivar pairing_hint: how the user makes the node ready, a bitmap
    :ivar pairing_instruction: at most 128 octets of UTF-8; needed by some bits of the hint
    """

    discriminator: int
    mode: int
    vendor_id: int | None = None
    product_id: int | None = None
    device_type: int | None = None
    device_name: str | None = None
    rotating_id: str | None = None
    pairing_hint: int | None = None
    pairing_instruction: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.discriminator <= 0xFFF:
            raise ValueError(f"a discriminator is 0..4095, not {self.discriminator}")
        if self.mode not in {1, 2}:
            raise ValueError(f"commissioning mode is 1 or 2, not {self.mode}")
        if self.rotating_id is not None and len(self.rotating_id) > 100:
            raise ValueError("a rotating id has at most 100 digits")
        if self.device_name is not None and len(self.device_name.encode()) > 32:
            raise ValueError("a device name has at most 32 octets")
        if self.pairing_instruction is not None and len(self.pairing_instruction.encode()) > 128:
            raise ValueError("a pairing instruction has at most 128 octets")


def operational_instance(compressed_id: bytes, node_id: int) -> str:
    """Return the instance name of a node on a fabric."""
    return f"{compressed_id.hex().upper()}-{node_id:016X}"


class Advertiser:
    """Shows this node on the chosen interfaces, and resolves others.

    :param port: UDP port that the node listens on
    :param parameters: what TXT records say about retransmission
    :param chosen: names of the interfaces to be seen on; None for all that can lead to a home network
    :param entropy: instance names, and a host name where there is no hardware address
    :ivar interfaces: the chosen interfaces as they are now
    :ivar on_interfaces: called when they changed
    """

    def __init__(
        self,
        *,
        port: int = MATTER_PORT,
        parameters: SessionParameters = OWN_PARAMETERS,
        chosen: Sequence[str] | None = None,
        entropy: Entropy | None = None,
    ) -> None:
        self._port = port
        self._entropy = entropy or SystemEntropy()
        self._chosen = chosen
        self._text = (
            ("SII", str(round(parameters.idle_interval * 1000))),
            ("SAI", str(round(parameters.active_interval * 1000))),
            ("SAT", str(round(parameters.active_threshold * 1000))),
        )
        self._operational: tuple[Service, ...] = ()
        self._commissionable: Service | None = None
        self._record: CommissionableRecord | None = None
        self._monitor = InterfaceMonitor(self._on_change)
        self._responder: Responder | None = None
        self._resolutions: set[_Resolution] = set()
        self._others: tuple[Service, ...] = ()
        self._browser: Browser | None = None
        self.interfaces: list[Interface] = []
        self.on_interfaces: list[Callable[[], None]] = []

    def start(self) -> None:
        """Be present from now on, in the running event loop."""
        self.interfaces = select(self._monitor.start(), self._chosen)
        self._responder = Responder(self._host_name(), self._on_response)
        self._responder.set_interfaces(self.interfaces)
        self._show()
        self._judge_interfaces()

    def close(self) -> None:
        """Take leave and close."""
        self._monitor.close()
        if self._browser is not None:
            self._browser.close()
        if self._responder is not None:
            self._responder.close()
            self._responder = None

    def set_operational(self, nodes: Iterable[tuple[bytes, int]]) -> None:
        """Show the node on these fabrics, and on no others.

        :param nodes: (compressed fabric id, node id) for each fabric
        """
        self._operational = tuple(
            Service(
                operational_instance(compressed_id, node_id),
                OPERATIONAL,
                (f"_I{compressed_id.hex().upper()}",),
                self._port,
                self._text,
            )
            for compressed_id, node_id in nodes
        )
        self._show()

    def set_commissionable(self, record: CommissionableRecord | None) -> None:
        """Show the node as ready to be commissioned, or no longer.

        Each new record has a random instance name of its own.
        """
        if record == self._record:
            return
        self._record = record
        self._commissionable = None if record is None else self._commissionable_service(record)
        self._show()

    def set_others(self, services: Iterable[Service]) -> None:
        """Show what else this host serves, and no more of what it showed so before."""
        self._others = tuple(services)
        self._show()

    def browse(
        self,
        kinds: Iterable[str],
        on_found: Callable[[FoundService], None],
        on_gone: Callable[[FoundService], None],
    ) -> Browser:
        """Notice what others announce of some service types, in place of those before; see `Browser`."""
        if self._browser is not None:
            self._browser.close()
        self._browser = Browser(
            kinds,
            lambda questions: self._responder.ask(questions) if self._responder else None,
            on_found,
            on_gone,
            own_host=lambda: self._responder.host if self._responder else "",
        )
        return self._browser

    def announce(self) -> None:
        """Tell everybody anew where the node is."""
        if self._responder is not None:
            self._responder.announce()

    async def resolve(self, compressed_id: bytes, node_id: int, *, wait: float = 5.0) -> list[Address]:
        """Find a node of a fabric.

        :param wait: seconds to wait for an answer
        :returns: where it can be reached, addresses of the link first; empty if nobody answers
        """
        responder = self._responder
        if responder is None:
            return []
        name = f"{operational_instance(compressed_id, node_id)}.{OPERATIONAL}.local."
        resolution = _Resolution(name)
        self._resolutions.add(resolution)
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(delay, self._ask, resolution) for delay in _QUERY_TIMES if delay < wait]
        try:
            async with asyncio.timeout(wait):
                await resolution.found.wait()
        except TimeoutError:
            return []
        finally:
            self._resolutions.discard(resolution)
            for timer in timers:
                timer.cancel()
        return resolution.addresses()

    def _commissionable_service(self, record: CommissionableRecord) -> Service:
        subtypes = [f"_L{record.discriminator}", f"_S{record.discriminator >> 8}", "_CM"]
        text = [("D", str(record.discriminator)), ("CM", str(record.mode))]
        if record.vendor_id is not None:
            subtypes.append(f"_V{record.vendor_id}")
            product = "" if record.product_id is None else f"+{record.product_id}"
            text.append(("VP", f"{record.vendor_id}{product}"))
        if record.device_type is not None:
            subtypes.append(f"_T{record.device_type}")
        optional = (
            ("DT", record.device_type),
            ("DN", record.device_name),
            ("RI", record.rotating_id),
            ("PH", record.pairing_hint),
            ("PI", record.pairing_instruction),
        )
        text += [(key, str(value)) for key, value in optional if value is not None]
        instance = self._entropy.token(8).hex().upper()
        return Service(instance, COMMISSIONABLE, tuple(subtypes), self._port, (*text, *self._text))

    def _show(self) -> None:
        if self._responder is None:
            return
        commissionable = () if self._commissionable is None else (self._commissionable,)
        self._responder.set_services((*commissionable, *self._operational, *self._others))

    def _on_change(self, found: list[Interface]) -> None:
        present = select(found, self._chosen)
        if present == self.interfaces or self._responder is None:
            return
        _log.info("Network changed: %s", ", ".join(i.name for i in present) or "no usable interface")
        self.interfaces = present
        self._responder.set_interfaces(present)
        self._judge_interfaces()
        for listener in self.on_interfaces:
            listener()

    def _judge_interfaces(self) -> None:
        """Say in words what keeps controllers from finding the node."""
        if not self.interfaces:
            _log.warning("No usable network interface: the node cannot be found until there is one")
        for interface in self.interfaces:
            if not interface.ipv6:
                _log.warning(
                    "%s has no IPv6 address, and Matter needs one: switch IPv6 on for it", interface.name
                )

    def _host_name(self) -> str:
        """Return a host name of 12 digits from the first hardware address, or 16 random ones."""
        mac = next((i.mac for i in self.interfaces if any(i.mac)), None)
        return f"{(mac or self._entropy.token(8)).hex().upper()}.local."

    def _ask(self, resolution: _Resolution) -> None:
        if self._responder is not None:
            self._responder.ask(resolution.questions())

    def _on_response(self, message: DNSIncoming, index: int) -> None:
        for resolution in tuple(self._resolutions):
            if resolution.take(message, index):
                self._ask(resolution)
        if self._browser is not None:
            self._browser.take(message, index)


class _Resolution:
    """The search for one instance."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._target: tuple[str, int] | None = None
        self._hosts: dict[str, dict[Address, None]] = {}
        self.found = asyncio.Event()

    def questions(self) -> list[tuple[str, int]]:
        """Return what is still to be asked."""
        if self._target is None:
            return [(self._name, TYPE_SRV)]
        return [(self._target[0], TYPE_AAAA), (self._target[0], TYPE_A)]

    def take(self, message: DNSIncoming, index: int) -> bool:
        """Take a response; tell whether it leads to a further question."""
        before = self._target
        for record in message.answers():
            if isinstance(record, DNSService) and record.name.lower() == self._name.lower() and record.ttl:
                self._target = (record.server, record.port)
            elif isinstance(record, DNSAddress) and record.ttl and self._has_room(record.name):
                address = ip_address(record.address)
                text, scope = str(address), 0
                if isinstance(address, IPv4Address):
                    text = f"::ffff:{address}"
                elif address.is_link_local:
                    scope = index
                self._hosts.setdefault(record.name.lower(), {})[text, 0, 0, scope] = None
        if self._target is None:
            return False
        if self._target[0].lower() in self._hosts:
            self.found.set()
            return False
        return before is None

    def _has_room(self, host: str) -> bool:
        """Tell whether an address is kept: of some hosts, as an answer may come before we know whose."""
        addresses = self._hosts.get(host.lower())
        if addresses is not None:
            return len(addresses) < _MAX_ADDRESSES
        meant = self._target is not None and self._target[0].lower() == host.lower()
        return meant or len(self._hosts) < _MAX_HOSTS

    def addresses(self) -> list[Address]:
        """Return what was found."""
        assert self._target is not None
        host, port = self._target
        found = [(text, port, 0, scope) for text, _, _, scope in self._hosts[host.lower()]]
        return sorted(found, key=_preference)


def _preference(address: Address) -> int:
    """Rank addresses: the link's own need no router and outlive a change of prefix."""
    parsed = IPv6Address(address[0])
    if parsed.is_link_local:
        return 0
    if parsed.ipv4_mapped is not None:
        return 3
    return 1 if parsed.packed[0] & 0xFE == 0xFC else 2
