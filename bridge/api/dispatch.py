"""A request's way through the API: every check in its order, then the handler, then the answer.

Host, path, method, origin, who asks, whether they may, CSRF, form of the answer, query, body; a command then
goes through its Idempotency-Key. Whatever changes something is in the audit trail before it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from bridge.access.passwords import BusyError
from bridge.access.throttle import ThrottledError
from bridge.api import intake, pages, reply
from bridge.api.context import Context
from bridge.api.exchange import NOBODY, Exchange, subject
from bridge.api.http import BaseRequest, Response, StreamResponse
from bridge.api.idempotency import Idempotency, Outcome
from bridge.api.identity import check_csrf, identify, thumbprint
from bridge.api.operation import WEBSOCKET, Operation
from bridge.api.problems import (
    CSRF,
    FORBIDDEN,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    FULL,
    INTERNAL,
    NO_CREDENTIALS,
    NOT_ALLOWED,
    TOO_MANY,
    UNAVAILABLE,
    UNKNOWN_MODULE,
    UNKNOWN_PATH,
    UPGRADE_REQUIRED,
    Problem,
)
from bridge.api.published import Published
from bridge.api.router import Router
from bridge.api.streams import Broadcast, Conversation, Document, Download, EventStream, Rows
from bridge.registry import UnknownModuleError
from bridge.state import StateError, StateFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.access.access import Access
    from bridge.api.authority import Authority
    from bridge.api.context import Caller
    from bridge.api.hosts import Hosts
    from bridge.api.streams import Stream
    from bridge.hub import Hub

STREAMS: Final = 64
"""Streams that are open at one time."""
STREAMS_EACH: Final = 8
"""Streams of one person or module."""
_ALLOWED_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"

_log = logging.getLogger(__name__)


class Dispatcher:
    """Answers requests."""

    def __init__(self, hub: Hub, access: Access, hosts: Hosts, authority: Authority) -> None:
        self._hub = hub
        self._access = access
        self._hosts = hosts
        self._authority = authority
        self.router = Router()
        self._published = Published()
        self._idempotency = Idempotency(hub.storage, hub.clock)
        self._streams: dict[str, int] = {}

    async def __call__(self, request: BaseRequest) -> StreamResponse:
        """Answer a request; whatever happens, it is answered."""
        request_id = secrets.token_hex(8)
        began = time.perf_counter()
        exchange = Exchange(request, request_id)
        try:
            response = await self._respond(exchange)
        except Problem as problem:
            response = reply.response(reply.refused(problem, request_id), request_id)
            self._note_refusal(exchange, problem)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - one request's failure ends nobody else's
            _log.exception("request %s: %s %s failed", request_id, request.method, exchange.path)
            response = reply.response(reply.refused(Problem(INTERNAL), request_id), request_id)
        self._allow_origin(exchange, response)
        exchange.log(response.status, time.perf_counter() - began)
        return response

    async def _respond(self, exchange: Exchange) -> StreamResponse:
        request = exchange.request
        host = request.headers.get("Host", "")
        if not self._hosts.is_own(host):
            raise Problem(FOREIGN_HOST, f"the hub is not called {host[:80]!r}")
        operations = self.router.operations(exchange.path)
        if operations is None:
            return await self._page(exchange)
        allowed = sorted({*operations, "OPTIONS", *({"HEAD"} if "GET" in operations else ())})
        if request.method == "OPTIONS":
            return self._options(exchange, allowed)
        operation = operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            raise Problem(
                NOT_ALLOWED,
                f"{exchange.path} knows {', '.join(allowed)}",
                headers={"Allow": ", ".join(allowed)},
            )
        exchange.operation = operation
        self._check_origin(request, host)
        caller = self._authorized(exchange, operation)
        media = _wanted(request, operation)
        query = intake.parse_query(operation, request.rel_url.raw_query_string)
        raw, body = b"", None
        if operation.body is not None:
            raw = await intake.read_body(request, operation)
            body = intake.parse_body(operation, raw)
        context: Context[Any, Any] = Context(
            hub=self._hub,
            access=self._access,
            known=caller,
            query=query,
            body=body,
            media=media,
            address=exchange.address,
            agent=request.headers.get("User-Agent", ""),
            request_id=exchange.id,
            thumbprint=thumbprint(request),
            last_event_id=request.headers.get("Last-Event-ID", "")[:200],
        )
        if operation.control:
            return await self._command(exchange, operation, context, raw)
        if operation.safe:
            return await self._read(exchange, operation, context)
        return reply.response(await self._change(exchange, operation, context), exchange.id)

    def _authorized(self, exchange: Exchange, operation: Operation) -> Caller | None:
        """Return who asks, if they may. Raise Problem."""
        request = exchange.request
        try:
            caller = identify(request, self._access)
        except Problem:
            if operation.least is not None:
                raise
            caller = None  # whoever logs in may well show a session that has ended
        if operation.least is None and caller is not None and caller.by_cookie:
            try:
                check_csrf(request, caller)
            except Problem:
                caller = None  # a browser sent its cookie by itself: that says nothing
        if caller is not None:
            exchange.actor = caller.name
        if operation.least is None:
            return caller
        if caller is None:
            raise Problem(NO_CREDENTIALS, headers={"WWW-Authenticate": 'Bearer realm="ores-bridge"'})
        if not (caller.may(operation.least) or (caller.module and operation.modules)):
            raise Problem(FORBIDDEN, f"{operation.name} is for the role {operation.least.word} and above")
        if not operation.safe:
            check_csrf(request, caller)
        return caller

    # ------------------------------------------------------------------ carrying out

    async def _read(
        self, exchange: Exchange, operation: Operation, context: Context[Any, Any]
    ) -> StreamResponse:
        request = exchange.request
        with _translated():
            answer = await operation.handler(context)
        if isinstance(answer, EventStream | Rows | Document | Download | Conversation | Broadcast):
            if request.method == "HEAD":
                return Response(headers=reply.headers(exchange.id, [("Content-Type", context.media)]))
            return await self._stream(exchange, context, answer)
        packed = "gzip" in request.headers.get("Accept-Encoding", "") and operation.least is not None
        return reply.response(reply.answered(operation, answer), exchange.id, packed=packed)

    async def _command(
        self, exchange: Exchange, operation: Operation, context: Context[Any, Any], raw: bytes
    ) -> Response:
        request = exchange.request
        what = b"\n".join((operation.name.encode(), request.rel_url.raw_query_string.encode(), raw))
        outcome, again = await self._idempotency.once(
            context.caller.name,
            request.headers.get("Idempotency-Key"),
            what,
            lambda: self._change(exchange, operation, context),
        )
        if again:
            told = ("Idempotency-Replayed", "true")
            outcome = Outcome(outcome.status, (*outcome.headers, told), outcome.body)
        return reply.response(outcome, exchange.id)

    async def _change(self, exchange: Exchange, operation: Operation, context: Context[Any, Any]) -> Outcome:
        """Carry out what changes something, and note it in the audit trail."""
        try:
            with _translated():
                answer = await operation.handler(context)
            outcome = reply.answered(operation, answer)
        except Problem as problem:
            if problem.kind.status >= 500:
                raise
            outcome = reply.refused(problem, exchange.id)
            if problem.kind is TOO_MANY:
                return outcome  # whoever is held back must not fill the trail
        if not operation.routine or outcome.status == FORBIDDEN.status:
            with _translated():
                self._note(exchange, operation, outcome.status, subject(context))
        return outcome

    def _note(self, exchange: Exchange, operation: Operation, status: int, on: str = "") -> None:
        self._access.note(
            exchange.actor,
            operation.name,
            str(status),
            subject=on,
            address=exchange.address,
            request=exchange.id,
        )

    def _note_refusal(self, exchange: Exchange, problem: Problem) -> None:
        """Note that somebody who is known wanted to change what they may not."""
        operation = exchange.operation
        if problem.kind not in {FORBIDDEN, CSRF} or exchange.actor == NOBODY:
            return
        if operation is not None and not operation.safe:
            with contextlib.suppress(StateError):  # it is refused all the same
                self._note(exchange, operation, problem.kind.status)

    async def _stream(self, exchange: Exchange, context: Context[Any, Any], stream: Stream) -> StreamResponse:
        """Send a stream for as long as the session under it lives."""
        name = exchange.actor
        if sum(self._streams.values()) >= STREAMS or self._streams.get(name, 0) >= STREAMS_EACH:
            raise Problem(TOO_MANY, "too many streams are open", headers={"Retry-After": "10"})
        self._streams[name] = self._streams.get(name, 0) + 1
        session = context.known.session if context.known is not None else None
        left = None if session is None else max(0.0, session.expires - self._access.now)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(left) as life:
                forget = session and self._access.sessions.on_end(
                    session, lambda: life.reschedule(loop.time())
                )
                try:
                    return await stream.send(exchange.request, reply.headers(exchange.id))
                except Problem as problem:
                    _log.error("request %s: the answer had begun: %s", exchange.id, problem)
                    raise ConnectionResetError("the answer was broken off") from problem
                finally:
                    if forget:
                        forget()
        except TimeoutError:
            # The session ended, or the reader is too slow: what was begun is cut off, and the reader sees it.
            raise ConnectionResetError("the stream was ended") from None
        finally:
            self._streams[name] -= 1
            if not self._streams[name]:
                del self._streams[name]

    # ------------------------------------------------------------------ what is no operation

    async def _page(self, exchange: Exchange) -> Response:
        page = await pages.page(exchange.path, self._published, self._access, self._authority)
        if page is None:
            near = self.router.nearest(exchange.path)
            remedy = f"Did you mean {near}? See /docs for what there is." if near else ""
            raise Problem(UNKNOWN_PATH, f"there is no {exchange.path[:80]!r}", remedy=remedy)
        if exchange.request.method not in {"GET", "HEAD"}:
            raise Problem(NOT_ALLOWED, "it is only for reading", headers={"Allow": "GET, HEAD"})
        packed = "gzip" in exchange.request.headers.get("Accept-Encoding", "")
        return reply.response(page, exchange.id, packed=packed)

    def _options(self, exchange: Exchange, allowed: list[str]) -> Response:
        headers = [("Allow", ", ".join(allowed))]
        if self._hosts.is_allowed(exchange.request.headers.get("Origin", "")):
            headers += [
                ("Access-Control-Allow-Methods", ", ".join(allowed)),
                ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
                ("Access-Control-Max-Age", "600"),
            ]
        return reply.response(Outcome(204, tuple(headers), b""), exchange.id)

    def _check_origin(self, request: BaseRequest, host: str) -> None:
        origin = request.headers.get("Origin")
        if origin is not None and not self._hosts.may_ask(origin, host):
            raise Problem(FOREIGN_ORIGIN, f"the page is from {origin[:80]!r}")

    def _allow_origin(self, exchange: Exchange, response: StreamResponse) -> None:
        origin = exchange.request.headers.get("Origin", "")
        if not response.prepared and self._hosts.is_allowed(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, X-Request-Id"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            response.headers.add("Vary", "Origin")


def _wanted(request: BaseRequest, operation: Operation) -> str:
    """Return with which of its media types an operation is to answer. Raise Problem."""
    if WEBSOCKET in operation.media:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return WEBSOCKET
        if operation.media == (WEBSOCKET,):
            raise Problem(UPGRADE_REQUIRED, headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    offered = tuple(media for media in operation.media if media != WEBSOCKET)
    return intake.negotiate(request.headers.get("Accept", ""), offered)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the hub's own errors into problems."""
    try:
        yield
    except UnknownModuleError as error:
        raise Problem(UNKNOWN_MODULE, str(error)) from error
    except StateFullError as error:
        raise Problem(FULL) from error
    except StateError as error:
        raise Problem(UNAVAILABLE, "the hub cannot store anything at the moment") from error
    except BusyError as error:
        raise Problem(UNAVAILABLE, str(error), headers={"Retry-After": "2"}) from error
    except ThrottledError as error:
        raise Problem(
            TOO_MANY, f"another attempt is taken in {error.wait} s", headers={"Retry-After": str(error.wait)}
        ) from error
