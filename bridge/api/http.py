"""The parts of aiohttp that the API stands on. Everything of it that `bridge.api` uses comes through here."""

from __future__ import annotations

import bridge.api.lean  # noqa: F401 - before aiohttp: it decides how much of it is loaded  # isort: skip

from aiohttp.http_websocket import WSCloseCode, WSMsgType
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server
from aiohttp.web_ws import WebSocketResponse
from multidict import CIMultiDict

__all__ = [
    "BaseRequest",
    "CIMultiDict",
    "RequestHandler",
    "Response",
    "Server",
    "StreamResponse",
    "WSCloseCode",
    "WSMsgType",
    "WebSocketResponse",
]
