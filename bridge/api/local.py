"""Whether somebody is at home: in a network that the hub itself is in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Final

from matter_node.transport.interfaces import interfaces

_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_ON_LINK: Final = 64
"""Bits of an IPv6 address that a home network's devices share (RFC 4291 section 2.5.1)."""


def is_local(address: str) -> bool:
    """Tell whether an address is in a network of the hub, or is the hub's own."""
    try:
        asked = ip_address(address)
    except ValueError:
        return False
    if asked.is_loopback or asked.is_link_local:
        return True
    if isinstance(asked, IPv4Address):
        return any(asked in network for network in _PRIVATE)
    return any(_same_network(asked, own) for interface in interfaces() for own in interface.ipv6)


def _same_network(one: IPv6Address, other: IPv6Address) -> bool:
    shift = 128 - _ON_LINK
    return int(one) >> shift == int(other) >> shift
