"""The machine's network interfaces, their addresses, and word when they change (Linux)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import re
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger(__name__)

_SIOCGIFFLAGS = 0x8913
_SIOCGIFADDR = 0x8915
_SIOCGIFHWADDR = 0x8927
_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFF_RUNNING = 0x40
_IFF_MULTICAST = 0x1000
_IFA_UNUSABLE = 0x40 | 0x08 | 0x20
"""Tentative, failed duplicate detection, deprecated: an address that nobody should start talking to."""
_RTMGRP_LINK = 0x1
_RTMGRP_IPV4_IFADDR = 0x10
_RTMGRP_IPV6_IFADDR = 0x100
_IF_INET6 = Path("/proc/thread-self/net/if_inet6")

_VIRTUAL = re.compile(
    r"^(lo|docker|br-|veth|virbr|vnet|vmnet|vbox|tun|tap|wg|tailscale|zt|cni|flannel|cali|kube|dummy|ppp|utun)"
)
"""Names of interfaces that lead to no home network: containers, virtual machines, tunnels."""

_POLL_INTERVAL = 10.0
_SETTLE_TIME = 0.3


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface.

    :ivar mac: hardware address, 6 bytes; zeros if it has none
    :ivar ipv6: usable IPv6 addresses, link-local ones included
    :ivar ipv4: its IPv4 address, or None
    """

    name: str
    index: int
    mac: bytes
    up: bool
    multicast: bool
    loopback: bool
    ipv6: tuple[IPv6Address, ...]
    ipv4: IPv4Address | None

    @property
    def virtual(self) -> bool:
        """Whether its name is one of those that lead to no home network."""
        return _VIRTUAL.match(self.name) is not None


def interfaces() -> list[Interface]:
    """Return the machine's interfaces as they are now."""
    addresses = _ipv6_addresses()
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for index, name in socket.if_nameindex():
            try:
                (flags,) = struct.unpack_from("<H", _ask(probe, _SIOCGIFFLAGS, name), 16)
                mac = _ask(probe, _SIOCGIFHWADDR, name)[18:24]
            except OSError:
                continue  # it went away between the two questions
            found.append(
                Interface(
                    name,
                    index,
                    mac,
                    up=flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING,
                    multicast=bool(flags & _IFF_MULTICAST),
                    loopback=bool(flags & _IFF_LOOPBACK),
                    ipv6=tuple(addresses.get(index, ())),
                    ipv4=_ipv4_address(probe, name),
                )
            )
    return found


def select(found: Iterable[Interface], chosen: Iterable[str] | None = None) -> list[Interface]:
    """Return the interfaces to be seen on.

    :param chosen: names; or None for all that are up, do multicast and are not virtual
    """
    return [interface for interface in candidates(found, chosen) if interface.up]


def candidates(found: Iterable[Interface], chosen: Iterable[str] | None = None) -> list[Interface]:
    """Return the interfaces to be seen on once they are up; see `select`."""
    if chosen is not None:
        names = frozenset(chosen)
        return [interface for interface in found if interface.name in names]
    return [i for i in found if i.multicast and not i.loopback and not i.virtual]


class InterfaceMonitor:
    """Calls back when interfaces or addresses have changed and then been quiet for a moment.

    The kernel tells of changes; where it may not be asked to, the monitor looks every ten seconds.

    :param on_change: called with the new list
    """

    def __init__(self, on_change: Callable[[list[Interface]], None]) -> None:
        self._on_change = on_change
        self._known: list[Interface] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._netlink: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> list[Interface]:
        """Watch from now on, in the running event loop; return the present interfaces."""
        self._loop = asyncio.get_running_loop()
        try:
            self._netlink = _open_netlink()
        except OSError as error:
            _log.info("The kernel does not tell of address changes (%s), looking every 10 s", error)
            self._timer = self._loop.call_later(_POLL_INTERVAL, self._look)
        else:
            self._loop.add_reader(self._netlink.fileno(), self._on_message)
        self._known = interfaces()
        return self._known

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._netlink is not None and self._loop is not None:
            self._loop.remove_reader(self._netlink.fileno())
            self._netlink.close()
            self._netlink = None

    def _on_message(self) -> None:
        assert self._netlink is not None
        assert self._loop is not None
        # what the messages say is not read: the list is, once they pause; so an overrun is no loss either
        with contextlib.suppress(OSError):
            while self._netlink.recv(65536):
                pass
        if self._timer is None:
            self._timer = self._loop.call_later(_SETTLE_TIME, self._look)

    def _look(self) -> None:
        assert self._loop is not None
        self._timer = None
        if self._netlink is None:
            self._timer = self._loop.call_later(_POLL_INTERVAL, self._look)
        present = interfaces()
        if present != self._known:
            self._known = present
            self._on_change(present)


def _open_netlink() -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        opened.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))
    except OSError:
        opened.close()
        raise
    return opened


def _ask(probe: socket.socket, request: int, name: str) -> bytes:
    return fcntl.ioctl(probe.fileno(), request, struct.pack("16s24x", os.fsencode(name)))


def _ipv4_address(probe: socket.socket, name: str) -> IPv4Address | None:
    try:
        return IPv4Address(_ask(probe, _SIOCGIFADDR, name)[20:24])
    except OSError:
        return None


def _ipv6_addresses() -> dict[int, list[IPv6Address]]:
    """Return usable IPv6 addresses by interface index; empty where the kernel has no IPv6."""
    try:
        text = _IF_INET6.read_text(encoding="ascii")
    except OSError:
        return {}
    found: dict[int, list[IPv6Address]] = {}
    for line in text.splitlines():
        address, index, _, _, flags, _ = line.split()
        if not int(flags, 16) & _IFA_UNUSABLE:
            found.setdefault(int(index, 16), []).append(IPv6Address(bytes.fromhex(address)))
    return {index: sorted(addresses) for index, addresses in found.items()}
