"""The audit trail: who did what, when, from where, with what result. It is only ever added to.

The hub's own trail is with its other history; this one is in the state file, for whoever works on a hub that
does not run, and until the other one is there to take its entries over. Each entry carries the hash of the
one before it, so one that is changed, left out or put in between shows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 5000
"""Entries that the state file keeps; the chain goes on from the last one that was dropped."""
GENESIS: Final = "0" * 64
_PREFIX: Final = "audit/"
_HEAD: Final = "audit-head"


class AuditTrail(Protocol):
    """Where entries go. Nothing that it has taken can be changed or taken back."""

    def audit(
        self, actor: str, action: str, subject: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        """Note that somebody did something. When this returns, a killed process does not lose it.

        :param actor: `user/anna`, `module/sma-3005067415`, `console`, or `nobody` who has not said who
        :param action: such as `POST /microinverter/control` or `user add`
        :param subject: to what: a module, a user, a session
        :param data: what else there is to say: `result`, `address`, `request`
        :raises OSError: it cannot be stored
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody did or tried."""

    time: float
    """UTC, seconds since 1970."""
    actor: str
    action: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class StoredAuditTrail:
    """An audit trail in the state file, its entries chained by SHA-256."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        head = storage.get(_HEAD)
        self._number: int = 0
        self._hash: str = GENESIS
        if head:
            self._number, self._hash = json.loads(head)

    def audit(
        self, actor: str, action: str, subject: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        """Add an entry. Raise StateError when it cannot be stored."""
        entry = AuditEntry(
            time=self._clock.utc() or 0.0, actor=actor, action=action, subject=subject, data=data or {}
        )
        number = self._number + 1
        line = json.dumps(asdict(entry), sort_keys=True)
        chained = _chained(self._hash, line)
        with self._storage.transaction():
            self._storage.put(_key(number), json.dumps([self._hash, line]).encode())
            self._storage.put(_HEAD, json.dumps([number, chained]).encode())
            self._storage.delete(_key(number - KEPT))
        self._number, self._hash = number, chained

    def latest(self, count: int) -> list[AuditEntry]:
        """Return the newest entries, the newest last."""
        first = max(1, self._number - min(count, KEPT) + 1)
        stored = [self._storage.get(_key(number)) for number in range(first, self._number + 1)]
        return [AuditEntry(**json.loads(json.loads(value)[1])) for value in stored if value is not None]

    def hand_over(self, trail: AuditTrail) -> None:
        """Give another trail what is here, each entry with the time at which it was noted."""
        for key, value in self._storage.scan(_PREFIX):
            entry = AuditEntry(**json.loads(json.loads(value)[1]))
            trail.audit(entry.actor, entry.action, entry.subject, {**entry.data, "noted": entry.time})
            self._storage.delete(key)

    def broken_at(self) -> int | None:
        """Return the number of the first entry that is not what was written, or None when all are."""
        expected: str | None = None
        for key, value in self._storage.scan(_PREFIX):
            before, line = json.loads(value)
            if expected is not None and before != expected:
                return int(key.removeprefix(_PREFIX))
            expected = _chained(before, line)
        return None if expected in {None, self._hash} else self._number


def _key(number: int) -> str:
    return f"{_PREFIX}{number:012d}"


def _chained(before: str, line: str) -> str:
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()
