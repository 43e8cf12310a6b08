"""JSON-RPC over HTTP as Shelly devices speak it (Gen2 "RPC protocol" and "RPC channels, HTTP")."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from hw.http_client import HttpClient
from hw.module import ModuleError, ModuleUnreachable, NotSupported

if TYPE_CHECKING:
    from collections.abc import Mapping


class RpcRefused(ModuleError):  # noqa: N818 - it names what the device did
    """The device answered with an error."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message or 'refused'} ({code})")
        self.code = code


def parse_answer(method: str, body: bytes) -> dict[str, Any]:
    """Return the result that an answer's body holds.

    :raises RpcRefused: it holds an error
    :raises ValueError: it is no answer
    """
    try:
        answer = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - what a device sends is a value, not a bug
    error, result = answer.get("error"), answer.get("result")
    if isinstance(error, dict):
        code, message = error.get("code"), error.get("message")
        raise RpcRefused(
            method, code if type(code) is int else -1, message if isinstance(message, str) else ""
        )
    if not isinstance(result, dict):
        raise ValueError("neither a result nor an error")  # noqa: TRY004 - the same
    return result


class RpcClient(HttpClient):
    """Calls methods of one device."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._numbers = itertools.count(1)

    async def call(self, method: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call a method and return its result.

        :raises ModuleUnreachable: no answer within the time, or none that can be read
        :raises NotSupported: it wants a password, or is no Shelly of generation 2 or later
        :raises RpcRefused: it answers with an error
        """
        frame: dict[str, Any] = {"id": next(self._numbers), "src": "ores-bridge", "method": method}
        if parameters:
            frame["params"] = dict(parameters)
        status, body = await self.request("POST", "/rpc", json=frame)
        if status == 401:
            raise NotSupported(f"{self}: it asks for a password; take the password off the device")
        if status == 404:
            raise NotSupported(f"{self}: no Shelly of generation 2 or later answers there")
        try:
            return parse_answer(method, body)
        except ValueError as error:
            raise ModuleUnreachable(f"{self}: {method} cannot be read: {error}") from error
