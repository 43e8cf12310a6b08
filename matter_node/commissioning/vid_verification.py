"""Who vouches for the vendor id that a fabric's administrator claims (Matter Core 6.4.10, 11.18.6.12)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.fabric import Fabric

FABRIC_BINDING_VERSION = 1
STATEMENT_LENGTH = 85
MAX_SIGNER_CERTIFICATE = 400
_MAX_VENDOR_ID = 0xFFF4


class VidVerificationError(ValueError):
    """A vendor id, statement or signer certificate that cannot be."""


class SignerNotAllowedError(VidVerificationError):
    """A signer certificate for a fabric that has an ICAC, which takes its place."""


def is_vendor_id(vendor_id: int) -> bool:
    """Tell whether a vendor can have that id, test vendors included (Matter Core 2.5.2)."""
    return 1 <= vendor_id <= _MAX_VENDOR_ID


def to_be_signed(fabric: Fabric, client_challenge: bytes, attestation_challenge: bytes) -> bytes:
    """Return what the node signs to bind itself to a fabric and its vendor id.

    :param client_challenge: 32 bytes from the client
    :param attestation_challenge: 16 bytes of the session
    """
    binding = (
        bytes([FABRIC_BINDING_VERSION])
        + fabric.root_public_key
        + fabric.fabric_id.to_bytes(8, "big")
        + fabric.vendor_id.to_bytes(2, "big")
    )
    return (
        bytes([FABRIC_BINDING_VERSION])
        + client_challenge
        + attestation_challenge
        + bytes([fabric.index])
        + binding
        + fabric.vid_verification_statement
    )


def apply_statement(
    fabric: Fabric, *, vendor_id: int | None, statement: bytes | None, vvsc: bytes | None
) -> Fabric:
    """Return the fabric with another vendor id, verification statement or signer certificate.

    :param vendor_id: None leaves it as it is, like the others
    :param statement: 85 bytes, or empty to remove it
    :param vvsc: signer certificate in Matter TLV, or empty to remove it
    :raises VidVerificationError: one of them cannot be
    """
    if vendor_id is not None:
        if not is_vendor_id(vendor_id):
            raise VidVerificationError(f"vendor id {vendor_id:#06x}")
        fabric = dataclasses.replace(fabric, vendor_id=vendor_id)
    if statement is not None:
        # Its content is for verifiers to judge: the node may not know its version.
        if len(statement) not in {0, STATEMENT_LENGTH}:
            raise VidVerificationError(f"a verification statement of {len(statement)} bytes")
        fabric = dataclasses.replace(fabric, vid_verification_statement=statement)
    if vvsc is not None:
        if len(vvsc) > MAX_SIGNER_CERTIFICATE:
            raise VidVerificationError(f"a signer certificate of {len(vvsc)} bytes")
        if fabric.icac is not None and vvsc:
            raise SignerNotAllowedError("the fabric has an ICAC")
        fabric = dataclasses.replace(fabric, vvsc=vvsc)
    return fabric
