"""The certification declaration: what the Alliance, or a test key, states about a product (Matter Core 6.3).

Its content is TLV; around it is a CMS SignedData (RFC 5652) with one signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from certs.certificate import AttestationError
from matter_node.codec import der, tlv
from matter_node.crypto.keys import der_to_raw, raw_to_der, verify

if TYPE_CHECKING:
    from certs.authority import Authority
    from matter_node.codec.tlv import Value

FORMAT_VERSION = 1
AGGREGATOR = 0x000E
TEST_CERTIFICATE_ID = "CSA00000SWC00000-00"
CERTIFICATE_ID_LENGTH = 19
MAX_PRODUCTS, MAX_AUTHORITIES = 100, 10

_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_DATA = der.oid("1.2.840.113549.1.7.1")
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_VERSION_3 = der.integer(3)


class CertificationType(IntEnum):
    """How far the product got."""

    DEVELOPMENT_AND_TEST = 0
    PROVISIONAL = 1
    OFFICIAL = 2


@dataclass(frozen=True, slots=True)
class Declaration:
    """The content of a certification declaration.

    :ivar product_ids: 1 to 100
    :ivar device_type_id: the primary device type; a bridge is an aggregator
    :ivar certificate_id: 19 characters
    :ivar version_number: the certification record's, not the device's
    :ivar dac_origin: vendor and product id that the DAC has instead of these, or None
    :ivar authorized_paas: key ids of the PAAs that may vouch for the product, 1 to 10, or none for any
    :raises AttestationError: if a value does not fit
    """

    vendor_id: int
    product_ids: tuple[int, ...]
    device_type_id: int = AGGREGATOR
    certificate_id: str = TEST_CERTIFICATE_ID
    security_level: int = 0
    security_information: int = 0
    version_number: int = 1
    certification_type: CertificationType = CertificationType.DEVELOPMENT_AND_TEST
    dac_origin: tuple[int, int] | None = None
    authorized_paas: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        ids = (self.vendor_id, *self.product_ids, *(self.dac_origin or ()))
        checks = {
            "a vendor or product id": all(0 < number <= 0xFFFF for number in ids),
            "the number of products": 1 <= len(self.product_ids) <= MAX_PRODUCTS,
            "the device type": 0 <= self.device_type_id < 1 << 32,
            "the certificate id's length": len(self.certificate_id.encode()) == CERTIFICATE_ID_LENGTH,
            "the security level": 0 <= self.security_level < 1 << 8,
            "the security information": 0 <= self.security_information < 1 << 16,
            "the version number": 0 <= self.version_number < 1 << 16,
            "an authorized PAA": all(len(key_id) == 20 for key_id in self.authorized_paas),
            "the number of authorized PAAs": len(self.authorized_paas) <= MAX_AUTHORITIES,
        }
        if wrong := [name for name, fits in checks.items() if not fits]:
            raise AttestationError(f"certification declaration: {', '.join(wrong)} is out of range")

    @classmethod
    def from_tlv(cls, data: bytes) -> Declaration:
        """Parse the content.

        :raises AttestationError: if it is malformed
        """
        try:
            fields = tlv.decode(data)
        except tlv.TlvError as error:
            raise AttestationError(f"malformed certification declaration: {error}") from error
        if not isinstance(fields, dict) or not set(range(9)) <= fields.keys() <= set(range(12)):
            raise AttestationError(
                "a certification declaration is a structure of the members 0 to 8, 9 to 11"
            )
        if (9 in fields) != (10 in fields):
            raise AttestationError("DAC origin vendor and product go together")
        if _number(fields, 0) != FORMAT_VERSION:
            raise AttestationError(
                f"format version {fields[0]} of the certification declaration is not known"
            )
        if not isinstance(fields[4], str):
            raise AttestationError("the certificate id is text")
        try:
            kind = CertificationType(_number(fields, 8))
        except ValueError:
            raise AttestationError(f"certification type {fields[8]} is not known") from None
        return cls(
            vendor_id=_number(fields, 1),
            product_ids=_numbers(_array(fields, 2)),
            device_type_id=_number(fields, 3),
            certificate_id=fields[4],
            security_level=_number(fields, 5),
            security_information=_number(fields, 6),
            version_number=_number(fields, 7),
            certification_type=kind,
            dac_origin=(_number(fields, 9), _number(fields, 10)) if 9 in fields else None,
            authorized_paas=_key_ids(_array(fields, 11)) if 11 in fields else (),
        )

    def to_tlv(self) -> bytes:
        """Return the content as it is signed."""
        fields: dict[int, Value] = {
            0: FORMAT_VERSION,
            1: self.vendor_id,
            2: list(self.product_ids),
            3: self.device_type_id,
            4: self.certificate_id,
            5: self.security_level,
            6: self.security_information,
            7: self.version_number,
            8: int(self.certification_type),
        }
        if self.dac_origin:
            fields[9], fields[10] = self.dac_origin
        if self.authorized_paas:
            fields[11] = list(self.authorized_paas)
        return tlv.encode(fields)

    def signed(self, signer: Authority) -> bytes:
        """Return the declaration as CMS SignedData in DER.

        :raises AttestationError: if the signer's certificate has no key identifier
        """
        if signer.certificate.skid is None:
            raise AttestationError("the signer's certificate has no subject key identifier")
        content = self.to_tlv()
        return SignedDeclaration(content, signer.certificate.skid, signer.key.sign(content)).to_cms()


@dataclass(frozen=True, slots=True)
class SignedDeclaration:
    """The envelope around a declaration.

    :ivar content: the declaration's TLV
    :ivar signer: key identifier of who signed it, 20 bytes
    :ivar signature: 64 bytes, r then s
    """

    content: bytes
    signer: bytes
    signature: bytes

    @classmethod
    def from_cms(cls, data: bytes) -> SignedDeclaration:
        """Parse CMS SignedData in DER.

        :raises AttestationError: if it is malformed or in another profile than Matter's
        """
        try:
            return cls._read(data)
        except AttestationError:
            raise
        except ValueError as error:
            raise AttestationError(f"malformed certification declaration: {error}") from error

    @classmethod
    def _read(cls, data: bytes) -> SignedDeclaration:
        outer = der.Reader(data)
        content_info = outer.enter()
        outer.finish()
        _expect(content_info, _SIGNED_DATA, "content type")
        wrapped = content_info.enter(0xA0)
        content_info.finish()
        signed_data = wrapped.enter()
        wrapped.finish()
        _expect(signed_data, _VERSION_3, "version")
        digests = signed_data.enter(der.SET)
        _expect(digests, _SHA256, "digest algorithm")
        digests.finish()
        encapsulated = signed_data.enter()
        _expect(encapsulated, _DATA, "content type")
        explicit = encapsulated.enter(0xA0)
        encapsulated.finish()
        content = explicit.content(der.OCTET_STRING)
        explicit.finish()
        signers = signed_data.enter(der.SET)
        signed_data.finish()
        info = signers.enter()
        signers.finish()
        _expect(info, _VERSION_3, "signer version")
        key_id = info.content(0x80)
        _expect(info, _SHA256, "digest algorithm")
        _expect(info, _ECDSA_WITH_SHA256, "signature algorithm")
        signature = der_to_raw(info.content(der.OCTET_STRING))
        info.finish()
        return cls(content, key_id, signature)

    def to_cms(self) -> bytes:
        """Return CMS SignedData in DER."""
        signer_info = der.sequence(
            _VERSION_3,
            der.implicit(0, self.signer),
            _SHA256,
            _ECDSA_WITH_SHA256,
            der.octet_string(raw_to_der(self.signature)),
        )
        signed_data = der.sequence(
            _VERSION_3,
            der.set_of(_SHA256),
            der.sequence(_DATA, der.explicit(0, der.octet_string(self.content))),
            der.set_of(signer_info),
        )
        return der.sequence(_SIGNED_DATA, der.explicit(0, signed_data))

    def is_signed_by(self, public_key: bytes) -> bool:
        """Tell whether the owner of `public_key` (65 bytes) signed it."""
        return verify(public_key, self.content, self.signature)


def _expect(reader: der.Reader, whole: bytes, name: str) -> None:
    if reader.any()[2] != whole:
        raise AttestationError(f"certification declaration: unexpected {name}")


def _number(fields: Value, key: int) -> int:
    value = fields[key]
    if type(value) is not int:
        raise AttestationError(f"certification declaration: member {key} is no number")
    return value


def _numbers(values: list[Value]) -> tuple[int, ...]:
    if not all(type(value) is int for value in values):
        raise AttestationError("certification declaration: a product id is no number")
    return tuple(values)


def _array(fields: Value, key: int) -> list[Value]:
    value = fields[key]
    if type(value) is not list:
        raise AttestationError(f"certification declaration: member {key} is no array")
    return value


def _key_ids(values: list[Value]) -> tuple[bytes, ...]:
    if not values or not all(isinstance(value, bytes) for value in values):
        raise AttestationError("certification declaration: an authorized PAA is no key identifier")
    return tuple(values)
