"""Certification declarations: the SDK's byte for byte, and malformed ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.certificate import AttestationError
from certs.declaration import CertificationType, Declaration, SignedDeclaration
from certs.public_test_roots import public_test_cd_signer
from matter_node.codec import tlv

SDKS = json.loads((Path(__file__).parents[1] / "vectors" / "attestation.json").read_text())[
    "certification_declarations"
]
CMS = bytes.fromhex(SDKS["Chip-Test-CD-FFF2-8001-8002.der"])
CONTENT = SignedDeclaration.from_cms(CMS).content


@pytest.mark.parametrize("name", SDKS)
def test_the_sdks_declarations_read_and_write_to_the_same_bytes(name):
    envelope = SignedDeclaration.from_cms(bytes.fromhex(SDKS[name]))
    declaration = Declaration.from_tlv(envelope.content)
    assert envelope.is_signed_by(public_test_cd_signer().certificate.public_key)
    assert envelope.signer == public_test_cd_signer().certificate.skid
    assert declaration.to_tlv() == envelope.content
    assert envelope.to_cms().hex() == SDKS[name]
    vendor, *products = (int(part, 16) for part in Path(name).stem.removeprefix("Chip-Test-CD-").split("-"))
    assert (declaration.vendor_id, list(declaration.product_ids)) == (vendor, products)
    assert declaration.certification_type is CertificationType.DEVELOPMENT_AND_TEST


def test_a_declaration_of_ours_says_that_it_is_for_a_test_bridge():
    declaration = Declaration(0xFFF1, (0x8000,))
    assert declaration.device_type_id == 0x000E
    assert declaration.certificate_id == "CSA00000SWC00000-00"
    envelope = SignedDeclaration.from_cms(declaration.signed(public_test_cd_signer()))
    assert Declaration.from_tlv(envelope.content) == declaration
    assert not replace(envelope, content=envelope.content[:-1]).is_signed_by(
        public_test_cd_signer().certificate.public_key
    )


def changed(**members):
    fields = tlv.decode(CONTENT)
    for name, value in members.items():
        key = int(name.removeprefix("m"))
        if value is None:
            del fields[key]
        else:
            fields[key] = value
    return tlv.encode(fields)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x15\x18",
        CONTENT[:-1],
        tlv.encode([1]),
        changed(m0=2),
        changed(m0=None),
        changed(m1="FFF1"),
        changed(m1=0),
        changed(m1=0x10000),
        changed(m2=[]),
        changed(m2=[True]),
        changed(m2=1),
        changed(m2=list(range(1, 102))),
        changed(m3=1 << 32),
        changed(m4="short"),
        changed(m4=b"CSA00000SWC00000-00"),
        changed(m5=256),
        changed(m6=1 << 16),
        changed(m7=-1),
        changed(m8=3),
        changed(m8="official"),
        changed(m9=1),
        changed(m10=1),
        changed(m11=[]),
        changed(m11=[bytes(19)]),
        changed(m11=[bytes(20)] * 11),
        changed(m11=[1]),
        changed(m12=1),
    ],
)
def test_malformed_content_is_refused(content):
    with pytest.raises(AttestationError):
        Declaration.from_tlv(content)


@pytest.mark.parametrize(
    "cms",
    [
        b"",
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        CMS[:-1],
        CMS + b"\x00",
        CMS.replace(bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d010703")),
        CMS.replace(bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010703")),
        CMS.replace(bytes.fromhex("020103310d"), bytes.fromhex("020101310d")),
        CMS.replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040202")),
        CMS.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303")),
        CMS.replace(b"\x80\x14\x62\xfa", b"\x81\x14\x62\xfa"),
        CMS.replace(b"\x04\x39\x15", b"\x03\x39\x15"),
    ],
)
def test_a_malformed_envelope_is_refused(cms):
    assert cms != CMS
    with pytest.raises(AttestationError):
        SignedDeclaration.from_cms(cms)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_parse_or_raise_attestation_error(data):
    for parse in (SignedDeclaration.from_cms, Declaration.from_tlv):
        with pytest.raises(AttestationError):
            parse(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_parses_or_raises_attestation_error_and_breaks_the_signature(position, byte):
    damaged = bytearray(CMS)
    damaged[position % len(damaged)] = byte
    if damaged == CMS:
        return
    try:
        envelope = SignedDeclaration.from_cms(bytes(damaged))
        Declaration.from_tlv(envelope.content)
    except AttestationError:
        return
    genuine = envelope.is_signed_by(public_test_cd_signer().certificate.public_key)
    assert not genuine or envelope.signer != public_test_cd_signer().certificate.skid


IDS = st.integers(1, 0xFFFF)
DECLARATIONS = st.builds(
    Declaration,
    vendor_id=IDS,
    product_ids=st.lists(IDS, min_size=1, max_size=100).map(tuple),
    device_type_id=st.integers(0, 2**32 - 1),
    certificate_id=st.text("ABC-123", min_size=19, max_size=19),
    security_level=st.integers(0, 255),
    security_information=st.integers(0, 0xFFFF),
    version_number=st.integers(0, 0xFFFF),
    certification_type=st.sampled_from(CertificationType),
    dac_origin=st.none() | st.tuples(IDS, IDS),
    authorized_paas=st.lists(st.binary(min_size=20, max_size=20), max_size=10).map(tuple),
)


@given(DECLARATIONS)
def test_every_declaration_survives_signing(declaration):
    envelope = SignedDeclaration.from_cms(declaration.signed(public_test_cd_signer()))
    assert Declaration.from_tlv(envelope.content) == declaration
