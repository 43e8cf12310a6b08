"""Each command once: what came of it is kept under its Idempotency-Key, and told again when it is repeated.

It is in the state file before it is answered, so a client that never heard the answer of a hub that was
killed can ask again with the same key (draft-ietf-httpapi-idempotency-key-header). A hub that is killed
between a command and that has answered nobody; the command that is then sent again takes the first one's
place.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.api.problems import KEY_MISSING, KEY_REUSED, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from matter_node.clock import Clock
    from matter_node.storage import Storage

LIFETIME: Final = 86_400.0
"""Seconds that a key names its command."""
MOST: Final = 1000
"""Keys that are kept; the oldest ones are forgotten first."""
_PREFIX: Final = "idempotency/"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command was answered with."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Idempotency:
    """The keys of the last day."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._running: dict[str, tuple[str, asyncio.Future[Outcome]]] = {}
        self._kept: OrderedDict[str, float] = OrderedDict()
        for time, key in sorted(self._stored()):
            self._kept[key] = time

    async def once(
        self, caller: str, key: str | None, request: bytes, work: Callable[[], Awaitable[Outcome]]
    ) -> tuple[Outcome, bool]:
        """Carry out `work`, or return what came of it the first time, and whether it is told again.

        :param request: what makes it this request and no other
        :raises Problem: there is no key, or it names another request
        """
        if key is None or _KEY.fullmatch(key) is None:
            raise Problem(KEY_MISSING)
        self._forget_old()
        name = _PREFIX + hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()
        fingerprint = hashlib.sha256(request).hexdigest()
        if name in self._running:
            before, running = self._running[name]
            if before != fingerprint:
                raise Problem(KEY_REUSED)
            return await asyncio.shield(running), True
        stored = self._storage.get(name)
        if stored is not None:
            values = json.loads(stored)
            if values["request"] != fingerprint:
                raise Problem(KEY_REUSED)
            headers = tuple((each[0], each[1]) for each in values["headers"])
            return Outcome(values["status"], headers, values["body"].encode()), True
        # A client that hangs up does not undo what has begun: it will ask again.
        task = asyncio.ensure_future(self._carry_out(name, fingerprint, work))
        self._running[name] = (fingerprint, task)
        task.add_done_callback(lambda _: self._running.pop(name, None))
        return await asyncio.shield(task), False

    def _stored(self) -> Iterator[tuple[float, str]]:
        for key, value in self._storage.scan(_PREFIX):
            try:
                yield float(json.loads(value)["time"]), key
            except (ValueError, KeyError, TypeError):
                self._storage.delete(key)

    async def _carry_out(
        self, name: str, fingerprint: str, work: Callable[[], Awaitable[Outcome]]
    ) -> Outcome:
        outcome = await work()
        now = self._clock.utc() or 0.0
        values = {
            "time": now,
            "request": fingerprint,
            "status": outcome.status,
            "headers": outcome.headers,
            "body": outcome.body.decode(),
        }
        self._storage.put(name, json.dumps(values).encode())
        self._kept[name] = now
        return outcome

    def _forget_old(self) -> None:
        now = self._clock.utc() or 0.0
        while self._kept:
            name, time = next(iter(self._kept.items()))
            if len(self._kept) <= MOST and now - time < LIFETIME:
                break
            self._storage.delete(name)
            del self._kept[name]
