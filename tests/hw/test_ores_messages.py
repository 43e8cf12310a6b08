"""The module protocol's messages, their proofs, their order and their times."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.module import ModuleKind
from hw.ores import pairing
from hw.ores.description import Description
from hw.ores.messages import MODULE_MESSAGE
from hw.ores.pairing import Side
from hw.ores.sample import Sample
from hw.ores.telemetry import AHEAD, LATE, OLDEST, Inbox, Order, Verdict, judge_time
from hw.ores.thing import Thing, describe, parse
from hw.reading import ChargeState, Quality
from hw.setpoint import SetpointKind
from hw.simulator.ores_device import OresDevice

CODE = "K7QD2MXF4RTVW9YZ"
NOW = 1_780_000_000.0


def facts(**changed):
    usual = {
        "module": "acme-7",
        "module_ski": bytes(32),
        "hub_ski": bytes([1]) * 32,
        "module_nonce": bytes(16),
        "hub_nonce": bytes(16),
    }
    return pairing.transcript(**{**usual, **changed})


def test_a_code_is_read_however_it_was_typed():
    assert pairing.normalized(" k7qd-2mxf 4rtv.w9yz") == CODE
    assert pairing.normalized("O0Il" + "2" * 12) == "0011" + "2" * 12
    for wrong in ("", CODE[:-1], CODE + "2", "K7QD2MXF4RTVW9YU"):
        with pytest.raises(ValueError, match="16"):
            pairing.normalized(wrong)


@pytest.mark.parametrize(
    "changed",
    [
        {"module": "acme-8"},
        {"module_ski": bytes([9]) * 32},
        {"hub_ski": bytes([9]) * 32},
        {"module_nonce": bytes([9]) * 16},
        {"hub_nonce": bytes([9]) * 16},
    ],
)
def test_a_proof_holds_for_these_keys_and_numbers_alone(changed):
    proof = pairing.proof(CODE, Side.MODULE, facts())
    assert pairing.is_proof(proof, CODE.lower(), Side.MODULE, facts())
    assert not pairing.is_proof(proof, CODE, Side.MODULE, facts(**changed))
    assert pairing.digits(facts()) != pairing.digits(facts(**changed))


def test_a_proof_is_not_the_other_sides_and_not_another_codes():
    proof = pairing.proof(CODE, Side.MODULE, facts())
    assert not pairing.is_proof(proof, CODE, Side.HUB, facts())
    assert not pairing.is_proof(proof, "0" * 16, Side.MODULE, facts())


def test_published_vectors_of_the_proof():
    """Makers check their own arithmetic by these; they stand in docs/module-protocol.md, too."""
    given_facts = facts()
    for found, expected in (
        (given_facts, "d69fa52e1da3518e22b6a0478ad6d727cd2d4657646ef5f9aeece411cf9d4a34"),
        (pairing.commitment(bytes(16)), "cc3023fcb8319ba550d12ffabfb54ad9035584b4b1d3f4c0bb149ec32074fc7a"),
        (
            pairing.proof(CODE, Side.MODULE, given_facts),
            "0073a2437fe6abf915a75c645d1e39cdc26b2d0c103ddc28338ab50fa123c034",
        ),
        (
            pairing.proof(CODE, Side.HUB, given_facts),
            "7376b9058ba68ed0b0a7708d122f16894feea157c7a92ad4cc4b50b2dc632534",
        ),
    ):
        assert found.hex() == expected
    assert pairing.digits(given_facts) == "667569"


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_a_message_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        MODULE_MESSAGE.validate_json(data, strict=True)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_fields = st.sampled_from(
    ["seq", "samples", "time", "boot", "state", "setpoint", "description", "interval_s", "value", "protocol"]
)


@given(st.sampled_from(["hello", "telemetry", "result", "heartbeat", "?"]), st.dictionaries(_fields, _json))
def test_any_fields_are_a_message_or_a_value_error(kind, fields):
    with contextlib.suppress(ValueError):
        MODULE_MESSAGE.validate_json(json.dumps({"type": kind, **fields}), strict=True)


@given(st.builds(dict, power_w=_json, battery=_json, strings=_json, phases=_json, faults=_json))
def test_whatever_a_sample_holds_is_a_reading_or_a_value_error(values):
    try:
        sample = Sample.model_validate_json(
            json.dumps({"time": "2026-06-21T12:00:00Z", **values}), strict=True
        )
    except ValueError:
        return
    assert sample.to_reading("acme-7").module == "acme-7"


def test_a_sample_is_a_reading_with_the_same_signs_and_units():
    sample = Sample.model_validate_json(
        json.dumps(
            {
                "time": "2026-06-21T14:00:00+02:00",
                "state": "running",
                "estimated": True,
                "power_w": -1200,
                "phases": [{"name": "A", "power_w": -1200}],
                "strings": [{"name": "PV1", "power_w": 1250}],
                "battery": {"soc_percent": 55, "charge_state": "discharging"},
                "faults": [{"code": "OVER_TEMP"}],
                "grid_forming": True,
                "isolation_ohm": 850_000,
            }
        ),
        strict=True,
    )
    reading = sample.to_reading("acme-7")
    assert reading.grid_forming is True
    assert reading.isolation_ohm == 850_000
    assert reading.time == datetime(2026, 6, 21, 12, tzinfo=UTC)
    assert (reading.power_w, reading.quality) == (-1200, Quality.ESTIMATED)
    assert reading.phases[0].power_w == -1200
    assert reading.strings[0].power_w == 1250
    assert reading.battery.charge_state is ChargeState.DISCHARGING
    assert (reading.faults[0].code, reading.faults[0].source) == ("OVER_TEMP", "module")


def test_a_description_says_what_a_module_can_be_told():
    said = Description.model_validate_json(
        json.dumps(OresDevice(ModuleKind.BATTERY, "S1").description()), strict=True
    )
    assert said.to_identity().key == "ores-s1"
    assert SetpointKind.CHARGE_W in said.to_capabilities().setpoints
    assert said.to_capabilities().reverts
    assert said.to_nameplate().capacity_wh == 5120


# ---------------------------------------------------------------------- order and time


def test_messages_are_taken_once_each_and_in_their_order():
    inbox = Inbox()
    assert inbox.greet("a", 1) == 1
    assert [inbox.take(number) for number in (1, 1, 3, 2, 3)] == [
        Order.NEXT,
        Order.REPEATED,
        Order.GAP,
        Order.NEXT,
        Order.NEXT,
    ]
    assert inbox.greet("a", 1) == 4
    assert inbox.greet("a", 10) == 10
    assert inbox.greet("b", 1) == 1


@given(st.lists(st.integers(1, 12), max_size=60))
def test_no_number_is_taken_twice_whatever_comes(numbers):
    inbox = Inbox()
    inbox.greet("a", 1)
    taken = [number for number in numbers if inbox.take(number) is Order.NEXT]
    assert taken == list(range(1, len(taken) + 1))


@pytest.mark.parametrize(
    ("age", "newest", "verdict"),
    [
        (0, None, Verdict.CURRENT),
        (-AHEAD + 1, None, Verdict.CURRENT),
        (-AHEAD - 1, None, Verdict.AHEAD),
        (LATE - 1, None, Verdict.CURRENT),
        (LATE + 1, None, Verdict.LATE),
        (OLDEST - 1, None, Verdict.LATE),
        (OLDEST + 1, None, Verdict.TOO_OLD),
        (0, NOW, Verdict.REPEATED),
        (1, NOW, Verdict.REPEATED),
        (0, NOW - 1, Verdict.CURRENT),
    ],
)
def test_the_time_of_a_measurement_is_judged(age, newest, verdict):
    assert judge_time(NOW - age, NOW, newest) is verdict


def test_without_a_time_of_day_the_order_counts_alone():
    assert judge_time(NOW - 10 * OLDEST, None, None) is Verdict.CURRENT
    assert judge_time(5.0, None, 5.0) is Verdict.REPEATED


# ---------------------------------------------------------------------- things


def test_a_modules_description_of_itself_is_read_back():
    device = OresDevice(ModuleKind.BATTERY, "S1")
    thing = parse(json.dumps(describe(device.identity, device.kind, "Battery")).encode(), "ab")
    assert (thing.id, thing.title, thing.ski) == ("urn:ores:module:ores-s1", "Battery", "ab")
    assert (thing.identity, thing.kind) == (device.identity, ModuleKind.BATTERY)


def test_a_foreign_thing_has_a_title_and_no_identity():
    thing = parse(b'{"@context": "https://www.w3.org/2022/wot/td/v1.1", "title": "Lamp\\u0007", "id": 7}')
    assert thing == Thing("", "Lamp", None, None)


@given(st.binary(max_size=200) | _json.map(lambda each: json.dumps(each).encode()))
def test_any_bytes_are_a_thing_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        parse(data)


@given(st.dictionaries(st.sampled_from(["@context", "title", "id", "ores"]), _json))
def test_any_members_are_a_thing_or_a_value_error(values):
    try:
        thing = parse(json.dumps({"@context": "", "title": "x", **values}).encode())
    except ValueError:
        return
    assert thing.title == thing.title.strip("\x00")
