"""Certificates and declarations in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from certs.certificate import AttestationCertificate, AttestationError, Role
from certs.declaration import CertificationType, Declaration, SignedDeclaration
from certs.public_test_roots import public_test_cd_signer, public_test_paa_fff1, public_test_paa_no_vid
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec.certificate import Certificate, CertificateError

Fact: TypeAlias = str | int | bool | list[str] | None

_TLV_STRUCTURE = 0x15
_CERTIFICATION = {
    CertificationType.DEVELOPMENT_AND_TEST: "development and test: vouches for nothing",
    CertificationType.PROVISIONAL: "provisional",
    CertificationType.OFFICIAL: "official",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a file holds.

    :ivar kind: in words
    :ivar facts: what it says, by name
    """

    kind: str
    facts: dict[str, Fact]

    def __str__(self) -> str:
        width = max(len(name) for name in self.facts)
        lines = [f"  {name:{width}}  {_words(fact)}" for name, fact in self.facts.items() if fact is not None]
        return "\n".join([self.kind, *lines])


def describe(data: bytes) -> Description:
    """Describe a certificate (PEM, DER, or Matter TLV) or a certification declaration.

    :raises AttestationError: if it is none of them
    """
    for parse in (_declaration, _operational, _attestation):
        try:
            return parse(data)
        except (AttestationError, CertificateError):
            continue
    raise AttestationError("this is no certificate (PEM, DER, Matter TLV) and no certification declaration")


def _declaration(data: bytes) -> Description:
    envelope = SignedDeclaration.from_cms(data)
    declaration = Declaration.from_tlv(envelope.content)
    test = public_test_cd_signer().certificate
    origin = declaration.dac_origin
    return Description(
        "certification declaration",
        {
            "vendor id": _id(declaration.vendor_id),
            "product ids": [f"0x{each:04X}" for each in declaration.product_ids],
            "device type": f"0x{declaration.device_type_id:04X}",
            "certificate id": declaration.certificate_id,
            "certification": _CERTIFICATION[declaration.certification_type],
            "version number": declaration.version_number,
            "security level": declaration.security_level,
            "security information": declaration.security_information,
            "DAC origin": f"vendor {_id(origin[0])}, product {_id(origin[1])}" if origin else None,
            "authorized PAAs": [each.hex(":").upper() for each in declaration.authorized_paas] or None,
            "signed by key": envelope.signer.hex(":").upper(),
            "signed by": "the public TEST signer"
            if envelope.signer == test.skid
            else "a signer not known here",
        },
    )


def _operational(data: bytes) -> Description:
    compact = data[:1] == bytes([_TLV_STRUCTURE])
    certificate = Certificate.from_tlv(data) if compact else Certificate.from_der(data)
    kinds = (
        ("node operational certificate (NOC)", certificate.node_id),
        ("intermediate operational certificate (ICAC)", certificate.icac_id),
        ("root operational certificate (RCAC)", certificate.rcac_id),
    )
    kind = next((name for name, number in kinds if number is not None), None)
    if kind is None:
        raise CertificateError("no operational certificate: it names neither node nor authority")
    return Description(
        kind,
        {
            "form": "Matter TLV" if compact else "X.509",
            "subject": str(certificate.subject),
            "issuer": str(certificate.issuer),
            "serial number": certificate.serial.hex().upper(),
            "valid from": _matter_time(certificate.not_before),
            "valid until": _matter_time(certificate.not_after),
            "may issue certificates": certificate.is_ca,
            "key id": _key_id(certificate.skid),
            "issuer's key id": _key_id(certificate.akid),
            "public key": certificate.public_key.hex(),
        },
    )


def _attestation(data: bytes) -> Description:
    certificate = AttestationCertificate.from_bytes(data)
    role = certificate.role
    x509 = certificate.parsed
    broken = list(certificate.faults(role)) if role else []
    return Description(
        f"{role.value} ({role.name})" if role else "certificate without a role in attestation",
        {
            "subject": x509.subject.rfc4514_string(),
            "issuer": x509.issuer.rfc4514_string(),
            "vendor id": _id(certificate.vendor_id),
            "product id": _id(certificate.product_id),
            "serial number": f"{x509.serial_number:X}",
            "valid from": _time(x509.not_valid_before_utc),
            "valid until": _time(x509.not_valid_after_utc),
            "key id": _key_id(certificate.skid),
            "issuer's key id": _key_id(certificate.akid),
            "public key": certificate.public_key.hex(),
            "vouched for by": _test_root_words(certificate, role),
            "faults": [f"it {fault}" for fault in broken] or None,
        },
    )


def _test_root_words(certificate: AttestationCertificate, role: Role | None) -> str | None:
    roots = (public_test_paa_fff1().certificate, public_test_paa_no_vid().certificate)
    if role is not Role.DAC and any(certificate.akid == root.skid for root in roots):
        return "a public TEST root: by nobody"
    return None


def _words(fact: Fact) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return ", ".join(fact) if isinstance(fact, list) else str(fact)


def _id(number: int | None) -> str | None:
    return None if number is None else f"0x{number:04X}"


def _key_id(key_id: bytes | None) -> str:
    return key_id.hex(":").upper() if key_id else "none"


def _matter_time(seconds: int) -> str:
    if seconds == 0:
        return "no end"
    return _time(datetime.fromtimestamp(seconds + MATTER_EPOCH_OFFSET, UTC))


def _time(time: datetime) -> str:
    return "no end" if time.year == 9999 else time.strftime("%Y-%m-%d %H:%M:%S UTC")
