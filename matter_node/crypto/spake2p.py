"""SPAKE2+ on P-256 as PASE uses it (Matter Core 3.10, draft-bar-cfrg-spake2plus-01).

The commissionee, `Spake2pResponder`, knows a `PaseVerifier`; the commissioner, `Spake2pInitiator`, knows the
passcode. Both end with the same key `Ke`, or with a `PakeError`.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from matter_node.crypto.kdf import hkdf, hmac_sha256, pbkdf2, sha256
from matter_node.crypto.keys import GROUP_ORDER, InvalidPublicKeyError
from matter_node.crypto.p256 import (
    Point,
    add,
    decode_point,
    decompress_point,
    encode_point,
    multiply,
    multiply_generator,
    negate,
)

MIN_ITERATIONS, MAX_ITERATIONS = 1_000, 100_000
MIN_SALT_LENGTH, MAX_SALT_LENGTH = 16, 32
VERIFIER_LENGTH = 97
CONTEXT_PREFIX = b"CHIP PAKE V1 Commissioning"

_WS_LENGTH = 40  # bytes of PBKDF2 output for each of w0 and w1, 8 more than n has (Matter Core 3.10)
_M = decompress_point(bytes.fromhex("02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f"))
_N = decompress_point(bytes.fromhex("03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49"))


class PakeError(Exception):
    """The peer sent an invalid share or does not know the passcode."""


def pase_context(request: bytes, response: bytes) -> bytes:
    """Return the context that binds PASE to its PBKDF parameter messages, payloads as on the wire."""
    return sha256(CONTEXT_PREFIX, request, response)


def passcode_scalars(passcode: int, salt: bytes, iterations: int) -> tuple[int, int]:
    """Return w0 and w1 of a passcode.

    :raises ValueError: if passcode, salt or iterations are outside what Matter allows
    """
    if not 0 <= passcode < 1 << 27:
        raise ValueError("a passcode has 27 bits")
    if not MIN_SALT_LENGTH <= len(salt) <= MAX_SALT_LENGTH:
        raise ValueError(f"a salt has {MIN_SALT_LENGTH} to {MAX_SALT_LENGTH} bytes, not {len(salt)}")
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise ValueError(f"iterations are {MIN_ITERATIONS} to {MAX_ITERATIONS}, not {iterations}")
    stretched = pbkdf2(passcode.to_bytes(4, "little"), salt, iterations, 2 * _WS_LENGTH)
    w0, w1 = (
        int.from_bytes(part, "big") % GROUP_ORDER for part in (stretched[:_WS_LENGTH], stretched[_WS_LENGTH:])
    )
    return w0, w1


@dataclass(frozen=True, slots=True)
class PaseVerifier:
    """What a commissionee keeps instead of the passcode.

    :ivar w0: 32 bytes, big endian
    :ivar L: w1*G, 65 bytes, uncompressed
    :raises ValueError: if either is out of range
    """

    w0: bytes = field(repr=False)
    L: bytes = field(repr=False)
    masks: tuple[Point, Point] = field(init=False, repr=False, compare=False)
    """w0*M and w0*N: fixed as long as the passcode is, and half of a handshake's work."""

    def __post_init__(self) -> None:
        number = int.from_bytes(self.w0, "big")
        if len(self.w0) != 32 or number >= GROUP_ORDER:
            raise ValueError("w0 is 32 bytes and below n")
        decode_point(self.L)
        object.__setattr__(self, "masks", (multiply(number, _M), multiply(number, _N)))

    @classmethod
    def from_passcode(cls, passcode: int, salt: bytes, iterations: int) -> PaseVerifier:
        """Compute the verifier of a passcode.

        :raises ValueError: if passcode, salt or iterations are outside what Matter allows
        """
        w0, w1 = passcode_scalars(passcode, salt, iterations)
        return cls(w0.to_bytes(32, "big"), encode_point(multiply_generator(w1)))

    @classmethod
    def from_bytes(cls, data: bytes) -> PaseVerifier:
        """Return the verifier that an OpenCommissioningWindow command carries: w0 then L.

        :raises ValueError: if it is not 97 bytes or not valid
        """
        if len(data) != VERIFIER_LENGTH:
            raise ValueError(f"a verifier has {VERIFIER_LENGTH} bytes, not {len(data)}")
        return cls(data[:32], data[32:])

    def to_bytes(self) -> bytes:
        """Return w0 then L, 97 bytes."""
        return self.w0 + self.L


class Spake2pResponder:
    """The commissionee's side of one handshake.

    :param context: see `pase_context`
    :param y: the secret in 1..n-1; random if not given
    """

    __slots__ = ("_confirmation", "_context", "_key", "_verifier", "_y")

    def __init__(self, verifier: PaseVerifier, context: bytes, y: int | None = None) -> None:
        self._verifier = verifier
        self._context = context
        self._y = _secret(y)
        self._key = self._confirmation = b""

    def respond(self, pa: bytes) -> tuple[bytes, bytes]:
        """Take the initiator's share; return ours (65 bytes) and our confirmation cB (32 bytes).

        :raises PakeError: if the share is no valid point or leads to the point at infinity
        """
        mask_m, mask_n = self._verifier.masks
        share = _decode_share(pa)
        pb = _encode(add(multiply_generator(self._y), mask_n))
        z = multiply(self._y, add(share, negate(mask_m)))
        v = multiply(self._y, decode_point(self._verifier.L))
        keys = _confirm(self._context, pa, pb, _encode(z), _encode(v), self._verifier.w0)
        self._key, self._confirmation, cb = keys
        return pb, cb

    def confirm(self, ca: bytes) -> bytes:
        """Take the initiator's confirmation; return the shared key Ke, 16 bytes.

        :raises PakeError: if it is wrong, that is, if the initiator does not know the passcode
        """
        if not self._confirmation or not hmac.compare_digest(ca, self._confirmation):
            raise PakeError("wrong confirmation: the peer used another passcode")
        return self._key


class Spake2pInitiator:
    """The commissioner's side of one handshake.

    :param w0: see `passcode_scalars`
    :param w1: see `passcode_scalars`
    :param context: see `pase_context`
    :param x: the secret in 1..n-1; random if not given
    """

    __slots__ = ("_context", "_w0", "_w1", "_x", "share")

    def __init__(self, w0: int, w1: int, context: bytes, x: int | None = None) -> None:
        self._w0, self._w1 = w0, w1
        self._context = context
        self._x = _secret(x)
        self.share = _encode(add(multiply_generator(self._x), multiply(w0, _M)))
        """pA, 65 bytes: the first message."""

    def finish(self, pb: bytes, cb: bytes) -> tuple[bytes, bytes]:
        """Take the responder's share and confirmation; return our confirmation cA and the shared key Ke.

        :raises PakeError: if the share is no valid point or the confirmation is wrong
        """
        unmasked = add(_decode_share(pb), negate(multiply(self._w0, _N)))
        z, v = multiply(self._x, unmasked), multiply(self._w1, unmasked)
        w0 = self._w0.to_bytes(32, "big")
        key, ca, expected = _confirm(self._context, self.share, pb, _encode(z), _encode(v), w0)
        if not hmac.compare_digest(cb, expected):
            raise PakeError("wrong confirmation: the peer used another passcode")
        return ca, key


def _secret(given: int | None) -> int:
    if given is None:
        return 1 + secrets.randbelow(GROUP_ORDER - 1)
    if not 0 < given < GROUP_ORDER:
        raise ValueError("the secret is in 1..n-1")
    return given


def _decode_share(data: bytes) -> tuple[int, int]:
    try:
        return decode_point(data)
    except InvalidPublicKeyError as error:
        raise PakeError(f"invalid share: {error}") from error


def _encode(point: Point) -> bytes:
    if point is None:
        raise PakeError("the share leads to the point at infinity")
    return encode_point(point)


def _confirm(
    context: bytes, pa: bytes, pb: bytes, z: bytes, v: bytes, w0: bytes
) -> tuple[bytes, bytes, bytes]:
    """Return Ke, cA and cB of a transcript."""
    transcript = bytearray()
    for part in (context, b"", b"", encode_point(_M), encode_point(_N), pa, pb, z, v, w0):
        transcript += len(part).to_bytes(8, "little") + part
    digest = sha256(bytes(transcript))
    ka, ke = digest[:16], digest[16:]
    confirmation_keys = hkdf(ka, b"", b"ConfirmationKeys", 32)
    return ke, hmac_sha256(confirmation_keys[:16], pb), hmac_sha256(confirmation_keys[16:], pa)
