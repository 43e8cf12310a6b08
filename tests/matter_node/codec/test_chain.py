"""Whole chains: the ones seen in the field hold, and each rule broken alone is named."""

import json
from dataclasses import replace
from hashlib import sha1
from pathlib import Path

import pytest

from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import chain
from matter_node.codec.certificate import (
    Certificate,
    CertificateError,
    DistinguishedName,
    KeyPurpose,
    KeyUsage,
)
from matter_node.codec.extensions import BasicConstraints, ExtensionType
from matter_node.crypto.keys import KeyPair

SETS = json.loads((Path(__file__).parents[2] / "vectors" / "vectors.json").read_text())["certificates"][
    "sets"
]
NODE_ID, ICAC_ID, RCAC_ID, FABRIC_ID, CAT, VVS_ID = 17, 19, 20, 21, 22, 23


@pytest.mark.parametrize("name", SETS)
def test_a_chain_from_the_field_holds(name):
    forms = {kind: bytes.fromhex(form["TLV"]) for kind, form in SETS[name].items()}
    identity = chain.validate_chain(forms["NOC"], forms.get("ICAC"), forms["ROOT"])
    noc = Certificate.from_tlv(forms["NOC"])
    assert (identity.node_id, identity.fabric_id) == (noc.node_id, noc.fabric_id)
    assert identity.public_key == noc.public_key
    assert identity.root_public_key == chain.validate_root(forms["ROOT"]).public_key


@pytest.mark.parametrize("name", SETS)
def test_a_chain_from_the_field_does_not_hold_with_another_root(name):
    others = [other for other in SETS if other != name]
    forms = {kind: bytes.fromhex(form["TLV"]) for kind, form in SETS[name].items()}
    for other in others:
        with pytest.raises(CertificateError):
            chain.validate_chain(forms["NOC"], forms.get("ICAC"), bytes.fromhex(SETS[other]["ROOT"]["TLV"]))


class Authority:
    """A fabric's certificate authority whose certificates can be bent before they are signed."""

    def __init__(self):
        self.root_key, self.icac_key, self.noc_key = (KeyPair.generate() for _ in range(3))
        self.root = self.certificate([(RCAC_ID, 1)], [(RCAC_ID, 1)], self.root_key, self.root_key, is_ca=True)
        self.icac = self.certificate([(ICAC_ID, 2)], [(RCAC_ID, 1)], self.icac_key, self.root_key, is_ca=True)
        self.noc = self.certificate(
            [(NODE_ID, 3), (FABRIC_ID, 4), (CAT, 0x00010001), (CAT, 0x00020001)],
            [(ICAC_ID, 2)],
            self.noc_key,
            self.icac_key,
            is_ca=False,
        )

    @staticmethod
    def certificate(subject, issuer, key, issuer_key, *, is_ca):
        purposes = (
            ()
            if is_ca
            else ((ExtensionType.EXTENDED_KEY_USAGE, (KeyPurpose.CLIENT_AUTH, KeyPurpose.SERVER_AUTH)),)
        )
        return Certificate(
            serial=b"\x01",
            issuer=DistinguishedName(tuple(issuer)),
            not_before=1000,
            not_after=2000,
            subject=DistinguishedName(tuple(subject)),
            public_key=key.public_key,
            extensions=(
                (ExtensionType.BASIC_CONSTRAINTS, BasicConstraints(is_ca)),
                (ExtensionType.KEY_USAGE, KeyUsage(0x60) if is_ca else KeyUsage.DIGITAL_SIGNATURE),
                *purposes,
                (ExtensionType.SUBJECT_KEY_ID, sha1(key.public_key).digest()),
                (ExtensionType.AUTHORITY_KEY_ID, sha1(issuer_key.public_key).digest()),
            ),
            signature=bytes(64),
        )

    def validate(self, now=None):
        return chain.validate_chain(
            self.noc.signed(self.icac_key).to_tlv(),
            self.icac.signed(self.root_key).to_tlv(),
            self.root.signed(self.root_key).to_tlv(),
            now=now,
        )


@pytest.fixture
def authority():
    return Authority()


def subject(*attributes):
    return lambda certificate: replace(certificate, subject=DistinguishedName(attributes))


def issuer(*attributes):
    return lambda certificate: replace(certificate, issuer=DistinguishedName(attributes))


def extension(kind, value):
    def change(certificate):
        kept = tuple(each for each in certificate.extensions if each[0] is not kind)
        return replace(certificate, extensions=(*kept, (kind, value)) if value is not None else kept)

    return change


BASIC, USAGE, PURPOSE = (
    ExtensionType.BASIC_CONSTRAINTS,
    ExtensionType.KEY_USAGE,
    ExtensionType.EXTENDED_KEY_USAGE,
)
MEMBERS = "root", "icac", "noc"
SKID, AKID = ExtensionType.SUBJECT_KEY_ID, ExtensionType.AUTHORITY_KEY_ID


def test_a_whole_chain_says_who_the_node_is(authority):
    identity = authority.validate()
    assert (identity.node_id, identity.fabric_id) == (3, 4)
    assert identity.cats == (0x00010001, 0x00020001)
    assert identity.public_key == authority.noc_key.public_key


@pytest.mark.parametrize(
    ("member", "change", "complaint"),
    [
        ("root", subject((RCAC_ID, 1), (RCAC_ID, 1)), "2 RCAC_ID"),
        ("root", subject((1, "no id")), "0 RCAC_ID"),
        ("root", subject((RCAC_ID, 1), (NODE_ID, 1)), "1 NODE_ID"),
        ("root", subject((RCAC_ID, 1), (ICAC_ID, 1)), "1 ICAC_ID"),
        ("root", subject((RCAC_ID, 1), (CAT, 0x10001)), "1 NOC_CAT"),
        ("root", subject((RCAC_ID, 1), (VVS_ID, 1)), "1 VVS_ID"),
        ("root", subject((RCAC_ID, 1), (FABRIC_ID, 0)), "fabric 0"),
        ("root", subject((RCAC_ID, 1), (FABRIC_ID, 1), (FABRIC_ID, 1)), "2 FABRIC_ID"),
        ("root", issuer((RCAC_ID, 2)), "another issuer"),
        ("root", extension(BASIC, BasicConstraints(is_ca=False)), "no certificate authority"),
        ("root", extension(BASIC, None), "no certificate authority"),
        ("root", extension(USAGE, KeyUsage.KEY_CERT_SIGN), "key usage"),
        ("root", extension(USAGE, None), "key usage"),
        ("root", extension(PURPOSE, (KeyPurpose.SERVER_AUTH,)), "extended key usage"),
        ("root", extension(AKID, bytes(20)), "another authority key"),
        ("root", extension(AKID, None), "key identifier"),
        ("root", extension(BASIC, BasicConstraints(is_ca=True, path_length=0)), "no ICAC below"),
        ("icac", subject((ICAC_ID, 2), (RCAC_ID, 1)), "1 RCAC_ID"),
        ("icac", subject((ICAC_ID, 2), (NODE_ID, 1)), "1 NODE_ID"),
        ("icac", subject((1, "no id")), "0 ICAC_ID"),
        ("icac", issuer((RCAC_ID, 2)), "another issuer"),
        ("icac", extension(BASIC, BasicConstraints(is_ca=False)), "no certificate authority"),
        ("icac", extension(USAGE, KeyUsage.DIGITAL_SIGNATURE), "key usage"),
        ("icac", extension(PURPOSE, (KeyPurpose.SERVER_AUTH,)), "extended key usage"),
        ("icac", extension(AKID, bytes(20)), "another authority key"),
        ("icac", extension(SKID, None), "key identifier"),
        ("noc", subject((NODE_ID, 3)), "0 FABRIC_ID"),
        ("noc", subject((FABRIC_ID, 4)), "0 NODE_ID"),
        ("noc", subject((NODE_ID, 0), (FABRIC_ID, 4)), "operational node id"),
        ("noc", subject((NODE_ID, 0xFFFFFFFD00010001), (FABRIC_ID, 4)), "operational node id"),
        ("noc", subject((NODE_ID, 3), (FABRIC_ID, 0)), "fabric 0"),
        ("noc", subject((NODE_ID, 3), (FABRIC_ID, 4), (RCAC_ID, 1)), "1 RCAC_ID"),
        ("noc", subject((NODE_ID, 3), (FABRIC_ID, 4), (ICAC_ID, 1)), "1 ICAC_ID"),
        ("noc", subject((NODE_ID, 3), (NODE_ID, 3), (FABRIC_ID, 4)), "2 NODE_ID"),
        ("noc", subject((NODE_ID, 3), (FABRIC_ID, 4), (CAT, 0x10000)), "version 0"),
        ("noc", subject((NODE_ID, 3), (FABRIC_ID, 4), (CAT, 0x10001), (CAT, 0x10002)), "one identifier"),
        ("noc", issuer((ICAC_ID, 3)), "another issuer"),
        ("noc", extension(BASIC, BasicConstraints(is_ca=True)), "certificate authority"),
        ("noc", extension(BASIC, None), "certificate authority"),
        ("noc", extension(USAGE, KeyUsage.KEY_ENCIPHERMENT), "key usage"),
        ("noc", extension(USAGE, KeyUsage(0x21)), "key usage"),
        ("noc", extension(PURPOSE, (KeyPurpose.SERVER_AUTH,)), "server and client"),
        ("noc", extension(PURPOSE, None), "server and client"),
        ("noc", extension(AKID, bytes(20)), "another authority key"),
        ("noc", extension(SKID, None), "key identifier"),
        ("noc", extension(BASIC, BasicConstraints(is_ca=False, path_length=1)), "certificate authority"),
        *(
            (name, lambda each: replace(each, public_key=b"\x04" + bytes(64)), "public key")
            for name in MEMBERS
        ),
        *((name, lambda each: replace(each, not_after=each.not_before), "at no time") for name in MEMBERS),
    ],
)
def test_each_broken_rule_is_named(authority, member, change, complaint):
    setattr(authority, member, change(getattr(authority, member)))
    with pytest.raises(CertificateError, match=complaint):
        authority.validate()


@pytest.mark.parametrize("member", ["root", "icac", "noc"])
def test_a_signature_by_another_key_is_refused(authority, member):
    setattr(authority, f"{ {'root': 'root', 'icac': 'root', 'noc': 'icac'}[member] }_key", KeyPair.generate())
    with pytest.raises(CertificateError, match="not signed by"):
        authority.validate()


def test_four_tags_are_one_too_many(authority):
    tags = tuple((CAT, identifier << 16 | 1) for identifier in range(1, 4))
    authority.noc = subject((NODE_ID, 3), (FABRIC_ID, 4), *tags)(authority.noc)
    assert len(authority.validate().cats) == 3
    authority.noc = subject((NODE_ID, 3), *tags, (CAT, 0x40001))(authority.noc)
    with pytest.raises(CertificateError):
        authority.validate()


def test_a_chain_without_intermediate(authority):
    noc = replace(authority.noc, issuer=authority.root.subject)
    noc = extension(AKID, authority.root.skid)(noc)
    root = authority.root.signed(authority.root_key).to_tlv()
    assert chain.validate_chain(noc.signed(authority.root_key).to_tlv(), None, root).node_id == 3
    assert chain.validate_chain(noc.signed(authority.root_key).to_tlv(), b"", root).node_id == 3
    with pytest.raises(CertificateError, match="not signed"):
        chain.validate_chain(noc.signed(authority.icac_key).to_tlv(), None, root)


def bind_root(authority, fabric_id):
    authority.root = subject((RCAC_ID, 1), (FABRIC_ID, fabric_id))(authority.root)
    authority.root = issuer((RCAC_ID, 1), (FABRIC_ID, fabric_id))(authority.root)
    authority.icac = issuer((RCAC_ID, 1), (FABRIC_ID, fabric_id))(authority.icac)


def bind_icac(authority, fabric_id):
    authority.icac = subject((ICAC_ID, 2), (FABRIC_ID, fabric_id))(authority.icac)
    authority.noc = issuer((ICAC_ID, 2), (FABRIC_ID, fabric_id))(authority.noc)


@pytest.mark.parametrize("bind", [bind_root, bind_icac])
def test_a_fabric_id_in_an_authority_must_be_the_nodes(authority, bind):
    bind(authority, 4)
    assert authority.validate().fabric_id == 4
    bind(authority, 5)
    with pytest.raises(CertificateError, match="of fabric 0000000000000005"):
        authority.validate()


def test_root_and_intermediate_of_different_fabrics_do_not_go_together(authority):
    bind_root(authority, 4)
    bind_icac(authority, 5)
    with pytest.raises(CertificateError, match="different fabrics"):
        authority.validate()


def test_validity_counts_only_with_reliable_time(authority):
    assert authority.validate()
    assert authority.validate(now=MATTER_EPOCH_OFFSET + 1500)
    with pytest.raises(CertificateError, match="not valid yet"):
        authority.validate(now=MATTER_EPOCH_OFFSET + 999)
    with pytest.raises(CertificateError, match="expired"):
        authority.validate(now=MATTER_EPOCH_OFFSET + 2001)
    for member in ("root", "icac", "noc"):
        setattr(authority, member, replace(getattr(authority, member), not_after=0))
    assert authority.validate(now=MATTER_EPOCH_OFFSET + 2**32)


def test_garbage_is_refused():
    for part in (b"", b"\x15\x18", bytes(400)):
        with pytest.raises(CertificateError):
            chain.validate_root(part)
