"""How energy modules show who they are: a token of their own, or a certificate signed by the hub's authority.

Each speaks for one module and for nothing else. What a module was given first ends when it is given another.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from bridge.access.tokens import MODULE, digest, new_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matter_node.clock import Clock
    from matter_node.storage import Storage

_TOKEN: Final = "module-token/"  # noqa: S105 - a key in the state file
_CERTIFICATE: Final = "module-certificate/"
ID_LENGTH: Final = 16
"""Hexadecimal digits of a digest that name a credential in lists."""

_log = logging.getLogger(__name__)


class ModuleCredentials:
    """The tokens and certificates that modules were given, by what is stored of each."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._tokens = _read(storage, _TOKEN)
        self._certificates = _read(storage, _CERTIFICATE)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield what was given to whom: `kind`, `module`, `created`, and an `id` that opens nothing."""
        for kind, known in (("token", self._tokens), ("certificate", self._certificates)):
            for key, values in known.items():
                yield {"kind": kind, "id": key[:ID_LENGTH], **values}

    def issue_token(self, module: str) -> str:
        """Give a module a new token, shown this once; its former one is worth nothing."""
        token = new_token(MODULE)
        with self._storage.transaction():
            self._forget(_TOKEN, self._tokens, module)
            self._put(_TOKEN, self._tokens, digest(token), module)
        self._storage.flush()
        return token

    def trust_certificate(self, module: str, thumbprint: str, *, beside: str = "") -> None:
        """Know a module by its certificate from now on; its former one is worth nothing.

        :param thumbprint: SHA-256 of the certificate, in hexadecimal digits
        :param beside: that of a former one which stays good, for the new one may be lost on its way
        """
        with self._storage.transaction():
            self._forget(_CERTIFICATE, self._certificates, module, but=beside)
            self._put(_CERTIFICATE, self._certificates, thumbprint, module)
        self._storage.flush()

    def of_token(self, token: str) -> str | None:
        """Return the key of the module whose token it is, or None."""
        return self._tokens.get(digest(token), {}).get("module")

    def of_certificate(self, thumbprint: str) -> str | None:
        """Return the key of the module whose certificate it is, or None."""
        return self._certificates.get(thumbprint, {}).get("module")

    def revoke_id(self, credential: str) -> bool:
        """Take back one credential by the id that lists show; return whether there was one."""
        for prefix, known in ((_TOKEN, self._tokens), (_CERTIFICATE, self._certificates)):
            for key in known:
                if key.startswith(credential) and len(credential) == ID_LENGTH:
                    self._storage.delete(prefix + key)
                    self._storage.flush()
                    del known[key]
                    return True
        return False

    def revoke(self, module: str) -> int:
        """Take back what a module was given; return how many credentials that were."""
        with self._storage.transaction():
            count = self._forget(_TOKEN, self._tokens, module)
            count += self._forget(_CERTIFICATE, self._certificates, module)
        if count:
            self._storage.flush()
        return count

    def _put(self, prefix: str, known: dict[str, dict[str, Any]], key: str, module: str) -> None:
        values = {"module": module, "created": self._clock.utc() or 0.0}
        self._storage.put(prefix + key, json.dumps(values).encode())
        known[key] = values

    def _forget(self, prefix: str, known: dict[str, dict[str, Any]], module: str, *, but: str = "") -> int:
        found = [key for key, values in known.items() if values["module"] == module and key != but]
        for key in found:
            self._storage.delete(prefix + key)
            del known[key]
        return len(found)


def _read(storage: Storage, prefix: str) -> dict[str, dict[str, Any]]:
    found = {}
    for key, value in storage.scan(prefix):
        try:
            values = json.loads(value)
            found[key.removeprefix(prefix)] = {"module": values["module"], "created": values["created"]}
        except (ValueError, KeyError, TypeError) as error:
            _log.error("the credential %s cannot be read and is left alone: %r", key, error)
    return found
