"""SPAKE2+: the draft's vectors, PASE's own, whole handshakes, and the shares that must be refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matter_node.crypto import p256
from matter_node.crypto.keys import GROUP_ORDER, InvalidPublicKeyError
from matter_node.crypto.spake2p import (
    PakeError,
    PaseVerifier,
    Spake2pInitiator,
    Spake2pResponder,
    pase_context,
    passcode_scalars,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())
DRAFT = VECTORS["spake2plus_draft01"]
SALT = b"SPAKE2P Key Salt"
G = p256.multiply_generator(1)


def number(name):
    return int(DRAFT[name], 16)


def raw(name):
    return bytes.fromhex(DRAFT[name])


def test_the_drafts_vectors_from_both_sides():
    context = DRAFT["context_ascii"].encode()
    initiator = Spake2pInitiator(number("w0"), number("w1"), context, x=number("x"))
    responder = Spake2pResponder(PaseVerifier(raw("w0"), raw("L")), context, y=number("y"))
    assert initiator.share == raw("X")
    assert responder.respond(initiator.share) == (raw("Y"), raw("hBX"))
    confirmation, key = initiator.finish(raw("Y"), raw("hBX"))
    assert (confirmation, key) == (raw("hAY"), raw("Ke"))
    assert responder.confirm(raw("hAY")) == raw("Ke")


def test_the_context_hashes_both_messages():
    vector = VECTORS["pase_context_hash"]
    request, response = (bytes.fromhex(vector[f"pbkdf_param_{name}"]) for name in ("request", "response"))
    assert pase_context(request, response).hex() == vector["sha256"]


def test_the_verifier_of_a_passcode():
    vector = VECTORS["pase_verifier"]
    verifier = PaseVerifier.from_passcode(
        vector["passcode"], bytes.fromhex(vector["salt"]), vector["iterations"]
    )
    assert verifier.to_bytes().hex() == vector["w0_L"]
    assert PaseVerifier.from_bytes(verifier.to_bytes()) == verifier


def test_a_leading_zero_of_w0_is_kept():
    vector = VECTORS["pase_w0_leading_zero"]
    verifier = PaseVerifier.from_passcode(
        vector["passcode"], bytes.fromhex(vector["salt"]), vector["iterations"]
    )
    assert verifier.w0.hex() == vector["w0"]
    assert verifier.L.hex() == vector["L"]


def handshake(initiator_passcode, responder_passcode, initiator_context=b"context"):
    initiator = Spake2pInitiator(*passcode_scalars(initiator_passcode, SALT, 1000), initiator_context)
    responder = Spake2pResponder(PaseVerifier.from_passcode(responder_passcode, SALT, 1000), b"context")
    return initiator, responder


def test_both_sides_end_with_the_same_key():
    initiator, responder = handshake(20202021, 20202021)
    pb, cb = responder.respond(initiator.share)
    ca, key = initiator.finish(pb, cb)
    assert responder.confirm(ca) == key
    assert len(key) == 16


@pytest.mark.parametrize(("passcode", "context"), [(20202022, b"context"), (20202021, b"other messages")])
def test_another_passcode_or_context_fails_on_both_sides(passcode, context):
    initiator, responder = handshake(passcode, 20202021, context)
    pb, cb = responder.respond(initiator.share)
    with pytest.raises(PakeError, match="confirmation"):
        initiator.finish(pb, cb)
    with pytest.raises(PakeError, match="confirmation"):
        responder.confirm(bytes(32))


def test_no_confirmation_is_accepted_before_a_share():
    _, responder = handshake(20202021, 20202021)
    with pytest.raises(PakeError):
        responder.confirm(b"")


@pytest.mark.parametrize(
    "share",
    [
        b"",
        bytes(65),
        b"\x00",
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        p256.encode_point(G)[:64],
        p256.encode_point(G) + b"\x00",
        b"\x02" + p256.encode_point(G)[1:33],
        b"\x06" + p256.encode_point(G)[1:],
        p256.encode_point(G)[:-1] + b"\x00",
    ],
    ids=[
        "empty",
        "zeros",
        "infinity",
        "origin",
        "beyond",
        "short",
        "long",
        "compressed",
        "hybrid",
        "off the curve",
    ],
)
def test_a_share_that_is_no_point_is_refused(share):
    initiator, responder = handshake(20202021, 20202021)
    with pytest.raises(PakeError, match="invalid share"):
        responder.respond(share)
    with pytest.raises(PakeError, match="invalid share"):
        initiator.finish(share, bytes(32))


def test_a_share_that_cancels_the_mask_is_refused():
    verifier = PaseVerifier.from_passcode(20202021, SALT, 1000)
    with pytest.raises(PakeError, match="infinity"):
        Spake2pResponder(verifier, b"").respond(p256.encode_point(verifier.masks[0]))
    initiator = Spake2pInitiator(*passcode_scalars(20202021, SALT, 1000), b"")
    with pytest.raises(PakeError, match="infinity"):
        initiator.finish(p256.encode_point(verifier.masks[1]), bytes(32))


@pytest.mark.parametrize("secret", [0, -1, GROUP_ORDER, GROUP_ORDER + 1])
def test_a_secret_outside_the_group_is_refused(secret):
    verifier = PaseVerifier.from_passcode(20202021, SALT, 1000)
    with pytest.raises(ValueError, match="secret"):
        Spake2pResponder(verifier, b"", y=secret)


@pytest.mark.parametrize(
    ("salt", "iterations"), [(bytes(15), 1000), (bytes(33), 1000), (bytes(16), 999), (bytes(16), 100_001)]
)
def test_parameters_outside_the_allowed_range_are_refused(salt, iterations):
    with pytest.raises(ValueError, match=r"salt|iterations"):
        PaseVerifier.from_passcode(20202021, salt, iterations)


@pytest.mark.parametrize("passcode", [-1, 1 << 27])
def test_a_passcode_of_more_than_27_bits_is_refused(passcode):
    with pytest.raises(ValueError, match="27 bits"):
        PaseVerifier.from_passcode(passcode, SALT, 1000)


def test_a_verifier_above_the_group_order_is_refused():
    point = p256.encode_point(p256.multiply_generator(7))
    for number in (GROUP_ORDER, GROUP_ORDER + 1, (1 << 256) - 1):
        with pytest.raises(ValueError, match="below n"):
            PaseVerifier(number.to_bytes(32, "big"), point)
    PaseVerifier((GROUP_ORDER - 1).to_bytes(32, "big"), point)


@pytest.mark.parametrize("blob", [b"", bytes(97), b"\xff" * 97, bytes(32) + b"\x04" + bytes(64), bytes(96)])
def test_a_malformed_verifier_is_refused(blob):
    with pytest.raises(ValueError, match=r".*"):
        PaseVerifier.from_bytes(blob)


def test_w0_of_zero_masks_nothing_and_still_works():
    verifier = PaseVerifier(bytes(32), p256.encode_point(p256.multiply_generator(7)))
    initiator = Spake2pInitiator(0, 7, b"")
    responder = Spake2pResponder(verifier, b"")
    pb, cb = responder.respond(initiator.share)
    ca, key = initiator.finish(pb, cb)
    assert responder.confirm(ca) == key


def test_the_repr_of_a_verifier_hides_w0():
    verifier = PaseVerifier.from_passcode(20202021, SALT, 1000)
    assert verifier.w0.hex() not in repr(verifier)
    assert str(verifier.w0) not in repr(verifier)


SMALL_AND_LARGE = st.integers(0, 5) | st.integers(GROUP_ORDER - 5, GROUP_ORDER) | st.integers(0, GROUP_ORDER)


@settings(max_examples=60)
@given(SMALL_AND_LARGE, SMALL_AND_LARGE)
def test_multiplication_of_any_point_agrees_with_that_of_the_generator(k, q):
    point = p256.multiply_generator(q)
    assert p256.multiply(k, point) == p256.multiply_generator(k * q)


@settings(max_examples=60)
@given(SMALL_AND_LARGE, SMALL_AND_LARGE)
def test_addition_agrees_with_multiplication(a, b):
    total = p256.add(p256.multiply_generator(a), p256.multiply_generator(b))
    assert total == p256.multiply_generator(a + b)
    assert p256.add(total, p256.negate(total)) is None


def test_points_encode_both_ways():
    assert p256.decode_point(p256.encode_point(G)) == G
    assert p256.decompress_point(bytes([2 + G[1] % 2]) + G[0].to_bytes(32, "big")) == G
    with pytest.raises(ValueError, match="infinity"):
        p256.encode_point(None)
    with pytest.raises(InvalidPublicKeyError):
        p256.decompress_point(b"\x02" + b"\xff" * 32)
