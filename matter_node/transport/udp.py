"""The node's UDP socket: IPv6, with IPv4 through the same socket (Matter Core 4.3, 4.4.4).

The event loop watches the descriptor and every wake-up drains the socket. asyncio's DatagramProtocol costs
four times as much for each datagram, for it reads into a buffer of 256 KB.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from struct import Struct
from typing import TYPE_CHECKING, Any

from matter_node.ids import MATTER_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.transport.address import Address

_log = logging.getLogger(__name__)

_BUDGET = 64
"""Datagrams taken in one wake-up: after as many, timers and other sockets have their turn."""
_MAX_DATAGRAM = 1500
"""What is read of one datagram. Messages have at most 1280 octets; a longer one is cut and not authentic."""
_RECEIVE_BUFFER = 1 << 20
_MULTICAST_HOPS = 64
_IPV6_ADDR_PREFERENCES = 72
_PREFER_SOURCE_PUBLIC = 0x0002
_MEMBERSHIP = Struct("=16sI")


def group_address(fabric_id: int, group_id: int) -> str:
    """Return a group's multicast address, ``ff35:40:fd<fabric id>00:<group id>`` (Matter Core 2.5.6.2)."""
    packed = b"\xff\x35\x00\x40\xfd" + fabric_id.to_bytes(8, "big") + b"\x00" + group_id.to_bytes(2, "big")
    return socket.inet_ntop(socket.AF_INET6, packed)


class UdpTransport:
    """One UDP socket in the event loop.

    :param receive: called with every datagram and where it came from
    :param port: UDP port; 0 for any free one
    :param interface: name of the only interface to receive on and send from, or None for all
    :raises OSError: if the port is taken or there is no such interface
    """

    def __init__(
        self,
        receive: Callable[[bytes, Address], None],
        *,
        port: int = MATTER_PORT,
        interface: str | None = None,
    ) -> None:
        self._receive = receive
        self._loop: asyncio.AbstractEventLoop | None = None
        self._memberships: set[tuple[str, int]] = set()
        self._socket = _open_socket(port, interface)
        self._recvfrom = self._socket.recvfrom
        self._sendto = self._socket.sendto

    @property
    def port(self) -> int:
        """The UDP port that it is bound to."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        """Receive from now on, in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._drain)

    def send(self, datagram: bytes, address: Address) -> None:
        """Send a datagram. One that cannot be sent is lost, as any may be: reliability repeats it."""
        try:
            self._sendto(datagram, address)
        except OSError as error:
            _log.debug("Could not send to %s: %s", address[0], error)

    def set_groups(self, groups: set[str], interfaces: list[int]) -> None:
        """Be a member of these multicast groups, and of no others.

        :param groups: IPv6 multicast addresses
        :param interfaces: indices of the interfaces to join on
        """
        wanted = {(group, index) for group in groups for index in interfaces}
        for group, index in self._memberships - wanted:
            self._change_membership(socket.IPV6_LEAVE_GROUP, group, index)
        joined = self._memberships & wanted
        for group, index in sorted(wanted - joined):
            if self._change_membership(socket.IPV6_JOIN_GROUP, group, index):
                joined.add((group, index))
        self._memberships = joined

    def close(self) -> None:
        """Stop receiving and close the socket."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()

    def _change_membership(self, option: int, group: str, index: int) -> bool:
        request = _MEMBERSHIP.pack(socket.inet_pton(socket.AF_INET6, group), index)
        try:
            self._socket.setsockopt(socket.IPPROTO_IPV6, option, request)
        except OSError as error:
            # an interface may be gone, or not do multicast; the next address change tries again
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
                _log.warning("Group %s on interface %d: %s", group, index, error)
            return error.errno == errno.EADDRINUSE
        return True

    def _drain(self) -> None:
        recvfrom, receive = self._recvfrom, self._receive
        for _ in range(_BUDGET):
            try:
                datagram, address = recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                # the kernel reports an ICMP error of an earlier datagram on the next call
                _log.debug("Receiving failed: %s", error)
                continue
            receive(datagram, address)


def _open_socket(port: int, interface: str | None) -> Any:
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _MULTICAST_HOPS)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        # answers come from an address that was announced, not from one of the temporary ones
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_ADDR_PREFERENCES, _PREFER_SOURCE_PUBLIC)
        if interface is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        opened.bind(("::", port))
    except OSError:
        opened.close()
        raise
    return opened
