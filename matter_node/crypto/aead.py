"""AES-128-CCM with a 16-byte tag, and the header-privacy keystream (Matter Core 3.6, 3.7)."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

KEY_LENGTH = 16
NONCE_LENGTH = 13
TAG_LENGTH = 16


class DecryptError(Exception):
    """The ciphertext, its tag, the nonce or the associated data is not what was encrypted with this key."""


class Cipher:
    """One key, set up once and used for many messages.

    :param key: 16 bytes
    :raises ValueError: if the key has another length
    """

    __slots__ = ("_ccm",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise ValueError(f"an AES-128 key has {KEY_LENGTH} bytes, not {len(key)}")
        self._ccm = AESCCM(key, TAG_LENGTH)

    def encrypt(self, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Return ciphertext and tag."""
        return self._ccm.encrypt(nonce, plaintext, aad)

    def decrypt(self, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """Return the plaintext of `encrypt`'s result.

        :raises DecryptError: if anything was changed
        """
        try:
            return self._ccm.decrypt(nonce, ciphertext, aad)
        except (InvalidTag, ValueError, OverflowError) as error:
            raise DecryptError("authentication failed") from error


def encrypt(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
    """Encrypt once; see `Cipher.encrypt`."""
    return Cipher(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
    """Decrypt once; see `Cipher.decrypt`."""
    return Cipher(key).decrypt(nonce, ciphertext, aad)


def ctr(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with CCM's counter blocks from 1 on, without a tag (Matter Core 4.9.3).

    :param nonce: 13 bytes
    """
    if len(nonce) != NONCE_LENGTH:
        raise ValueError(f"the privacy nonce has {NONCE_LENGTH} bytes, not {len(nonce)}")
    counter = b"\x01" + nonce + b"\x00\x01"
    keystream = BlockCipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return keystream.update(data) + keystream.finalize()
