"""JSON-RPC over HTTP as Shelly devices speak it (Gen2 "RPC protocol" and "RPC channels, HTTP")."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from hw.module import ModuleError, ModuleUnreachable, NotSupported
from hw.shelly.address import HTTP_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 2.0
"""Seconds that a device may take to answer; it takes some ten milliseconds."""
LARGEST_ANSWER: Final = 64 * 1024
"""Octets; the whole status of a device with four relays has about 4 KB."""


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


class RpcClient:
    """Calls methods of one device, over a connection that stays open and is made anew when it is gone."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._session: aiohttp.ClientSession | None = None
        self._numbers = itertools.count(1)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTP_PORT else f"{host}:{self.port}"

    async def call(self, method: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call a method and return its result.

        :raises ModuleUnreachable: no answer within `TIMEOUT`, or none that can be read
        :raises NotSupported: it wants a password, or is no Shelly of generation 2 or later
        :raises RpcRefused: it answers with an error
        """
        frame: dict[str, Any] = {"id": next(self._numbers), "src": "ores-bridge", "method": method}
        if parameters:
            frame["params"] = dict(parameters)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        try:
            async with self._session.post(f"http://{self}/rpc", json=frame) as response:
                if response.status == 401:
                    raise NotSupported(f"{self}: it asks for a password; take the password off the device")
                if response.status == 404:
                    raise NotSupported(f"{self}: no Shelly of generation 2 or later answers there")
                body = await _read(response)
            return parse_answer(method, body)
        except TimeoutError as error:
            raise ModuleUnreachable(f"{self}: no answer within {TIMEOUT:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ModuleUnreachable(f"{self}: {error}") from error
        except ValueError as error:
            raise ModuleUnreachable(f"{self}: {method} cannot be read: {error}") from error

    async def close(self) -> None:
        """Let go of the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp hangs up in the next turn of the loop


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise ValueError(f"more than {LARGEST_ANSWER} octets")
    return bytes(body)
