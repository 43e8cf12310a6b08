"""Distinguished names of Matter certificates, in TLV and in DER (Matter Core 6.5.6, 6.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from matter_node.codec import der
from matter_node.codec.tlv import TlvList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.codec.tlv import Value

MAX_ATTRIBUTES = 5
PRINTABLE = 0x80
"""Added to the tag of a text attribute whose X.509 form is a PrintableString."""

MATTER_ARC = "1.3.6.1.4.1.37244.1"


class CertificateError(ValueError):
    """A certificate or a chain of certificates breaks Matter's rules; says which."""


class AttributeType(IntEnum):
    """TLV tags of the attributes; the Matter ones carry numbers, the others text."""

    COMMON_NAME = 1
    DOMAIN_COMPONENT = 16
    NODE_ID = 17
    FIRMWARE_SIGNING_ID = 18
    ICAC_ID = 19
    RCAC_ID = 20
    FABRIC_ID = 21
    NOC_CAT = 22
    VVS_ID = 23


_TEXT_OIDS = {
    1: "2.5.4.3",  # common name
    2: "2.5.4.4",  # surname
    3: "2.5.4.5",  # serial number
    4: "2.5.4.6",  # country
    5: "2.5.4.7",  # locality
    6: "2.5.4.8",  # state or province
    7: "2.5.4.10",  # organization
    8: "2.5.4.11",  # organizational unit
    9: "2.5.4.12",  # title
    10: "2.5.4.41",  # name
    11: "2.5.4.42",  # given name
    12: "2.5.4.43",  # initials
    13: "2.5.4.44",  # generation qualifier
    14: "2.5.4.46",  # DN qualifier
    15: "2.5.4.65",  # pseudonym
    16: "0.9.2342.19200300.100.1.25",  # domain component
}
_NUMBER_OIDS = {
    tag: f"{MATTER_ARC}.{tag - 16}" for tag in range(AttributeType.NODE_ID, AttributeType.VVS_ID + 1)
}
_OIDS = {tag: der.oid(dotted) for tag, dotted in (_TEXT_OIDS | _NUMBER_OIDS).items()}
_TAGS = {dotted: tag for tag, dotted in (_TEXT_OIDS | _NUMBER_OIDS).items()}


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """A subject or an issuer.

    :ivar attributes: (TLV tag, number or text), in the order of the certificate
    """

    attributes: tuple[tuple[int, int | str], ...]

    @classmethod
    def from_tlv(cls, value: Value) -> DistinguishedName:
        """Take a decoded TLV list.

        :raises CertificateError: if it is no distinguished name
        """
        if not isinstance(value, TlvList):
            raise CertificateError("a distinguished name is a TLV list")
        return cls._checked(value)

    @classmethod
    def from_der(cls, reader: der.Reader) -> DistinguishedName:
        """Read an X.509 Name of Matter attributes.

        :raises CertificateError: if it holds another attribute or a value in another form
        :raises DerError: if it is malformed
        """
        attributes = []
        while reader.tag is not None:
            relative = reader.enter(der.SET)
            attribute = relative.enter()
            relative.finish()
            dotted = attribute.oid()
            kind, content, _ = attribute.any()
            attribute.finish()
            attributes.append(_attribute_from_der(dotted, kind, content))
        return cls._checked(attributes)

    @classmethod
    def _checked(cls, attributes: Iterable[tuple[object, object]]) -> DistinguishedName:
        checked = tuple(_check_attribute(tag, value) for tag, value in attributes)
        if not 1 <= len(checked) <= MAX_ATTRIBUTES:
            raise CertificateError(f"a distinguished name has 1 to {MAX_ATTRIBUTES} attributes")
        return cls(checked)

    def to_tlv(self) -> TlvList:
        """Return the value to encode."""
        return TlvList(self.attributes)

    def to_der(self) -> bytes:
        """Return the X.509 Name: one attribute in each relative name."""
        return der.sequence(
            *(
                der.element(der.SET, der.sequence(_OIDS[tag & ~PRINTABLE], _value_to_der(tag, value)))
                for tag, value in self.attributes
            )
        )

    def numbers(self, kind: AttributeType) -> tuple[int, ...]:
        """Return all values of one of the Matter attributes."""
        return tuple(value for tag, value in self.attributes if tag == kind and isinstance(value, int))

    def number(self, kind: AttributeType) -> int | None:
        """Return the only value of one of the Matter attributes, or None if it is not there exactly once."""
        values = self.numbers(kind)
        return values[0] if len(values) == 1 else None

    def __str__(self) -> str:
        return ", ".join(
            f"{_name(tag)}={value:016X}" if isinstance(value, int) else f"{_name(tag)}={value}"
            for tag, value in self.attributes
        )


def _name(tag: int) -> str:
    tag &= ~PRINTABLE
    try:
        return AttributeType(tag).name.lower().replace("_", "-")
    except ValueError:
        return _TEXT_OIDS[tag]


def _check_attribute(tag: object, value: object) -> tuple[int, int | str]:
    if isinstance(tag, int):
        if tag in _NUMBER_OIDS:
            limit = 32 if tag == AttributeType.NOC_CAT else 64
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << limit:
                return tag, value
            raise CertificateError(f"attribute {tag} is no {limit}-bit number")
        text = tag & ~PRINTABLE
        if text in _TEXT_OIDS and tag != AttributeType.DOMAIN_COMPONENT | PRINTABLE:
            if not isinstance(value, str):
                raise CertificateError(f"attribute {tag} is no text")
            if text != tag or text == AttributeType.DOMAIN_COMPONENT:
                _check_ascii(value)
            return tag, value
    raise CertificateError(f"unknown attribute {tag} in a distinguished name")


def _check_ascii(value: str) -> None:
    if not value.isascii():
        raise CertificateError("PrintableString and IA5String hold ASCII")


def _value_to_der(tag: int, value: int | str) -> bytes:
    if isinstance(value, int):
        digits = 8 if tag == AttributeType.NOC_CAT else 16
        return der.element(der.UTF8_STRING, f"{value:0{digits}X}".encode())
    if tag == AttributeType.DOMAIN_COMPONENT:
        return der.element(der.IA5_STRING, value.encode())
    return der.element(der.PRINTABLE_STRING if tag & PRINTABLE else der.UTF8_STRING, value.encode())


def _attribute_from_der(dotted: str, kind: int, content: bytes) -> tuple[int, int | str]:
    tag = _TAGS.get(dotted)
    if tag is None:
        raise CertificateError(f"attribute {dotted} has no place in a Matter certificate")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise CertificateError(f"attribute {dotted} is no UTF-8") from None
    if tag in _NUMBER_OIDS:
        digits = 8 if tag == AttributeType.NOC_CAT else 16
        if kind != der.UTF8_STRING or len(text) != digits or not set(text) <= set("0123456789ABCDEF"):
            raise CertificateError(f"attribute {dotted} is not {digits} upper-case hexadecimal digits")
        return tag, int(text, 16)
    expected = der.IA5_STRING if tag == AttributeType.DOMAIN_COMPONENT else der.UTF8_STRING
    if kind == expected:
        return tag, text
    if kind == der.PRINTABLE_STRING and tag != AttributeType.DOMAIN_COMPONENT:
        return tag | PRINTABLE, text
    raise CertificateError(f"attribute {dotted} has string type {kind:#04x}")
