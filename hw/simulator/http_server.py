"""Serves a simulated device over HTTP on a port of its own; its faults are those of the Modbus devices."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable


class HttpDevice(Protocol):
    """Who is served."""

    KIND: str
    MODEL: str
    serial: str


class HttpServer(ABC):
    """One device on one port."""

    def __init__(self, device: HttpDevice, host: str, port: int) -> None:
        self.device = device
        self.host = host
        self.port = port
        self.exception: int | None = None
        """Error code that every call is answered with."""
        self.delay_s = 0.0
        """How long every answer takes."""
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Where the device answers: `host:port`."""
        return f"{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raise OSError when the port is taken."""
        if self._runner is not None:
            return
        application = web.Application()
        application.router.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self.port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and hang up on every client."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def dawdle(self) -> None:
        """Take the time that an answer takes."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Return what is answered where."""
