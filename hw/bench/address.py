"""Addresses of bench modules: `bench://host[:port]`, so that nobody looks for one where nobody named one."""

from __future__ import annotations

from typing import Final

from hw import address

SCHEME: Final = "bench://"


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `bench://host[:port]`, IPv6 in brackets. Raise ValueError."""
    stripped = text.strip()
    if not stripped.startswith(SCHEME):
        raise ValueError(f"{text!r} is not {SCHEME}host or {SCHEME}host:port")
    return address.parse_address(stripped.removeprefix(SCHEME))
