"""Asking devices over HTTP: one connection that stays open, one deadline, and no more than is sensible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp

from hw.address import HTTP_PORT
from hw.module import ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 2.0
"""Seconds that a device may take to answer; it takes some ten milliseconds."""
LARGEST_ANSWER: Final = 64 * 1024
"""Octets."""


class HttpClient:
    """Asks one device, over a connection that stays open and is made anew when it is gone."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._session: aiohttp.ClientSession | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTP_PORT else f"{host}:{self.port}"

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
    ) -> tuple[int, bytes]:
        """Return the status and the body of the answer, whatever the status.

        Redirections are not followed: a device answers for itself.

        :raises ModuleUnreachable: no answer within `TIMEOUT`, or more than `LARGEST_ANSWER` octets of it
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        try:
            async with self._session.request(
                method, f"http://{self}{path}", params=query, json=json, data=data, allow_redirects=False
            ) as response:
                return response.status, await self._body(response)
        except TimeoutError as error:
            raise ModuleUnreachable(f"{self}: no answer within {TIMEOUT:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ModuleUnreachable(f"{self}: {error}") from error

    async def close(self) -> None:
        """Let go of the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # aiohttp hangs up in the next turn of the loop

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise ModuleUnreachable(
                    f"{self}: the answer cannot be read: more than {LARGEST_ANSWER} octets"
                )
        return bytes(body)
