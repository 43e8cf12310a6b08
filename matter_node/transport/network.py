"""A node's presence on the network: its socket, its announcements, and the interfaces under both."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from matter_node.entropy import SystemEntropy
from matter_node.ids import MATTER_PORT
from matter_node.secure_channel.parameters import OWN_PARAMETERS
from matter_node.transport.interfaces import candidates, interfaces
from matter_node.transport.mdns import Advertiser
from matter_node.transport.udp import UdpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matter_node.entropy import Entropy
    from matter_node.secure_channel.parameters import SessionParameters
    from matter_node.transport.address import Address
    from matter_node.transport.browser import Browser, FoundService
    from matter_node.transport.interfaces import Interface
    from matter_node.transport.mdns import CommissionableRecord
    from matter_node.transport.service import Service

_log = logging.getLogger(__name__)


class Network(Protocol):
    """What a node needs of a network; `HomeNetwork` is the real one."""

    on_interfaces: list[Callable[[], None]]
    """Called when interfaces or their addresses changed."""

    @property
    def port(self) -> int:
        """The UDP port that the node listens on."""

    @property
    def interfaces(self) -> Sequence[Interface]:
        """The interfaces that the node is to be on, those first that work."""

    def start(self, receive: Callable[[bytes, Address], None]) -> None:
        """Pass every datagram to `receive` from now on.

        :raises OSError: the port is taken, or there is no such interface
        """

    def close(self) -> None:
        """Take leave and close."""

    def send(self, datagram: bytes, address: Address) -> None:
        """Send a datagram, or lose it."""

    def set_operational(self, nodes: Iterable[tuple[bytes, int]]) -> None:
        """Show the node on these fabrics, (compressed fabric id, node id) each, and on no others."""

    def set_commissionable(self, record: CommissionableRecord | None) -> None:
        """Show the node as ready to be commissioned, or no longer."""

    def announce(self) -> None:
        """Show anew what is shown: somebody may have forgotten or missed it."""

    def set_groups(self, groups: Iterable[str]) -> None:
        """Receive what is sent to these IPv6 multicast addresses, and to no others."""

    async def resolve(self, compressed_id: bytes, node_id: int, *, wait: float) -> list[Address]:
        """Return where a node of a fabric can be reached; empty if it does not say within `wait` seconds."""


class HomeNetwork:
    """The network interfaces of this machine that lead to a home network, or the chosen ones.

    Interfaces may come and go at any time; one that is unplugged and plugged in again is another one to the
    kernel, though its name is the same.

    :param port: UDP port, 0 for any free one
    :param chosen: names of the interfaces; None for all that lead to a home network
    :param parameters: what announcements say about retransmission
    :param entropy: instance names, and a host name where there is no hardware address
    """

    def __init__(
        self,
        *,
        port: int = MATTER_PORT,
        chosen: Sequence[str] | None = None,
        parameters: SessionParameters = OWN_PARAMETERS,
        entropy: Entropy | None = None,
    ) -> None:
        self._port = port
        self._chosen = chosen
        self._only = chosen[0] if chosen and len(chosen) == 1 else None
        self._parameters = parameters
        self._entropy = entropy or SystemEntropy()
        self._receive: Callable[[bytes, Address], None] | None = None
        self._transport: UdpTransport | None = None
        self._bound_to: int | None = None
        self._advertiser: Advertiser | None = None
        self._groups: frozenset[str] = frozenset()
        self.on_interfaces: list[Callable[[], None]] = []

    @property
    def port(self) -> int:
        """The UDP port that the node listens on, or will."""
        return self._port

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces to be on, those first that work."""
        found = candidates(interfaces(), self._chosen)
        return sorted(found, key=lambda interface: not interface.up)

    def start(self, receive: Callable[[bytes, Address], None]) -> None:
        """Pass every datagram to `receive` from now on, in the running event loop.

        :raises OSError: the port is taken, or there is no such interface
        """
        self._receive = receive
        self._open()
        advertiser = Advertiser(
            port=self._port, parameters=self._parameters, chosen=self._chosen, entropy=self._entropy
        )
        advertiser.on_interfaces.append(self._follow_interfaces)
        self._advertiser = advertiser
        try:
            advertiser.start()
        except OSError:
            self.close()
            raise
        self._note_interfaces()

    def close(self) -> None:
        """Take leave and close."""
        if self._advertiser is not None:
            self._advertiser.close()
            self._advertiser = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._receive = None

    def send(self, datagram: bytes, address: Address) -> None:
        """Send a datagram. One that cannot be sent is lost, as any may be."""
        if self._transport is not None:
            self._transport.send(datagram, address)

    def set_operational(self, nodes: Iterable[tuple[bytes, int]]) -> None:
        """Show the node on these fabrics, and on no others.

        :param nodes: (compressed fabric id, node id) for each fabric
        """
        if self._advertiser is not None:
            self._advertiser.set_operational(nodes)

    def set_commissionable(self, record: CommissionableRecord | None) -> None:
        """Show the node as ready to be commissioned, or no longer."""
        if self._advertiser is not None:
            self._advertiser.set_commissionable(record)

    def announce(self) -> None:
        """Show anew what is shown: somebody may have forgotten or missed it."""
        if self._advertiser is not None:
            self._advertiser.announce()

    def set_groups(self, groups: Iterable[str]) -> None:
        """Be a member of these IPv6 multicast groups on every interface, and of no others."""
        self._groups = frozenset(groups)
        self._join()

    def set_others(self, services: Iterable[Service]) -> None:
        """Show what else this host serves, once the network is started."""
        if self._advertiser is not None:
            self._advertiser.set_others(services)

    def browse(
        self,
        kinds: Iterable[str],
        on_found: Callable[[FoundService], None],
        on_gone: Callable[[FoundService], None],
    ) -> Browser | None:
        """Notice what others announce of some service types; None while the network is not started."""
        if self._advertiser is None:
            return None
        return self._advertiser.browse(kinds, on_found, on_gone)

    async def resolve(self, compressed_id: bytes, node_id: int, *, wait: float) -> list[Address]:
        """Return where a node of a fabric can be reached; empty if it does not say within `wait` seconds."""
        if self._advertiser is None:
            return []
        return await self._advertiser.resolve(compressed_id, node_id, wait=wait)

    def _open(self) -> None:
        assert self._receive is not None
        transport = UdpTransport(self._receive, port=self._port, interface=self._only)
        transport.start()
        self._transport, self._port = transport, transport.port

    def _follow_interfaces(self) -> None:
        self._note_interfaces()
        for listener in tuple(self.on_interfaces):
            listener()

    def _note_interfaces(self) -> None:
        """Have the socket where the interfaces are now."""
        assert self._advertiser is not None
        present = self._advertiser.interfaces
        if self._only is not None and present and self._bound_to != present[0].index:
            if self._bound_to is not None:
                # a socket stays bound to the device that is gone, and hears nothing from its successor
                self._reopen()
            self._bound_to = present[0].index
        self._join()

    def _reopen(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        try:
            self._open()
        except OSError as error:
            _log.error("Cannot listen on %s any more: %s", self._only, error)
        else:
            _log.info("%s is back; listening on it again", self._only)

    def _join(self) -> None:
        if self._transport is not None and self._advertiser is not None:
            indices = [interface.index for interface in self._advertiser.interfaces]
            self._transport.set_groups(set(self._groups), indices)
