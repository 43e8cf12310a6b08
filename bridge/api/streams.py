"""Answers that go on: server-sent events, rows and long documents in parts, and WebSockets.

A handler returns one of these with an async iterator, or for a WebSocket with a function that has the
conversation. The API sends heartbeats, notices a session that ends or a reader that is too slow, and closes
the iterator however the stream ends.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from bridge.api.http import CIMultiDict, StreamResponse, WebSocketResponse, WSCloseCode, WSMsgType
from bridge.api.operation import CSV, EVENTS, JSON, NDJSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from bridge.api.http import BaseRequest
    from bridge.api.models import Model

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a stream says that it lives."""
SLOWEST: Final = 30.0
"""Seconds that a reader may take for what was sent; then the stream ends."""
RETRY: Final = 3000
"""Milliseconds after which an event source that was cut off comes back."""
LARGEST_MESSAGE: Final = 64 * 1024
"""Bytes of a WebSocket's message from a client."""
MESSAGES_PER_MINUTE: Final = 120
"""What a client may say on one WebSocket."""
PART: Final = 32 * 1024
"""Bytes that are gathered before a part of rows is sent."""

T = TypeVar("T")


class Stream(Protocol):
    """An answer that goes on."""

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Send it to its end."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    data: Model
    id: str = ""
    """What `Last-Event-ID` will say when the stream is taken up again after this one."""
    name: str = ""


class EventStream:
    """Server-sent events (HTML Living Standard, "Server-sent events")."""

    def __init__(self, events: AsyncIterator[Event], *, heartbeat: float = HEARTBEAT) -> None:
        self._events = events
        self._heartbeat = heartbeat

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Send events until there are no more."""
        response = await _begun(request, headers, EVENTS)
        await _write(response, f"retry: {RETRY}\n\n".encode())
        async for event in _with_heartbeats(self._events, self._heartbeat):
            await _write(response, b":\n\n" if event is None else event_bytes(event))
        await response.write_eof()
        return response


class Rows:
    """Rows of a table as CSV (RFC 4180, with a header) or as lines of JSON, in parts."""

    def __init__(
        self, media: str, columns: Sequence[str], rows: AsyncIterator[Sequence[object]], *, file: str = ""
    ) -> None:
        """Take what is in the rows.

        :param media: `CSV` or `NDJSON`, the context's `media`
        :param file: the name under which a browser saves it
        """
        self._media = media
        self._columns = columns
        self._rows = rows
        self._file = file

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Send rows until there are no more."""
        if self._file:
            headers["Content-Disposition"] = f'attachment; filename="{self._file}"'
        media = "text/csv; charset=utf-8; header=present" if self._media == CSV else self._media
        response = await _begun(request, headers, media)
        line = self._csv if self._media == CSV else self._ndjson
        part = [line(self._columns)] if self._media == CSV else []
        size = 0
        try:
            async for row in self._rows:
                part.append(line(row))
                size += len(part[-1])
                if size >= PART:
                    await _write(response, "".join(part).encode())
                    part, size = [], 0
            await _write(response, "".join(part).encode())
        finally:
            await _closed(self._rows)
        await response.write_eof()
        return response

    def _csv(self, row: Iterable[object]) -> str:
        text = io.StringIO()
        csv.writer(text).writerow(["" if value is None else _harmless(value) for value in row])
        return text.getvalue()

    def _ndjson(self, row: Iterable[object]) -> str:
        return json.dumps(dict(zip(self._columns, row, strict=True)), default=str) + "\n"


class Document:
    """A JSON object whose last member is a list that is sent in parts, while it is read."""

    def __init__(self, head: Model, items: AsyncIterator[Mapping[str, object]]) -> None:
        """Take the object, its last member an empty list, and what is in the list."""
        self._head = head
        self._items = items

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Send the object to its end."""
        response = await _begun(request, headers, JSON)
        part = [self._head.model_dump_json().removesuffix("]}")]
        size, separator = 0, ""
        try:
            async for item in self._items:
                part.append(separator + json.dumps(item))
                size += len(part[-1])
                separator = ","
                if size >= PART:
                    await _write(response, "".join(part).encode())
                    part, size = [], 0
            await _write(response, "".join([*part, "]}"]).encode())
        finally:
            await _closed(self._items)
        await response.write_eof()
        return response


class Download:
    """A file, whole or in parts while it is made."""

    def __init__(self, media: str, data: bytes | AsyncIterator[bytes], *, file: str) -> None:
        """Take what is in it.

        :param file: the name under which a browser saves it
        """
        self._media = media
        self._parts = _parts(data) if isinstance(data, bytes) else data
        self._file = file

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Send it."""
        headers["Content-Disposition"] = f'attachment; filename="{self._file}"'
        response = await _begun(request, headers, self._media)
        try:
            async for part in self._parts:
                await _write(response, part)
        finally:
            await _closed(self._parts)
        await response.write_eof()
        return response


class Conversation:
    """A WebSocket (RFC 6455)."""

    def __init__(self, talk: Callable[[Socket], Awaitable[None]]) -> None:
        """Take the function that has the conversation; when it returns, the socket is closed."""
        self._talk = talk

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Have the conversation."""
        socket = WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST_MESSAGE, compress=False)
        socket.headers.extend(headers)
        await socket.prepare(request)
        try:
            await self._talk(Socket(socket))
        except ConversationEnded as end:
            await socket.close(code=end.code, message=str(end).encode()[:120])
        else:
            await socket.close()
        return socket


class Broadcast:
    """A WebSocket on which the hub alone speaks: it hears of the client that it goes, and nothing else."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        """Take what is told; the socket is closed when there is no more."""
        self._events = events

    async def send(self, request: BaseRequest, headers: CIMultiDict[str]) -> StreamResponse:
        """Tell everything, unless the client goes before."""
        try:
            return await Conversation(self._talk).send(request, headers)
        finally:
            await _closed(self._events)

    async def _talk(self, socket: Socket) -> None:
        await first_of(self._tell(socket), self._listen(socket))

    async def _tell(self, socket: Socket) -> None:
        async for event in self._events:
            await socket.tell(event.data)

    async def _listen(self, socket: Socket) -> None:
        while True:
            await socket.hear()  # or nobody would answer its goodbye before there is something to tell


class ConversationEnded(Exception):  # noqa: N818 - it is how a conversation ends, not always an error
    """The client said something that ends the conversation, or has gone."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Socket:
    """One WebSocket as a handler sees it."""

    def __init__(self, socket: WebSocketResponse) -> None:
        self._socket = socket
        self._allowance = float(MESSAGES_PER_MINUTE)
        self._counted = asyncio.get_running_loop().time()

    async def tell(self, message: BaseModel) -> None:
        """Send a message. Raise ConversationEnded when the client is gone or reads too slowly."""
        try:
            async with asyncio.timeout(SLOWEST):
                await self._socket.send_str(message.model_dump_json())
        except (OSError, RuntimeError, TimeoutError) as error:
            raise ConversationEnded(WSCloseCode.GOING_AWAY, "the client does not read") from error

    async def hear(self) -> bytes:
        """Return the client's next message, text in UTF-8. Raise ConversationEnded."""
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            if message.type is WSMsgType.BINARY:
                raise ConversationEnded(WSCloseCode.UNSUPPORTED_DATA, "messages are JSON in text")
            raise ConversationEnded(WSCloseCode.OK, "the client has gone")
        self._count()
        return str(message.data).encode(errors="replace")

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        gained = (now - self._counted) * MESSAGES_PER_MINUTE / 60
        self._allowance = min(MESSAGES_PER_MINUTE, self._allowance + gained) - 1
        self._counted = now
        if self._allowance < 0:
            raise ConversationEnded(WSCloseCode.POLICY_VIOLATION, "too many messages")


async def first_of(*talks: Coroutine[Any, Any, None]) -> None:
    """Run them together until one ends, and end the others. Raise what that one raised."""
    tasks = [asyncio.create_task(each) for each in talks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def event_bytes(event: Event) -> bytes:
    """Return an event as it is sent. Neither its data nor its names can begin another one."""
    fields = (("id", event.id), ("event", event.name))
    lines = [f"{field}: {_one_line(value)}" for field, value in fields if value]
    lines.append(f"data: {event.data.model_dump_json()}")  # JSON has no line breaks of its own
    return "\n".join([*lines, "", ""]).encode()


def _one_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


async def _parts(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PART):
        yield data[start : start + PART]


async def _begun(request: BaseRequest, headers: CIMultiDict[str], media: str) -> StreamResponse:
    headers["Content-Type"] = media
    response = StreamResponse(headers=headers)
    await response.prepare(request)
    return response


async def _write(response: StreamResponse, data: bytes) -> None:
    if not data:
        return
    async with asyncio.timeout(SLOWEST):
        await response.write(data)


async def _with_heartbeats(source: AsyncIterator[T], pause: float) -> AsyncIterator[T | None]:
    """Yield what the source yields, and None whenever it was silent for a while."""
    upcoming: asyncio.Future[T] | None = None
    try:
        while True:
            if upcoming is None:
                upcoming = asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait({upcoming}, timeout=pause)
            if not done:
                yield None
                continue
            try:
                item = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield item
    finally:
        if upcoming is not None and not upcoming.done():
            upcoming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await upcoming
        await _closed(source)


async def _closed(source: AsyncIterator[Any]) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


__all__ = [
    "CSV",
    "EVENTS",
    "NDJSON",
    "Broadcast",
    "Conversation",
    "ConversationEnded",
    "Document",
    "Download",
    "Event",
    "EventStream",
    "Rows",
    "Socket",
    "first_of",
]
