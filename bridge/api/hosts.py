"""Which names of the hub a request may be addressed to, and which web pages may ask.

A page from anywhere can make its own name lead to the hub's address (DNS rebinding); its requests then carry
that name in Host. An address cannot be bent so: whoever writes one means it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST: Final = re.compile(
    r"(?P<name>\[[0-9a-fA-F:.]{2,45}\]|[0-9A-Za-z_]([0-9A-Za-z_.-]{0,252}))(:(?P<port>\d{1,5}))?"
)


def host_name(header: str) -> str | None:
    """Return the name or address in a Host header, in small letters; None when it is none."""
    match = _HOST.fullmatch(header)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    return match["name"].lower().strip("[]").rstrip(".")


def own_names(configured: Iterable[str] = ()) -> frozenset[str]:
    """Return the names of this machine: its host name, plain and under .local, and the configured ones."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return frozenset(
        each for each in ("localhost", name, short, f"{short}.local", *map(str.lower, configured)) if each
    )


class Hosts:
    """What the hub is called, and whose pages may use it."""

    def __init__(self, names: Iterable[str], origins: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    def is_own(self, header: str) -> bool:
        """Tell whether a Host header means the hub."""
        name = host_name(header)
        return name is not None and (name in self.names or _is_address(name))

    def may_ask(self, origin: str, host: str) -> bool:
        """Tell whether a page of that origin may ask a hub that was addressed as `host`."""
        return origin.lower() == f"https://{host.lower()}" or self.is_allowed(origin)

    def is_allowed(self, origin: str) -> bool:
        """Tell whether the settings allow another origin."""
        return origin.lower() in self._origins


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
