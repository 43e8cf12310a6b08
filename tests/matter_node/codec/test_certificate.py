"""Operational certificates: chains seen from seven ecosystems, both forms, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from matter_node.codec import der, tlv
from matter_node.codec.certificate import Certificate, CertificateError, KeyPurpose, KeyUsage
from matter_node.codec.extensions import ExtensionType
from matter_node.codec.tlv import TlvList

SETS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())["certificates"][
    "sets"
]
EVERY = [
    pytest.param(forms, id=f"{name.removesuffix(' Certificates')} {kind}")
    for name, chain in SETS.items()
    for kind, forms in chain.items()
]
SPEC_NOC = bytes.fromhex(SETS["Matter 1.2 Specification Certificates"]["NOC"]["TLV"])
GOOGLE_ROOT = bytes.fromhex(SETS["Google Certificates"]["ROOT"]["TLV"])


@pytest.mark.parametrize("forms", EVERY)
def test_the_compact_form_survives_a_round_trip(forms):
    data = bytes.fromhex(forms["TLV"])
    assert Certificate.from_tlv(data).to_tlv() == data


@pytest.mark.parametrize("forms", [each for each in EVERY if "ASN1" in each.values[0]])
def test_the_signed_part_is_the_published_one(forms):
    assert Certificate.from_tlv(bytes.fromhex(forms["TLV"])).tbs_der().hex() == forms["ASN1"]


@pytest.mark.parametrize("forms", EVERY)
def test_the_x509_form_survives_a_round_trip(forms):
    certificate = Certificate.from_tlv(bytes.fromhex(forms["TLV"]))
    assert Certificate.from_der(certificate.to_der()) == certificate


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # two of the seven roots
@pytest.mark.parametrize("forms", EVERY)
def test_the_x509_form_is_one_to_others_too(forms):
    certificate = Certificate.from_tlv(bytes.fromhex(forms["TLV"]))
    other = x509.load_der_x509_certificate(certificate.to_der())
    assert other.tbs_certificate_bytes == certificate.tbs_der()
    assert other.extensions.get_extension_for_class(x509.BasicConstraints).value.ca == certificate.is_ca


def test_a_node_certificate_reads_as_it_is():
    noc = Certificate.from_tlv(SPEC_NOC)
    assert noc.node_id == 0xDEDEDEDE00010001
    assert noc.fabric_id == 0xFAB000000000001D
    assert noc.cats == ()
    assert (noc.rcac_id, noc.icac_id) == (None, None)
    assert not noc.is_ca
    assert noc.key_usage == KeyUsage.DIGITAL_SIGNATURE
    assert set(noc.extended_key_usage) == {KeyPurpose.CLIENT_AUTH, KeyPurpose.SERVER_AUTH}
    assert str(noc.subject) == "node-id=DEDEDEDE00010001, fabric-id=FAB000000000001D"


def test_a_root_certificate_with_text_reads_as_it_is():
    root = Certificate.from_tlv(GOOGLE_ROOT)
    assert root.is_ca
    assert root.rcac_id == 0xFFFFFFFE00000001
    assert root.skid == root.akid
    assert root.extended_key_usage == ()
    assert "common-name=Matter Root" in str(root.subject)


@pytest.mark.parametrize("seconds", [0, 1, 1_577_836_799, 1_577_836_800, 0xFFFFFFFF])
def test_times_go_both_ways(seconds):
    """1577836800 is 2050-01-01, where X.509 changes the form of times."""
    certificate = replace(Certificate.from_tlv(SPEC_NOC), not_after=seconds, not_before=seconds)
    assert Certificate.from_der(certificate.to_der()) == certificate


def test_extensions_to_come_are_kept_as_they_are():
    future = der.sequence(der.oid("1.2.3.4"), der.octet_string(b"later"))
    certificate = Certificate.from_tlv(SPEC_NOC)
    longer = replace(certificate, extensions=(*certificate.extensions, (ExtensionType.FUTURE, future)))
    assert Certificate.from_tlv(longer.to_tlv()) == longer
    assert Certificate.from_der(longer.to_der()) == longer


def changed(tag, value):
    fields = tlv.decode(SPEC_NOC)
    if value is None:
        del fields[tag]
    else:
        fields[tag] = value
    return tlv.encode(fields)


def with_extension(tag, value):
    extensions = TlvList(each for each in tlv.decode(SPEC_NOC)[10] if each[0] != tag)
    extensions.append((tag, value))
    return changed(10, extensions)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15\x18",
        SPEC_NOC[:-1],
        SPEC_NOC + b"\x00",
        tlv.encode([]),
        changed(1, None),
        changed(11, None),
        changed(12, 1),
        changed(1, b""),
        changed(1, bytes(22)),
        changed(1, 7),
        changed(2, 2),
        changed(2, True),
        changed(3, []),
        changed(3, TlvList()),
        changed(3, TlvList([(20, 1)] * 6)),
        changed(3, TlvList([(20, -1)])),
        changed(3, TlvList([(20, True)])),
        changed(3, TlvList([(24, 1)])),
        changed(3, TlvList([(None, 1)])),
        changed(3, TlvList([(0x90, "de")])),
        changed(3, TlvList([(0x81, "é")])),
        changed(3, TlvList([(16, "é")])),
        changed(3, TlvList([(1, 1)])),
        changed(6, TlvList([(22, 1 << 32)])),
        changed(4, -1),
        changed(4, 1 << 32),
        changed(5, "never"),
        changed(7, 2),
        changed(8, 2),
        changed(9, bytes(64)),
        changed(10, []),
        changed(11, bytes(63)),
        changed(11, bytes(65)),
        with_extension(1, {1: 1}),
        with_extension(1, {2: 1}),
        with_extension(1, {1: True, 2: 256}),
        with_extension(1, {1: True, 3: 1}),
        with_extension(2, 1 << 9),
        with_extension(2, True),
        with_extension(3, []),
        with_extension(3, [7]),
        with_extension(3, [0]),
        with_extension(4, bytes(19)),
        with_extension(5, bytes(21)),
        with_extension(6, b"no DER"),
        with_extension(6, der.sequence(der.oid("2.5.29.19"), der.octet_string(b"0\x03\x01\x01\xff"))),
        with_extension(7, b""),
        changed(10, TlvList([*tlv.decode(SPEC_NOC)[10], (4, bytes(20))])),
        changed(3, TlvList([(1, "x" * 200)])),
    ],
)
def test_a_malformed_compact_certificate_is_refused(data):
    with pytest.raises(CertificateError):
        Certificate.from_tlv(data)


SPEC_DER = Certificate.from_tlv(SPEC_NOC).to_der()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"\x30\x80\x00\x00",
        SPEC_DER[:-1],
        SPEC_DER + b"\x00",
        SPEC_DER.replace(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303")),
        SPEC_DER.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020101")),
        SPEC_DER.replace(b"DEDEDEDE00010001", b"dededede00010001"),
        SPEC_DER.replace(b"\x0c\x10DEDE", b"\x13\x10DEDE"),
        SPEC_DER.replace(b"201015", b"2O1015"),
        SPEC_DER.replace(b"\x17\x0d201015", b"\x17\x0d991015"),
        SPEC_DER.replace(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d12")),
        SPEC_DER.replace(bytes.fromhex("0603551d0f0101ff0404"), bytes.fromhex("0603551d0f0101000404")),
        SPEC_DER.replace(bytes.fromhex("03020780"), bytes.fromhex("03020680")),
    ],
)
def test_a_malformed_x509_certificate_is_refused(data):
    assert data != SPEC_DER
    with pytest.raises(CertificateError):
        Certificate.from_der(data)


@given(st.binary(max_size=420))
def test_no_bytes_do_anything_but_parse_or_raise_certificate_error(data):
    for parse in (Certificate.from_tlv, Certificate.from_der):
        with pytest.raises(CertificateError):
            parse(data)


@given(st.sampled_from([SPEC_NOC, GOOGLE_ROOT]), st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_parses_to_what_it_says_or_raises_certificate_error(data, position, byte):
    for parse, original in (
        (Certificate.from_tlv, data),
        (Certificate.from_der, Certificate.from_tlv(data).to_der()),
    ):
        damaged = bytearray(original)
        damaged[position % len(damaged)] = byte
        try:
            certificate = parse(bytes(damaged))
        except CertificateError:
            continue
        assert Certificate.from_tlv(certificate.to_tlv()) == certificate
        assert Certificate.from_der(certificate.to_der()) == certificate


@given(st.integers(0, 2**64), st.integers(0, 511), st.binary(max_size=300))
def test_der_values_survive_a_round_trip(number, flags, octets):
    reader = der.Reader(
        der.integer(number) + der.named_bits(flags) + der.octet_string(octets) + der.boolean(True)
    )
    assert reader.integer() == number
    assert der.named_bits_value(reader.content(der.BIT_STRING)) == flags
    assert reader.content(der.OCTET_STRING) == octets
    assert reader.boolean()
    reader.finish()


@given(
    st.tuples(st.integers(0, 1), st.integers(0, 39)) | st.tuples(st.just(2), st.integers(0, 999)), st.data()
)
def test_object_identifiers_survive_a_round_trip(start, data):
    dotted = ".".join(map(str, (*start, *data.draw(st.lists(st.integers(0, 2**40), max_size=5)))))
    assert der.Reader(der.oid(dotted)).oid() == dotted


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("", lambda reader: reader.any()),
        ("02", lambda reader: reader.any()),
        ("0281", lambda reader: reader.any()),
        ("028100", lambda reader: reader.any()),
        ("02810100", lambda reader: reader.any()),
        ("0282000100", lambda reader: reader.any()),
        ("028501000000 0000".replace(" ", ""), lambda reader: reader.any()),
        ("1f0100", lambda reader: reader.any()),
        ("0202", lambda reader: reader.any()),
        ("0200", lambda reader: reader.integer()),
        ("02020001", lambda reader: reader.integer()),
        ("0202ff80", lambda reader: reader.integer()),
        ("010101", lambda reader: reader.boolean()),
        ("0100", lambda reader: reader.boolean()),
        ("0600", lambda reader: reader.oid()),
        ("060180", lambda reader: reader.oid()),
        ("0603 2a8001".replace(" ", ""), lambda reader: reader.oid()),
        ("0401", lambda reader: reader.content(der.INTEGER)),
        ("0500", lambda reader: reader.finish()),
    ],
)
def test_what_is_no_der_is_refused(data, read):
    with pytest.raises(der.DerError):
        read(der.Reader(bytes.fromhex(data)))


@pytest.mark.parametrize("content", ["", "01", "0880", "0000", "0781", "07c0"])
def test_flags_in_a_longer_form_than_needed_are_refused(content):
    with pytest.raises(der.DerError):
        der.named_bits_value(bytes.fromhex(content))
