"""Addresses of Matter servers."""

from __future__ import annotations

import re
from typing import Final

PORT: Final = 5580
"""Where a Matter server listens unless it is told otherwise."""
SECURE_PORT: Final = 443
PATH: Final = "/ws"
_ADDRESS = re.compile(
    r"(?:(?P<scheme>wss?)://)?"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[\w.-]+))"
    r"(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[\w./~-]*)?"
)


def server_url(address: str) -> str:
    """Return the one spelling of `host[:port]` or `ws[s]://host[:port][/path]`: a URL with everything in it.

    Without a port it is 5580, for `wss` 443; without a path `/ws`. IPv6 stands in brackets. Raise ValueError.
    """
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise ValueError(f"{address!r} is not host, host:port or ws://host:port/ws")
    scheme = match["scheme"] or "ws"
    port = int(match["port"] or (SECURE_PORT if scheme == "wss" else PORT))
    if not 1 <= port <= 65535:
        raise ValueError(f"{address!r}: a port is 1 to 65535")
    host = f"[{match['v6']}]" if match["v6"] else match["host"]
    return f"{scheme}://{host.lower()}:{port}{match['path'] or PATH}"
