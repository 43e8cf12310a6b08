"""Making attestation certificates: PAA, PAI and DAC (Matter Core 6.2.2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.certificate import PRODUCT_ID_OID, VENDOR_ID_OID, AttestationCertificate, AttestationError, Role
from matter_node.crypto.keys import KeyPair, parse_public_key

NO_EXPIRY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
NOT_BEFORE = datetime(2021, 6, 28, 14, 23, 43, tzinfo=UTC)
"""When the public test roots begin to hold: a device without a clock can make certificates all the same."""
_MAX_COMMON_NAME = 64


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate and its private key: one that issues, or a device's own."""

    certificate: AttestationCertificate
    key: KeyPair = field(repr=False)

    def __post_init__(self) -> None:
        if self.key.public_key != self.certificate.public_key:
            raise AttestationError("the key does not belong to the certificate")


def make_paa(
    name: str, *, vendor_id: int | None = None, key: KeyPair | None = None, not_before: datetime = NOT_BEFORE
) -> Authority:
    """Make a self-signed product attestation authority.

    :param name: common name
    :param vendor_id: the only vendor it may vouch for, or None for any
    :param key: its key; a new one if not given
    :raises AttestationError: if a value does not fit
    """
    key = key or KeyPair.generate()
    subject = _name(name, vendor_id, None)
    return Authority(_issue(Role.PAA, subject, key.public_key, None, key, not_before), key)


def make_pai(
    issuer: Authority,
    name: str,
    *,
    vendor_id: int,
    product_id: int | None = None,
    key: KeyPair | None = None,
    not_before: datetime = NOT_BEFORE,
) -> Authority:
    """Make a product attestation intermediate.

    :param issuer: its PAA
    :param name: common name
    :param product_id: the only product it may vouch for, or None for any of the vendor's
    :param key: its key; a new one if not given
    :raises AttestationError: if the issuer may not vouch for it, or a value does not fit
    """
    _check_issuer(issuer, Role.PAA, vendor_id, None)
    key = key or KeyPair.generate()
    subject = _name(name, vendor_id, product_id)
    return Authority(
        _issue(Role.PAI, subject, key.public_key, issuer.certificate, issuer.key, not_before), key
    )


def make_dac(
    issuer: Authority,
    name: str,
    *,
    vendor_id: int,
    product_id: int,
    key: KeyPair | None = None,
    not_before: datetime = NOT_BEFORE,
) -> Authority:
    """Make a device attestation certificate.

    :param issuer: its PAI
    :param name: common name, often with a serial number
    :param key: the device's key; a new one if not given
    :raises AttestationError: if the issuer may not vouch for it, or a value does not fit
    """
    _check_issuer(issuer, Role.PAI, vendor_id, product_id)
    key = key or KeyPair.generate()
    subject = _name(name, vendor_id, product_id)
    return Authority(
        _issue(Role.DAC, subject, key.public_key, issuer.certificate, issuer.key, not_before), key
    )


def _check_issuer(issuer: Authority, role: Role, vendor_id: int, product_id: int | None) -> None:
    certificate = issuer.certificate
    if faults := list(certificate.faults(role)):
        raise AttestationError(f"the issuer is no {role.name}: it {'; it '.join(faults)}")
    if certificate.vendor_id not in {None, vendor_id}:
        raise AttestationError(f"the {role.name} is for vendor 0x{certificate.vendor_id:04X} only")
    if product_id is not None and certificate.product_id not in {None, product_id}:
        raise AttestationError(f"the {role.name} is for product 0x{certificate.product_id:04X} only")


def _name(common_name: str, vendor_id: int | None, product_id: int | None) -> x509.Name:
    if not 1 <= len(common_name) <= _MAX_COMMON_NAME:
        raise AttestationError(f"a common name has 1 to {_MAX_COMMON_NAME} characters")
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    for oid, number in ((VENDOR_ID_OID, vendor_id), (PRODUCT_ID_OID, product_id)):
        if number is None:
            continue
        if not 0 < number <= 0xFFFF:
            raise AttestationError(f"vendor and product ids are 1 to 0xFFFF, not {number}")
        attributes.append(x509.NameAttribute(oid, f"{number:04X}"))
    return x509.Name(attributes)


def _issue(
    role: Role,
    subject: x509.Name,
    public_key: bytes,
    issuer: AttestationCertificate | None,
    issuer_key: KeyPair,
    not_before: datetime,
) -> AttestationCertificate:
    key = parse_public_key(public_key)
    is_ca = role is not Role.DAC
    path_length = {Role.PAA: 1, Role.PAI: 0, Role.DAC: None}[role]
    key_id = x509.SubjectKeyIdentifier.from_public_key(key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.parsed.subject if issuer else subject)
        .public_key(key)
        .serial_number(secrets.randbits(63) | 1 << 62)
        .not_valid_before(not_before)
        .not_valid_after(NO_EXPIRY)
        .add_extension(x509.BasicConstraints(is_ca, path_length), critical=True)
        .add_extension(_key_usage(is_ca=is_ca), critical=True)
        .add_extension(key_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier((issuer and issuer.skid) or key_id.digest, None, None), critical=False
        )
    )
    certificate = builder.sign(issuer_key.private_key, SHA256())
    return AttestationCertificate.from_der(certificate.public_bytes(Encoding.DER))


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
