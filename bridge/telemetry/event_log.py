"""`events.db`: what happened, and the audit trail of who did what.

The audit trail only grows. Triggers refuse to change or remove an entry, and each entry carries a SHA-256
over itself and the hash of the one before it, so a change made behind SQLite's back is found by `verify`.
That its end was cut off shows by the head that is kept elsewhere (`bridge.telemetry.audit_head`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.telemetry.audit_head import AuditHead, AuditTrailCut
from bridge.telemetry.database import Database, FileKind, StoreError, open_to_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_VERSION_1: Final = (
    """CREATE TABLE event (
        id INTEGER PRIMARY KEY,  -- ascending; microseconds since 1970 unless the clock went back
        ts REAL NOT NULL,        -- UTC, seconds since 1970
        kind TEXT NOT NULL,
        module TEXT NOT NULL,    -- empty: the hub itself
        data TEXT NOT NULL       -- JSON object
    ) STRICT""",
    "CREATE INDEX event_module ON event (module, id)",
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY,  -- 1, 2, 3, ... without a gap
        event INTEGER NOT NULL UNIQUE,
        ts REAL NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        data TEXT NOT NULL,
        hash BLOB NOT NULL       -- SHA-256 over the hash before it and this row
    ) STRICT""",
    """CREATE TRIGGER audit_grows BEFORE INSERT ON audit
        WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit)
        BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END""",
    """CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END""",
    """CREATE TRIGGER audit_remains BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'nothing is removed from the audit trail'); END""",
)
EVENTS: Final = FileKind(
    application_id=0x4F524556,  # "OREV"
    migrations=(_VERSION_1,),
    pragmas=("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 250", "cache_size = -256"),
)
_NEWEST: Final = "SELECT id, ts, kind, module, data FROM event WHERE id < ? {only} ORDER BY id DESC LIMIT ?"
_AUDIT: Final = "SELECT id, event, ts, actor, action, subject, data, hash FROM audit"
_LAST: Final = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1"
_BEFORE_ALL: Final = bytes(32)
_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    id: int
    """Ascending, unique."""
    time: float
    """UTC, seconds since 1970."""
    kind: str
    """Such as `reachability`, `command`, `fault`."""
    module: str = ""
    """Key of the module; empty for the hub itself."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain values that JSON has."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody did, for the audit trail."""

    id: int
    time: float
    actor: str
    """Who: an origin with its source, such as `user cli`, or `hub`."""
    action: str
    subject: str = ""
    """To what: a module's key, or empty for the hub."""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit trail."""

    number: int
    """1, 2, 3, ..."""
    deed: Deed
    hash: bytes


class EventLog:
    """Writes the file. Belongs to one thread. Everything raises StoreError when it cannot be done."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, EVENTS)
        self._head: AuditHead | None = None
        self._moved: Callable[[AuditHead], None] | None = None
        """Told of the last entry; None while nobody watches."""
        self._cut: Callable[[AuditTrailCut], None] = lambda _: None

    def watch(
        self,
        head: AuditHead | None,
        moved: Callable[[AuditHead], None],
        cut: Callable[[AuditTrailCut], None],
    ) -> None:
        """Hold the audit trail against its head before anything is added to it.

        :param head: the last entry that is known of, None for the first one that is found
        :param moved: told the last entry whenever it is another one, and on the disk
        :param cut: told when the head is not in the trail
        """
        self._head, self._moved, self._cut = head, moved, cut

    def append(self, entries: Sequence[Event | Deed]) -> None:
        """Store entries; what is there already is left alone."""
        deeds = [entry for entry in entries if isinstance(entry, Deed)]
        cut = None
        with self.database.transaction() as connection:
            if deeds and self._head is not None:
                cut = _cut_off(connection, self._head)
                if cut is not None:
                    _append_deed(connection, _finding(cut, deeds[0]))
            for entry in entries:
                if isinstance(entry, Event):
                    connection.execute(
                        "INSERT OR IGNORE INTO event (id, ts, kind, module, data) VALUES (?, ?, ?, ?, ?)",
                        (entry.id, entry.time, entry.kind, entry.module, _json(entry.data)),
                    )
                else:
                    _append_deed(connection, entry)
            last = connection.execute(_LAST).fetchone() if deeds else None
        if cut is not None:
            self._cut(cut)
        if last is not None and self._moved is not None:
            self._head = AuditHead(*last)
            self._moved(self._head)

    def retain(self, oldest: float) -> Iterator[None]:
        """Remove events from before a time, a transaction a step; the audit trail stays."""
        deleted = _ROWS
        while deleted == _ROWS:
            with self.database.transaction() as connection:
                deleted = connection.execute(
                    "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE ts < ? ORDER BY id LIMIT ?)",
                    (oldest, _ROWS),
                ).rowcount
            yield

    def close(self) -> None:
        """Close the file."""
        self.database.close()


def _append_deed(connection: sqlite3.Connection, deed: Deed) -> None:
    if connection.execute("SELECT 1 FROM audit WHERE event = ?", (deed.id,)).fetchone():
        return
    row = connection.execute(_LAST).fetchone()
    number, before = (row[0] + 1, row[1]) if row else (1, _BEFORE_ALL)
    values = (number, deed.id, deed.time, deed.actor, deed.action, deed.subject, _json(deed.data))
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, _hash(before, values)))


def _cut_off(connection: sqlite3.Connection, head: AuditHead) -> AuditTrailCut | None:
    """Return what is left of a trail without its head; None if it has it."""
    row = connection.execute("SELECT hash FROM audit WHERE id = ?", (head.number,)).fetchone()
    if row is not None and row[0] == head.hash:
        return None
    last = connection.execute(_LAST).fetchone()
    return AuditTrailCut(head, last[0] if last else 0)


def _finding(cut: AuditTrailCut, next_: Deed) -> Deed:
    """Return what the trail itself says of that, just before the next entry."""
    data = {"missing": cut.head.number, "hash": cut.head.hash.hex(), "left": cut.left}
    return Deed(next_.id - 1, next_.time, "hub", "find the audit trail cut off", data=data)


def _hash(before: bytes, values: Sequence[object]) -> bytes:
    return hashlib.sha256(before + json.dumps(values, ensure_ascii=False).encode()).digest()


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)


def read_events(
    connection: sqlite3.Connection, *, module: str | None = None, before: int | None = None, limit: int = 100
) -> list[Event]:
    """Return events, the newest first.

    :param module: only its events; an empty one is the hub itself
    :param before: only those with a smaller id, to read on
    """
    newest = 2**62 if before is None else before
    if module is None:
        rows = connection.execute(_NEWEST.format(only=""), (newest, limit))
    else:
        rows = connection.execute(_NEWEST.format(only="AND module = ?"), (newest, module, limit))
    return [Event(number, time, kind, name, json.loads(data)) for number, time, kind, name, data in rows]


def count_audit(connection: sqlite3.Connection) -> int:
    """Return the number of the last entry of the audit trail, 0 if there is none."""
    (count,) = connection.execute("SELECT coalesce(max(id), 0) FROM audit").fetchone()
    return int(count)


def read_audit(connection: sqlite3.Connection, *, after: int = 0, limit: int = 100) -> list[AuditEntry]:
    """Return entries of the audit trail, the oldest first, from the one after number `after`."""
    rows = connection.execute(f"{_AUDIT} WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    return [
        AuditEntry(number, Deed(event, time, actor, action, subject, json.loads(data)), hash_)
        for number, event, time, actor, action, subject, data, hash_ in rows
    ]


def verify(connection: sqlite3.Connection, head: AuditHead | None = None) -> int | None:
    """Return the number of the first entry that was changed or is missing, None if none was or is.

    :param head: the last entry that is known of; the trail may have more
    """
    expected, before = 1, _BEFORE_ALL
    for *values, kept in connection.execute(f"{_AUDIT} ORDER BY id"):
        before = _hash(before, values)
        if values[0] != expected or kept != before:
            return expected
        if head is not None and head.number == expected and kept != head.hash:
            return expected
        expected += 1
    return expected if head is not None and head.number >= expected else None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that reads the file; one that is not there yet is empty. Raise StoreError."""
    try:
        with contextlib.closing(open_to_read(path, EVENTS)) as connection:
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
