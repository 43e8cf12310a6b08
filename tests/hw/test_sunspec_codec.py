"""Registers to values: the examples of SunSpec's point types, and any bytes at all."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sunspec2.device import Model

from hw.sunspec.codec import View, boundaries, definition
from hw.sunspec.device import encode

MODELS = [1, 101, 102, 103, 111, 112, 113, 120, 121, 122, 123, 124, 160]
MODELS += [201, 202, 203, 204, 211, 212, 213, 214, 701, 702, 703, 704, 713, 714, 802]


def block(model, **values):
    """The registers of a model as pysunspec2 encodes them."""
    if model == 714:
        values.setdefault("NPrt", 0)
    return Model(model, data=values).get_mb()


def view(model, holes=frozenset(), **values):
    return View(definition(model), block(model, **values), holes)


def test_a_scaled_point_reads_in_its_unit():
    inverter = view(101, W=97, W_SF=1, PhVphA=2393, V_SF=-1)
    assert inverter.number("W") == 970
    assert inverter.number("PhVphA") == 239.3


@pytest.mark.parametrize("factor", [11, -11, 0x1234, -32767])
def test_a_garbage_scale_factor_makes_its_points_unknown_and_no_others(factor):
    inverter = view(101, W=97, W_SF=factor, Hz=5001, Hz_SF=-2)
    assert inverter.number("W") is None
    assert inverter.number("Hz") == 50.01


def test_a_missing_scale_factor_makes_its_points_unknown():
    assert view(101, W=97).number("W") is None


@pytest.mark.parametrize("model", MODELS)
def test_the_marks_of_absence_read_as_nothing(model):
    empty = view(model)
    names = [point.name for point in empty if point.name not in ("ID", "L", "NPrt") and point.type != "pad"]
    assert {name: empty.raw(name) for name in names} == dict.fromkeys(names)


def test_an_accumulator_of_zero_has_not_accumulated():
    assert view(101, WH=0, WH_SF=0).number("WH") is None
    assert view(101, WH=5, WH_SF=2).number("WH") == 500


def test_a_float_that_is_not_a_number_reads_as_nothing():
    assert view(111, W=float("nan")).number("W") is None
    assert view(111, W=float("inf")).number("W") is None
    assert view(111, W=12.5).number("W") == 12.5


def test_enumerations_keep_values_that_have_no_name():
    assert view(101, St=4).symbol("St") == "MPPT"
    assert view(101, St=47).symbol("St") == "VALUE_47"


def test_bit_fields_name_their_bits():
    assert view(101, Evt1=0b1000_1001, EvtVnd1=4).bits("Evt1") == (
        "GROUND_FAULT",
        "DC_DISCONNECT",
        "OVER_TEMP",
    )
    assert view(101, EvtVnd1=4).bits("EvtVnd1") == ("BIT_02",)


def test_strings_end_at_their_padding_and_bad_octets_do_no_harm():
    assert view(1, Mn="SMA").text("Mn") == "SMA"
    raw = bytearray(block(1))
    raw[4:10] = b"A\xff\xfeB\0C"
    assert View(definition(1), bytes(raw)).text("Mn") == "A\ufffd\ufffdB"


def test_points_in_a_hole_or_beyond_the_device_s_length_are_unknown():
    assert view(101, holes=frozenset({14}), W=97, W_SF=0, Hz=50, Hz_SF=0).number("W") is None
    short = View(definition(101), block(101, W=97, W_SF=0, St=4)[: 2 * 20])
    assert short.number("W") == 97
    assert short.symbol("St") is None


def test_repeated_groups_come_as_often_as_the_length_has_room_for():
    data = {"DCW_SF": 1, "N": 2, "module": [{"ID": 1, "DCW": 61}, {"ID": 2, "DCW": 44}]}
    strings = view(160, **data).groups("module")
    assert [string.number("DCW") for string in strings] == [610, 440]


def test_repeated_groups_come_as_often_as_their_count_point_says_and_registers_exist():
    ports = view(714, NPrt=2, DCW_SF=0, Prt=[{"DCW": 5}, {"DCW": 6}])
    assert [port.number("DCW") for port in ports.groups("Prt")] == [5, 6]
    absurd = bytearray(block(714, NPrt=2, DCW_SF=0, Prt=[{"DCW": 5}, {"DCW": 6}]))
    absurd[8:10] = b"\xff\xfe"
    assert len(View(definition(714), bytes(absurd)).groups("Prt")) == 2


def test_a_value_is_written_in_the_scale_of_the_device():
    controls = view(123, WMaxLimPct=10000, WMaxLimPct_SF=-2, WMaxLim_Ena=0)
    assert encode(controls, "WMaxLimPct", 33.3) == struct.pack(">H", 3330)
    with pytest.raises(ValueError, match="does not fit"):
        encode(controls, "WMaxLimPct", 1e6)
    with pytest.raises(ValueError, match="cannot be written"):
        encode(view(101, W=1, W_SF=0), "W", 5)
    with pytest.raises(ValueError, match="mark of absence"):
        encode(controls, "WMaxLimPct", 655.35)


@pytest.mark.parametrize("model", MODELS)
def test_every_cut_is_where_the_alliance_s_own_layout_has_a_point(model):
    length = len(block(model)) // 2
    own = {point.offset for point in Model(model, data={"NPrt": 0}).points.values()}
    assert own <= set(boundaries(definition(model), length))


@given(st.sampled_from(MODELS), st.binary(max_size=700), st.frozensets(st.integers(0, 200), max_size=8))
def test_no_registers_make_the_decoder_fail(model, data, holes):
    decoded = View(definition(model), data, holes)
    views = [decoded]
    for group in definition(model).groups:
        views += decoded.groups(group.name)
    for one in views:
        for point in one:
            number = one.number(point.name) if point.type not in ("string", "ipaddr", "eui48") else None
            assert number is None or abs(number) < 1e40
            one.symbol(point.name) if point.type.startswith("enum") else None
            one.bits(point.name) if point.type.startswith("bitfield") else None
            one.text(point.name)


@given(st.sampled_from([model for model in MODELS if model != 714]), st.binary(min_size=2, max_size=400))
def test_it_reads_what_the_alliance_s_own_decoder_reads(model, data):
    size = len(block(model))
    data = (data * (size // len(data) + 1))[:size]
    mine, theirs = View(definition(model), data), Model(model, data=data)
    for point in mine:
        if point.name not in ("ID", "L") and point.type not in ("string", "pad"):
            reference = theirs.points[point.name].value
            # The count of a repeated group follows the length in theirs.
            if point.name != "N":
                assert mine.raw(point.name) == reference, point.name
