"""Operational certificates in Matter's compact TLV form and as X.509 (Matter Core 6.5).

The signature covers the X.509 form, so a certificate that arrives as TLV is turned into DER to be checked.
All lists keep their order, because their order is signed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from matter_node.codec import der, tlv
from matter_node.codec.distinguished_name import AttributeType, CertificateError, DistinguishedName
from matter_node.codec.extensions import (
    BasicConstraints,
    Extension,
    ExtensionType,
    KeyPurpose,
    KeyUsage,
    extensions_from_der,
    extensions_from_tlv,
    extensions_to_der,
    extensions_to_tlv,
)
from matter_node.crypto.keys import PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH, der_to_raw, raw_to_der, verify

if TYPE_CHECKING:
    from matter_node.codec.tlv import Value
    from matter_node.crypto.keys import KeyPair

__all__ = ["AttributeType", "Certificate", "CertificateError", "DistinguishedName", "KeyPurpose", "KeyUsage"]

MAX_TLV_LENGTH = 400
MAX_SERIAL_LENGTH = 21
"""RFC 5280 says 20, but the sign byte before a 20-byte serial number occurs in the field."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MAX_TIME = 0xFFFF_FFFF
_NO_EXPIRY = der.element(der.GENERALIZED_TIME, b"99991231235959Z")

_ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_EC_PUBLIC_KEY = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
_VERSION_3 = der.explicit(0, der.integer(2))


@dataclass(frozen=True, slots=True)
class Certificate:
    """An operational certificate: root (RCAC), intermediate (ICAC) or node (NOC).

    :ivar serial: content of the serial number's DER INTEGER
    :ivar not_before: seconds since the Matter epoch; 0 stands for 9999-12-31, as in `not_after`
    :ivar not_after: seconds since the Matter epoch; 0 means no expiry
    :ivar public_key: 65 bytes, uncompressed
    :ivar extensions: in the order of the certificate
    :ivar signature: 64 bytes, r then s
    """

    serial: bytes
    issuer: DistinguishedName
    not_before: int
    not_after: int
    subject: DistinguishedName
    public_key: bytes
    extensions: tuple[Extension, ...]
    signature: bytes

    @classmethod
    def from_tlv(cls, data: bytes) -> Certificate:
        """Parse the compact form.

        :raises CertificateError: if it is longer than 400 bytes or no Matter certificate
        """
        if len(data) > MAX_TLV_LENGTH:
            raise CertificateError(f"a certificate has at most {MAX_TLV_LENGTH} bytes, not {len(data)}")
        try:
            fields = tlv.decode(data)
        except tlv.TlvError as error:
            raise CertificateError(f"malformed certificate: {error}") from error
        if not isinstance(fields, dict) or set(fields) != set(range(1, 12)):
            raise CertificateError("a certificate is a structure of the members 1 to 11")
        if any(type(fields[tag]) is not int or fields[tag] != 1 for tag in (2, 7, 8)):
            raise CertificateError("only ecdsa-with-SHA256 on prime256v1 is known")
        return cls(
            serial=_octets("serial number", fields[1], 1, MAX_SERIAL_LENGTH),
            issuer=DistinguishedName.from_tlv(fields[3]),
            not_before=_time("not-before", fields[4]),
            not_after=_time("not-after", fields[5]),
            subject=DistinguishedName.from_tlv(fields[6]),
            public_key=_octets("public key", fields[9], PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH),
            extensions=extensions_from_tlv(fields[10]),
            signature=_octets("signature", fields[11], SIGNATURE_LENGTH, SIGNATURE_LENGTH),
        )

    @classmethod
    def from_der(cls, data: bytes) -> Certificate:
        """Parse the X.509 form of an operational certificate.

        :raises CertificateError: if it is malformed or has no compact form
        """
        try:
            return cls._read_der(data)
        except CertificateError:
            raise
        except ValueError as error:
            raise CertificateError(f"malformed certificate: {error}") from error

    @classmethod
    def _read_der(cls, data: bytes) -> Certificate:
        outer = der.Reader(data)
        certificate = outer.enter()
        outer.finish()
        tbs = certificate.enter()
        _expect(certificate, _ECDSA_WITH_SHA256, "signature algorithm")
        signature = certificate.content(der.BIT_STRING)
        certificate.finish()
        _expect(tbs, _VERSION_3, "version")
        serial = _octets("serial number", tbs.integer_bytes(), 1, MAX_SERIAL_LENGTH)
        _expect(tbs, _ECDSA_WITH_SHA256, "signature algorithm")
        issuer = DistinguishedName.from_der(tbs.enter())
        validity = tbs.enter()
        not_before, not_after = _time_from_der(validity), _time_from_der(validity)
        validity.finish()
        subject = DistinguishedName.from_der(tbs.enter())
        key_info = tbs.enter()
        _expect(key_info, _EC_PUBLIC_KEY, "public key algorithm")
        public_key = _bits(key_info.content(der.BIT_STRING))
        key_info.finish()
        wrapped = tbs.enter(0xA3)
        extensions = extensions_from_der(wrapped.enter())
        wrapped.finish()
        tbs.finish()
        parsed = cls(
            serial=serial,
            issuer=issuer,
            not_before=not_before,
            not_after=not_after,
            subject=subject,
            public_key=_octets("public key", public_key, PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH),
            extensions=extensions,
            signature=der_to_raw(_bits(signature)),
        )
        if parsed.to_der() != data:
            raise CertificateError("not in the form that the compact one stands for")
        return parsed

    def to_tlv(self) -> bytes:
        """Return the compact form."""
        return tlv.encode(
            {
                1: self.serial,
                2: 1,
                3: self.issuer.to_tlv(),
                4: self.not_before,
                5: self.not_after,
                6: self.subject.to_tlv(),
                7: 1,
                8: 1,
                9: self.public_key,
                10: extensions_to_tlv(self.extensions),
                11: self.signature,
            }
        )

    def tbs_der(self) -> bytes:
        """Return what the signature covers: the X.509 TBSCertificate (Matter Core 6.5.2)."""
        return der.sequence(
            _VERSION_3,
            der.element(der.INTEGER, self.serial),
            _ECDSA_WITH_SHA256,
            self.issuer.to_der(),
            der.sequence(_time_to_der(self.not_before), _time_to_der(self.not_after)),
            self.subject.to_der(),
            der.sequence(_EC_PUBLIC_KEY, der.bit_string(self.public_key)),
            der.explicit(3, extensions_to_der(self.extensions)),
        )

    def to_der(self) -> bytes:
        """Return the X.509 form."""
        signature = der.bit_string(raw_to_der(self.signature))
        return der.sequence(self.tbs_der(), _ECDSA_WITH_SHA256, signature)

    def signed(self, key: KeyPair) -> Certificate:
        """Return this certificate with the signature of `key`, the issuer's."""
        return replace(self, signature=key.sign(self.tbs_der()))

    def is_signed_by(self, public_key: bytes) -> bool:
        """Tell whether the owner of `public_key` (65 bytes) signed this certificate."""
        return verify(public_key, self.tbs_der(), self.signature)

    def _extension(self, kind: ExtensionType) -> object:
        return next((value for present, value in self.extensions if present is kind), None)

    @property
    def basic_constraints(self) -> BasicConstraints | None:
        """The basic constraints, or None if it has none."""
        value = self._extension(ExtensionType.BASIC_CONSTRAINTS)
        return value if isinstance(value, BasicConstraints) else None

    @property
    def is_ca(self) -> bool:
        """Whether it may issue certificates."""
        constraints = self.basic_constraints
        return constraints is not None and constraints.is_ca

    @property
    def key_usage(self) -> KeyUsage | None:
        """What the key may be used for, or None if it does not say."""
        value = self._extension(ExtensionType.KEY_USAGE)
        return value if isinstance(value, KeyUsage) else None

    @property
    def extended_key_usage(self) -> tuple[KeyPurpose, ...]:
        """Purposes of the key, empty if it does not say."""
        value = self._extension(ExtensionType.EXTENDED_KEY_USAGE)
        return value if isinstance(value, tuple) else ()

    @property
    def skid(self) -> bytes | None:
        """Subject key identifier, 20 bytes."""
        value = self._extension(ExtensionType.SUBJECT_KEY_ID)
        return value if isinstance(value, bytes) else None

    @property
    def akid(self) -> bytes | None:
        """Authority key identifier, 20 bytes."""
        value = self._extension(ExtensionType.AUTHORITY_KEY_ID)
        return value if isinstance(value, bytes) else None

    @property
    def node_id(self) -> int | None:
        """Node id of a NOC's subject."""
        return self.subject.number(AttributeType.NODE_ID)

    @property
    def fabric_id(self) -> int | None:
        """Fabric id of the subject: always in a NOC, at will in the others."""
        return self.subject.number(AttributeType.FABRIC_ID)

    @property
    def rcac_id(self) -> int | None:
        """Id of a root certificate's subject."""
        return self.subject.number(AttributeType.RCAC_ID)

    @property
    def icac_id(self) -> int | None:
        """Id of an intermediate certificate's subject."""
        return self.subject.number(AttributeType.ICAC_ID)

    @property
    def cats(self) -> tuple[int, ...]:
        """CASE authenticated tags of a NOC's subject, 32 bits each."""
        return self.subject.numbers(AttributeType.NOC_CAT)


def _octets(name: str, value: Value, shortest: int, longest: int) -> bytes:
    if isinstance(value, bytes) and shortest <= len(value) <= longest:
        return value
    raise CertificateError(f"malformed {name}")


def _time(name: str, value: Value) -> int:
    if type(value) is int and 0 <= value <= _MAX_TIME:
        return value
    raise CertificateError(f"malformed {name} time")


def _expect(reader: der.Reader, whole: bytes, name: str) -> None:
    if reader.any()[2] != whole:
        raise CertificateError(f"unexpected {name}")


def _bits(content: bytes) -> bytes:
    if not content or content[0]:
        raise CertificateError("a key or signature has whole bytes")
    return content[1:]


def _time_to_der(seconds: int) -> bytes:
    if seconds == 0:  # the reference stack writes this for not-before too, and signs it
        return _NO_EXPIRY
    time = _EPOCH + timedelta(seconds=seconds)
    if time.year < 2050:
        return der.element(der.UTC_TIME, time.strftime("%y%m%d%H%M%SZ").encode())
    return der.element(der.GENERALIZED_TIME, time.strftime("%Y%m%d%H%M%SZ").encode())


def _time_from_der(reader: der.Reader) -> int:
    kind, content, whole = reader.any()
    if whole == _NO_EXPIRY:
        return 0
    if kind not in {der.UTC_TIME, der.GENERALIZED_TIME} or not content[:-1].isdigit():
        raise CertificateError("malformed time")
    text = ("20" if kind == der.UTC_TIME else "") + content.decode()
    seconds = int((datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC) - _EPOCH).total_seconds())
    if not 0 < seconds <= _MAX_TIME or _time_to_der(seconds) != whole:
        raise CertificateError(f"time {text} has no compact form")
    return seconds
