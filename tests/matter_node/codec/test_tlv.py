"""TLV: published encodings, every element type, and what the decoder refuses."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.codec.tlv import TlvError, TlvList

VECTORS = dict(
    json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())["tlv"]["cases"]
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("int -1", -1),
        ("uint 1", 1),
        ("uint 256", 256),
        ("uint 0x01000000", 0x01000000),
        ("uint 0x01000000000000", 0x01000000000000),
        ("double 6546.254", 6546.254),
    ],
)
def test_published_encodings(name, value):
    assert tlv.encode(value).hex() == VECTORS[name]
    assert tlv.decode(bytes.fromhex(VECTORS[name])) == value


def test_published_encoding_of_a_signed_positive_number():
    out = bytearray()
    tlv.put_int(out, None, 256)
    assert out.hex() == VECTORS["int 256"]
    assert tlv.decode(out) == 256


def test_published_encoding_of_a_float32():
    out = bytearray()
    tlv.put_float32(out, None, 6546.25390625)
    assert out.hex() == VECTORS["float 6546.25390625"]
    assert tlv.decode(out) == 6546.25390625


def test_an_attribute_report_reads_as_plain_values():
    report = bytes.fromhex("1535012600785634123701240201240306240400182802181 8".replace(" ", ""))
    value = {1: {0: 0x12345678, 1: TlvList([(2, 1), (3, 6), (4, 0)]), 2: False}}
    assert tlv.decode(report) == value
    assert isinstance(tlv.decode(report)[1][1], TlvList)
    assert tlv.encode(value) == report


def test_members_are_written_in_ascending_order_and_read_in_any():
    assert tlv.encode({3: 1, (0, 0, 2): 4, 1: 2, (0xFFF1, 1, 0): 3, 2: None}) == bytes.fromhex(
        "15 240102 3402 240301 44020004 c4f1ff0100000003 18".replace(" ", "")
    )
    assert tlv.decode(bytes.fromhex("15240301240102" + "18")) == {1: 2, 3: 1}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (255, "04ff"),
        (-128, "0080"),
        (-129, "017fff"),
        (-(2**63), "030000000000000080"),
        (2**64 - 1, "07ffffffffffffffff"),
        (True, "09"),
        (False, "08"),
        (None, "14"),
        ("é", "0c02c3a9"),
        (b"\x00\x01", "10020001"),
        ([1, [], {}, TlvList()], "1604011618151817181 8".replace(" ", "")),
        ((1, 2), "160401040218"),
        (TlvList([(None, 1), (2, 3)]), "1704012402031 8".replace(" ", "")),
        ({(0, 0, 0x10000): 1, (1, 2, 0x10000): 1}, "15640000010001e401000200000001000118"),
    ],
)
def test_every_type_has_its_form(value, encoded):
    assert tlv.encode(value).hex() == encoded
    decoded = tlv.decode(bytes.fromhex(encoded))
    assert decoded == (list(value) if isinstance(value, tuple) else value)
    assert type(decoded) is type(value) or isinstance(value, tuple)


@pytest.mark.parametrize("length", [255, 256, 65535, 65536])
def test_strings_of_any_length(length):
    assert tlv.decode(tlv.encode({1: "x" * length, 2: bytes(length)})) == {1: "x" * length, 2: bytes(length)}


@pytest.mark.parametrize("encoded", ["0401", "050100", "0601000000", "070100000000000000", "0001", "010100"])
def test_a_number_may_be_wider_than_it_needs(encoded):
    assert tlv.decode(bytes.fromhex(encoded)) == 1


@pytest.mark.parametrize("encoded", ["0d0100" + "61", "0e01000000" + "61", "0f0100000000000000" + "61"])
def test_a_length_may_be_wider_than_it_needs(encoded):
    assert tlv.decode(bytes.fromhex(encoded)) == "a"


def test_an_element_is_read_from_the_middle():
    assert tlv.decode_from(b"\xff\x04\x07\xff", 1) == (7, 3)
    assert tlv.decode(memoryview(b"\x04\x07")) == 7


@pytest.mark.parametrize(
    ("encoded", "complaint"),
    [
        ("", "truncated"),
        ("04", "truncated"),
        ("0501", "truncated"),
        ("07010203", "truncated"),
        ("0a0000", "truncated"),
        ("0b00000000", "truncated"),
        ("0c0261", "longer than the data"),
        ("10", "truncated"),
        ("1101", "longer than the data"),
        ("13ffffffffffffffff00", "longer than the data"),
        ("0c01ff", "UTF-8"),
        ("15", "truncated"),
        ("152401", "truncated"),
        ("16040118" + "00", "after the element"),
        ("18", "element type"),
        ("1538", "truncated"),
        ("153801" + "18", "element type"),
        ("19", "element type"),
        ("1f", "element type"),
        ("1504011 8".replace(" ", ""), "anonymous structure member"),
        ("15151818", "anonymous structure member"),
        ("1524010124010218", "twice"),
        ("1624010118", "tag"),
        ("1635011818", "tag"),
        ("240101", "tag"),
        ("35011 8".replace(" ", ""), "tag"),
        ("158401000118", "implicit"),
        ("15a40100000018", "implicit"),
        ("15440118", "truncated"),
    ],
)
def test_malformed_input_is_refused_with_a_reason(encoded, complaint):
    with pytest.raises(TlvError, match=complaint):
        tlv.decode(bytes.fromhex(encoded))


def test_nesting_is_bounded():
    depth = tlv.MAX_DEPTH
    assert tlv.decode(b"\x16" * depth + b"\x18" * depth) != 0
    with pytest.raises(TlvError, match="deeper"):
        tlv.decode(b"\x16" * (depth + 1) + b"\x18" * (depth + 1))
    with pytest.raises(TlvError, match="deeper"):
        tlv.decode(b"\x16" * 1_000_000)


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**63) - 1, {256: 1}, {-1: 1}, {None: 1}, {(0, 0, -1): 1}, object(), {1: {2}}, "\ud800", 1j],
)
def test_what_has_no_form_is_refused(value):
    with pytest.raises(TlvError):
        tlv.encode(value)


def test_put_functions_judge_their_ranges():
    with pytest.raises(TlvError, match="negative"):
        tlv.put_uint(bytearray(), None, -1)
    with pytest.raises(TlvError, match="float32"):
        tlv.put_float32(bytearray(), None, 1e300)


TAGS = st.integers(0, 255) | st.tuples(
    st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=300)
    | st.binary(max_size=300),
    lambda values: (
        st.lists(values, max_size=5)
        | st.dictionaries(TAGS, values, max_size=5)
        | st.lists(st.tuples(TAGS | st.none(), values), max_size=5).map(TlvList)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_encoded_decodes_to_itself(value):
    assert tlv.decode(tlv.encode(value)) == value


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_decode_or_raise_tlv_error(data):
    try:
        value = tlv.decode(data)
    except TlvError:
        return
    again = tlv.decode(tlv.encode(value))
    assert again == value or _has_nan(again)


@given(VALUES, st.data())
def test_no_damage_does_anything_but_decode_or_raise_tlv_error(value, data):
    encoded = bytearray(tlv.encode(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] = data.draw(st.integers(0, 255))
    try:
        tlv.decode(encoded[: data.draw(st.integers(0, len(encoded)))])
    except TlvError:
        return


def _leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, TlvList):
        value = [item for _, item in value]
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def _has_nan(value):
    return any(isinstance(leaf, float) and math.isnan(leaf) for leaf in _leaves(value))
