"""What serves connections: imported when the first one is there, for it is what the API costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.api.connections import ConnectionServer
from bridge.api.dispatch import Dispatcher
from bridge.api.welcome import Welcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from bridge.api.hosts import Hosts
    from bridge.api.tls import ServerTls
    from bridge.hub import Hub

HANDSHAKE: Final = 10.0
"""Seconds that a TLS handshake may take."""
FAREWELL: Final = 0.5
"""Seconds that requests have to end when the hub does."""


class Serving:
    """Accepts connections on sockets that listen already, until it is stopped."""

    def __init__(self, hub: Hub, hosts: Hosts, tls: ServerTls) -> None:
        self._hosts = hosts
        self._tls = tls
        self.dispatcher = Dispatcher(hub, hub.access, hosts, tls.authority)
        self._servers: list[tuple[asyncio.Server, ConnectionServer]] = []

    async def start(self, secure: Sequence[socket.socket], plain: Sequence[socket.socket]) -> None:
        """Accept connections, those on `secure` with TLS."""
        loop = asyncio.get_running_loop()
        api = ConnectionServer(self.dispatcher)
        for each in secure:
            listener = await loop.create_server(
                api, sock=each, ssl=self._tls.context, ssl_handshake_timeout=HANDSHAKE
            )
            self._servers.append((listener, api))
        port = secure[0].getsockname()[1]
        welcome = ConnectionServer(Welcome(self._hosts, self._tls.authority, port))
        for each in plain:
            self._servers.append((await loop.create_server(welcome, sock=each), welcome))

    async def stop(self) -> None:
        """Hang up on everyone."""
        servers, self._servers = self._servers, []
        for listener, _ in servers:
            listener.close()
        await asyncio.gather(*(server.shutdown(FAREWELL) for _, server in servers))
