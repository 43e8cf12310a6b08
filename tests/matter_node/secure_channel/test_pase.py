"""PASE, the device's side: what it accepts, what it refuses, and how it fails."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.secure_channel.status_report import INVALID_PARAMETER, StatusReport
from matter_node.subject import AuthMode, Subject

REQUEST = {1: bytes(32), 2: 5, 3: 0, 4: False}


@pytest.fixture
def failures(device):
    counts = []
    device.pase.on_attempt_failed = counts.append
    device.open_window()
    return counts


def test_a_wrong_passcode_is_refused_and_counted(controller, device, commissioner, failures):
    client = commissioner(controller, device.address, passcode=1).start()
    assert client.reports == [INVALID_PARAMETER.encode()]
    assert failures == [1]
    assert not list(device.sessions)


def test_twenty_wrong_passcodes_close_the_window(controller, device, commissioner, failures):
    device.pase.on_attempt_failed = lambda count: device.pase.close() if count == 20 else None
    for _ in range(20):
        assert device.pase.is_open
        commissioner(controller, device.address, passcode=1).start()
    assert not device.pase.is_open
    client = commissioner(controller, device.address).start()
    assert client.session is None
    assert client.reports == []


def test_opening_again_starts_a_new_count(controller, device, commissioner, failures):
    commissioner(controller, device.address, passcode=1).start()
    device.open_window()
    commissioner(controller, device.address, passcode=1).start()
    assert failures == [1, 1]


def test_a_commissioner_that_knows_the_parameters_is_not_told_them(
    controller, device, commissioner, failures, wire
):
    client = commissioner(controller, device.address, has_parameters=True).start()
    assert client.session is not None
    assert not any(b"SPAKE2P Key Salt" in datagram for _, datagram in wire.sent_by(device.address))


def test_a_second_attempt_is_told_to_wait_and_does_not_disturb_the_first(
    controller, device, commissioner, failures
):
    class Slow(commissioner):
        def on_pake2(self, message):
            self.finish = lambda: commissioner.on_pake2(self, message)

    first = Slow(controller, device.address).start()
    second = commissioner(controller, device.address).start()
    assert [StatusReport.decode(r).busy_wait for r in second.reports] == [5.0]
    first.finish()
    assert first.session is not None
    assert failures == []


def test_while_a_session_lives_no_other_is_made(controller, device, commissioner, failures):
    first = commissioner(controller, device.address).start()
    second = commissioner(controller, device.address).start()
    assert [StatusReport.decode(r).busy_wait for r in second.reports] == [5.0]
    controller.sessions.close(first.session)
    third = commissioner(controller, device.address).start()
    assert third.session is not None


def test_an_attempt_that_stalls_ends_after_a_minute(controller, device, commissioner, failures, clock):
    class Stalled(commissioner):
        def on_pake2(self, message):
            pass

    Stalled(controller, device.address).start()
    clock.advance(59.9)
    assert failures == []
    clock.advance(0.1)
    assert failures == [1]
    assert device.sessions._reserved == set()
    assert commissioner(controller, device.address).start().session is not None


def test_a_commissioner_that_vanishes_frees_the_attempt(
    controller, device, commissioner, failures, wire, clock
):
    wire.lose = lambda source, *_: source == device.address
    commissioner(controller, device.address).start()
    clock.advance(8)
    assert failures == [1]


def test_closing_the_window_ends_the_attempt_but_not_the_session(
    controller, device, commissioner, failures, clock
):
    client = commissioner(controller, device.address).start()
    device.pase.close()
    clock.advance(100)
    assert device.sessions.has_pase()
    assert client.session is not None
    assert failures == []


def test_add_noc_binds_the_session_to_the_new_fabric(controller, device, commissioner, failures):
    commissioner(controller, device.address).start()
    (session,) = device.sessions
    session.subject = Subject(AuthMode.PASE, fabric_index=3)
    device.sessions.close_fabric(3)
    assert session.closed
    assert not list(controller.sessions)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("random too short", {1: bytes(31)}),
        ("random missing", {1: None}),
        ("session id 0", {2: 0}),
        ("session id of 17 bits", {2: 0x10000}),
        ("another passcode id", {3: 1}),
        ("passcode id missing", {3: None}),
        ("flag no boolean", {4: 1}),
        ("parameters no structure", {5: 3}),
        ("idle interval negative", {5: {1: -1}}),
        ("active threshold of 17 bits", {5: {3: 0x10000}}),
        ("not even a structure", None),
    ],
)
def test_a_malformed_request_is_refused(why, change, controller, device, commissioner, failures):
    request = tlv.encode(REQUEST | change) if change else b"\x04\x05"
    client = commissioner(controller, device.address).start(request)
    assert client.reports == [INVALID_PARAMETER.encode()]
    assert device.sessions._reserved == set()
    assert commissioner(controller, device.address).start().session is not None


@pytest.mark.parametrize(
    ("why", "share"),
    [
        ("not on the curve", b"\x04" + bytes(64)),
        ("infinity", b"\x00" * 65),
        ("compressed", b"\x02" + bytes(32)),
        ("one octet short", b"\x04" + bytes(63)),
        ("one octet more", b"\x04" + bytes(65)),
        ("hybrid form", b"\x06" + bytes(64)),
        ("coordinates above the prime", b"\x04" + b"\xff" * 64),
        ("missing", None),
        ("empty", b""),
        ("text", "share"),
        ("a number", 4),
        ("a structure", {1: bytes(65)}),
    ],
)
def test_a_malformed_share_is_refused(why, share, controller, device, commissioner, failures):
    class Malformed(commissioner):
        def on_message(self, exchange, opcode, payload):
            if opcode == 0x21:
                exchange.send(0x22, tlv.encode({1: share}))
            else:
                super().on_message(exchange, opcode, payload)

    client = Malformed(controller, device.address).start()
    assert client.reports == [INVALID_PARAMETER.encode()]
    assert failures == [1]


@pytest.mark.parametrize(
    ("why", "payload"),
    [
        ("too short", tlv.encode({1: bytes(31)})),
        ("too long", tlv.encode({1: bytes(33)})),
        ("all zero", tlv.encode({1: bytes(32)})),
        ("all one", tlv.encode({1: b"\xff" * 32})),
        ("null", tlv.encode({1: None})),
        ("text", tlv.encode({1: "x" * 32})),
        ("a number", tlv.encode({1: 32})),
        ("missing", tlv.encode({})),
        ("under another tag", tlv.encode({2: bytes(32)})),
        ("no structure", tlv.encode([bytes(32)])),
        ("cut short", tlv.encode({1: bytes(32)})[:-1]),
        ("empty", b""),
    ],
)
def test_a_malformed_confirmation_is_refused(why, payload, controller, device, commissioner, failures):
    class Malformed(commissioner):
        def on_pake2(self, message):
            self.exchange.send(0x24, payload)

    client = Malformed(controller, device.address).start()
    assert client.reports == [INVALID_PARAMETER.encode()]
    assert failures == [1]
    assert not list(device.sessions)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1 << 40),
    st.sampled_from([bytes(32), bytes(31)]),
    st.dictionaries(st.integers(0, 9), st.integers(-1, 1 << 33)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=st.one_of(st.dictionaries(st.integers(0, 6), VALUES).map(tlv.encode), st.binary(max_size=90)))
def test_any_request_is_answered_and_leaves_nothing(controller, device, commissioner, clock, caplog, request):
    device.open_window()
    commissioner(controller, device.address).start(request)
    clock.advance(61)
    assert device.pase._attempt is None
    assert device.sessions._reserved == set()
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    opcode=st.sampled_from([0x20, 0x22, 0x24, 0x40]),
    payload=st.one_of(
        st.binary(max_size=90),
        st.dictionaries(st.integers(0, 4), st.binary(max_size=33)).map(tlv.encode),
    ),
)
def test_anything_in_place_of_pake3_makes_no_session(
    controller, device, commissioner, clock, caplog, opcode, payload
):
    class Fuzzed(commissioner):
        def on_pake2(self, message):
            self.exchange.send(opcode, payload)

    device.open_window()
    Fuzzed(controller, device.address).start()
    clock.advance(61)
    assert device.pase._attempt is None
    assert not list(device.sessions)
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    opcode=st.sampled_from([0x20, 0x22, 0x24, 0x30, 0x32, 0x40, 0x77]),
    payload=st.one_of(
        st.binary(max_size=90),
        st.dictionaries(st.integers(0, 4), st.binary(max_size=65)).map(tlv.encode),
    ),
)
def test_anything_in_place_of_pake1_ends_the_attempt(
    controller, device, commissioner, clock, caplog, opcode, payload
):
    class Fuzzed(commissioner):
        def on_message(self, exchange, received, answer):
            if received == 0x21:
                exchange.send(opcode, payload)
            else:
                super().on_message(exchange, received, answer)

    device.open_window()
    Fuzzed(controller, device.address).start()
    clock.advance(61)
    assert device.pase._attempt is None
    assert not list(device.sessions)
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
