"""P-256 key pairs: signing, agreeing, asking for a certificate."""

import pytest
from cryptography import x509

from matter_node.crypto.keys import (
    GROUP_ORDER,
    InvalidPublicKeyError,
    KeyPair,
    der_to_raw,
    parse_public_key,
    raw_to_der,
    verify,
)


class CountingEntropy:
    """Entropy whose every number is the one before it plus one."""

    def __init__(self):
        self.number = 0

    def token(self, length):
        self.number += 1
        return self.number.to_bytes(length, "big")

    def below(self, limit):
        self.number += 1
        return self.number % limit


def test_a_signature_verifies_with_its_key_and_data_only():
    key, other = KeyPair.generate(), KeyPair.generate()
    signature = key.sign(b"data")
    assert len(signature) == 64
    assert verify(key.public_key, b"data", signature)
    assert not verify(key.public_key, b"Data", signature)
    assert not verify(other.public_key, b"data", signature)


def test_a_signature_is_the_published_one():
    # RFC 6979 A.2.5, P-256 with SHA-256, message "sample"
    key = KeyPair.from_scalar(
        bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
    )
    assert key.sign(b"sample").hex().upper() == (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), b"\xff" * 64, bytes(65)])
def test_a_malformed_signature_does_not_verify(signature):
    assert not verify(KeyPair.generate().public_key, b"data", signature)


@pytest.mark.parametrize(
    "public_key", [b"", b"\x04" + bytes(64), b"\x02" + bytes(32), b"\x00", b"\x05" + bytes(64)]
)
def test_bytes_that_are_no_point_are_no_public_key(public_key):
    with pytest.raises(InvalidPublicKeyError):
        parse_public_key(public_key)
    with pytest.raises(InvalidPublicKeyError):
        KeyPair.generate().ecdh(public_key)
    assert not verify(public_key, b"data", bytes(64))


def test_both_sides_agree_on_a_secret():
    ours, theirs = KeyPair.generate(), KeyPair.generate()
    assert ours.ecdh(theirs.public_key) == theirs.ecdh(ours.public_key)
    assert len(ours.ecdh(theirs.public_key)) == 32


def test_a_key_survives_storage_as_its_scalar():
    key = KeyPair.from_scalar((12345).to_bytes(32, "big"))
    assert key.scalar == (12345).to_bytes(32, "big")
    assert KeyPair.from_scalar(key.scalar) == key


@pytest.mark.parametrize("scalar", [bytes(32), GROUP_ORDER.to_bytes(32, "big"), b"\x01", b"\xff" * 32])
def test_a_scalar_outside_the_group_is_no_key(scalar):
    with pytest.raises(ValueError, match="scalar"):
        KeyPair.from_scalar(scalar)


def test_a_key_can_come_from_given_entropy():
    assert KeyPair.generate(CountingEntropy()) == KeyPair.generate(CountingEntropy())
    assert KeyPair.generate(CountingEntropy()).scalar == (2).to_bytes(32, "big")


def test_the_private_scalar_is_not_in_the_repr():
    key = KeyPair.generate()
    assert key.scalar.hex() not in repr(key)
    assert key.public_key.hex() in repr(key)


def test_the_request_carries_the_key_and_no_attributes():
    key = KeyPair.generate()
    request = x509.load_der_x509_csr(key.csr())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "O=CSR"
    assert len(request.attributes) == 0
    assert request.public_key() == parse_public_key(key.public_key)


@pytest.mark.parametrize(("r", "s"), [(1, 1), (GROUP_ORDER - 1, 2), (2**255, 2**248)])
def test_signature_forms_convert_both_ways(r, s):
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert der_to_raw(raw_to_der(raw)) == raw


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"garbage", bytes.fromhex("3006020101020101") + b"\x00"])
def test_a_malformed_der_signature_is_refused(der):
    with pytest.raises(ValueError, match=r".*"):
        der_to_raw(der)
