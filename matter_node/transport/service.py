"""A service as multicast DNS shows it, and the records that say so (RFC 6762, RFC 6763)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.transport.dns import DNSAddress, DNSPointer, DNSRecord, DNSService, DNSText

if TYPE_CHECKING:
    from matter_node.transport.interfaces import Interface

TTL = 120
"""Seconds that others may keep a record: short, for a controller is to notice soon that we moved."""

TYPE_A, TYPE_PTR, TYPE_TXT, TYPE_AAAA, TYPE_SRV, TYPE_ANY = 1, 12, 16, 28, 33, 255
CLASS_IN = 1
CLASS_IN_UNIQUE = 0x8001
SERVICE_TYPES = "_services._dns-sd._udp.local."


@dataclass(frozen=True, slots=True)
class Service:
    """One service instance.

    :ivar instance: instance label, such as ``87E1B004E235A130-8FC7772401CD0696``
    :ivar kind: service type, such as ``_matter._tcp``
    :ivar subtypes: labels such as ``_L3840``
    :ivar port: UDP port
    :ivar text: keys and values of the TXT record, in order
    """

    instance: str
    kind: str
    subtypes: tuple[str, ...]
    port: int
    text: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The instance's full name."""
        return f"{self.instance}.{self.kind}.local."

    def pointers(self, ttl: int = TTL) -> list[DNSRecord]:
        """Return the PTR records that lead to the instance: type, subtypes, and the list of types."""
        kind = f"{self.kind}.local."
        owners = [kind, *(f"{subtype}._sub.{kind}" for subtype in self.subtypes)]
        records: list[DNSRecord] = [DNSPointer(owner, TYPE_PTR, CLASS_IN, ttl, self.name) for owner in owners]
        return [*records, DNSPointer(SERVICE_TYPES, TYPE_PTR, CLASS_IN, ttl, kind)]

    def details(self, host: str, ttl: int = TTL) -> list[DNSRecord]:
        """Return the SRV and TXT records."""
        text = b"".join(bytes([len(entry)]) + entry for entry in (f"{k}={v}".encode() for k, v in self.text))
        return [
            DNSService(self.name, TYPE_SRV, CLASS_IN_UNIQUE, ttl, 0, 0, self.port, host),
            DNSText(self.name, TYPE_TXT, CLASS_IN_UNIQUE, ttl, text or b"\0"),
        ]


def address_records(host: str, interface: Interface, ttl: int = TTL) -> list[DNSRecord]:
    """Return the AAAA and A records of a host on one interface."""
    records: list[DNSRecord] = [
        DNSAddress(host, TYPE_AAAA, CLASS_IN_UNIQUE, ttl, address.packed) for address in interface.ipv6
    ]
    if interface.ipv4 is not None:
        records.append(DNSAddress(host, TYPE_A, CLASS_IN_UNIQUE, ttl, interface.ipv4.packed))
    return records
