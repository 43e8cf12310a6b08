"""Extensions of Matter certificates, in TLV and in DER (Matter Core 6.5.11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, TypeAlias

from matter_node.codec import der
from matter_node.codec.distinguished_name import CertificateError
from matter_node.codec.tlv import TlvList

if TYPE_CHECKING:
    from matter_node.codec.tlv import Value

KEY_ID_LENGTH = 20


class ExtensionType(IntEnum):
    """TLV tags of the extensions."""

    BASIC_CONSTRAINTS = 1
    KEY_USAGE = 2
    EXTENDED_KEY_USAGE = 3
    SUBJECT_KEY_ID = 4
    AUTHORITY_KEY_ID = 5
    FUTURE = 6


class KeyUsage(IntFlag):
    """What a key may be used for (RFC 5280 4.2.1.3)."""

    DIGITAL_SIGNATURE = 1 << 0
    NON_REPUDIATION = 1 << 1
    KEY_ENCIPHERMENT = 1 << 2
    DATA_ENCIPHERMENT = 1 << 3
    KEY_AGREEMENT = 1 << 4
    KEY_CERT_SIGN = 1 << 5
    CRL_SIGN = 1 << 6
    ENCIPHER_ONLY = 1 << 7
    DECIPHER_ONLY = 1 << 8


class KeyPurpose(IntEnum):
    """Extended key usages by their TLV number."""

    SERVER_AUTH = 1
    CLIENT_AUTH = 2
    CODE_SIGNING = 3
    EMAIL_PROTECTION = 4
    TIME_STAMPING = 5
    OCSP_SIGNING = 6


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """Whether a certificate may issue others, and how many levels of them."""

    is_ca: bool
    path_length: int | None = None


Extension: TypeAlias = tuple[ExtensionType, BasicConstraints | KeyUsage | tuple[KeyPurpose, ...] | bytes]

_PURPOSE_OIDS = dict(zip(KeyPurpose, (f"1.3.6.1.5.5.7.3.{arc}" for arc in (1, 2, 3, 4, 8, 9)), strict=True))
_PURPOSES = {dotted: purpose for purpose, dotted in _PURPOSE_OIDS.items()}
_OIDS = {
    ExtensionType.BASIC_CONSTRAINTS: "2.5.29.19",
    ExtensionType.KEY_USAGE: "2.5.29.15",
    ExtensionType.EXTENDED_KEY_USAGE: "2.5.29.37",
    ExtensionType.SUBJECT_KEY_ID: "2.5.29.14",
    ExtensionType.AUTHORITY_KEY_ID: "2.5.29.35",
}
_TYPES = {dotted: kind for kind, dotted in _OIDS.items()}
_CRITICAL = {ExtensionType.BASIC_CONSTRAINTS, ExtensionType.KEY_USAGE, ExtensionType.EXTENDED_KEY_USAGE}


def extensions_from_tlv(value: Value) -> tuple[Extension, ...]:
    """Take a decoded TLV list of extensions, keeping its order.

    :raises CertificateError: if one is malformed, unknown or there twice
    """
    if not isinstance(value, TlvList):
        raise CertificateError("extensions are a TLV list")
    return _unique(tuple(_from_tlv(tag, item) for tag, item in value))


def extensions_to_tlv(extensions: tuple[Extension, ...]) -> TlvList:
    """Return the value to encode."""
    return TlvList((int(kind), _to_tlv(value)) for kind, value in extensions)


def extensions_from_der(reader: der.Reader) -> tuple[Extension, ...]:
    """Read X.509 extensions; one that Matter does not know is kept as it stands unless it is critical.

    :raises CertificateError: if one cannot be kept, or is there twice
    :raises DerError: if one is malformed
    """
    extensions = []
    while reader.tag is not None:
        _, content, whole = reader.any()
        fields = der.Reader(content)
        dotted = fields.oid()
        critical = fields.tag == der.BOOLEAN and fields.boolean()
        body = fields.content(der.OCTET_STRING)
        fields.finish()
        kind = _TYPES.get(dotted)
        if kind is not None:
            if critical != (kind in _CRITICAL):
                raise CertificateError(f"{kind.name} extension with critical={critical}")
            extensions.append(_from_der(kind, body))
        elif critical:
            raise CertificateError(f"unknown critical extension {dotted}")
        else:
            extensions.append((ExtensionType.FUTURE, whole))
    return _unique(tuple(extensions))


def extensions_to_der(extensions: tuple[Extension, ...]) -> bytes:
    """Return the X.509 Extensions in the given order."""
    return der.sequence(*(_to_der(kind, value) for kind, value in extensions))


def _unique(extensions: tuple[Extension, ...]) -> tuple[Extension, ...]:
    known = [kind for kind, _ in extensions if kind is not ExtensionType.FUTURE]
    if len(known) != len(set(known)):
        raise CertificateError("an extension is there twice")
    return extensions


def _from_tlv(tag: Value, value: Value) -> Extension:
    match tag, value:
        case ExtensionType.BASIC_CONSTRAINTS, dict():
            path_length = value.get(2)
            fits = path_length is None or _is_number(path_length, 0, 255)
            if fits and isinstance(value.get(1), bool) and value.keys() <= {1, 2}:
                return ExtensionType.BASIC_CONSTRAINTS, BasicConstraints(value[1], path_length)
        case ExtensionType.KEY_USAGE, int() if _is_number(value, 0, (1 << 9) - 1):
            return ExtensionType.KEY_USAGE, KeyUsage(value)
        case ExtensionType.EXTENDED_KEY_USAGE, list() if value and not isinstance(value, TlvList):
            if all(_is_number(item, 1, 6) for item in value):
                return ExtensionType.EXTENDED_KEY_USAGE, tuple(KeyPurpose(item) for item in value)
        case ((ExtensionType.SUBJECT_KEY_ID | ExtensionType.AUTHORITY_KEY_ID), bytes()):
            if len(value) == KEY_ID_LENGTH:
                return ExtensionType(tag), value
        case ExtensionType.FUTURE, bytes():
            _check_future(value)
            return ExtensionType.FUTURE, value
    raise CertificateError(f"extension {tag} is unknown or malformed")


def _check_future(whole: bytes) -> None:
    """Refuse raw bytes that are no extension, or that hide one of the known ones."""
    try:
        reader = der.Reader(whole)
        dotted = reader.enter().oid()
        reader.finish()
    except der.DerError as error:
        raise CertificateError(f"malformed extension: {error}") from error
    if dotted in _TYPES:
        raise CertificateError(f"extension {dotted} has a form of its own")


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _to_tlv(value: BasicConstraints | KeyUsage | tuple[KeyPurpose, ...] | bytes) -> Value:
    if isinstance(value, BasicConstraints):
        members = {1: value.is_ca}
        return members if value.path_length is None else members | {2: value.path_length}
    return list(value) if isinstance(value, tuple) else value


def _from_der(kind: ExtensionType, body: bytes) -> Extension:
    reader = der.Reader(body)
    value: BasicConstraints | KeyUsage | tuple[KeyPurpose, ...] | bytes
    if kind is ExtensionType.BASIC_CONSTRAINTS:
        fields = reader.enter()
        is_ca = fields.tag == der.BOOLEAN and fields.boolean()
        value = BasicConstraints(is_ca, fields.integer() if fields.tag == der.INTEGER else None)
        fields.finish()
    elif kind is ExtensionType.KEY_USAGE:
        value = KeyUsage(der.named_bits_value(reader.content(der.BIT_STRING)))
    elif kind is ExtensionType.EXTENDED_KEY_USAGE:
        fields, purposes = reader.enter(), []
        while fields.tag is not None:
            dotted = fields.oid()
            if dotted not in _PURPOSES:
                raise CertificateError(f"unknown extended key usage {dotted}")
            purposes.append(_PURPOSES[dotted])
        value = tuple(purposes)
    else:
        fields = reader if kind is ExtensionType.SUBJECT_KEY_ID else reader.enter()
        value = fields.content(der.OCTET_STRING if kind is ExtensionType.SUBJECT_KEY_ID else 0x80)
        fields.finish()
    reader.finish()
    return _from_tlv(kind, _to_tlv(value))


def _to_der(
    kind: ExtensionType, value: BasicConstraints | KeyUsage | tuple[KeyPurpose, ...] | bytes
) -> bytes:
    if isinstance(value, BasicConstraints):
        parts = [der.boolean(True)] if value.is_ca else []
        if value.path_length is not None:
            parts.append(der.integer(value.path_length))
        body = der.sequence(*parts)
    elif isinstance(value, KeyUsage):
        body = der.named_bits(value)
    elif isinstance(value, tuple):
        body = der.sequence(*(der.oid(_PURPOSE_OIDS[purpose]) for purpose in value))
    elif kind is ExtensionType.FUTURE:
        return value
    elif kind is ExtensionType.SUBJECT_KEY_ID:
        body = der.octet_string(value)
    else:
        body = der.sequence(der.implicit(0, value))
    critical = (der.boolean(True),) if kind in _CRITICAL else ()
    return der.sequence(der.oid(_OIDS[kind]), *critical, der.octet_string(body))
