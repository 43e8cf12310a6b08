"""P-256 keys: signatures, key agreement, certificate signing requests (Matter Core 3.5, 6.4.6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from matter_node.codec import der

if TYPE_CHECKING:
    from matter_node.entropy import Entropy

GROUP_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
"""Order n of the P-256 group."""
SCALAR_LENGTH = 32
PUBLIC_KEY_LENGTH = 65
SIGNATURE_LENGTH = 64

_CURVE = ec.SECP256R1()
_ECDSA = ec.ECDSA(SHA256())

_EC_PUBLIC_KEY = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
_ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_CSR_SUBJECT = der.sequence(
    der.set_of(der.sequence(der.oid("2.5.4.10"), der.element(der.UTF8_STRING, b"CSR")))
)


def _signing() -> ec.ECDSA:
    """Return the way to sign: without random numbers (RFC 6979) unless OpenSSL is older than 3.2.

    A weak generator gives no key away then, and what is replayed is the same to the last byte.
    """
    try:
        return ec.ECDSA(SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return _ECDSA


_SIGNING = _signing()


class InvalidPublicKeyError(ValueError):
    """The bytes are no uncompressed point of P-256."""


def parse_public_key(public_key: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key object of a 65-byte uncompressed point.

    :raises InvalidPublicKeyError: if it has another form or is not on the curve
    """
    if len(public_key) != PUBLIC_KEY_LENGTH or public_key[0] != 0x04:
        raise InvalidPublicKeyError("a public key is 65 bytes and starts with 0x04")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public_key)
    except ValueError as error:
        raise InvalidPublicKeyError("the point is not on P-256") from error


def verify(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes, r then s) is the key's ECDSA-SHA256 signature of `data`.

    A malformed key or signature is a signature that does not verify.
    """
    if len(signature) != SIGNATURE_LENGTH:
        return False
    try:
        parse_public_key(public_key).verify(raw_to_der(signature), data, _ECDSA)
    except (InvalidSignature, ValueError):
        return False
    return True


def raw_to_der(signature: bytes) -> bytes:
    """Convert a signature from r then s (64 bytes) to the DER SEQUENCE that X.509 holds."""
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def der_to_raw(signature: bytes) -> bytes:
    """Convert a signature from DER to r then s, 64 bytes.

    :raises ValueError: if it is malformed or a number does not fit
    """
    r, s = decode_dss_signature(signature)
    if max(r, s) >> 256 or min(r, s) < 0:
        raise ValueError("signature number outside 256 bits")
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class KeyPair:
    """A P-256 private key and its public key; `repr` shows the public one alone."""

    __slots__ = ("_key", "_public_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise ValueError(f"Matter keys are on P-256, not {key.curve.name}")  # noqa: TRY004 - a value of the type
        self._key = key
        self._public_key = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @classmethod
    def generate(cls, entropy: Entropy | None = None) -> KeyPair:
        """Make a new key, from `entropy` if given, else from the cryptographic library's own generator."""
        if entropy is None:
            return cls(ec.generate_private_key(_CURVE))
        return cls(ec.derive_private_key(1 + entropy.below(GROUP_ORDER - 1), _CURVE))

    @classmethod
    def from_scalar(cls, scalar: bytes) -> KeyPair:
        """Return the key with that private scalar.

        :param scalar: 32 bytes, big endian
        :raises ValueError: if it is not in 1..n-1
        """
        number = int.from_bytes(scalar, "big")
        if len(scalar) != SCALAR_LENGTH or not 0 < number < GROUP_ORDER:
            raise ValueError("a private scalar is 32 bytes and in 1..n-1")
        return cls(ec.derive_private_key(number, _CURVE))

    @property
    def scalar(self) -> bytes:
        """The private scalar, 32 bytes, big endian: for storage, never for the log."""
        return self._key.private_numbers().private_value.to_bytes(SCALAR_LENGTH, "big")

    @property
    def public_key(self) -> bytes:
        """The public key, 65 bytes, uncompressed."""
        return self._public_key

    @property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        """The key object of the `cryptography` package."""
        return self._key

    def sign(self, data: bytes) -> bytes:
        """Return the ECDSA-SHA256 signature of `data`, 64 bytes, r then s."""
        return der_to_raw(self._key.sign(data, _SIGNING))

    def ecdh(self, public_key: bytes) -> bytes:
        """Return the X coordinate shared with the owner of `public_key` (65 bytes), 32 bytes.

        :raises InvalidPublicKeyError: if that is no point of the curve
        """
        return self._key.exchange(ec.ECDH(), parse_public_key(public_key))

    def csr(self) -> bytes:
        """Return a certificate signing request for this key, PKCS#10 DER, with the subject O=CSR."""
        key_info = der.sequence(_EC_PUBLIC_KEY, der.bit_string(self._public_key))
        request = der.sequence(der.integer(0), _CSR_SUBJECT, key_info, der.explicit(0))
        signature = der.bit_string(raw_to_der(self.sign(request)))
        return der.sequence(request, _ECDSA_WITH_SHA256, signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyPair) and self._public_key == other._public_key

    def __hash__(self) -> int:
        return hash(self._public_key)

    def __repr__(self) -> str:
        return f"KeyPair(public_key={self._public_key.hex()})"
