"""The DNS messages and records of zeroconf. Everything of it that is used comes through here."""

from __future__ import annotations

import matter_node.transport.lean  # noqa: F401 - before zeroconf: it decides how much is loaded  # isort: skip

from zeroconf._dns import DNSAddress, DNSPointer, DNSQuestion, DNSRecord, DNSService, DNSText
from zeroconf._protocol.incoming import DNSIncoming
from zeroconf._protocol.outgoing import DNSOutgoing

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
