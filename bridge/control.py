"""The control socket: how the command line speaks with the running hub.

A Unix socket in the data directory, open to its owner alone. Requests and answers are lines of JSON:

    {"method": "status", "params": {}}
    {"result": {...}}  or  {"error": {"code": "not-found", "message": "..."}}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from pathlib import Path

REQUEST_LIMIT: Final = 16 * 1024
"""Bytes of a request."""
ANSWER_LIMIT: Final = 16 * 1024 * 1024
CLIENTS: Final = 16
IDLE: Final = 60.0
"""Seconds after which a silent client is hung up on."""

_log = logging.getLogger(__name__)


class ControlError(Exception):
    """A request that cannot be done. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class HubNotRunningError(ControlError):
    """No hub runs on the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__("not-running", f"no hub is running on {directory}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    params: dict[str, Any]


def parse_request(line: bytes) -> Request:
    """Read a request. Raise ControlError with code `malformed`."""
    if len(line) > REQUEST_LIMIT:
        raise ControlError("malformed", f"a request has at most {REQUEST_LIMIT} bytes")
    try:
        values = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ControlError("malformed", "a request is one line of JSON") from None
    if not isinstance(values, dict) or not set(values) <= {"method", "params"}:
        raise ControlError("malformed", "a request is an object with method and params")
    method, params = values.get("method"), values.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise ControlError("malformed", "method is text, params an object")
    return Request(method, params)


@dataclass(frozen=True, slots=True)
class JsonText:
    """A result that is JSON already: for one whose plain values would be large."""

    pieces: Iterable[str]


class ControlServer:
    """Answers requests with what the handlers return."""

    def __init__(
        self, path: Path, handlers: Mapping[str, Callable[[dict[str, Any]], Awaitable[object]]]
    ) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The data directory is locked: a socket that is there is a dead hub's."""
        self._path.unlink(missing_ok=True)
        with _reachable(self._path) as short:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(short)
            self._path.chmod(0o600)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=REQUEST_LIMIT)

    async def stop(self) -> None:
        """Hang up on everyone."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for client in self._clients:
                client.cancel()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._clients) >= CLIENTS:
                writer.write(_error("busy", "too many clients"))
                return
            self._clients.add(task)
            while line := await _line(reader, writer):
                writer.write(await self._answer(line))
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = parse_request(line)
            handler = self._handler(request.method)
            result = await handler(request.params)
            text = "".join(result.pieces) if isinstance(result, JsonText) else json.dumps(result)
            return f'{{"result": {text}}}\n'.encode()
        except ControlError as error:
            return _error(error.code, str(error))
        except Exception:  # noqa: BLE001 - one client's request ends nobody else's
            _log.exception("a control request failed")
            return _error("internal", "the hub failed on this request; its log says why")

    def _handler(self, method: str) -> Callable[[dict[str, Any]], Awaitable[object]]:
        handler = self._handlers.get(method)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            raise ControlError("not-found", f"there is no method {method!r}; there are {known}")
        return handler


class ControlClient:
    """Asks the hub that runs on a data directory; for the command line, so it may block."""

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        """Connect. Raise HubNotRunningError."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            with _reachable(path) as short:
                self._socket.connect(short)
        except OSError as error:
            self._socket.close()
            if isinstance(error, PermissionError):
                raise ControlError("denied", f"{path} belongs to another user: try sudo") from error
            raise HubNotRunningError(path.parent) from error
        self._file = self._socket.makefile("rb")

    def ask(self, method: str, **params: object) -> Any:
        """Return the hub's answer. Raise ControlError."""
        try:
            self._socket.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
            line = self._file.readline(ANSWER_LIMIT)
        except OSError as error:
            raise ControlError("no-answer", "the hub does not answer") from error
        if not line.endswith(b"\n"):
            raise ControlError("no-answer", "the hub hung up")
        answer = json.loads(line)
        if "error" in answer:
            raise ControlError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


async def _line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the next line, or nothing when the client is gone, silent or talks too much."""
    try:
        async with asyncio.timeout(IDLE):
            return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        writer.write(_error("malformed", f"a request has at most {REQUEST_LIMIT} bytes"))
    except (TimeoutError, asyncio.IncompleteReadError):
        pass
    return b""


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode() + b"\n"


@contextlib.contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a short name of `path`: a socket's has at most 107 bytes, a directory's may have more."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
