"""The stored form of a fabric: one TLV structure, whole, so that it is there entirely or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matter_node.codec import tlv
from matter_node.crypto.fabric_keys import compressed_fabric_id, operational_group_key
from matter_node.crypto.keys import KeyPair
from matter_node.fabric import Fabric

if TYPE_CHECKING:
    from collections.abc import Iterable


class FabricRecordError(ValueError):
    """A stored fabric cannot be read."""


def make_fabric(  # noqa: PLR0913 - a fabric is all of this
    *,
    index: int,
    fabric_id: int,
    node_id: int,
    vendor_id: int,
    root: bytes,
    root_public_key: bytes,
    noc: bytes,
    icac: bytes | None,
    key: KeyPair,
    ipk_epoch_keys: Iterable[bytes],
    label: str = "",
    vid_verification_statement: bytes = b"",
    vvsc: bytes = b"",
) -> Fabric:
    """Return a fabric with what follows from its parts filled in; the parameters are `Fabric`'s fields."""
    compressed_id = compressed_fabric_id(root_public_key, fabric_id)
    epoch_keys = tuple(ipk_epoch_keys)
    return Fabric(
        index=index,
        fabric_id=fabric_id,
        node_id=node_id,
        vendor_id=vendor_id,
        root=root,
        root_public_key=root_public_key,
        noc=noc,
        icac=icac,
        key=key,
        ipk_epoch_keys=epoch_keys,
        compressed_id=compressed_id,
        ipk_keys=tuple(operational_group_key(epoch_key, compressed_id) for epoch_key in epoch_keys),
        label=label,
        vid_verification_statement=vid_verification_statement,
        vvsc=vvsc,
    )


def encode_fabric(fabric: Fabric) -> bytes:
    """Return the stored form of a fabric; it holds the private key."""
    return tlv.encode(
        {
            0: fabric.index,
            1: fabric.fabric_id,
            2: fabric.node_id,
            3: fabric.vendor_id,
            4: fabric.root,
            5: fabric.root_public_key,
            6: fabric.noc,
            7: fabric.icac,
            8: fabric.key.scalar,
            9: list(fabric.ipk_epoch_keys),
            10: fabric.label,
            11: fabric.vid_verification_statement,
            12: fabric.vvsc,
        }
    )


def decode_fabric(record: bytes) -> Fabric:
    """Return the fabric that `encode_fabric` stored.

    :raises FabricRecordError: the record is damaged
    """
    try:
        fields: dict[int, Any] = tlv.decode(record)
        return make_fabric(
            index=fields[0],
            fabric_id=fields[1],
            node_id=fields[2],
            vendor_id=fields[3],
            root=fields[4],
            root_public_key=fields[5],
            noc=fields[6],
            icac=fields[7],
            key=KeyPair.from_scalar(fields[8]),
            ipk_epoch_keys=fields[9],
            label=fields[10],
            vid_verification_statement=fields[11],
            vvsc=fields[12],
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FabricRecordError("a stored fabric is damaged") from error
