"""How far the audit trail had come, kept in another file than the trail: so a trail that was cut off shows.

The hash chain in `events.db` tells what was changed, put in or left out, and not that its end is missing. The
number and the hash of its last entry are in the state file. They are noted after the entry is on the disk,
never before: a killed hub leaves a trail that is longer than what was noted, and that is no alarm.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from matter_node.storage import Storage

_KEY: Final = "audit-trail-head"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last entry of the trail: `number` 1, 2, 3, ..., and its hash."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditTrailCut:
    """The entry that was the last one is not in the trail any more.

    :ivar head: that entry
    :ivar left: the last number that the trail has; 0 if it is empty
    """

    head: AuditHead
    left: int


class AuditHeads:
    """Where the last head is kept."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def kept(self) -> AuditHead | None:
        """Return it; None if there is none yet."""
        stored = self._storage.get(_KEY)
        return None if stored is None else _read(stored)

    def keep(self, head: AuditHead) -> None:
        """Keep another one. When it cannot be stored the trail only seems longer, which is no alarm."""
        try:
            self._storage.put(_KEY, json.dumps([head.number, head.hash.hex()]).encode())
        except OSError as error:
            _log.error("how far the audit trail has come cannot be stored: %s", error)


def kept_in(state: Path) -> AuditHead | None:
    """Return what a state file has, whether a hub runs or not; None if it has none, or cannot be read."""
    try:
        uri = f"{state.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            row = connection.execute("SELECT value FROM kv WHERE key = ?", (_KEY,)).fetchone()
    except sqlite3.Error as error:
        _log.warning("how far the audit trail had come cannot be read in %s: %s", state, error)
        return None
    return None if row is None else _read(row[0])


def _read(stored: bytes) -> AuditHead | None:
    try:
        number, hash_ = json.loads(stored)
        return AuditHead(int(number), bytes.fromhex(hash_))
    except (ValueError, TypeError) as error:
        _log.error("how far the audit trail had come cannot be read: %r", error)
        return None
