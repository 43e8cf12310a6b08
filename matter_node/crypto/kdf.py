"""Hashes and key derivation on SHA-256 (Matter Core 3.3, 3.4, 3.8, 3.9)."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sha256(*parts: bytes) -> bytes:
    """Return the digest of the parts, one after the other: 32 bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the authentication code of `message`: 32 bytes."""
    return hmac.digest(key, message, "sha256")


def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive `length` bytes from the input key material (RFC 5869)."""
    return HKDF(SHA256(), length, salt, info).derive(ikm)


def pbkdf2(secret: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """Stretch `secret` to `length` bytes with HMAC-SHA256."""
    return hashlib.pbkdf2_hmac("sha256", secret, salt, iterations, length)
