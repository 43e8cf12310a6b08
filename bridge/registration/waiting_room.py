"""Modules that ask to be let in, until they are or ten minutes have passed. It outlives the process.

What a module and a person have told is on the disk before it is answered, so neither has to begin anew when
the hub restarts in between. Tickets and codes are in there too: the state file is its owner's alone, as the
keys in it are, and they leave it with the request.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from bridge.registration.pending import LIFETIME, Pending
from bridge.registration.refusals import FullError

if TYPE_CHECKING:
    from matter_node.clock import Clock
    from matter_node.storage import Storage

MOST: Final = 32
"""Modules that ask at a time."""
MOST_EACH: Final = 4
"""Of one host."""
_PREFIX: Final = "registration/"

_log = logging.getLogger(__name__)


class WaitingRoom:
    """All requests. Whoever changes one keeps it."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Take up those that a former run has left."""
        self._storage = storage
        self._clock = clock
        self._pending: dict[str, Pending] = {}
        for key, value in storage.scan(_PREFIX):
            try:
                pending = Pending.from_json(value, self._ahead)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the request %s cannot be read and is dropped: %r", key, error)
                storage.delete(key)
                continue
            # A clock that was wrong lets nobody wait for longer than anybody.
            pending.ends = min(pending.ends, clock.monotonic() + LIFETIME)
            self._pending[pending.id] = pending
        self._sweep()

    def all(self) -> list[Pending]:
        """Return those that are not over."""
        self._sweep()
        return list(self._pending.values())

    def get(self, id_: str) -> Pending | None:
        """Return the request of an id, None when there is none or it is over."""
        self._sweep()
        return self._pending.get(id_)

    def keep(self, pending: Pending) -> None:
        """Keep a request as it is now. Raise StateError."""
        self._storage.put(_PREFIX + pending.id, json.dumps(pending.to_json(self._ahead)).encode())
        self._pending[pending.id] = pending

    def drop(self, pending: Pending) -> None:
        """Forget a request. Raise StateError."""
        self._storage.delete(_PREFIX + pending.id)
        self._pending.pop(pending.id, None)

    def make_room(self, module: str, address: str) -> None:
        """Let a module ask anew in place of its former request. Raise FullError when too many ask."""
        for former in [each for each in self.all() if (each.module, each.address) == (module, address)]:
            self.drop(former)
        of_host = sum(each.address == address for each in self._pending.values())
        if len(self._pending) >= MOST or of_host >= MOST_EACH:
            raise FullError("too many modules ask to be registered: let them in or refuse them first")

    @property
    def _ahead(self) -> float:
        """Seconds that UTC is ahead of the monotonic clock, which begins anew with the computer."""
        return (self._clock.utc() or 0.0) - self._clock.monotonic()

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for pending in [each for each in self._pending.values() if each.ends <= now]:
            try:
                self.drop(pending)
            except OSError as error:
                _log.warning("cannot forget a request to be registered: %s", error)
                del self._pending[pending.id]
