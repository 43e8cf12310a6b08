"""Reading and setting the keys of a go-eCharger (API v2, `http-en.md`)."""

from __future__ import annotations

import json
from typing import Any

from hw.http_client import HttpClient
from hw.module import ModuleError, ModuleUnreachable, NotSupported

_LONGEST_REASON = 120


class KeyRefused(ModuleError):  # noqa: N818 - it names what the charger did
    """The charger does not take the value for the key."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that an answer's body holds. Raise ValueError when it holds none."""
    try:
        answer = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - what a device sends is a value, not a bug
    return answer


class GoeClient(HttpClient):
    """Speaks with one charger."""

    async def status(self, keys: str) -> dict[str, Any]:
        """Return the values of those keys that the charger has.

        :param keys: with commas between

        :raises ModuleUnreachable: no answer within the time, or none that can be read
        :raises NotSupported: it wants a password, or the API v2 is off or not there
        """
        # With 400 it answers that it does not have all keys; those that it has are in the body all the same.
        return await self._ask("/api/status", {"filter": keys}, {200, 400})

    async def write(self, key: str, value: int | None) -> None:
        """Set a key.

        :raises KeyRefused: the charger does not take the value
        :raises ModuleUnreachable: no answer within the time, or none that can be read
        :raises NotSupported: as `status`
        """
        # Refusals come with 500, and the reason where success has true.
        answer = await self._ask("/api/set", {key: json.dumps(value)}, {200, 400, 500})
        if answer.get(key) is not True:
            reason = answer.get(key)
            raise KeyRefused(f"{self}: {_shown(reason) if isinstance(reason, str) else f'{key} is refused'}")

    async def _ask(self, path: str, query: dict[str, str], statuses: set[int]) -> dict[str, Any]:
        status, body = await self.request("GET", path, query=query)
        if status in {401, 403}:
            raise NotSupported(f"{self}: it asks for a password; take it off in the go-e app")
        if status == 404:
            raise NotSupported(
                f"{self}: no go-eCharger with the API v2 answers there; it is switched on in the go-e app"
                " (Internet, Advanced settings, local HTTP API v2)"
            )
        try:
            if status not in statuses:
                raise ValueError("")  # noqa: TRY301 - it has the same end as a body that is no JSON
            return parse_object(body)
        except ValueError as error:
            text = _shown(body.decode(errors="replace")) if status != 200 else ""
            raise ModuleUnreachable(
                f"{self}: {path} cannot be read: {text or error or 'no reason given'} (HTTP {status})"
            ) from error


def _shown(text: str) -> str:
    """Return a device's words as far as a person can be shown them."""
    return "".join(c for c in text[:_LONGEST_REASON] if c.isprintable()).strip()
