"""Whether a chain of operational certificates holds (Matter Core 6.4.9, 6.4.10, 6.5.12)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec.certificate import AttributeType, Certificate, CertificateError, KeyPurpose, KeyUsage
from matter_node.codec.extensions import BasicConstraints
from matter_node.crypto.keys import InvalidPublicKeyError, parse_public_key
from matter_node.ids import is_operational_node_id

MAX_CATS = 3
_CA_USAGE = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN
_CA_USAGES = {_CA_USAGE, _CA_USAGE | KeyUsage.DIGITAL_SIGNATURE}  # ecosystems in the field set the latter
_NOC_PURPOSES = {KeyPurpose.SERVER_AUTH, KeyPurpose.CLIENT_AUTH}


@dataclass(frozen=True, slots=True)
class OperationalIdentity:
    """What a valid chain says about the node it names.

    :ivar cats: CASE authenticated tags, 32 bits each
    :ivar public_key: the node's operational key, 65 bytes
    :ivar root_public_key: the root's key, 65 bytes
    """

    fabric_id: int
    node_id: int
    cats: tuple[int, ...]
    public_key: bytes
    root_public_key: bytes


def validate_chain(
    noc: bytes, icac: bytes | None, root: bytes, *, now: float | None = None
) -> OperationalIdentity:
    """Check a node's certificate up to its root.

    :param noc: Matter TLV, like the others
    :param icac: the certificate between the two, or None
    :param now: reliable time in seconds since 1970, or None to leave validity periods aside
    :raises CertificateError: naming the rule that is broken
    """
    root_certificate = _validated_root(root)
    issuer, issuer_name = root_certificate, "root"
    if icac:
        issuer, issuer_name = _validated_icac(icac, root), "ICAC"
    certificate = Certificate.from_tlv(noc)
    fabric_id, node_id = _check_noc(certificate)
    _check_issued(certificate, "NOC", issuer, issuer_name)
    for ca, name in ((root_certificate, "root"), (issuer, issuer_name)):
        if ca.fabric_id not in {None, fabric_id}:
            raise CertificateError(f"{name} is of fabric {ca.fabric_id:016X}, NOC of {fabric_id:016X}")
    if now is not None:
        for member, name in ((root_certificate, "root"), (issuer, issuer_name), (certificate, "NOC")):
            _check_validity(member, name, now)
    return OperationalIdentity(
        fabric_id=fabric_id,
        node_id=node_id,
        cats=certificate.cats,
        public_key=certificate.public_key,
        root_public_key=root_certificate.public_key,
    )


def validate_root(root: bytes) -> Certificate:
    """Check a root certificate (Matter TLV) and return it.

    :raises CertificateError: naming the rule that is broken
    """
    return _validated_root(root)


# Handshakes of one fabric bring the same authorities each time; only successes are kept.
@lru_cache(maxsize=64)
def _validated_root(root: bytes) -> Certificate:
    certificate = Certificate.from_tlv(root)
    _check_ca(certificate, "root", AttributeType.RCAC_ID)
    _check_issued(certificate, "root", certificate, "root")
    return certificate


@lru_cache(maxsize=64)
def _validated_icac(icac: bytes, root: bytes) -> Certificate:
    certificate, issuer = Certificate.from_tlv(icac), _validated_root(root)
    _check_ca(certificate, "ICAC", AttributeType.ICAC_ID)
    _check_issued(certificate, "ICAC", issuer, "root")
    if issuer.fabric_id is not None and certificate.fabric_id not in {None, issuer.fabric_id}:
        raise CertificateError("ICAC and root are of different fabrics")
    constraints = issuer.basic_constraints
    if constraints is not None and constraints.path_length == 0:
        raise CertificateError("root allows no ICAC below it")
    return certificate


def _check_ca(certificate: Certificate, name: str, own_id: AttributeType) -> None:
    _check_ids(certificate, name, {own_id: (1, 1), AttributeType.FABRIC_ID: (0, 1)})
    if not certificate.is_ca:
        raise CertificateError(f"{name} is no certificate authority")
    if certificate.key_usage not in _CA_USAGES:
        raise CertificateError(f"{name} has key usage {certificate.key_usage!r}")
    if certificate.extended_key_usage:
        raise CertificateError(f"{name} has an extended key usage")


def _check_noc(certificate: Certificate) -> tuple[int, int]:
    """Check what stands in the certificate alone; return its fabric id and node id."""
    counts = {
        AttributeType.NODE_ID: (1, 1),
        AttributeType.FABRIC_ID: (1, 1),
        AttributeType.NOC_CAT: (0, MAX_CATS),
    }
    _check_ids(certificate, "NOC", counts)
    fabric_id, node_id, cats = certificate.fabric_id, certificate.node_id, certificate.cats
    if fabric_id is None or node_id is None or not is_operational_node_id(node_id):
        raise CertificateError("NOC has no operational node id")
    if any(cat & 0xFFFF == 0 for cat in cats):
        raise CertificateError("NOC has a CASE authenticated tag of version 0")
    if len({cat >> 16 for cat in cats}) != len(cats):
        raise CertificateError("NOC has two CASE authenticated tags with one identifier")
    if certificate.basic_constraints != BasicConstraints(is_ca=False):
        raise CertificateError("NOC does not say that it is no certificate authority")
    usage = certificate.key_usage or KeyUsage(0)
    if KeyUsage.DIGITAL_SIGNATURE not in usage or usage & _CA_USAGE:  # SmartThings adds keyEncipherment
        raise CertificateError(f"NOC has key usage {usage!r}")
    if set(certificate.extended_key_usage) != _NOC_PURPOSES:
        raise CertificateError("NOC is not for server and client authentication")
    return fabric_id, node_id


def _check_ids(certificate: Certificate, name: str, allowed: dict[AttributeType, tuple[int, int]]) -> None:
    """Check how often each Matter attribute stands in the subject, and that no fabric id is 0."""
    for kind in AttributeType:
        if kind < AttributeType.NODE_ID:
            continue
        least, most = allowed.get(kind, (0, 0))
        found = len(certificate.subject.numbers(kind))
        if not least <= found <= most:
            raise CertificateError(f"{name} has {found} {kind.name} in its subject")
    if certificate.fabric_id == 0:
        raise CertificateError(f"{name} is of fabric 0")


def _check_issued(certificate: Certificate, name: str, issuer: Certificate, issuer_name: str) -> None:
    if certificate.not_after and certificate.not_before >= certificate.not_after:
        raise CertificateError(f"{name} is valid at no time")
    try:
        parse_public_key(certificate.public_key)
    except InvalidPublicKeyError as error:
        raise CertificateError(f"{name}'s public key: {error}") from error
    if certificate.skid is None or certificate.akid is None:
        raise CertificateError(f"{name} lacks a key identifier")
    if certificate.akid != issuer.skid:
        raise CertificateError(f"{name} names another authority key than its {issuer_name}'s")
    if certificate.issuer != issuer.subject:
        raise CertificateError(f"{name} names another issuer than its {issuer_name}")
    if not certificate.is_signed_by(issuer.public_key):
        raise CertificateError(f"{name} is not signed by its {issuer_name}")


def _check_validity(certificate: Certificate, name: str, now: float) -> None:
    time = now - MATTER_EPOCH_OFFSET
    if time < certificate.not_before:
        raise CertificateError(f"{name} is not valid yet")
    if certificate.not_after and time > certificate.not_after:
        raise CertificateError(f"{name} has expired")
