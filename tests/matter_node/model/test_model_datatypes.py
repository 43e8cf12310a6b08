"""Data types: their values in Python, in TLV, and their limits (Matter Core 7.19)."""

from enum import IntEnum, IntFlag

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.model import (
    AnyTlv,
    Bitmap,
    Bool,
    Enum,
    Float32,
    Float64,
    Int8,
    Int16,
    Int24,
    Int64,
    ListOf,
    Nullable,
    Octets,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt24,
    UInt64,
    Utf8,
    member,
    struct,
)
from matter_node.status import Status, StatusError


class Colour(IntEnum):
    RED = 0
    BLUE = 2


class Fault(IntFlag):
    HOT = 1
    WET = 4


@struct
class Point(Struct):
    x: int = member(0, Int16)
    y: int = member(1, Int16, default=5)
    name: str | None = member(2, Utf8(8), optional=True)


@struct
class Owned(Struct):
    text: str = member(0, Utf8())
    secret: str = member(1, Utf8(), fabric_sensitive=True)
    fabric_index: int = member(0xFE, UInt8)


points = st.builds(
    Point,
    x=st.integers(-0x8000, 0x7FFF),
    y=st.integers(-0x8000, 0x7FFF),
    name=st.none() | st.text("abc", max_size=8),
)
VALUES = st.one_of(
    st.tuples(st.just(Bool), st.booleans()),
    st.tuples(st.just(UInt8), st.integers(0, 255)),
    st.tuples(st.just(UInt24), st.integers(0, (1 << 24) - 1)),
    st.tuples(st.just(UInt64), st.integers(0, (1 << 64) - 1)),
    st.tuples(st.just(Int8), st.integers(-128, 127)),
    st.tuples(st.just(Int64), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.tuples(st.just(Float64), st.floats(allow_nan=False)),
    st.tuples(st.just(Float32), st.floats(allow_nan=False, width=32)),
    st.tuples(st.just(Utf8()), st.text(max_size=300)),
    st.tuples(st.just(Octets()), st.binary(max_size=300)),
    st.tuples(st.just(Enum(Colour)), st.sampled_from(Colour)),
    st.tuples(st.just(Bitmap(Fault)), st.sampled_from([Fault(0), Fault.HOT, Fault.HOT | Fault.WET])),
    st.tuples(st.just(Nullable(UInt8)), st.none() | st.integers(0, 254)),
    st.tuples(st.just(ListOf(Int16)), st.lists(st.integers(-9, 9)).map(tuple)),
    st.tuples(st.just(StructOf(Point)), points),
    st.tuples(st.just(ListOf(Nullable(StructOf(Point)))), st.lists(st.none() | points).map(tuple)),
    st.tuples(st.just(AnyTlv), st.sampled_from([None, 3, -3, "x", b"x", [1], {1: 2}])),
)


@given(VALUES, st.sampled_from([None, 0, 200]))
def test_what_is_encoded_is_taken_back(case, tag):
    datatype, value = case
    datatype.check(value)
    element = datatype.encode(value, tag)
    decoded = tlv.decode(element) if tag is None else tlv.decode(b"\x15" + element + b"\x18")[tag]
    taken = datatype.take(decoded)
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("datatype", "element", "status"),
    [
        (Bool, 1, Status.INVALID_DATA_TYPE),
        (UInt8, True, Status.INVALID_DATA_TYPE),
        (UInt8, "1", Status.INVALID_DATA_TYPE),
        (UInt8, 1.0, Status.INVALID_DATA_TYPE),
        (UInt8, None, Status.INVALID_DATA_TYPE),
        (UInt8, 256, Status.CONSTRAINT_ERROR),
        (UInt8, -1, Status.CONSTRAINT_ERROR),
        (Int8, -129, Status.CONSTRAINT_ERROR),
        (UInt16.between(3, 7), 2, Status.CONSTRAINT_ERROR),
        (UInt16.between(3, 7), 8, Status.CONSTRAINT_ERROR),
        (Nullable(UInt8), 0xFF, Status.CONSTRAINT_ERROR),  # what stands for null elsewhere
        (Nullable(Int24), -0x80_0000, Status.CONSTRAINT_ERROR),
        (Float64, 1, Status.INVALID_DATA_TYPE),
        (Utf8(4), b"text", Status.INVALID_DATA_TYPE),
        (Utf8(4), "zu läng", Status.CONSTRAINT_ERROR),
        (Utf8(4), "äää", Status.CONSTRAINT_ERROR),  # six bytes
        (Octets(4, 2), b"1", Status.CONSTRAINT_ERROR),
        (Octets(4, 2), b"12345", Status.CONSTRAINT_ERROR),
        (Octets(4), "1234", Status.INVALID_DATA_TYPE),
        (Enum(Colour), 1, Status.CONSTRAINT_ERROR),
        (Enum(Colour), "RED", Status.INVALID_DATA_TYPE),
        (Bitmap(Fault), 2, Status.CONSTRAINT_ERROR),
        (Bitmap(Fault), None, Status.INVALID_DATA_TYPE),
        (ListOf(UInt8, maximum=2), [1, 2, 3], Status.CONSTRAINT_ERROR),
        (ListOf(UInt8, minimum=1), [], Status.CONSTRAINT_ERROR),
        (ListOf(UInt8), [1, "2"], Status.INVALID_DATA_TYPE),
        (ListOf(UInt8), {0: 1}, Status.INVALID_DATA_TYPE),
        (ListOf(UInt8), tlv.TlvList([(None, 1)]), Status.INVALID_DATA_TYPE),
        (StructOf(Point), [1, 2], Status.INVALID_DATA_TYPE),
        (StructOf(Point), {0: 1 << 15}, Status.CONSTRAINT_ERROR),
        (StructOf(Point), {1: 1}, Status.INVALID_COMMAND),  # a mandatory member is missing
    ],
)
def test_an_element_that_is_no_value_is_refused(datatype, element, status):
    with pytest.raises(StatusError) as caught:
        datatype.take(element)
    assert caught.value.status is status


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (Bool, 1),
        (UInt8, 256),
        (UInt8, True),
        (Utf8(3), "long"),
        (Octets(3), "abc"),
        (Enum(Colour), 1),
        (Bitmap(Fault), 2),
        (Nullable(UInt8), 255),
        (ListOf(UInt8), [1]),  # a value has to be immutable
        (ListOf(UInt8), (256,)),
        (StructOf(Point), Point(x=1 << 15)),
        (StructOf(Point), {0: 1}),
    ],
)
def test_a_server_cannot_set_what_a_client_could_not_write(datatype, value):
    with pytest.raises(StatusError):
        datatype.check(value)


def test_a_value_fits_in_the_narrowest_form():
    assert UInt64.encode(5) == bytes.fromhex("0405")
    assert UInt64.encode(0x100) == bytes.fromhex("050001")
    assert Int64.encode(-1) == bytes.fromhex("00ff")
    assert Int64.encode(200, 3) == bytes.fromhex("2103c800")  # signed stays signed


def test_members_that_are_unknown_are_ignored_and_optional_ones_left_out():
    assert Point.from_tlv({0: 1, 9: "?"}) == Point(x=1, y=5, name=None)
    assert tlv.decode(Point(x=1).to_tlv()) == {0: 1, 1: 5}


def test_a_struct_is_a_value():
    point = Point(x=1)
    with pytest.raises(AttributeError):
        point.x = 2
    assert point == Point(x=1, y=5)
    assert hash(point) == hash(Point(x=1))
    assert not hasattr(point, "__dict__")


def test_what_is_sensitive_is_for_its_own_fabric():
    entries = (Owned(text="a", secret="b", fabric_index=1), Owned(text="c", secret="d", fabric_index=2))
    out = bytearray()
    ListOf(StructOf(Owned)).put_for(out, None, entries, 2)
    assert tlv.decode(bytes(out)) == [{0: "a", 0xFE: 1}, {0: "c", 1: "d", 0xFE: 2}]


def test_narrower_bounds_stay_within_the_type_and_move_the_default():
    assert (UInt8.between(3).minimum, UInt8.between(3).maximum, UInt8.between(3).default) == (3, 255, 3)
    assert UInt8.between(-5, 1000) == UInt8


@struct
class Belonging(Struct):
    text: str = member(0, Utf8(8))
    fabric_index: int = member(0xFE, UInt8)


@struct
class Nest(Struct):
    items: tuple = member(0, ListOf(StructOf(Belonging)))
    best: Belonging | None = member(1, Nullable(StructOf(Belonging)))


@pytest.mark.parametrize("claimed", [{}, {0xFE: 9}])
def test_what_a_client_sends_belongs_to_its_fabric_however_deep(claimed):
    element = {0: [{0: "a", **claimed}], 1: {0: "b", **claimed}}
    nest = Nest.DATATYPE.take_for(element, 3)
    assert nest == Nest(
        items=(Belonging(text="a", fabric_index=3),), best=Belonging(text="b", fabric_index=3)
    )
    assert Nest.DATATYPE.take_for({0: [], 1: None}, 3) == Nest(items=(), best=None)
    with pytest.raises(StatusError):
        Nest.DATATYPE.take_for({0: 1, 1: None}, 3)
