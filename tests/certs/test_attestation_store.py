"""Attestation material in a directory: made once, loaded afterwards, replaced by a vendor."""

import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from certs import store
from certs.authority import make_dac, make_pai
from certs.certificate import AttestationCertificate, AttestationError
from certs.declaration import Declaration
from certs.public_test_roots import public_test_cd_signer, public_test_paa
from certs.verification import faults, verify


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "data" / "attestation"
    store.load_or_create(path, 0xFFF1, 0x8000)
    return path


def test_the_first_start_makes_material_and_later_ones_load_it(tmp_path):
    made = store.load_or_create(tmp_path / "attestation", 0xFFF1, 0x8000)
    again = store.load_or_create(str(tmp_path / "attestation"), 0xFFF1, 0x8000)
    assert made == again
    assert faults(verify(again)) == ""
    assert (again.vendor_id, again.product_id) == (0xFFF1, 0x8000)


def test_an_empty_directory_is_filled(tmp_path):
    (tmp_path / "attestation").mkdir()
    assert store.load_or_create(tmp_path / "attestation", 0xFFF2, 0x8001).vendor_id == 0xFFF2
    assert [each.name for each in tmp_path.iterdir()] == ["attestation"]


def test_two_devices_have_different_keys(tmp_path):
    one, other = (store.load_or_create(tmp_path / name, 0xFFF1, 0x8000) for name in "ab")
    assert one.key != other.key
    assert one.dac != other.dac


def test_only_the_owner_can_read_the_key(directory):
    assert stat.S_IMODE((directory / "dac-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_nothing_is_left_when_the_material_cannot_be_made(tmp_path):
    with pytest.raises(AttestationError, match="brings its own"):
        store.load_or_create(tmp_path / "attestation", 0x1234, 1)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_it_cannot_be_written(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.load_or_create(tmp_path / "attestation", 0xFFF1, 0x8000)
    assert list(tmp_path.iterdir()) == []


def test_material_for_another_vendor_or_product_is_refused(directory):
    with pytest.raises(AttestationError, match="vendor 0xFFF1"):
        store.load_or_create(directory, 0xFFF2, 0x8000)
    with pytest.raises(AttestationError, match="lists the product id"):
        store.load_or_create(directory, 0xFFF1, 0x8001)


@pytest.mark.parametrize("name", ["dac.pem", "dac-key.pem", "pai.pem", "cd.der"])
def test_a_missing_file_is_named_and_nothing_is_made_anew(directory, name):
    before = sorted(path.name for path in directory.iterdir())
    (directory / name).rename(directory.parent / name)
    with pytest.raises(AttestationError, match=rf"{name}.* is missing"):
        store.load_or_create(directory, 0xFFF1, 0x8000)
    assert sorted(path.name for path in directory.iterdir()) == [each for each in before if each != name]


@pytest.mark.parametrize("name", ["dac.pem", "dac-key.pem", "pai.pem", "cd.der"])
@pytest.mark.parametrize(
    "garbage", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_malformed_file_is_named(directory, name, garbage):
    (directory / name).write_bytes(garbage)
    with pytest.raises(AttestationError, match=name):
        store.load(directory)


def test_a_key_of_another_certificate_is_refused(directory, tmp_path):
    store.load_or_create(tmp_path / "other", 0xFFF1, 0x8000)
    (directory / "dac-key.pem").write_bytes((tmp_path / "other" / "dac-key.pem").read_bytes())
    with pytest.raises(AttestationError, match="the key is the DAC's"):
        store.load(directory)


def test_an_intermediate_of_another_chain_is_refused(directory, tmp_path):
    store.load_or_create(tmp_path / "other", 0xFFF1, 0x8000)
    (directory / "pai.pem").write_bytes((tmp_path / "other" / "pai.pem").read_bytes())
    with pytest.raises(AttestationError, match="the PAI issued the DAC"):
        store.load(directory)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "RSA"],
)
def test_a_key_of_another_kind_is_refused(directory, key):
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "dac-key.pem").write_bytes(data)
    with pytest.raises(AttestationError, match="not on P-256"):
        store.load(directory)


def test_an_encrypted_key_is_refused_with_a_reason(directory):
    key = store.load(directory).key.private_key
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (directory / "dac-key.pem").write_bytes(data)
    with pytest.raises(AttestationError, match=r"dac-key\.pem: no usable private key"):
        store.load(directory)


@pytest.mark.parametrize(("suffix", "encoding"), [("pem", Encoding.PEM), ("der", Encoding.DER)])
def test_a_vendors_files_may_be_in_other_forms(directory, suffix, encoding):
    before = store.load(directory)
    for name in ("dac", "pai"):
        (directory / f"{name}.pem").unlink()
        certificate = AttestationCertificate.from_der(getattr(before, name))
        (directory / f"{name}.{suffix}").write_bytes(certificate.parsed.public_bytes(encoding))
    (directory / "dac-key.pem").unlink()
    key = before.key.private_key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (directory / f"dac-key.{suffix}").write_bytes(key)
    assert store.load(directory) == before


def test_a_declaration_for_several_products_needs_one_named(tmp_path):
    pai = make_pai(public_test_paa(0xFFF1), "PAI", vendor_id=0xFFF1)
    dac = make_dac(pai, "DAC", vendor_id=0xFFF1, product_id=9)
    elsewhere = Declaration(0xFFF4, (1, 2), dac_origin=(0xFFF1, 9)).signed(public_test_cd_signer())
    for name, data in (
        ("dac.der", dac.certificate.der),
        ("pai.der", pai.certificate.der),
        ("cd.der", elsewhere),
        ("dac-key.pem", store.key_pem(dac.key)),
    ):
        (tmp_path / name).write_bytes(data)
    with pytest.raises(AttestationError, match="name the product id"):
        store.load(tmp_path)
    attestation = store.load_or_create(tmp_path, 0xFFF4, 2)
    assert (attestation.vendor_id, attestation.product_id) == (0xFFF4, 2)
    assert faults(verify(attestation)) == ""


def test_writing_replaces_nothing_unless_told(tmp_path):
    store.write_file(tmp_path / "file", b"one")
    with pytest.raises(FileExistsError):
        store.write_file(tmp_path / "file", b"two")
    assert (tmp_path / "file").read_bytes() == b"one"
    store.write_file(tmp_path / "file", b"two", secret=True, force=True)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
