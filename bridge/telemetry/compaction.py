"""From frames to history: when a quarter of an hour is over, its frames become blocks and rollups.

What a module logged itself goes the same way, into quarters that may be long over, and several times with the
same outcome. Where a polled and an ingested sample are of the same second, the ingested one counts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.telemetry.blocks import SECONDS, encode
from bridge.telemetry.catalog import metric_of
from bridge.telemetry.database import StoreError
from bridge.telemetry.rollups import cells, increases, last_reading
from bridge.telemetry.samples import Samples, block_samples, frame_samples, quarter
from bridge.time_zone import local_day, midnight

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import date, tzinfo

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.store import Store

_log = logging.getLogger(__name__)

_DELETION: Final = 300
"""Seconds of frames that are deleted in one transaction."""
_BLOCK: Final = "INSERT OR REPLACE INTO block (metric, ts, n, enc, data) VALUES (?, ?, ?, ?, ?)"
_CELL: Final = (
    "INSERT OR REPLACE INTO r{step} (metric, ts, n, mean, mn, mx, delta) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_LOOK_BACK: Final = 31 * 86_400
_BEFORE: Final = (
    "SELECT ts FROM r900 WHERE metric = ? AND ts < ? AND ts >= ? AND mx > 0 ORDER BY ts DESC LIMIT 1"
)
_AFTER: Final = "SELECT ts FROM r900 WHERE metric = ? AND ts > ? AND mx > 0 ORDER BY ts LIMIT 1"
_DAY_BEFORE: Final = (
    "SELECT last FROM counter_day WHERE metric = ? AND last_ts < ? AND last > 0 ORDER BY day DESC LIMIT 1"
)
_DAY: Final = (
    "INSERT OR REPLACE INTO counter_day (metric, day, first_ts, first, last_ts, last, delta)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def compact(store: Store, now: float) -> Iterator[None]:
    """Turn the frames of every quarter but the current one into history, a transaction a step.

    A step that raises StoreError has changed nothing, and the whole can be begun again at any time.
    """
    for start in store.quarters():
        if start == quarter(now):
            continue
        while True:
            store.touched.discard(start)
            for device in store.devices(start):
                _compact_or_drop(store, device, start)
                yield
            for time in range(start, start + SECONDS, _DELETION):
                if start in store.touched:
                    break  # frames came in meanwhile: they are not history yet
                with store.transaction() as connection:
                    connection.execute("DELETE FROM frame WHERE ts >= ? AND ts < ?", (time, time + _DELETION))
                yield
            if start not in store.touched:
                break


def _compact_or_drop(store: Store, device: int, start: int) -> None:
    try:
        with store.transaction() as connection:
            compact_device(connection, store, device, start)
    except StoreError:
        raise
    except Exception:  # noqa: BLE001 - numbers that damage has made impossible must not stop all others
        _log.exception("a quarter of an hour of device %d cannot be made history of and is dropped", device)


def compact_device(connection: sqlite3.Connection, store: Store, device: int, start: int) -> None:
    """Write a device's blocks and rollups of a quarter; its frames stay."""
    for number, column in frame_samples(connection, store.catalog, device, start).items():
        metric = metric_of(connection, number)
        if metric is not None:
            stored = block_samples(connection, metric, start)
            write_quarter(connection, store.zone, metric, start, column.samples() | stored)


def write_quarter(
    connection: sqlite3.Connection, zone: tzinfo, metric: Metric, start: int, samples: Samples
) -> None:
    """Write the block and the rollups of one metric in one quarter, in place of what is there."""
    times = sorted(samples)
    block = encode([time - start for time in times], [samples[time] for time in times], metric.spec.scale)
    if block is None:
        return
    connection.execute(_BLOCK, (metric.id, start, block.n, block.enc, block.data))
    _roll_up(connection, zone, metric, start, samples)
    if metric.spec.counter:
        # The next reading above zero counts from here on; a zero counts nothing.
        row = connection.execute(_AFTER, (metric.id, start)).fetchone()
        if row is not None:
            following = block_samples(connection, metric, row[0])
            if following:
                _roll_up(connection, zone, metric, row[0], following)


def _roll_up(
    connection: sqlite3.Connection, zone: tzinfo, metric: Metric, start: int, samples: Samples
) -> None:
    times = sorted(samples)
    quantities = [metric.spec.quantity(samples[time]) for time in times]
    counted = None
    if metric.spec.counter:
        counted = increases(quantities, reading_before(connection, metric, start))
    for step in (60, SECONDS):
        connection.executemany(
            _CELL.format(step=step),
            [
                (metric.id, ts, cell.n, cell.mean, cell.minimum, cell.maximum, cell.delta)
                for ts, cell in cells(times, quantities, step, counted).items()
            ],
        )
    if metric.spec.counter:
        last = max((index for index, each in enumerate(quantities) if each), default=len(times) - 1)
        _note_day(connection, zone, metric, (times[0], quantities[0]), (times[last], quantities[last]))


def reading_before(connection: sqlite3.Connection, metric: Metric, start: int) -> int | None:
    """Return what a counter showed last before a quarter, above zero if it ever did; None if it is new."""
    row = connection.execute(_BEFORE, (metric.id, start, start - _LOOK_BACK)).fetchone()
    if row is not None:
        samples = block_samples(connection, metric, row[0])
        reading = last_reading([metric.spec.quantity(samples[time]) for time in sorted(samples)], None)
        if reading:
            return reading
    # Blocks are removed after a while, days stay.
    row = connection.execute(_DAY_BEFORE, (metric.id, start)).fetchone()
    if row is not None:
        return int(row[0])
    row = connection.execute("SELECT 1 FROM r900 WHERE metric = ? AND ts < ?", (metric.id, start)).fetchone()
    return None if row is None else 0


def _note_day(
    connection: sqlite3.Connection,
    zone: tzinfo,
    metric: Metric,
    first: tuple[int, int],
    last: tuple[int, int],
) -> None:
    """Bring the day of a quarter up to date. Days begin with a quarter in every time zone of today.

    :param last: the last reading above zero; a quarter that has none says nothing about the day's last
    """
    day = local_day(first[0], zone)
    row = connection.execute(
        "SELECT first_ts, first, last_ts, last FROM counter_day WHERE metric = ? AND day = ?",
        (metric.id, day_number(day)),
    ).fetchone()
    if row is not None:
        first = min(first, (row[0], row[1]), key=lambda each: each[0])
        last = max(last, (row[2], row[3]), key=lambda each: (each[1] > 0, each[0]))
    begin, end = midnight(day, zone), midnight(next_day(day), zone)
    delta = connection.execute(
        "SELECT coalesce(sum(delta), 0) FROM r900 WHERE metric = ? AND ts >= ? AND ts < ?",
        (metric.id, begin, end),
    ).fetchone()[0]
    connection.execute(_DAY, (metric.id, day_number(day), *first, *last, delta))


def rebuild_days(store: Store) -> Iterator[None]:
    """Count the days anew when the home has moved to another time zone, a metric a step.

    Days before the first quarter that is kept stay as they were.
    """
    zone = store.zone
    if store.noted("zone") == str(zone):
        return
    with store.connection() as connection:
        numbers = [row[0] for row in connection.execute("SELECT id FROM metric WHERE counter").fetchall()]
    for number in numbers:
        with store.transaction() as connection:
            days: dict[date, list[int]] = {}
            for ts, low, high, delta in connection.execute(
                "SELECT ts, mn, mx, delta FROM r900 WHERE metric = ? ORDER BY ts", (number,)
            ):
                entry = days.setdefault(local_day(ts, zone), [ts, int(low), ts, int(high), 0])
                entry[2:4] = [ts + SECONDS - 1, int(high)] if high else entry[2:4]
                entry[4] += delta or 0
            if days:
                connection.execute(
                    "DELETE FROM counter_day WHERE metric = ? AND day >= ?", (number, day_number(min(days)))
                )
                connection.executemany(
                    _DAY, [(number, day_number(day), *entry) for day, entry in days.items()]
                )
        yield
    store.note("zone", str(zone))


def day_number(day: date) -> int:
    """Return a date as it is stored: 20260621."""
    return day.year * 10000 + day.month * 100 + day.day


def next_day(day: date) -> date:
    """Return the date after a date."""
    return type(day).fromordinal(day.toordinal() + 1)
