"""The hub's TLS: its certificate for the names and addresses that it has now, renewed while it runs."""

from __future__ import annotations

import logging
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from bridge.api.authority import Authority, AuthorityError, utc_now, vouchable, write_private
from matter_node.transport.interfaces import interfaces

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RENEWED: Final = timedelta(days=30)
"""Time before its end at which the certificate is made anew."""

_log = logging.getLogger(__name__)


def addresses() -> frozenset[str]:
    """Return this machine's addresses that an authority of the home may vouch for, loopback included."""
    found = {"127.0.0.1", "::1"}
    for interface in interfaces():
        found.update(str(address) for address in interface.ipv6)
        if interface.ipv4 is not None:
            found.add(str(interface.ipv4))
    return frozenset(address for address in found if vouchable(address))


class ServerTls:
    """A TLS context whose certificate is kept good: `refresh` looks whether it still is.

    TLS 1.3 alone: every client of the last seven years has it. A client certificate is asked for and not
    demanded; one that the home's authority did not sign ends the handshake.
    """

    def __init__(self, directory: Path, names: Iterable[str], own: tuple[Path, Path] | None = None) -> None:
        """Make or load what is needed.

        :param directory: where authority and certificate are kept
        :param names: host names of the hub
        :param own: files of a certificate chain and its key that are used in place of the authority's
        :raises AuthorityError: the authority or the own certificate cannot be used
        :raises OSError: files cannot be read or written
        """
        self.authority = Authority.load_or_create(directory, utc_now())
        self._names = frozenset(name for name in names if vouchable(name))
        self._own = own
        self._loaded = ""
        self._file = directory / "server.pem"
        """Key and certificate in one file, so that they always belong together."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.load_verify_locations(cadata=self.authority.der)
        # A session that is taken up again shows no certificate; modules show theirs each time.
        self.context.num_tickets = 0
        self.refresh()

    def refresh(self) -> bool:
        """Make and load another certificate where the one in use is not good; return whether it was not."""
        if self._own is not None:
            return self._load_own(*self._own)
        wanted = self._names | addresses()
        if self._loaded and self._is_good(wanted):
            return False
        if not self._is_good(wanted):
            issued = self.authority.issue_server(wanted, utc_now())
            write_private(self._file, issued.key + issued.certificate)
            _log.info("made a certificate for %s", ", ".join(sorted(wanted)))
        self.context.load_cert_chain(self._file)
        self._loaded = "own"
        return True

    def _is_good(self, wanted: frozenset[str]) -> bool:
        """Tell whether the certificate on the disk is for these names, from our authority, and not ending."""
        try:
            certificate = x509.load_pem_x509_certificate(self._file.read_bytes())
            certificate.verify_directly_issued_by(self.authority.certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):
            return False
        covered = {*names.get_values_for_type(x509.DNSName)}
        covered |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
        now = utc_now()
        return (
            wanted <= covered
            and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWED
        )

    def _load_own(self, certificate: Path, key: Path) -> bool:
        """Load the settings' certificate when its file changed. Raise AuthorityError at the first time."""
        try:
            stamp = str(certificate.stat().st_mtime_ns)
            if stamp == self._loaded:
                return False
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            if not self._loaded:
                raise AuthorityError(
                    f"cannot use the certificate {certificate} with {key}: {error}"
                ) from error
            _log.error("cannot use the new certificate %s: %s", certificate, error)
            return False
        self._loaded = stamp
        return True
