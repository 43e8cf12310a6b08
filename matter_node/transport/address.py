"""Where a datagram comes from or goes to."""

from __future__ import annotations

from typing import TypeAlias

Address: TypeAlias = tuple[str, int, int, int]
"""An IPv6 socket address: host, port, flow label, scope id. IPv4 peers appear as ``::ffff:a.b.c.d``."""
