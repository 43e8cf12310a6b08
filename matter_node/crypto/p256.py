"""Point arithmetic on P-256 from key agreement alone.

The `cryptography` package multiplies points in constant time but hands out only an X coordinate, and adds
none. Both gaps close with the chord formula: of R = k*Q and R + Q = (k+1)*Q the two X coordinates are two key
agreements, and they fix the Y coordinate of R without a square root or a guess.
"""

from __future__ import annotations

from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from matter_node.crypto.keys import GROUP_ORDER, InvalidPublicKeyError, parse_public_key

FIELD = 0xFFFFFFFF_00000001_00000000_00000000_00000000_FFFFFFFF_FFFFFFFF_FFFFFFFF
"""Prime p of the field; the curve is y^2 = x^3 - 3x + B."""
_B = 0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B

_CURVE = ec.SECP256R1()

Point: TypeAlias = tuple[int, int] | None
"""Affine coordinates; None is the point at infinity."""


def decode_point(data: bytes) -> tuple[int, int]:
    """Return the point of its uncompressed form.

    :raises InvalidPublicKeyError: if it is not 65 bytes or not on the curve; infinity has no such form
    """
    numbers = parse_public_key(data).public_numbers()
    return numbers.x, numbers.y


def decompress_point(data: bytes) -> tuple[int, int]:
    """Return the point of its compressed form, 33 bytes."""
    try:
        numbers = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, data).public_numbers()
    except ValueError as error:
        raise InvalidPublicKeyError("no point of P-256") from error
    return numbers.x, numbers.y


def encode_point(point: Point) -> bytes:
    """Return the 65-byte uncompressed form.

    :raises ValueError: for the point at infinity, which has none
    """
    if point is None:
        raise ValueError("the point at infinity has no encoding")
    x, y = point
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def multiply_generator(scalar: int) -> Point:
    """Return scalar*G, for any scalar."""
    scalar %= GROUP_ORDER
    if scalar == 0:
        return None
    numbers = ec.derive_private_key(scalar, _CURVE).public_key().public_numbers()
    return numbers.x, numbers.y


def multiply(scalar: int, point: Point) -> Point:
    """Return scalar*point, for any scalar."""
    scalar %= GROUP_ORDER
    if point is None or scalar == 0:
        return None
    if scalar == 1:
        return point
    if scalar == GROUP_ORDER - 1:
        return negate(point)
    qx, qy = point
    peer = ec.EllipticCurvePublicNumbers(qx, qy, _CURVE).public_key()
    x = _shared_x(scalar, peer)
    next_x = _shared_x(scalar + 1, peer)
    # slope^2 = next_x + x + qx and slope = (y - qy) / (x - qx); y^2 comes from the curve. x != qx, because
    # only +-1 times a point has its X coordinate; qy != 0, because the group's order is odd.
    chord = (next_x + x + qx) * (x - qx) ** 2
    y_squared = x**3 - 3 * x + _B
    y = (y_squared + qy * qy - chord) * pow(2 * qy, -1, FIELD) % FIELD
    return x, y


def _shared_x(scalar: int, peer: ec.EllipticCurvePublicKey) -> int:
    return int.from_bytes(ec.derive_private_key(scalar, _CURVE).exchange(ec.ECDH(), peer), "big")


def negate(point: Point) -> Point:
    """Return the inverse of a point."""
    return None if point is None else (point[0], FIELD - point[1])


def add(one: Point, other: Point) -> Point:
    """Return the sum of two points."""
    if one is None:
        return other
    if other is None:
        return one
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, FIELD)
    elif y1 == y2:
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, FIELD)
    else:
        return None
    x3 = (slope * slope - x1 - x2) % FIELD
    return x3, (slope * (x1 - x3) - y1) % FIELD
