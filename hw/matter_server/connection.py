"""One WebSocket to a Matter server: requests and their answers, and the events in between."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from hw.matter_server.messages import (
    Answer,
    Refusal,
    ServerInfo,
    ServerStops,
    UnreadableEventError,
    parse_message,
)
from hw.module import ModuleError, ModuleUnreachable, NotSupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.matter_server.messages import Event, Message

CONNECT_WITHIN: Final = 2.0
"""Seconds that a server may take to accept a connection and to say who it is."""
GOODBYE_WITHIN: Final = 0.5
"""Seconds that a server has for its part of hanging up."""
LARGEST_MESSAGE: Final = 16 * 2**20
"""Octets. A server tells of all its nodes at once: some 30 KB each, a bridge half a megabyte."""
HEARTBEAT: Final = 10.0
"""Seconds between two pings; a server that does not answer one within half of it is gone."""
MOST_REQUESTS: Final = 256
"""Requests that may wait for their answers; a server hangs up on who sends many more."""

_log = logging.getLogger(__name__)


class RequestRefused(ModuleError):  # noqa: N818 - it names what the server did
    """The server answered a request with an error."""

    def __init__(self, command: str, code: int, detail: str) -> None:
        super().__init__(f"{command}: {detail or 'refused'} ({code})")
        self.code = code


class Connection:
    """A connection from its opening to its end; for another one, make another."""

    def __init__(self, url: str, told: Callable[[Event], None]) -> None:
        self._url = url
        self._told = told
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._listener: asyncio.Task[None] | None = None
        self._waiting: dict[str, tuple[str, asyncio.Future[Any]]] = {}
        self._numbers = itertools.count(1)
        self._warned = False
        self.over = ""
        """Why the connection has ended; empty while it has not."""

    async def open(self) -> ServerInfo:
        """Connect, and return who answers.

        :raises ModuleUnreachable: nobody does within `CONNECT_WITHIN`, or what cannot be read
        :raises NotSupported: it is no Matter server, or one of another age
        """
        try:
            self._socket, info = await self._begin()
        except BaseException:
            await self.close("it did not open")
            raise
        self._listener = asyncio.create_task(self._listen(self._socket), name=f"listen to {self._url}")
        return info

    async def ask(self, command: str, *, within: float, **arguments: Any) -> Any:
        """Send a request and return its result.

        :param within: seconds that the answer may take
        :raises ModuleUnreachable: there is none, or no connection
        :raises RequestRefused: the server refuses it
        """
        if self.over or self._socket is None:
            raise ModuleUnreachable(f"{self._url}: {self.over or 'no connection'}")
        if len(self._waiting) >= MOST_REQUESTS:
            raise ModuleUnreachable(f"{self._url}: {MOST_REQUESTS} requests wait for an answer already")
        number = str(next(self._numbers))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = command, future
        try:
            async with asyncio.timeout(within):
                await self._socket.send_json({"message_id": number, "command": command, "args": arguments})
                return await future
        except TimeoutError:
            raise ModuleUnreachable(f"{self._url}: no answer to {command} within {within:.3g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ModuleUnreachable(f"{self._url}: {error}") from error
        finally:
            del self._waiting[number]

    async def close(self, reason: str = "closed") -> None:
        """Hang up; whoever waits for an answer is told why there is none."""
        self._end(reason)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait([listener])
        if self._socket is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_WITHIN):
                    await self._socket.close()
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # aiohttp hangs up in the next turn of the loop

    async def _begin(self) -> tuple[aiohttp.ClientWebSocketResponse, ServerInfo]:
        self._session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                socket = await self._session.ws_connect(
                    self._url, heartbeat=HEARTBEAT, max_msg_size=LARGEST_MESSAGE
                )
                info = self._read(await socket.receive())
        except TimeoutError:
            raise ModuleUnreachable(f"{self._url}: no answer within {CONNECT_WITHIN:.0f} s") from None
        except aiohttp.WSServerHandshakeError as error:
            detail = f"no Matter server answers there (HTTP status {error.status})"
            raise NotSupported(f"{self._url}: {detail}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ModuleUnreachable(f"{self._url}: {error}") from error
        if not isinstance(info, ServerInfo):
            raise NotSupported(f"{self._url}: what answers there is no Matter server")
        if info.misfit:
            raise NotSupported(f"{self._url}: {info.misfit}")
        return socket, info

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        reason = "the Matter server hung up"
        try:
            while not self.over:
                message = self._read(await socket.receive())
                if message is not None:
                    self._take(message)
        except ModuleUnreachable as error:
            reason = str(error).removeprefix(f"{self._url}: ")
        finally:
            self._end(reason)

    def _read(self, frame: aiohttp.WSMessage) -> Message | None:
        """Return what a frame says. Raise ModuleUnreachable when it is the end of the connection."""
        match frame.type:
            case aiohttp.WSMsgType.TEXT:
                try:
                    return parse_message(frame.data)
                except UnreadableEventError as error:
                    level = logging.DEBUG if self._warned else logging.WARNING
                    self._warned = True
                    _log.log(level, "%s: an event cannot be read: %s", self._url, error)
                    return None
                except ValueError as error:
                    raise ModuleUnreachable(f"{self._url}: a message cannot be read: {error}") from None
            case aiohttp.WSMsgType.BINARY:
                raise ModuleUnreachable(f"{self._url}: a message cannot be read: it is no text")
            case aiohttp.WSMsgType.ERROR:
                raise ModuleUnreachable(f"{self._url}: {frame.data}")
            case _:
                raise ModuleUnreachable(f"{self._url}: the Matter server hung up")

    def _take(self, message: Message) -> None:
        match message:
            case Answer():
                self._settle(message.request, message.result)
            case Refusal():
                self._settle(message.request, message)
            case ServerStops():
                self._end("the Matter server stopped")
            case ServerInfo():
                pass
            case _:
                self._told(message)

    def _settle(self, request: str, outcome: Any) -> None:
        """Answer whoever asked; an answer that comes too late has nobody waiting for it."""
        command, future = self._waiting.get(request, ("", None))
        if future is None or future.done():
            return
        if isinstance(outcome, Refusal):
            future.set_exception(RequestRefused(command, outcome.code, outcome.detail))
        else:
            future.set_result(outcome)

    def _end(self, reason: str) -> None:
        if not self.over:
            self.over = reason
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(ModuleUnreachable(f"{self._url}: {self.over}"))
