"""The home's own certificate authority: it vouches for the hub's certificate and for those of its modules.

Its key is made at the first start and never leaves the data directory. What it can vouch for is limited by
name constraints (RFC 5280 section 4.2.1.10) to local names and private addresses, so trusting it in a phone
or a browser gives nobody who steals the key power over the rest of the web.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LIFETIME: Final = timedelta(days=3652)
SERVER_LIFETIME: Final = timedelta(days=90)
MODULE_LIFETIME: Final = timedelta(days=90)
SLACK: Final = timedelta(days=1)
"""How far a device's clock may be behind the hub's."""
LOCAL_DOMAINS: Final = ("local", "localhost", "lan", "home", "internal", "home.arpa", "fritz.box")
"""Domains that belong to no one on the Internet, or to routers at home."""
LOCAL_NETWORKS: Final = tuple(
    map(
        ip_network,
        (
            *(
                "10.0.0.0/8",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "169.254.0.0/16",
                "100.64.0.0/10",
                "127.0.0.0/8",
            ),
            *("fc00::/7", "fe80::/10", "::1/128"),
        ),
    )
)
_MODULE_URI: Final = "urn:ores:module:"


class AuthorityError(ValueError):
    """A certificate cannot be made or read; the message says why."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class Authority:
    """The authority of one home."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @property
    def pem(self) -> bytes:
        """Its certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Its certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def key_pem(self) -> bytes:
        """Return its private key in PEM, for the file that only the hub reads."""
        return _key_pem(self._key)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate as browsers show it: `AB:CD:...`."""
        return fingerprint(self.der)

    @classmethod
    def load_or_create(cls, directory: Path, now: datetime) -> Authority:
        """Return the authority whose files are in a directory, making it at the first start.

        :raises AuthorityError: the files are there and cannot be used
        :raises OSError: they cannot be read or written
        """
        certificate_file, key_file = directory / "ca.crt", directory / "ca.key"
        if not certificate_file.exists() and not key_file.exists():
            directory.mkdir(mode=0o700, exist_ok=True)
            made = cls._made(now)
            # The key first: a certificate without its key could not be told from a lost key.
            write_private(key_file, made.key_pem())
            write_private(certificate_file, made.pem)
            return made
        try:
            found = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = load_pem_private_key(key_file.read_bytes(), None)
        except (ValueError, FileNotFoundError) as error:
            raise AuthorityError(
                f"the certificate authority in {directory} cannot be read ({error}): "
                "put it back from a copy, or remove it to have a new one, which apps must trust anew"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != found.public_key():
            raise AuthorityError(f"{key_file} is not the key of {certificate_file}")
        return cls(found, key)

    @classmethod
    def _made(cls, now: datetime) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ores-bridge"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"ores-bridge home {secrets.token_hex(3)}"),
            ]
        )
        permitted = [
            *(x509.DNSName(domain) for domain in LOCAL_DOMAINS),
            *(x509.IPAddress(network) for network in LOCAL_NETWORKS),
        ]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SLACK)
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        return cls(certificate, key)

    def issue_server(self, names: Iterable[str], now: datetime) -> Issued:
        """Make a certificate with a new key for the hub's own server.

        :param names: host names and IP addresses; what the authority may not vouch for is left out
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [_general_name(name) for name in sorted(names) if vouchable(name)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ores-bridge")])
        certificate = self._signed(
            subject, key.public_key(), alternatives, ExtendedKeyUsageOID.SERVER_AUTH, now, SERVER_LIFETIME
        )
        return Issued(certificate.public_bytes(Encoding.PEM), _key_pem(key))

    def sign_module(self, request: bytes, module: str, now: datetime) -> bytes:
        """Sign the certificate request of a module; return its client certificate in PEM.

        The certificate says which module it is as `urn:ores:module:KEY`; what the request says of names
        counts for nothing.

        :param request: PKCS #10 in PEM, with a key on P-256
        :param module: the module's key in the registry
        :raises AuthorityError: it is no such request, or is not signed with its own key
        """
        key = _requested(request)
        alternatives = [x509.UniformResourceIdentifier(_MODULE_URI + module)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ORES module")])
        certificate = self._signed(
            subject, key, alternatives, ExtendedKeyUsageOID.CLIENT_AUTH, now, MODULE_LIFETIME
        )
        return certificate.public_bytes(Encoding.PEM)

    @property
    def public_key(self) -> bytes:
        """Its public key as SubjectPublicKeyInfo in DER."""
        return _public(self._key.public_key())

    def requested_key(self, request: bytes) -> bytes:
        """Return the fingerprint of the key that a certificate request is for: SHA-256, 32 bytes.

        :raises AuthorityError: it is no such request as `sign_module` takes
        """
        return hashlib.sha256(_public(_requested(request))).digest()

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        alternatives: Sequence[x509.GeneralName],
        purpose: x509.ObjectIdentifier,
        now: datetime,
        lifetime: timedelta,
    ) -> x509.Certificate:
        until = min(now + lifetime, self.certificate.not_valid_after_utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SLACK)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, SHA256())
        )


def vouchable(name: str) -> bool:
    """Tell whether the authority may vouch for a host name or an IP address."""
    try:
        address = ip_address(name)
    except ValueError:
        return any(name == domain or name.endswith(f".{domain}") for domain in LOCAL_DOMAINS)
    return any(address in network for network in LOCAL_NETWORKS)


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate as browsers show it: `AB:CD:...`."""
    return hashlib.sha256(der).digest().hex(":").upper()


def utc_now() -> datetime:
    """Return the time by the system's clock."""
    return datetime.now(UTC)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def _requested(request: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of a certificate request in PEM, which is signed with it. Raise AuthorityError."""
    try:
        parsed = x509.load_pem_x509_csr(request)
        proven = parsed.is_signature_valid
        key = parsed.public_key()
    except (ValueError, TypeError, InvalidSignature) as error:
        raise AuthorityError(f"no certificate request in PEM: {error}") from error
    if not proven or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise AuthorityError("the request is not signed with a key of its own on P-256")
    return key


def _public(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
