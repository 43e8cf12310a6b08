"""What never changes while a node runs: who made it, which product it is, how it is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.crypto.spake2p import PaseVerifier


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A product and one specimen of it, as BasicInformation tells it (Matter Core 11.1.5).

    :ivar vendor_id: 16-bit vendor id, the one of the attestation material
    :ivar vendor_name: 32 bytes of UTF-8 at most, like `product_name` and `serial_number`
    :ivar product_id: 16-bit product id, the one of the attestation material
    :ivar unique_id: 32 characters at most, neither serial number nor address, new after a factory reset
    :ivar hardware_version: orders hardware versions; its string is 1..64 bytes
    :ivar software_version: orders releases; its string is 1..64 bytes
    :ivar manufacturing_date: ``YYYYMMDD`` and up to 8 more characters, or None
    :ivar product_url: 256 bytes at most, or None
    :ivar product_label: 64 bytes at most, or None
    :ivar part_number: 32 bytes at most, or None
    :ivar device_type: primary device type, for discovery
    """

    vendor_id: int
    vendor_name: str
    product_id: int
    product_name: str
    unique_id: str
    hardware_version: int = 0
    hardware_version_string: str = "0"
    software_version: int = 0
    software_version_string: str = "0"
    serial_number: str | None = None
    manufacturing_date: str | None = None
    product_url: str | None = None
    product_label: str | None = None
    part_number: str | None = None
    device_type: int = 0x000E


@dataclass(frozen=True, slots=True)
class SetupSecret:
    """How a commissioner who holds the onboarding code gets in (Matter Core 5.1, 3.10).

    :ivar discriminator: 12 bits that tell this device from others nearby
    :ivar verifier: made from the passcode with the following two
    :ivar iterations: PBKDF2 iterations, 1000..100000
    :ivar salt: PBKDF2 salt, 16..32 bytes
    """

    discriminator: int
    verifier: PaseVerifier
    iterations: int
    salt: bytes
