"""Addresses of devices that speak HTTP."""

from __future__ import annotations

import re
from typing import Final

HTTP_PORT: Final = 80
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[\w.-]+))(?::(?P<port>\d{1,5}))?")


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of `host[:port]`, IPv6 in brackets. Raise ValueError."""
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        raise ValueError(f"{address!r} is not host or host:port")
    port = int(match["port"] or HTTP_PORT)
    if not 1 <= port <= 65535:
        raise ValueError(f"{address!r}: a port is 1 to 65535")
    return match["v6"] or match["host"], port
