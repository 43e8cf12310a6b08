"""Published encrypted messages: PASE, group, group with privacy, replayed and forged ones."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matter_node.crypto.aead import Cipher, DecryptError
from matter_node.fabric import GroupKey
from matter_node.secure_channel.groups import GroupReceiver, toggle_privacy
from matter_node.secure_channel.message import (
    FrameError,
    decode_message_header,
    decode_payload_header,
    encode_message_header,
    encode_payload_header,
)
from matter_node.secure_channel.parameters import SessionParameters
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.subject import AuthMode, Subject


class Keys:
    """One group key that maps group 2."""

    def __init__(self, case):
        key, privacy = bytes.fromhex(case["encryptKey"]), bytes.fromhex(case["privacyKey"])
        self._keys = [
            GroupKey(3, 5, 0xDB7D, bytes(16), bytes(16)),
            GroupKey(3, 5, 0xDB7D, key, privacy),
        ]
        self.mapped = {(3, 2, 5)}

    def candidates(self, session_id):
        return [key for key in self._keys if key.session_id == session_id]

    def is_mapped(self, *mapping):
        return mapping in self.mapped


@pytest.fixture
def cases(vectors):
    return vectors["secure_messages"]["cases"]


def pase_session(case, entropy):
    key = bytes.fromhex(case["encryptKey"])
    return SecureSession(
        SessionKind.PASE,
        3000,
        3000,
        (key, key, bytes(16)),
        (0, 0),
        Subject(AuthMode.PASE),
        ("::1", 1, 0, 0),
        SessionParameters(),
        0.0,
        entropy,
    )


@pytest.mark.parametrize("index", range(5))
def test_pase_messages(cases, entropy, index):
    case = cases[index]
    datagram = bytes.fromhex(case["privacy"])
    if not case["accepted"]:
        with pytest.raises((FrameError, DecryptError)):
            pase_session(case, entropy).open(decode_message_header(datagram), datagram)
        return
    session = pase_session(case, entropy)
    payload = session.open(decode_message_header(datagram), datagram)
    assert (datagram[:8] + payload).hex() == case["plain"]
    assert payload[decode_payload_header(payload).length :].hex() == case["payload"]
    session._counter._next = 0x3039
    assert session.seal(payload) == (0x3039, datagram)


@pytest.mark.parametrize("index", [5, 7])
def test_group_messages(cases, index):
    case = cases[index]
    receiver = GroupReceiver(Keys(case))
    datagram = bytes.fromhex(case["privacy"])
    subject, payload = receiver.open(decode_message_header(datagram), datagram)
    assert subject == Subject(AuthMode.GROUP, fabric_index=3, node_id=1, group_id=2)
    assert case["plain"].endswith(payload.hex())
    with pytest.raises(FrameError, match="duplicate"):
        receiver.open(decode_message_header(datagram), datagram)


def test_a_forged_group_message_is_dropped(cases):
    case = cases[8]
    datagram = bytes.fromhex(case["privacy"])
    with pytest.raises(FrameError, match="unknown key"):
        GroupReceiver(Keys(case)).open(decode_message_header(datagram), datagram)


def test_privacy_obfuscates_the_header_alone(cases):
    case = cases[7]
    clear, private = bytes.fromhex(case["encrypted"]), bytes.fromhex(case["privacy"])
    assert toggle_privacy(clear, 0xDB7D, bytes.fromhex(case["privacyKey"])) == private


def test_a_group_that_its_fabric_does_not_map_to_the_key_has_no_access(cases):
    case = cases[5]
    keys = Keys(case)
    keys.mapped.clear()
    datagram = bytes.fromhex(case["privacy"])
    with pytest.raises(FrameError, match="not mapped"):
        GroupReceiver(keys).open(decode_message_header(datagram), datagram)


def test_a_key_that_two_key_sets_hold_serves_the_groups_of_both(cases):
    case = cases[5]
    keys = Keys(case)
    keys._keys.insert(0, GroupKey(3, 4, 0xDB7D, bytes.fromhex(case["encryptKey"]), bytes(16)))
    datagram = bytes.fromhex(case["privacy"])
    subject, _ = GroupReceiver(keys).open(decode_message_header(datagram), datagram)
    assert subject.group_id == 2


@pytest.mark.parametrize("index", [5, 7])
@given(cut=st.integers(0, 60), at=st.integers(0, 60), bits=st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_spoiled_group_message_is_dropped(cases, index, cut, at, bits):
    case = cases[index]
    datagram = bytes.fromhex(case["privacy"])
    spoiled = bytearray(datagram)
    spoiled[at % len(datagram)] ^= bits
    for wrong in (bytes(spoiled), datagram[: cut % len(datagram)], datagram + bytes([bits])):
        with pytest.raises(FrameError):
            GroupReceiver(Keys(case)).open(decode_message_header(wrong), wrong)


@given(tail=st.binary(max_size=80), flags=st.integers(0, 7), security=st.integers(0, 255))
def test_any_group_message_is_dropped(tail, flags, security):
    keys = Keys({"encryptKey": "00" * 16, "privacyKey": "00" * 16})
    datagram = bytes([flags]) + (0xDB7D).to_bytes(2, "little") + bytes([security | 1]) + tail
    with pytest.raises(FrameError):
        GroupReceiver(keys).open(decode_message_header(datagram), datagram)


def test_a_group_message_reaches_its_protocol_and_gets_no_answer(cases, make_node, recorder, wire, caplog):
    case = cases[5]
    datagram = bytes.fromhex(case["privacy"])
    node = make_node(("::1", 1, 0, 0), group_keys=Keys(case))
    handler = recorder(lambda exchange, opcode, payload: exchange.send(1, b"answer"))
    node.layer.register(0x7D20, handler)
    node.layer.receive(datagram, ("::2", 1, 0, 0))
    node.layer.receive(datagram, ("::2", 1, 0, 0))
    assert handler.messages == [(0x64, b"")]
    assert handler.exchanges[0].session.subject.group_id == 2
    assert not wire.log
    assert not caplog.records


def group_message(case, flags, protocol, *, control=False, counter=77):
    """Return a group message that is authentic, whatever it says."""
    key, security = bytes.fromhex(case["encryptKey"]), 0x41 if control else 0x01
    header = encode_message_header(
        0xDB7D, counter, security_flags=security, source_node_id=1, destination_group_id=2
    )
    nonce = struct.pack("<BIQ", security, counter, 1)
    return header + Cipher(key).encrypt(nonce, encode_payload_header(flags, 8, 1, protocol), header)


@pytest.mark.parametrize(
    ("why", "flags", "protocol", "control"),
    [
        ("of a responder", 0, 1, False),
        ("of session establishment", 1, 0, False),
        ("of a protocol that nobody knows", 1, 99, False),
        ("of the control counter", 1, 1, True),
    ],
)
def test_a_group_message_out_of_place_is_dropped(
    cases, make_node, recorder, wire, why, flags, protocol, control
):
    node = make_node(("::1", 1, 0, 0), group_keys=Keys(cases[5]))
    handler = recorder()
    for known in (0, 1):
        node.layer.register(known, handler)
    node.layer.receive(group_message(cases[5], flags, protocol, control=control), ("::2", 1, 0, 0))
    assert not handler.messages
    assert not wire.log
    node.layer.receive(group_message(cases[5], 1, 1, counter=78), ("::2", 1, 0, 0))
    assert handler.messages == [(8, b"")]


def test_the_memory_of_group_senders_is_bounded(cases):
    receiver = GroupReceiver(Keys(cases[5]), max_senders=2)
    key = GroupKey(1, 1, 1, bytes(16), bytes(16))
    for source in range(10):
        assert receiver._accept(key, source, 1)
    assert len(receiver._windows) == 2
