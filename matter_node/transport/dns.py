"""The DNS messages and records of zeroconf, under one roof.

The package offers them at its top level without naming them in `__all__`, which strict type checking minds.
"""

from __future__ import annotations

from zeroconf import (  # type: ignore[attr-defined]  # see above
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSText,
)

__all__ = [
    "DNSAddress",
    "DNSIncoming",
    "DNSOutgoing",
    "DNSPointer",
    "DNSQuestion",
    "DNSRecord",
    "DNSService",
    "DNSText",
]
