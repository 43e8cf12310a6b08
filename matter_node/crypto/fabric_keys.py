"""What is derived from a fabric's root key and epoch keys (Matter Core 4.3.2.2, 4.14.2.4.1, 4.17)."""

from __future__ import annotations

from matter_node.crypto.kdf import hkdf, hmac_sha256


def compressed_fabric_id(root_public_key: bytes, fabric_id: int) -> bytes:
    """Return the 8 bytes that stand for a fabric in discovery and key derivation.

    :param root_public_key: 65 bytes, uncompressed
    """
    return hkdf(root_public_key[1:], fabric_id.to_bytes(8, "big"), b"CompressedFabric", 8)


def operational_group_key(epoch_key: bytes, compressed_id: bytes) -> bytes:
    """Return the 16-byte key that group messages, or CASE for key set 0, use instead of the epoch key.

    :param epoch_key: 16 bytes
    :param compressed_id: the fabric's, 8 bytes
    """
    return hkdf(epoch_key, compressed_id, b"GroupKey v1.0", 16)


def group_session_id(key: bytes) -> int:
    """Return the session id that announces an operational group key, 16 bits."""
    return int.from_bytes(hkdf(key, b"", b"GroupKeyHash", 2), "big")


def privacy_key(key: bytes) -> bytes:
    """Return the 16-byte header-privacy key that belongs to an operational group key."""
    return hkdf(key, b"", b"PrivacyKey", 16)


def destination_id(ipk: bytes, random: bytes, root_public_key: bytes, fabric_id: int, node_id: int) -> bytes:
    """Return the 32 bytes by which Sigma1 names a node without showing who it is.

    :param ipk: operational identity protection key, 16 bytes
    :param random: the initiator's random number, 32 bytes
    """
    ids = fabric_id.to_bytes(8, "little") + node_id.to_bytes(8, "little")
    return hmac_sha256(ipk, random + root_public_key + ids)
