"""The API's server: https on one port, and on another, without TLS, how to get there."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING, Final

from bridge.api.authority import AuthorityError
from bridge.api.dispatch import Dispatcher
from bridge.api.hosts import Hosts, own_names
from bridge.api.listening import ConnectionServer, listeners
from bridge.api.tls import LOOK, ServerTls
from bridge.api.welcome import Welcome

if TYPE_CHECKING:
    from bridge.hub import Hub

HANDSHAKE: Final = 10.0
"""Seconds that a TLS handshake may take."""
FAREWELL: Final = 0.5
"""Seconds that requests have to end when the hub does."""

_log = logging.getLogger(__name__)


class ApiServer:
    """Serves the API of a hub until it is stopped.

    :ivar port: of https; 0 while it does not listen
    :ivar http_port: of what is served without TLS; 0 while there is none
    :ivar trouble: why it does not listen, for a person; empty when all is well
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settings = hub.settings.api
        self.port = 0
        self.http_port = 0
        self.trouble = ""
        self.tls: ServerTls | None = None
        self._servers: list[tuple[asyncio.Server, ConnectionServer]] = []
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. What keeps it from that is a warning and no more: the rest of the hub goes on."""
        names = own_names(self._settings.names)
        try:
            own = (
                self._settings.certificate
                and self._settings.key
                and (
                    self._settings.certificate,
                    self._settings.key,
                )
            )
            self.tls = ServerTls(self._hub.directory.path / "tls", names, own or None)
            hosts = Hosts(names, self._settings.origins)
            dispatcher = Dispatcher(self._hub, self._hub.access, hosts, self.tls.authority)
            self.port = await self._listen(dispatcher, self._settings.port, self.tls)
        except (AuthorityError, OSError) as error:
            self._warn(error, self._settings.port, "port")
            return
        self._keeper = asyncio.create_task(self._keep_certificate(self.tls), name="api certificate")
        if not self._settings.http:
            return
        try:
            welcome = Welcome(hosts, self.tls.authority, self.port)
            self.http_port = await self._listen(welcome, self._settings.http_port, None)
        except OSError as error:
            self._warn(error, self._settings.http_port, "http_port")

    @property
    def url(self) -> str:
        """Where the API is, for a person at home; empty while it does not listen."""
        if not self.port:
            return ""
        host = self._settings.host or f"{socket.gethostname().partition('.')[0].lower()}.local"
        if self._settings.host and ":" in host:
            host = f"[{host}]"
        return f"https://{host}:{self.port}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate authority; empty while there is none."""
        return self.tls.authority.fingerprint if self.tls else ""

    async def stop(self) -> None:
        """Hang up on everyone."""
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        servers, self._servers = self._servers, []
        for listener, _ in servers:
            listener.close()
        await asyncio.gather(*(server.shutdown(FAREWELL) for _, server in servers))
        self.port = self.http_port = 0

    async def _listen(self, handler: object, port: int, tls: ServerTls | None) -> int:
        server = ConnectionServer(handler)
        sockets = listeners(self._settings.host, port, self._hub.settings.interface)
        loop = asyncio.get_running_loop()
        for each in sockets:
            listener = await loop.create_server(
                server,
                sock=each,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=HANDSHAKE if tls else None,
            )
            self._servers.append((listener, server))
        bound: int = sockets[0].getsockname()[1]
        return bound

    def _warn(self, error: Exception, port: int, key: str) -> None:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = (
                f"TCP port {port} is in use by another program or hub: stop it, or give the API another one "
                f"with `{key} = ...` under [api] in the settings"
            )
        elif isinstance(error, OSError) and error.errno in {errno.EADDRNOTAVAIL, errno.ENODEV}:
            where = self._settings.host or self._hub.settings.interface
            reason = (
                f"this machine has no {where}: correct `host` under [api], or `interface`, in the settings"
            )
        else:
            reason = str(error)
        self.trouble = reason
        what = "the API is not served" if key == "port" else "its page on how to get there is not served"
        _log.warning("%s: %s", what, reason)

    async def _keep_certificate(self, tls: ServerTls) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                tls.refresh()
            except (OSError, ValueError) as error:
                _log.warning("cannot renew the API's certificate: %s", error)
