"""CASE messages and keys against published handshakes, and against malformed ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import tlv
from matter_node.crypto.keys import verify
from matter_node.crypto.spake2p import pase_context
from matter_node.secure_channel import sigma
from matter_node.secure_channel.handshake import HandshakeError
from matter_node.secure_channel.parameters import SessionParameters, SessionParametersError


@pytest.fixture
def sigma2(vectors):
    return {k: bytes.fromhex(v) for k, v in vectors["case_sigma2"].items() if k != "source"}


@pytest.fixture
def sigma3(vectors):
    return {k: bytes.fromhex(v) for k, v in vectors["case_sigma3"].items() if k != "source"}


def test_a_published_sigma2(sigma2):
    transcript = sigma.Transcript(sigma2["shared_secret"], sigma2["ipk"], sigma2["sigma1"])
    key = transcript.sigma2_key(sigma2["responder_random"], sigma2["responder_eph_pub"])
    assert key == sigma2["key"]
    part = sigma.signed_part(sigma2["noc"], None, sigma2["responder_eph_pub"], sigma2["initiator_eph_pub"])
    assert part == sigma2["tbs"]
    assert verify(sigma2["noc_pub"], part, sigma2["signature"])
    credentials = sigma.Credentials(sigma2["noc"], None, sigma2["signature"], sigma2["resumption_id"])
    assert credentials.encode() == sigma2["tbe_plain"]
    assert sigma.encrypt_sigma2(key, credentials.encode()) == sigma2["encrypted2"]
    assert sigma.Credentials.decode(sigma2["tbe_plain"], with_resumption_id=True) == credentials


def test_a_published_sigma3(sigma3):
    transcript = sigma.Transcript(sigma3["shared_secret"], sigma3["ipk"], sigma3["sigma1"])
    transcript.add(sigma3["sigma2"])
    assert transcript.sigma3_key() == sigma3["key"]
    encrypted = sigma.decode_sigma3(sigma3["sigma3"])
    assert encrypted == sigma3["encrypted3"]
    plain = sigma.decrypt_sigma3(sigma3["key"], encrypted)
    assert plain == sigma3["plain"]
    credentials = sigma.Credentials.decode(plain, with_resumption_id=False)
    part = sigma.signed_part(credentials.noc, None, sigma3["initiator_eph_pub"], sigma3["responder_eph_pub"])
    assert part == sigma3["tbs"]
    transcript.add(sigma3["sigma3"])
    assert transcript.session_keys().initiator_to_responder == sigma3["session_key_first16"]


def test_the_published_sigma1_and_sigma2_decode(sigma3):
    first = sigma.Sigma1.decode(sigma3["sigma1"])
    assert first.ephemeral_key == sigma3["initiator_eph_pub"]
    assert first.parameters.idle_interval == 5.0
    second = sigma.Sigma2.decode(sigma3["sigma2"])
    assert second.ephemeral_key == sigma3["responder_eph_pub"]


def test_the_published_pase_context(vectors):
    case = vectors["pase_context_hash"]
    request, response = (bytes.fromhex(case[f"pbkdf_param_{k}"]) for k in ("request", "response"))
    assert pase_context(request, response).hex() == case["sha256"]


GOOD = {1: bytes(32), 2: 1, 3: bytes(32), 4: bytes(65)}


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("random too short", {1: bytes(31)}),
        ("random missing", {1: None}),
        ("random no bytes", {1: 5}),
        ("session id 0", {2: 0}),
        ("session id too large", {2: 0x10000}),
        ("session id a boolean", {2: True}),
        ("destination too long", {3: bytes(33)}),
        ("key too short", {4: bytes(64)}),
        ("parameters no structure", {5: 7}),
        ("parameter no integer", {5: {1: b"x"}}),
        ("resumption id alone", {6: bytes(16)}),
        ("resumption MIC alone", {7: bytes(16)}),
        ("resumption id too short", {6: bytes(15), 7: bytes(16)}),
        ("resumption MIC too long", {6: bytes(16), 7: bytes(17)}),
    ],
)
def test_a_malformed_sigma1_is_an_error(why, change):
    with pytest.raises(HandshakeError):
        sigma.Sigma1.decode(tlv.encode(GOOD | change))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data):
    for decode in (
        sigma.Sigma1.decode,
        sigma.Sigma2.decode,
        sigma.Sigma2Resume.decode,
        sigma.decode_sigma3,
        lambda payload: sigma.Credentials.decode(payload, with_resumption_id=True),
    ):
        try:
            decode(data)
        except HandshakeError:
            continue


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1 << 40),
    st.binary(max_size=70),
    st.dictionaries(st.integers(0, 9), st.integers(0, 1 << 33)),
)


@given(st.dictionaries(st.integers(0, 9), VALUES))
def test_any_structure_is_a_message_or_an_error(members):
    payload = tlv.encode(members)
    for decode in (sigma.Sigma1.decode, sigma.Sigma2.decode, sigma.Sigma2Resume.decode):
        try:
            message = decode(payload)
        except HandshakeError:
            continue
        assert decode(message.encode()) == message


def test_parameters_default_and_are_held_to_limits():
    assert SessionParameters.from_tlv(None) == SessionParameters()
    long = SessionParameters.from_tlv({1: 0xFFFF_FFFF, 2: 4_000_000, 3: 0xFFFF})
    assert (long.idle_interval, long.active_interval, long.active_threshold) == (3600, 3600, 65.535)
    assert SessionParameters.from_tlv(long.to_tlv()) == long
    for wrong in ({3: 0x10000}, {1: -1}, {4: 1.5}, [], 5):
        with pytest.raises(SessionParametersError):
            SessionParameters.from_tlv(wrong)
