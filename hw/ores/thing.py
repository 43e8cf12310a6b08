"""A thing's description of itself, as the W3C's Web of Things has it (Thing Description 1.1, Discovery).

It is read before anyone trusts the thing: what it says is shown to a person and decides nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import ssl
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hw.module import Identity, ModuleKind, ModuleUnreachable, NotSupported

TIMEOUT: Final = 3.0
LARGEST: Final = 64 * 1024
"""Octets of an answer."""
WELL_KNOWN: Final = "/.well-known/wot"
URN: Final = "urn:ores:module:"
"""Before the key of a module that speaks the ORES module protocol."""
MEMBER: Final = "ores"
"""Name under which such a module's description says who it is."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] 200[ \r]")


@dataclass(frozen=True, slots=True)
class Thing:
    """What a description says.

    :ivar identity: of a module that speaks the ORES module protocol, None of others
    :ivar ski: fingerprint of the key that it showed, in hexadecimal digits; empty over plain HTTP
    """

    id: str
    title: str
    identity: Identity | None
    kind: ModuleKind | None
    ski: str = ""


def parse(data: bytes, ski: str = "") -> Thing:
    """Return what a description says. Raise ValueError for what is none."""
    try:
        values = json.loads(data)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError("no JSON") from error
    if not isinstance(values, dict) or "@context" not in values or "title" not in values:
        raise ValueError("no Thing Description: it has a title and a @context")
    own = values.get(MEMBER)
    identity, kind = None, None
    if isinstance(own, dict):
        identity, kind = _identity(own)
    return Thing(_text(values.get("id")), _text(values["title"]), identity, kind, ski)


async def fetch(host: str, port: int, path: str, *, secure: bool = True) -> Thing:
    """Read the description at a path of a device.

    :param host: an address
    :raises ModuleUnreachable: it does not answer within `TIMEOUT`
    :raises NotSupported: what it answers is no description
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = "/" + "".join(each for each in path.lstrip("/") if "!" <= each <= "~")
    request = f"GET {path} HTTP/1.0\r\nHost: {where}\r\n\r\n"
    try:
        async with asyncio.timeout(TIMEOUT):
            answer, ski = await _get(host, port, request, secure=secure)
    except (OSError, EOFError, ValueError) as error:
        raise ModuleUnreachable(f"{where}: {error or 'no answer'}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    if _STATUS.match(head) is None or len(answer) > LARGEST:
        raise NotSupported(f"{where}: no description at {path}")
    try:
        return parse(body, ski)
    except ValueError as error:
        raise NotSupported(f"{where}: {error}") from error


async def _get(host: str, port: int, request: str, *, secure: bool) -> tuple[bytes, str]:
    """Ask, and return what comes until the device hangs up, and the fingerprint of the key that it showed.

    HTTP 1.0 has no chunks, and a whole HTTP client costs the hub some megabytes.
    """
    context = None
    if secure:
        # Nobody vouches for a device that was just found: its key is noted, to be compared by who trusts it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=LARGEST)
    try:
        tls = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        writer.write(request.encode())
        answer = bytearray()
        while len(answer) <= LARGEST and (more := await reader.read(LARGEST)):
            answer += more
        return bytes(answer), fingerprint(certificate) if certificate else ""
    finally:
        writer.close()


def describe(identity: Identity, kind: ModuleKind, title: str) -> dict[str, Any]:
    """Return the description of a module that speaks the ORES module protocol."""
    return {
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        "id": URN + identity.key,
        "title": title,
        "securityDefinitions": {"paired": {"scheme": "nosec"}},
        "security": ["paired"],
        MEMBER: {
            "vendor": identity.vendor,
            "model": identity.model,
            "serial": identity.serial,
            "firmware": identity.firmware,
            "kind": kind.value,
        },
    }


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of the key in a certificate in DER, in hexadecimal digits. Raise ValueError."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _identity(own: dict[str, Any]) -> tuple[Identity, ModuleKind | None]:
    vendor, model, serial, firmware = (
        _text(own.get(name)) for name in ("vendor", "model", "serial", "firmware")
    )
    try:
        kind = ModuleKind(_text(own.get("kind")))
    except ValueError:
        kind = None
    return Identity(vendor, model, serial, firmware), kind


def _text(value: object) -> str:
    """Return a text of a sensible length that can be printed, and nothing for what is none."""
    if not isinstance(value, str):
        return ""
    return "".join(each for each in value[:128] if each.isprintable())
