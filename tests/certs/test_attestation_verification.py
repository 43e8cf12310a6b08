"""What a commissioner accepts and what it refuses, with the SDK's own material and with ours."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import store
from certs.authority import Authority, make_dac, make_paa, make_pai
from certs.certificate import AttestationCertificate, AttestationError, Role
from certs.declaration import Declaration
from certs.public_test_roots import (
    public_test_cd_signer,
    public_test_paa,
    public_test_paa_fff1,
    public_test_paa_no_vid,
)
from certs.verification import Trust, faults, verify, verify_consistency
from matter_node.codec import der
from matter_node.commissioning.attestation import KeyAttestation
from matter_node.crypto.keys import KeyPair
from matter_node.crypto.keys import verify as verify_signature

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "attestation.json").read_text())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def sdk_bytes(name):
    return bytes.fromhex(VECTORS[name]["der"])


def sdk_key(name):
    return KeyPair.from_scalar(bytes.fromhex(VECTORS[name]["scalar"]))


@pytest.fixture
def ours():
    return store.make_test_material(0xFFF1, 0x8000)


@pytest.fixture
def sdks():
    """The SDK's DAC 0004 with a declaration of ours, as none of the published ones is for its vendor."""
    return KeyAttestation(
        dac=sdk_bytes("dac_fff1_8000_0004"),
        pai=sdk_bytes("pai_fff1_8000"),
        declaration=Declaration(0xFFF1, (0x8000,)).signed(public_test_cd_signer()),
        vendor_id=0xFFF1,
        product_id=0x8000,
        key=sdk_key("dac_fff1_8000_0004"),
    )


@pytest.mark.parametrize("which", ["ours", "sdks"])
def test_a_whole_set_is_accepted(which, request):
    findings = verify(request.getfixturevalue(which), at=NOW)
    assert len(findings) >= 20
    assert faults(findings) == ""


@pytest.mark.parametrize("vendor_id", [0xFFF1, 0xFFF2, 0xFFF3, 0xFFF4])
def test_test_material_for_every_test_vendor_is_accepted(vendor_id):
    assert faults(verify(store.make_test_material(vendor_id, 0x8001), at=NOW)) == ""


@pytest.mark.parametrize("vendor_id", [0x1234, 0xFFF0, 0xFFF5])
def test_there_is_no_test_material_for_a_real_vendor(vendor_id):
    with pytest.raises(AttestationError, match="brings its own"):
        store.make_test_material(vendor_id, 0x8000)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("paa_FFF1", Role.PAA),
        ("paa_NoVID", Role.PAA),
        ("pai_fff1_8000", Role.PAI),
        ("dac_fff1_8000_0004", Role.DAC),
    ],
)
def test_the_sdks_certificates_have_their_form(name, role):
    certificate = AttestationCertificate.from_der(sdk_bytes(name))
    assert list(certificate.faults(role)) == []
    assert certificate.role is role
    assert Authority(certificate, sdk_key(name)).key == sdk_key(name)
    for other in set(Role) - {role}:
        assert list(certificate.faults(other))


def test_the_public_test_roots_are_the_published_ones():
    for root, name in (
        (public_test_paa_fff1(), "paa_FFF1"),
        (public_test_paa_no_vid(), "paa_NoVID"),
        (public_test_cd_signer(), "cd_signing"),
    ):
        assert root.certificate.der == sdk_bytes(name)
        assert root.key == sdk_key(name)


def test_a_set_signs_with_the_key_of_its_certificate(ours):
    public_key = AttestationCertificate.from_der(ours.dac).public_key
    assert verify_signature(public_key, b"elements", ours.sign(b"elements"))


def vendors_chain(vendor_id=0x1234, product_id=1, pai_product_id=None):
    paa = make_paa("A PAA", vendor_id=vendor_id)
    pai = make_pai(paa, "A PAI", vendor_id=vendor_id, product_id=pai_product_id)
    dac = make_dac(pai, "A DAC", vendor_id=vendor_id, product_id=product_id)
    return paa, pai, dac


def material(pai, dac, declaration, vendor_id=0x1234, product_id=1, key=None):
    return KeyAttestation(
        dac=dac.certificate.der,
        pai=pai.certificate.der,
        declaration=declaration.signed(public_test_cd_signer()),
        vendor_id=vendor_id,
        product_id=product_id,
        key=key or dac.key,
    )


def test_a_vendors_own_authority_is_accepted_only_by_who_trusts_it():
    paa, pai, dac = vendors_chain(pai_product_id=1)
    attestation = material(pai, dac, Declaration(0x1234, (1,)))
    assert faults(verify(attestation, trust=Trust(paas=[paa.certificate]), at=NOW)) == ""
    assert "trusted PAA" in faults(verify(attestation, at=NOW))
    assert faults(verify_consistency(attestation)) == ""


def test_a_declaration_may_name_another_origin_of_the_dac():
    paa, pai, dac = vendors_chain()
    trust = Trust(paas=[paa.certificate])
    elsewhere = Declaration(0x4321, (7,), dac_origin=(0x1234, 1))
    assert faults(verify(material(pai, dac, elsewhere, 0x4321, 7), trust=trust)) == ""
    wrong = replace(elsewhere, dac_origin=(0x1234, 2))
    assert "DAC origin" in faults(verify(material(pai, dac, wrong, 0x4321, 7), trust=trust))


def test_a_declaration_may_name_the_authorities_allowed():
    paa, pai, dac = vendors_chain()
    trust = Trust(paas=[paa.certificate])
    allowed = Declaration(0x1234, (1,), authorized_paas=(bytes(20), paa.certificate.skid))
    assert faults(verify(material(pai, dac, allowed), trust=trust)) == ""
    refused = replace(allowed, authorized_paas=(bytes(20),))
    assert "authorizes the PAA" in faults(verify(material(pai, dac, refused), trust=trust))


@pytest.mark.parametrize(
    ("declaration", "vendor_id", "product_id", "complaint"),
    [
        (Declaration(0x1234, (2, 3)), 0x1234, 2, "DAC's product id"),
        (Declaration(0x1234, (1,)), 0x1234, 2, "lists the product id"),
        (Declaration(0x1234, (1,)), 0x4321, 1, "for the vendor id"),
        (Declaration(0x4321, (1,)), 0x4321, 1, "DAC's vendor id"),
    ],
)
def test_ids_that_differ_are_refused(declaration, vendor_id, product_id, complaint):
    paa, pai, dac = vendors_chain()
    findings = verify(
        material(pai, dac, declaration, vendor_id, product_id), trust=Trust(paas=[paa.certificate])
    )
    assert complaint in faults(findings)


def test_the_key_must_be_the_certificates(ours):
    assert "the key is the DAC's" in faults(verify(replace(ours, key=KeyPair.generate())))


def test_a_dac_of_another_intermediate_is_refused(ours):
    other = store.make_test_material(0xFFF1, 0x8000)
    assert "the PAI issued the DAC" in faults(verify(replace(ours, pai=other.pai)))


def test_swapped_certificates_are_refused(ours):
    assert "the DAC has the form of one" in faults(verify(replace(ours, dac=ours.pai, pai=ours.dac)))


def test_a_chain_that_is_not_valid_yet_is_refused(ours):
    assert "is valid at 2020-01-01" in faults(verify(ours, at=datetime(2020, 1, 1, tzinfo=UTC)))


def test_a_declaration_signed_by_a_stranger_is_refused(ours):
    stranger = make_paa("Stranger")
    forged = Declaration(0xFFF1, (0x8000,)).signed(stranger)
    assert "signer is trusted" in faults(verify(replace(ours, declaration=forged)))
    changed = bytearray(ours.declaration)
    changed[changed.index(b"CSA00000")] ^= 1
    assert "signature is the signer's" in faults(verify(replace(ours, declaration=bytes(changed))))


@pytest.mark.parametrize("garbage", [b"", b"garbage", bytes(300), b"\x30\x03\x02\x01\x01"])
@pytest.mark.parametrize("part", ["dac", "pai", "declaration"])
def test_garbage_is_refused_with_a_reason(ours, part, garbage):
    assert faults(verify(replace(ours, **{part: garbage})))


OURS = store.make_test_material(0xFFF1, 0x8000)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a changed byte may make it negative
@given(st.sampled_from(["dac", "pai", "declaration"]), st.integers(0, 10_000), st.integers(0, 255))
def test_any_changed_byte_is_refused_without_an_exception(part, position, byte):
    damaged = bytearray(getattr(OURS, part))
    position %= len(damaged)
    if damaged[position] == byte:
        return
    damaged[position] = byte
    assert faults(verify(replace(OURS, **{part: bytes(damaged)}), at=NOW))


@given(st.binary(max_size=100) | st.binary(max_size=100).map(b"-----BEGIN CERTIFICATE-----\n".__add__))
def test_no_bytes_do_anything_but_parse_or_raise_attestation_error(data):
    with pytest.raises(AttestationError):
        AttestationCertificate.from_bytes(data)


def test_what_an_authority_may_not_vouch_for_is_not_made():
    paa, pai, dac = vendors_chain(pai_product_id=1)
    with pytest.raises(AttestationError, match="vendor 0x1234 only"):
        make_pai(paa, "x", vendor_id=0x4321)
    with pytest.raises(AttestationError, match="vendor 0x1234 only"):
        make_dac(pai, "x", vendor_id=0x4321, product_id=1)
    with pytest.raises(AttestationError, match="product 0x0001 only"):
        make_dac(pai, "x", vendor_id=0x1234, product_id=2)
    with pytest.raises(AttestationError, match="no PAI"):
        make_dac(paa, "x", vendor_id=0x1234, product_id=1)
    with pytest.raises(AttestationError, match="no PAI"):
        make_dac(dac, "x", vendor_id=0x1234, product_id=1)
    with pytest.raises(AttestationError, match="no PAA"):
        make_pai(pai, "x", vendor_id=0x1234)
    with pytest.raises(AttestationError, match="common name"):
        make_paa("")
    with pytest.raises(AttestationError, match="0xFFFF"):
        make_paa("x", vendor_id=0x10000)


def test_a_key_that_is_not_the_certificates_makes_no_authority():
    with pytest.raises(AttestationError, match="does not belong"):
        Authority(public_test_paa(0xFFF1).certificate, KeyPair.generate())


def test_ids_in_the_common_name_count_if_there_is_no_better_place():
    paa = make_paa("ACME Matter PAA Mvid:FFF2")
    assert paa.certificate.vendor_id == 0xFFF2
    assert make_paa("ACME Mvid:FFF2", vendor_id=0xFFF3).certificate.vendor_id == 0xFFF3
    for malformed in ("Mvid:FFF2 Mvid:FFF3", "Mvid:fff2", "Mpid:12", "Mpid: 1234", "Mvid:"):
        with pytest.raises(AttestationError, match="malformed"):
            make_paa(malformed)


def test_reserved_security_fields_must_be_zero(ours):
    for change in ({"security_level": 1}, {"security_information": 1}):
        declared = Declaration(0xFFF1, (0x8000,), **change).signed(public_test_cd_signer())
        assert "security fields" in faults(verify(replace(ours, declaration=declared)))


def test_the_key_identifiers_follow_the_chain(ours):
    dac, pai = (AttestationCertificate.from_der(each) for each in (ours.dac, ours.pai))
    assert dac.akid == pai.skid
    assert pai.akid == public_test_paa_fff1().certificate.skid
    assert der.Reader(ours.dac).any()[2] == ours.dac
