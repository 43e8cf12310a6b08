"""A block: a quarter of an hour of one metric, compressed.

Neighbouring values of a measured series differ little. So a block holds differences, their bytes sorted by
significance (all lowest bytes, then the next, ...: what blosc calls shuffle), and zlib, whose checksum also
notices a flipped bit. One second of one metric comes to about 3 bytes.

    zlib(shuffle(differences of seconds, 2 bytes each) + shuffle(differences of values, `enc` bytes each))

Values are whole steps of the metric's scale, their differences zigzag-coded (0, -1, 1, -2, ...) so that small
ones have zeros in front. Encoding 0 is for values beyond whole steps: the doubles themselves, shuffled.
"""

from __future__ import annotations

import math
import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS: Final = 900
"""How long a block is. Blocks begin at every full quarter of an hour, UTC."""
DOUBLES: Final = 0
"""Encoding of values that are too large for whole steps; any other encoding is a number of bytes."""
_CODES: Final = {2: "H", 4: "I", 8: "Q"}
_EXACT: Final = 2**53


class BlockError(ValueError):
    """The data of a block is damaged."""


@dataclass(frozen=True, slots=True)
class Block:
    """Encoded samples."""

    n: int
    enc: int
    data: bytes


def encode(seconds: Sequence[int], values: Sequence[float | None], scale: int) -> Block | None:
    """Return the block of samples; None when there is none. What is None or NaN is left out.

    :param seconds: since the block's beginning, 0 to SECONDS - 1, ascending
    :param values: as many; kept to the scale as decimal exponent (-1: to a tenth)
    """
    present = [
        (second, value)
        for second, value in zip(seconds, values, strict=True)
        if value is not None and not math.isnan(value)
    ]
    if not present:
        return None
    times = array("H", [present[0][0], *(after[0] - before[0] for before, after in pairwise(present))])
    numbers = [value for _, value in present]
    factor = 10.0**-scale
    if max(numbers) * factor < _EXACT and min(numbers) * factor > -_EXACT:
        enc, shuffled = _encode_steps([round(value * factor) for value in numbers])
    else:
        enc, shuffled = DOUBLES, _shuffle(array("d", numbers))
    return Block(len(present), enc, zlib.compress(_shuffle(times) + shuffled))


def decode(block: Block, scale: int) -> tuple[list[int], list[float]]:
    """Return seconds and values of a block. Raise BlockError."""
    width = 8 if block.enc == DOUBLES else block.enc
    if not 0 < block.n <= SECONDS or width not in _CODES:
        raise BlockError(f"a block of {block.n} samples in encoding {block.enc}")
    expected = block.n * (2 + width)
    decompressor = zlib.decompressobj()
    try:
        raw = decompressor.decompress(block.data, expected + 1)
    except zlib.error as error:
        raise BlockError(str(error)) from None
    if len(raw) != expected or not decompressor.eof:
        raise BlockError(f"{len(raw)} bytes where {expected} belong")
    times = list(accumulate(_integers(raw[: 2 * block.n], "H")))
    if times[-1] >= SECONDS or any(after <= before for before, after in pairwise(times)):
        raise BlockError("the seconds are not ascending within the block")
    if block.enc == DOUBLES:
        doubles = array("d")
        doubles.frombytes(_unshuffled(raw[2 * block.n :], width))
        return times, list(doubles)
    steps = accumulate((code >> 1) ^ -(code & 1) for code in _integers(raw[2 * block.n :], _CODES[width]))
    factor = 10.0**-scale
    return times, [step / factor for step in steps]


def _encode_steps(steps: list[int]) -> tuple[int, bytes]:
    """Return the width and the shuffled, zigzag-coded differences of whole numbers."""
    differences = [steps[0], *(after - before for before, after in pairwise(steps))]
    codes = [difference << 1 if difference >= 0 else ~(difference << 1) for difference in differences]
    largest = max(codes)
    width = 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8
    return width, _shuffle(array(_CODES[width], codes))


def _shuffle(numbers: array[int] | array[float]) -> bytes:
    data = numbers.tobytes()
    return b"".join(data[place :: numbers.itemsize] for place in range(numbers.itemsize))


def _integers(data: bytes, code: str) -> array[int]:
    numbers: array[int] = array(code)
    numbers.frombytes(_unshuffled(data, numbers.itemsize))
    return numbers


def _unshuffled(data: bytes, width: int) -> bytes:
    n = len(data) // width
    sorted_ = bytearray(len(data))
    for place in range(width):
        sorted_[place::width] = data[place * n : (place + 1) * n]
    return bytes(sorted_)
