"""The API's server: https on one port, and on another, without TLS, how to get there.

It listens at once and loads what serves connections when the first one is there: a home in which nobody uses
the API pays 1.5 MB for it, not 8. Whoever connects first waits a fraction of a second longer.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.api.authority import AuthorityError
from bridge.api.hosts import Hosts, own_names
from bridge.api.sockets import listeners
from bridge.api.tls import ServerTls
from bridge.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bridge.api.serving import Serving
    from bridge.hub import Hub

LOOK: Final = 30.0
"""Seconds between two looks at the names, the addresses and the time that the certificate is for, and at what
memory is free."""
CONNECTIONS: Final = 96
"""Connections at one time. TLS takes memory for each, whatever comes of it."""
CONNECTIONS_EACH: Final = 32
"""Connections from one address."""
_ACCEPTING: Final = "api accepting"

_log = logging.getLogger(__name__)


class ApiServer:
    """Serves the API of a hub until it is stopped.

    :ivar trouble: why it does not listen, for a person; empty when all is well
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settings = hub.book.now.api
        self.trouble = ""
        self.tls: ServerTls | None = None
        self._hosts = Hosts((), ())
        self._secure: list[socket.socket] = []
        self._plain: list[socket.socket] = []
        self._serving: Serving | None = None
        self._loading = asyncio.Lock()
        self._connections: Counter[str] = Counter()
        """How many there are from each address."""
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
        self._run(self._look_after(self.tls))
        for each in self._secure:
            self._run(self._accept(each, self.tls, secure=True), _ACCEPTING)
        for each in self._plain:
            self._run(self._accept(each, self.tls, secure=False), _ACCEPTING)

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
        listeners_, self._secure, self._plain = [*self._secure, *self._plain], [], []
        for task in self._tasks:
            if task.get_name() == _ACCEPTING:
                task.cancel()
        if self._serving is not None:
            await self._serving.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in listeners_:
            each.close()

    async def _accept(self, listener: socket.socket, tls: ServerTls, *, secure: bool) -> None:
        """Take connections in, and hang up on those that are too many before anything is spent on them."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                _log.warning("the API cannot take a connection in: %s", error.strerror)
                await asyncio.sleep(1)
                continue
            address = str(peer[0])
            if self._connections.total() >= CONNECTIONS or self._connections[address] >= CONNECTIONS_EACH:
                connection.close()
            else:
                self._connections[address] += 1
                serving = self._run(self._serve(connection, tls, secure=secure))
                serving.add_done_callback(partial(self._closed, address))

    async def _serve(self, connection: socket.socket, tls: ServerTls, *, secure: bool) -> None:
        try:
            serving = await self._loaded(tls)
            await serving.serve(connection, secure=secure)
        except Exception:  # noqa: BLE001 - the rest of the hub goes on
            _log.exception("the API cannot serve a connection")
        finally:
            connection.close()

    def _closed(self, address: str, _: asyncio.Task[None]) -> None:
        self._connections[address] -= 1
        if not self._connections[address]:
            del self._connections[address]

    async def _loaded(self, tls: ServerTls) -> Serving:
        """Return what serves connections, loading it for the first one."""
        async with self._loading:
            if self._serving is None:
                serving = await asyncio.to_thread(_load)
                self._serving = serving(self._hub, self._hosts, tls, self.port)
            return self._serving

    def _run(self, work: Coroutine[None, None, None], name: str = "api") -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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

    async def _look_after(self, tls: ServerTls) -> None:
        """Renew the certificate in time, and keep what requests leave behind from adding up."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                tls.refresh()
            except (OSError, ValueError) as error:
                _log.warning("cannot renew the API's certificate: %s", error)
            if self._serving is not None:
                give_back()  # half a millisecond


def _load() -> type[Serving]:
    from bridge.api.serving import Serving  # see above

    give_back()
    return Serving
