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


SIGMA2 = {1: bytes(32), 2: 1, 3: bytes(65), 4: bytes(40)}


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("random too short", {1: bytes(31)}),
        ("random too long", {1: bytes(33)}),
        ("random null", {1: None}),
        ("session id 0", {2: 0}),
        ("session id too large", {2: 0x10000}),
        ("session id negative", {2: -1}),
        ("session id octets", {2: b"1"}),
        ("key too short", {3: bytes(64)}),
        ("key a number", {3: 5}),
        ("encrypted part null", {4: None}),
        ("encrypted part text", {4: "text"}),
        ("parameters a list", {5: [1]}),
        ("idle interval of 33 bits", {5: {1: 1 << 32}}),
    ],
)
def test_a_malformed_sigma2_is_an_error(why, change):
    sigma.Sigma2.decode(tlv.encode(SIGMA2))
    with pytest.raises(HandshakeError):
        sigma.Sigma2.decode(tlv.encode(SIGMA2 | change))


RESUME = {1: bytes(16), 2: bytes(16), 3: 1}


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("resumption id too short", {1: bytes(15)}),
        ("resumption id too long", {1: bytes(17)}),
        ("resumption id null", {1: None}),
        ("resumption id text", {1: "0" * 16}),
        ("MIC too short", {2: bytes(15)}),
        ("MIC too long", {2: bytes(17)}),
        ("MIC a number", {2: 16}),
        ("session id 0", {3: 0}),
        ("session id too large", {3: 0x10000}),
        ("session id a boolean", {3: True}),
        ("parameters a number", {4: 1}),
        ("active threshold octets", {4: {3: b"1"}}),
    ],
)
def test_a_malformed_sigma2_resume_is_an_error(why, change):
    sigma.Sigma2Resume.decode(tlv.encode(RESUME))
    with pytest.raises(HandshakeError):
        sigma.Sigma2Resume.decode(tlv.encode(RESUME | change))


CREDENTIALS = {1: bytes(400), 2: bytes(400), 3: bytes(64), 4: bytes(16)}


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("NOC null", {1: None}),
        ("NOC a number", {1: 5}),
        ("NOC of 401 octets", {1: bytes(401)}),
        ("ICAC null", {2: None}),
        ("ICAC a structure", {2: {1: 1}}),
        ("ICAC of 401 octets", {2: bytes(401)}),
        ("signature too short", {3: bytes(63)}),
        ("signature too long", {3: bytes(65)}),
        ("signature null", {3: None}),
        ("resumption id too short", {4: bytes(15)}),
        ("resumption id null", {4: None}),
    ],
)
def test_malformed_credentials_are_an_error(why, change):
    sigma.Credentials.decode(tlv.encode(CREDENTIALS), with_resumption_id=True)
    with pytest.raises(HandshakeError):
        sigma.Credentials.decode(tlv.encode(CREDENTIALS | change), with_resumption_id=True)


@pytest.mark.parametrize("missing", [1, 3, 4])
def test_a_member_that_is_missing_is_an_error(missing):
    members = {tag: value for tag, value in CREDENTIALS.items() if tag != missing}
    with pytest.raises(HandshakeError):
        sigma.Credentials.decode(tlv.encode(members), with_resumption_id=True)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "15",
        "18",
        "1518" + "00",
        "1618",
        "1718",
        "0401",
        "14",
        "153001ff00" + "18",
        "1530010100" + "30010100" + "18",
        "152c01ff18",
        "15" * 40,
    ],
)
def test_what_is_no_structure_of_members_is_no_message(payload):
    for decode in (sigma.Sigma1.decode, sigma.Sigma2.decode, sigma.Sigma2Resume.decode, sigma.decode_sigma3):
        with pytest.raises(HandshakeError):
            decode(bytes.fromhex(payload))


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
