"""Asking a bench module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hw.bench.answers import parse_object
from hw.http_client import HttpClient
from hw.module import ModuleUnreachable, NotSupported

if TYPE_CHECKING:
    from collections.abc import Mapping


class BenchClient(HttpClient):
    """Asks one bench module."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | None = None,
    ) -> dict[str, Any]:
        """Return the object that it answers.

        :raises ModuleUnreachable: no answer, or none that can be read
        :raises NotSupported: it refuses
        """
        status, body = await self.request(method, path, query=query, json=json, data=data)
        try:
            values = parse_object(body)
        except ValueError as error:
            raise ModuleUnreachable(f"{self}: {path} cannot be read: {error}") from error
        if status >= 500:
            raise ModuleUnreachable(f"{self}: {path}: {str(values.get('error'))[:200]} ({status})")
        if status >= 400:
            raise NotSupported(f"{self}: {path}: {str(values.get('error'))[:200]} ({status})")
        return values
