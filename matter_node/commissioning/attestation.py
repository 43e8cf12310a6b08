"""What a node proves its make with: the device attestation key and the papers about it (Matter Core 6.2).

The node needs five facts and one operation, and does not ask where the key lives: in a file, a TPM or a
secure element. Any object with the members of `Attestation` will do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matter_node.crypto.keys import KeyPair


class Attestation(Protocol):
    """A source of device attestation."""

    @property
    def dac(self) -> bytes:
        """Device attestation certificate, X.509 DER."""

    @property
    def pai(self) -> bytes:
        """Product attestation intermediate certificate that issued it, X.509 DER."""

    @property
    def declaration(self) -> bytes:
        """Certification declaration, CMS SignedData in DER."""

    @property
    def vendor_id(self) -> int:
        """Vendor id that the papers are for; the basic information must say the same."""

    @property
    def product_id(self) -> int:
        """Product id that the papers are for; the basic information must say the same."""

    def sign(self, data: bytes) -> bytes:
        """Return the device attestation key's ECDSA-SHA256 signature of `data`, 64 bytes, r then s."""


@dataclass(frozen=True, slots=True)
class KeyAttestation:
    """Attestation whose key is in memory; for the members see `Attestation`."""

    dac: bytes = field(repr=False)
    pai: bytes = field(repr=False)
    declaration: bytes = field(repr=False)
    vendor_id: int
    product_id: int
    key: KeyPair = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """Return the key's signature of `data`, 64 bytes, r then s."""
        return self.key.sign(data)
