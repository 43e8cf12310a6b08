"""The sockets that the API listens on."""

from __future__ import annotations

import errno
import socket
from typing import Final

_BACKLOG: Final = 64


def listeners(host: str, port: int, interface: str | None) -> list[socket.socket]:
    """Return sockets that listen on a port.

    :param host: the only address to listen on; empty for every one
    :param port: 0 for any that is free
    :param interface: name of the only network interface besides loopback; None for every one
    :raises OSError: the port is taken, or there is no such address or interface
    """
    if host:
        return [_listener(host, port, None)]
    if interface is None:
        return [_listener("", port, None)]
    first = _listener("", port, interface)
    if interface == "lo":
        return [first]
    try:
        # What runs on the hub itself reaches it by loopback, whatever interface it is on.
        return [first, _listener("", first.getsockname()[1], "lo")]
    except OSError:
        first.close()
        raise


def _listener(host: str, port: int, interface: str | None) -> socket.socket:
    ipv6 = (":" in host or not host) and socket.has_ipv6
    try:
        return _bound(socket.AF_INET6 if ipv6 else socket.AF_INET, host, port, interface)
    except OSError as error:
        if host or not ipv6 or error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            raise
        return _bound(socket.AF_INET, host, port, interface)  # a machine without IPv6


def _bound(family: socket.AddressFamily, host: str, port: int, interface: str | None) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if interface is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
