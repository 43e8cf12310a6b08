"""What a simulated module keeps on its disk: its key, what it is known by, and whom it trusts."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hw.ores.pairing import fingerprint

if TYPE_CHECKING:
    from pathlib import Path


class ModuleKeys:
    """Files in a directory; the key is made when it is first needed."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key_file = directory / "key.pem"
        self._certificate = directory / "certificate.pem"
        self._authority = directory / "authority.pem"
        self._token = directory / "token"
        self._shown = directory / "shown.pem"
        if not self._key_file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self._key_file.touch(0o600)
            self._key_file.write_bytes(pem)
        key = load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    @property
    def ski(self) -> bytes:
        """Fingerprint of its key."""
        return fingerprint(
            self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )

    @property
    def token(self) -> str:
        """What it is known by without a certificate; empty while it has none."""
        return self._token.read_text() if self._token.exists() else ""

    @property
    def known(self) -> bool:
        """Whether a hub has let it in."""
        return self._authority.exists() and (self._certificate.exists() or self._token.exists())

    def certificate_request(self) -> str:
        """Return a request for a certificate in PEM."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ORES module")])
        signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self._key, SHA256())
        return signed.public_bytes(Encoding.PEM).decode()

    def keep(self, *, authority: str = "", certificate: str = "", token: str = "") -> None:
        """Keep what the hub gave."""
        for file, text in (
            (self._authority, authority),
            (self._certificate, certificate),
            (self._token, token),
        ):
            if text:
                new = file.with_suffix(".new")
                new.touch(0o600)
                new.write_text(text)
                new.replace(file)

    def renewal_due(self, now: datetime) -> bool:
        """Tell whether two thirds of the certificate's life are over."""
        if not self._certificate.exists():
            return False
        certificate = x509.load_pem_x509_certificate(self._certificate.read_bytes())
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return now >= begin + (end - begin) * 2 / 3

    def serial_number(self) -> int:
        """Return the serial number of its certificate: another one after each renewal."""
        return x509.load_pem_x509_certificate(self._certificate.read_bytes()).serial_number

    def trusting(self, authority: str = "") -> ssl.SSLContext:
        """Return a TLS context that trusts the hub's authority and shows the certificate, if there is one."""
        context = ssl.create_default_context(cadata=authority or self._authority.read_text())
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self._certificate.exists() and not authority:
            context.load_cert_chain(self._certificate, self._key_file)
        return context

    def serving(self) -> ssl.SSLContext:
        """Return a TLS context for its own description, with a certificate that nobody vouches for."""
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ORES module")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(self._key, SHA256())
        )
        self._shown.write_bytes(certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._shown, self._key_file)
        return context
