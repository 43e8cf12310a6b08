import math
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.telemetry.blocks import DOUBLES, SECONDS, Block, BlockError, decode, encode

seconds = st.lists(st.integers(0, SECONDS - 1), unique=True, max_size=60).map(sorted)
number = st.one_of(st.none(), st.floats(), st.integers(-(10**6), 10**6).map(float), st.just(1e300))
scales = st.sampled_from([0, -1, -2, -3])


def test_a_quarter_of_an_hour_of_a_noisy_power_takes_two_bytes_a_second_at_most():
    randomness = random.Random(1)
    power = [1000.0]
    for _ in range(SECONDS - 1):
        power.append(power[-1] + randomness.gauss(0, 20))
    block = encode(range(SECONDS), power, -1)
    assert block.n == SECONDS
    assert len(block.data) < 2 * SECONDS
    times, values = decode(block, -1)
    assert times == list(range(SECONDS))
    assert values == [round(each, 1) for each in power]


def test_a_value_that_never_changes_takes_next_to_nothing():
    assert len(encode(range(SECONDS), [230.0] * SECONDS, -2).data) < 50


def test_what_is_not_known_is_left_out():
    block = encode([1, 2, 3, 4], [None, 5.0, math.nan, 7.25], -1)
    assert decode(block, -1) == ([2, 4], [5.0, 7.2])
    assert encode([1, 2], [None, math.nan], 0) is None


@given(st.data())
def test_any_numbers_come_back_to_the_scale(data):
    times = data.draw(seconds)
    values = data.draw(st.lists(number, min_size=len(times), max_size=len(times)))
    scale = data.draw(scales)
    block = encode(times, values, scale)
    present = [
        (time, value)
        for time, value in zip(times, values, strict=True)
        if value is not None and not math.isnan(value)
    ]
    if block is None:
        assert not present
        return
    back_times, back = decode(block, scale)
    assert back_times == [time for time, _ in present]
    for (_, value), found in zip(present, back, strict=True):
        if block.enc == DOUBLES:
            assert found == value
        else:
            assert abs(found - value) <= 0.5 * 10**scale + abs(value) * 1e-15


@given(
    st.integers(-5, 1000), st.sampled_from([-1, 0, 1, 2, 3, 4, 8, 9]), st.binary(max_size=200), st.booleans()
)
def test_any_bytes_are_samples_or_a_block_error(n, enc, data, compressed):
    block = Block(n, enc, zlib.compress(data) if compressed else data)
    try:
        times, values = decode(block, -1)
    except BlockError:
        return
    assert len(times) == len(values) == n
    assert times == sorted(set(times))


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_is_noticed(place, flip):
    block = encode(range(100), [float(each % 7) for each in range(100)], -1)
    data = bytearray(block.data)
    data[place % len(data)] ^= flip
    try:
        samples = decode(Block(block.n, block.enc, bytes(data)), -1)
    except BlockError:
        return
    # Two bits of zlib's header say how it was made and not what is in it.
    assert samples == decode(block, -1)


def test_a_bomb_is_not_inflated():
    with pytest.raises(BlockError, match="bytes where 10 belong"):
        decode(Block(1, 8, zlib.compress(bytes(10**8))), 0)
