"""Connections: how long they may be silent, and what is said to what is no HTTP."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

from bridge.api import reply
from bridge.api.http import RequestHandler, Response, Server
from bridge.api.problems import BAD_REQUEST, INTERNAL, Problem

if TYPE_CHECKING:
    import asyncio

    from bridge.api.http import BaseRequest, StreamResponse

IDLE: Final = 60.0
"""Seconds that a connection may be silent, or take for the headers of its first request."""
LONGEST_LINE: Final = 8190
MOST_HEADERS: Final = 64

_log = logging.getLogger(__name__)


class Connection(RequestHandler):
    """One connection. What is no HTTP is answered with a problem, and nobody's log is filled with it.

    :ivar closed: done when the connection is
    """

    def __init__(self, *arguments: Any, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(*arguments, loop=loop, **options)
        self.closed: asyncio.Future[None] = loop.create_future()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let whoever waits for the end know."""
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answer what never became a request, or a handler that failed beyond all help."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun: it can only be cut off")
        request_id = secrets.token_hex(8)
        if status >= 500:
            _log.error("request %s failed", request_id, exc_info=exc)
            problem = Problem(INTERNAL)
        else:
            _log.debug("no HTTP from %s: %s", request.remote, exc)
            problem = Problem(BAD_REQUEST, (message or "").partition("\n")[0][:200])
        response: Response = reply.response(reply.refused(problem, request_id), request_id)
        response.force_close()
        return response


class ConnectionServer(Server):
    """Makes connections that are served by one handler."""

    def __init__(self, handler: Any) -> None:
        super().__init__(
            handler,
            access_log=None,
            keepalive_timeout=IDLE,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
            lingering_time=1.0,
            auto_decompress=False,
        )

    def __call__(self) -> Connection:
        """Make what serves the next connection."""
        return Connection(self, loop=self._loop, **self._kwargs)
