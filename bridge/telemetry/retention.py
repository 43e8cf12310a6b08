"""Removing what is older than it is to be kept, and what belongs to a module that is to be forgotten.

Both go in small transactions, so that the hub's own writing never waits long, and both can be broken off at
any time and begun again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.telemetry.catalog import find_device
from bridge.telemetry.schema import LAYERS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from bridge.telemetry.store import Store

DAY: Final = 86_400
ADVANCE: Final = 7 * DAY
"""Seconds of history that one pass removes at most: a clock that is years ahead for an hour costs a week."""
_ROWS: Final = 1000
"""Rows that one transaction removes."""
_FIRST: Final = "SELECT min(ts) FROM {layer} WHERE metric = ?"
_OLD: Final = "SELECT metric, {key} FROM {table} WHERE metric = ? AND {key} < ? ORDER BY {key} LIMIT {rows}"
_DELETE: Final = "DELETE FROM {table} WHERE (metric, {key}) IN ({old})"
_ERASED: Final = "~erased/"
"""How the key of a device begins whose data is being removed. No module's key has a `~`."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how many days each layer is kept; 0 is for ever."""

    block: int = 30
    r60: int = 365
    r900: int = 0


def retain(store: Store, keeping: Keeping, now: float) -> Iterator[None]:
    """Remove what is older than it is to be kept, whole UTC days, a transaction a step. Raise StoreError."""
    with store.connection() as connection:
        numbers = [number for (number,) in connection.execute("SELECT id FROM metric").fetchall()]
    for layer in LAYERS:
        days = getattr(keeping, layer)
        if not days:
            continue
        with store.connection() as connection:
            oldest = _oldest(connection, layer, numbers)
        if oldest is None:
            continue
        cut = int(min(now - days * DAY, oldest + ADVANCE) // DAY) * DAY
        if cut <= oldest:
            continue
        # Said first: from now on nobody looks there for what may be half gone.
        noted = store.noted(f"cut.{layer}")
        if not isinstance(noted, int) or noted < cut:
            store.note(f"cut.{layer}", cut)
        for number in numbers:
            yield from _delete(store, layer, number, cut)


def _oldest(connection: sqlite3.Connection, layer: str, numbers: list[int]) -> int | None:
    # One look at the beginning of each metric; the minimum over the table would read all of it.
    times = [connection.execute(_FIRST.format(layer=layer), (number,)).fetchone()[0] for number in numbers]
    return min((time for time in times if time is not None), default=None)


def _delete(store: Store, table: str, number: int, cut: int = 2**62) -> Iterator[None]:
    key = "day" if table == "counter_day" else "ts"
    rows = _OLD.format(table=table, key=key, rows=_ROWS)
    deleted = _ROWS
    while deleted == _ROWS:
        with store.connection() as connection:
            if connection.execute(rows, (number, cut)).fetchone() is None:
                return
        with store.transaction() as connection:
            delete = _DELETE.format(table=table, key=key, old=rows)
            deleted = connection.execute(delete, (number, cut)).rowcount
        yield


def begin_erasure(store: Store, module: str) -> bool:
    """Make a module unknown at once; return whether it was known. `erase` then removes its data.

    Raise StoreError.
    """
    with store.connection() as connection:
        connection.execute("PRAGMA secure_delete = ON")
    with store.transaction() as connection:
        device = find_device(connection, module)
        if device is not None:
            connection.execute("UPDATE device SET key = ? WHERE id = ?", (f"{_ERASED}{device}", device))
            connection.execute("DELETE FROM frame WHERE device = ?", (device,))
            connection.execute("DELETE FROM frame_schema WHERE device = ?", (device,))
    store.catalog.forget()
    return device is not None


def erase(store: Store) -> Iterator[None]:
    """Remove and overwrite the data of modules that were made unknown, a transaction a step.

    Raise StoreError; what is left then is removed the next time.
    """
    with store.connection() as connection:
        devices = connection.execute(
            "SELECT id FROM device WHERE key >= ? AND key < ?", (_ERASED, _ERASED[:-1] + "0")
        ).fetchall()
        if devices:
            connection.execute("PRAGMA secure_delete = ON")
    if not devices:
        return
    for (device,) in devices:
        with store.connection() as connection:
            numbers = [
                number
                for (number,) in connection.execute(
                    "SELECT id FROM metric WHERE device = ?", (device,)
                ).fetchall()
            ]
        for number in numbers:
            for table in (*LAYERS, "counter_day"):
                yield from _delete(store, table, number)
        with store.transaction() as connection:
            connection.execute("DELETE FROM metric WHERE device = ?", (device,))
            connection.execute("DELETE FROM device WHERE id = ?", (device,))
        yield
    with store.connection() as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        # The log still has what was removed until it is folded into the file.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
