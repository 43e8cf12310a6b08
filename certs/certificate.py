"""Attestation certificates: PAA, PAI and DAC (Matter Core 6.2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

VENDOR_ID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.37244.2.1")
PRODUCT_ID_OID = x509.ObjectIdentifier("1.3.6.1.4.1.37244.2.2")
MAX_LENGTH = 600

_ID = re.compile(r"[0-9A-F]{4}")
_ID_IN_COMMON_NAME = {
    VENDOR_ID_OID: re.compile(r"Mvid:(.{0,4})"),
    PRODUCT_ID_OID: re.compile(r"Mpid:(.{0,4})"),
}
_PEM_LABEL = b"-----BEGIN CERTIFICATE-----"


_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the parser of `cryptography` raises, some of it only when a part is looked at."""


_LAZY_PARTS = (
    "issuer",
    "serial_number",
    "version",
    "signature_algorithm_oid",
    "not_valid_before_utc",
    "not_valid_after_utc",
)


class AttestationError(ValueError):
    """Attestation material is malformed, does not fit together, or cannot be made; says what is wrong."""


class Role(Enum):
    """Place of a certificate in the attestation chain."""

    PAA = "product attestation authority"
    PAI = "product attestation intermediate"
    DAC = "device attestation certificate"


@dataclass(frozen=True, slots=True)
class AttestationCertificate:
    """An X.509 certificate with what attestation looks at.

    :ivar der: the whole certificate
    :ivar parsed: the same as the `cryptography` package sees it
    :ivar vendor_id: from the subject, None if it has none
    :ivar product_id: from the subject, None if it has none
    :ivar public_key: 65 bytes, uncompressed
    :ivar skid: subject key identifier
    :ivar akid: authority key identifier, or None
    """

    der: bytes = field(repr=False)
    parsed: x509.Certificate = field(repr=False, compare=False)
    vendor_id: int | None
    product_id: int | None
    public_key: bytes = field(repr=False)
    skid: bytes | None
    akid: bytes | None

    @classmethod
    def from_bytes(cls, data: bytes) -> AttestationCertificate:
        """Parse PEM or DER.

        :raises AttestationError: if it is neither, or no certificate of a P-256 key
        """
        if _PEM_LABEL not in data:
            return cls.from_der(data)
        return cls._of(x509.load_pem_x509_certificate, data)

    @classmethod
    def from_der(cls, data: bytes) -> AttestationCertificate:
        """Parse DER.

        :raises AttestationError: if it is malformed or no certificate of a P-256 key
        """
        return cls._of(x509.load_der_x509_certificate, data)

    @classmethod
    def _of(cls, load: Callable[[bytes], x509.Certificate], data: bytes) -> AttestationCertificate:
        try:
            certificate = load(data)
            key, extensions, subject = certificate.public_key(), certificate.extensions, certificate.subject
            for part in _LAZY_PARTS:
                getattr(certificate, part)
        except _MALFORMED as error:
            raise AttestationError(f"malformed certificate: {error}") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise AttestationError("the certificate's key is not on P-256")
        return cls(
            der=certificate.public_bytes(Encoding.DER),
            parsed=certificate,
            vendor_id=_id_in(subject, VENDOR_ID_OID),
            product_id=_id_in(subject, PRODUCT_ID_OID),
            public_key=key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            skid=_subject_key_id(extensions),
            akid=_authority_key_id(extensions),
        )

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.parsed.public_bytes(Encoding.PEM)

    @property
    def role(self) -> Role | None:
        """What it can be, judged by its basic constraints and issuer; None if it is none of the three."""
        constraints = self._constraints()
        if constraints is None:
            return None
        if not constraints.ca:
            return Role.DAC
        return Role.PAA if self.parsed.subject == self.parsed.issuer else Role.PAI

    def _constraints(self) -> x509.BasicConstraints | None:
        try:
            return self.parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            return None

    def is_issued_by(self, issuer: AttestationCertificate) -> bool:
        """Tell whether the issuer's name and key made this certificate, and its key identifier says so."""
        return self.is_signed_by(issuer) and self.akid is not None and self.akid == issuer.skid

    def is_signed_by(self, issuer: AttestationCertificate) -> bool:
        """Tell whether the issuer's name and key made this certificate."""
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except (InvalidSignature, *_MALFORMED):
            return False
        return True

    def is_valid_at(self, time: datetime) -> bool:
        """Tell whether the aware `time` is in the validity period."""
        return self.parsed.not_valid_before_utc <= time <= self.parsed.not_valid_after_utc

    def faults(self, role: Role) -> Iterator[str]:
        """Yield what keeps the certificate from having that role (Matter Core 6.2.2.3 to 6.2.2.5)."""
        if len(self.der) > MAX_LENGTH:
            yield f"has {len(self.der)} bytes, more than {MAX_LENGTH}"
        if self.parsed.version is not x509.Version.v3:
            yield "is not X.509 version 3"
        if self.parsed.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
            yield "is not signed with ecdsa-with-SHA256"
        if self.skid is None or len(self.skid) != 20:
            yield "has no subject key identifier of 20 bytes"
        if role is not Role.PAA and (self.akid is None or len(self.akid) != 20):
            yield "has no authority key identifier of 20 bytes"
        yield from self._constraint_faults(role)
        yield from self._usage_faults(role)
        yield from self._id_faults(role)

    def _constraint_faults(self, role: Role) -> Iterator[str]:
        constraints = self._constraints()
        if constraints is None:
            yield "has no basic constraints"
            return
        if not self._is_critical(ExtensionOID.BASIC_CONSTRAINTS):
            yield "has basic constraints that are not critical"
        if constraints.ca != (role is not Role.DAC):
            yield "is a certificate authority" if constraints.ca else "is no certificate authority"
        elif role is Role.PAI and constraints.path_length != 0:
            yield f"has path length {constraints.path_length}, not 0"
        elif role is Role.PAA and constraints.path_length not in {None, 1}:
            yield f"has path length {constraints.path_length}, not 1"

    def _usage_faults(self, role: Role) -> Iterator[str]:
        try:
            usage = self.parsed.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            yield "has no key usage"
            return
        if not self._is_critical(ExtensionOID.KEY_USAGE):
            yield "has a key usage that is not critical"
        beyond = (
            usage.content_commitment
            or usage.key_encipherment
            or usage.data_encipherment
            or usage.key_agreement
        )
        if role is Role.DAC:
            if not usage.digital_signature or usage.key_cert_sign or usage.crl_sign or beyond:
                yield "has a key usage other than digitalSignature"
        elif not usage.key_cert_sign or not usage.crl_sign or beyond:
            yield "has a key usage other than keyCertSign and cRLSign"

    def _id_faults(self, role: Role) -> Iterator[str]:
        if role is not Role.PAA and self.vendor_id is None:
            yield "has no vendor id in its subject"
        if role is Role.DAC and self.product_id is None:
            yield "has no product id in its subject"
        if role is Role.PAA and self.product_id is not None:
            yield "has a product id in its subject"

    def _is_critical(self, oid: x509.ObjectIdentifier) -> bool:
        return self.parsed.extensions.get_extension_for_oid(oid).critical


def _id_in(name: x509.Name, oid: x509.ObjectIdentifier) -> int | None:
    """Return the vendor or product id of a name; the common name counts only if neither has its own place."""
    found = [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]
    if not any(name.get_attributes_for_oid(each) for each in (VENDOR_ID_OID, PRODUCT_ID_OID)):
        common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
        found = [match for each in common_names for match in _ID_IN_COMMON_NAME[oid].findall(str(each.value))]
    if len(found) > 1 or (found and not _ID.fullmatch(found[0])):
        raise AttestationError(f"the subject's vendor or product id is malformed: {', '.join(found)}")
    return int(found[0], 16) if found else None


def _subject_key_id(extensions: x509.Extensions) -> bytes | None:
    try:
        return extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _authority_key_id(extensions: x509.Extensions) -> bytes | None:
    try:
        return extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
