"""What serves connections: imported when the first one is there, for it is what the API costs."""

from __future__ import annotations

import asyncio
from asyncio.sslproto import SSLProtocol
from typing import TYPE_CHECKING, Final

from bridge.api.connections import ConnectionServer
from bridge.api.dispatch import Dispatcher
from bridge.api.welcome import Welcome

if TYPE_CHECKING:
    import socket

    from bridge.api.hosts import Hosts
    from bridge.api.tls import ServerTls
    from bridge.hub import Hub

HANDSHAKE: Final = 10.0
"""Seconds that a TLS handshake may take."""
FAREWELL: Final = 0.5
"""Seconds that requests have to end when the hub does."""

READ_AT_ONCE: Final = 32 * 1024
"""Bytes that TLS decrypts at once. asyncio sets aside 256 KB for each connection, even for one whose
handshake never ends, and what people ask has some hundred."""


class Serving:
    """Serves connections, with TLS or without.

    :param port: of https, for those who come without TLS
    """

    def __init__(self, hub: Hub, hosts: Hosts, tls: ServerTls, port: int) -> None:
        SSLProtocol.max_size = READ_AT_ONCE
        self._tls = tls
        self.dispatcher = Dispatcher(hub, hub.access, hosts, tls.authority)
        self._api = ConnectionServer(self.dispatcher)
        self._welcome = ConnectionServer(Welcome(hosts, tls.authority, port))

    async def serve(self, connection: socket.socket, *, secure: bool) -> None:
        """Serve a connection until it is closed. One whose handshake fails is closed at once."""
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.connect_accepted_socket(
                self._api if secure else self._welcome,
                connection,
                ssl=self._tls.context if secure else None,
                ssl_handshake_timeout=HANDSHAKE if secure else None,
            )
        except OSError:
            return
        await protocol.closed

    async def stop(self) -> None:
        """Hang up on everyone."""
        await asyncio.gather(self._api.shutdown(FAREWELL), self._welcome.shutdown(FAREWELL))
