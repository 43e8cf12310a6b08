"""The API's server: https on one port, and on another, without TLS, how to get there.

It listens at once and loads what serves connections when the first one is there: a home in which nobody uses
the API pays 1.5 MB for it, not 8. Whoever connects first waits a fraction of a second longer.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING, Final

from bridge.api.authority import AuthorityError
from bridge.api.hosts import Hosts, own_names
from bridge.api.sockets import listeners
from bridge.api.tls import ServerTls

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bridge.api.serving import Serving
    from bridge.hub import Hub

LOOK: Final = 30.0
"""Seconds between two looks at the names, the addresses and the time that the certificate is for."""

_log = logging.getLogger(__name__)


class ApiServer:
    """Serves the API of a hub until it is stopped.

    :ivar trouble: why it does not listen, for a person; empty when all is well
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settings = hub.settings.api
        self.trouble = ""
        self.tls: ServerTls | None = None
        self._hosts = Hosts((), ())
        self._secure: list[socket.socket] = []
        self._plain: list[socket.socket] = []
        self._serving: Serving | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. What keeps it from that is a warning and no more: the rest of the hub goes on."""
        names = own_names(self._settings.names)
        self._hosts = Hosts(names, self._settings.origins)
        certificate, key = self._settings.certificate, self._settings.key
        own = (certificate, key) if certificate and key else None
        host, interface = self._settings.host, self._hub.settings.interface
        try:
            self.tls = ServerTls(self._hub.directory.path / "tls", names, own)
            self._secure = listeners(host, self._settings.port, interface)
        except (AuthorityError, OSError) as error:
            self._warn("the API is not served", error, "port", self._settings.port)
            return
        if self._settings.http:
            try:
                self._plain = listeners(host, self._settings.http_port, interface)
            except OSError as error:
                what = "the page on how to trust the API is not served"
                self._warn(what, error, "http_port", self._settings.http_port)
        self._run(self._keep_certificate(self.tls))
        loop = asyncio.get_running_loop()
        for each in (*self._secure, *self._plain):
            loop.add_reader(each.fileno(), self._first_connection, self.tls)

    @property
    def port(self) -> int:
        """TCP port of https; 0 while it does not listen."""
        return int(self._secure[0].getsockname()[1]) if self._secure else 0

    @property
    def http_port(self) -> int:
        """TCP port without TLS; 0 while there is none."""
        return int(self._plain[0].getsockname()[1]) if self._plain else 0

    @property
    def url(self) -> str:
        """Where the API is, for a person at home; empty while it does not listen."""
        if not self.port:
            return ""
        host = self._settings.host or f"{socket.gethostname().partition('.')[0].lower()}.local"
        return f"https://[{host}]:{self.port}" if ":" in host else f"https://{host}:{self.port}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate authority; empty while there is none."""
        return self.tls.authority.fingerprint if self.tls else ""

    async def stop(self) -> None:
        """Hang up on everyone."""
        for task in self._tasks:
            task.cancel()
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None
        self._stop_waiting()
        for each in (*self._secure, *self._plain):
            each.close()
        self._secure, self._plain = [], []

    def _first_connection(self, tls: ServerTls) -> None:
        """Load what serves it; meanwhile it waits in the kernel's queue."""
        self._stop_waiting()
        self._run(self._serve(tls))

    async def _serve(self, tls: ServerTls) -> None:
        try:
            serving = await asyncio.to_thread(_load)
            self._serving = serving(self._hub, self._hosts, tls)
            await self._serving.start(self._secure, self._plain)
        except Exception:  # noqa: BLE001 - the rest of the hub goes on
            self.trouble = "it could not be loaded; the hub's log says why"
            _log.exception("the API cannot be served")

    def _stop_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (*self._secure, *self._plain):
            if each.fileno() >= 0:
                loop.remove_reader(each.fileno())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="api")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _warn(self, what: str, error: Exception, key: str, port: int) -> None:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = (
                f"TCP port {port} is in use by another program or hub: stop it, or give the API another one "
                f"with `{key} = ...` under [api] in the settings"
            )
        elif isinstance(error, OSError) and error.errno in {errno.EADDRNOTAVAIL, errno.ENODEV}:
            where = self._settings.host or self._hub.settings.interface
            reason = f"there is no {where} here: correct `host` under [api], or `interface`, in the settings"
        else:
            reason = str(error)
        self.trouble = reason
        _log.warning("%s: %s", what, reason)

    async def _keep_certificate(self, tls: ServerTls) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                tls.refresh()
            except (OSError, ValueError) as error:
                _log.warning("cannot renew the API's certificate: %s", error)


def _load() -> type[Serving]:
    from bridge.api.serving import Serving  # see above

    return Serving
