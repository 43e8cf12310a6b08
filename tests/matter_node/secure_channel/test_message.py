"""The message frame against published frames, and against what must be dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.secure_channel.message import (
    INITIATOR_FLAG,
    RELIABLE_FLAG,
    FrameError,
    MessageHeader,
    PayloadHeader,
    decode_message_header,
    decode_payload_header,
    encode_message_header,
    encode_payload_header,
)


def split(frame):
    data = bytes.fromhex(frame)
    header = decode_message_header(data)
    payload = data[header.length :]
    message = decode_payload_header(payload)
    return header, message, payload[message.length :]


def test_an_initiators_unsecured_message(vectors):
    frame = vectors["message_codec"]["unsecured_pbkdf_request"]
    header, message, payload = split(frame)
    assert header == MessageHeader(0, 0, 0x17F24F0A, 0x5263_6ACB_A7C8_A07E, None, None, 16)
    assert message == PayloadHeader(INITIATOR_FLAG | RELIABLE_FLAG, 0x20, 0x64D3, 0, None, 6)
    again = encode_message_header(0, header.counter, source_node_id=header.source_node_id)
    again += encode_payload_header(INITIATOR_FLAG | RELIABLE_FLAG, 0x20, 0x64D3, 0) + payload
    assert again.hex() == frame


def test_a_responders_unsecured_message(vectors):
    frame = vectors["message_codec"]["unsecured_pbkdf_response"]
    header, message, payload = split(frame)
    assert header.destination_node_id == 0x5263_6ACB_A7C8_A07E
    assert message.acknowledged == 0x17F24F0A
    again = encode_message_header(0, header.counter, destination_node_id=header.destination_node_id)
    again += encode_payload_header(RELIABLE_FLAG, 0x21, 0x64D3, 0, 0x17F24F0A) + payload
    assert again.hex() == frame


def test_extensions_are_skipped(vectors):
    plain = split(vectors["message_codec"]["unsecured_pbkdf_request"])[2]
    for name in ("with_message_extension", "with_secured_extension"):
        header, message, payload = split(vectors["message_codec"][name])
        assert payload == plain
        assert header.length + message.length == 16 + 6 + 5


def test_a_vendors_protocol_comes_vendor_first():
    header = encode_payload_header(0, 1, 2, 0xFFF1_0003, 9)
    assert header.hex() == "12010200f1ff030009000000"
    assert decode_payload_header(header) == PayloadHeader(0x12, 1, 2, 0xFFF1_0003, 9, 12)


@pytest.mark.parametrize(
    ("why", "frame"),
    [
        ("empty", ""),
        ("seven octets", "00010000000000"),
        ("version 1", "1001000000000000"),
        ("destination size 3", "0301000000000000"),
        ("session type 2", "0001000200000000"),
        ("session type 3", "0001000300000000"),
        ("unicast to a group", "02010000000000000100"),
        ("unicast with privacy", "0001008000000000"),
        ("unicast control", "0001004000000000"),
        ("group without source", "02010001000000000100"),
        ("group without destination", "04010001000000000100000000000000"),
        ("source cut short", "040000000000000001000000"),
        ("extension length cut short", "000100200000000001"),
        ("extension cut short", "0001002000000000050001"),
    ],
)
def test_what_no_rule_allows_is_dropped(why, frame):
    with pytest.raises(FrameError):
        decode_message_header(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("why", "payload"),
    [
        ("empty", ""),
        ("five octets", "0001020304"),
        ("acknowledgement missing", "020102030000"),
        ("acknowledgement cut short", "020102030000010203"),
        ("vendor missing", "100102030000"),
        ("vendor cut short", "10010203000001"),
        ("acknowledgement after vendor missing", "1201020300000000"),
        ("extension length missing", "080102030000"),
        ("extension length cut short", "08010203000005"),
        ("extension cut short", "0801020300000500aabb"),
        ("all of them, extension cut short", "1a0102030000000001020304ffff"),
    ],
)
def test_a_payload_cut_short_is_dropped(why, payload):
    with pytest.raises(FrameError):
        decode_payload_header(bytes.fromhex(payload))


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_dropped(data):
    try:
        header = decode_message_header(data)
    except FrameError:
        return
    assert 8 <= header.length <= len(data)
    try:
        message = decode_payload_header(data[header.length :])
    except FrameError:
        return
    assert header.length + message.length <= len(data)
