"""Reading the finest layer back: a quarter of an hour of samples from a block, from frames, from both."""

from __future__ import annotations

import logging
from array import array
from typing import TYPE_CHECKING, Final

from bridge.telemetry.blocks import SECONDS, Block, BlockError, decode
from bridge.telemetry.frames import unpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from bridge.telemetry.catalog import Catalog, Metric
    from bridge.telemetry.frames import Frame

_log = logging.getLogger(__name__)

Samples = dict[int, float]
"""Values by their time (UTC, seconds since 1970)."""

# One look-up a second: the table is ordered by time, and a home may have a thousand devices.
_FRAMES: Final = """WITH RECURSIVE second(ts) AS (VALUES (?) UNION ALL SELECT ts + 1 FROM second WHERE ts < ?)
SELECT second.ts, frame.schema, frame.data
FROM second CROSS JOIN frame ON frame.ts = second.ts AND frame.device = ?"""


def quarter(time: float) -> int:
    """Return when the quarter of an hour begins in which a time lies."""
    return int(time // SECONDS) * SECONDS


def framed_quarters(connection: sqlite3.Connection) -> list[int]:
    """Return the quarters of an hour that there are frames of, the oldest first."""
    found: list[int] = []
    after = -(2**62)
    while True:
        (first,) = connection.execute("SELECT min(ts) FROM frame WHERE ts >= ?", (after,)).fetchone()
        if first is None:
            return found
        found.append(quarter(first))
        after = found[-1] + SECONDS


def block_samples(connection: sqlite3.Connection, metric: Metric, start: int) -> Samples:
    """Return the samples of the block that begins at `start`; none when it is absent or damaged."""
    row = connection.execute(
        "SELECT n, enc, data FROM block WHERE metric = ? AND ts = ?", (metric.id, start)
    ).fetchone()
    return {} if row is None else _decoded(metric, start, Block(*row))


def last_block(connection: sqlite3.Connection, metric: Metric, before: int) -> Samples:
    """Return the samples of the newest block that begins before a time."""
    row = connection.execute(
        "SELECT ts, n, enc, data FROM block WHERE metric = ? AND ts < ? ORDER BY ts DESC LIMIT 1",
        (metric.id, before),
    ).fetchone()
    return {} if row is None else _decoded(metric, row[0], Block(*row[1:]))


def _decoded(metric: Metric, start: int, block: Block) -> Samples:
    try:
        seconds, values = decode(block, metric.spec.scale)
    except BlockError as error:
        _log.error(
            "a quarter of an hour of %s is damaged in telemetry.db and left out: %s", metric.name, error
        )
        return {}
    return {start + second: value for second, value in zip(seconds, values, strict=True)}


class Column:
    """The samples of one metric in few bytes, while there are those of many."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times = array("q")
        self._values = array("d")

    def add(self, time: int, value: float) -> None:
        """Add a sample."""
        self._times.append(time)
        self._values.append(value)

    def samples(self) -> Samples:
        """Return the samples by their time."""
        return dict(zip(self._times, self._values, strict=True))


def frame_samples(
    connection: sqlite3.Connection, catalog: Catalog, device: int, start: int
) -> dict[int, Column]:
    """Return what is in a device's frames of the quarter that begins at `start`, by metric number."""
    found: dict[int, Column] = {}
    damaged = 0
    for time, number, data in connection.execute(_FRAMES, (start, start + SECONDS - 1, device)):
        try:
            layout = catalog.stored_layout(connection, number)
            quantities = unpack(layout.widths, data)
        except ValueError:
            damaged += 1
            continue
        for metric, scale, quantity in zip(layout.metrics, layout.scales, quantities, strict=True):
            if quantity is not None:
                column = found.get(metric)
                if column is None:
                    column = found[metric] = Column()
                column.add(time, quantity / 10.0**-scale)
    if damaged:
        _log.error("%d seconds of device %d are damaged in telemetry.db and left out", damaged, device)
    return found


def pending_samples(frames: Iterable[Frame], metric: str, start: int) -> Samples:
    """Return what frames that are not stored yet hold of a metric in the quarter that begins at `start`."""
    found: Samples = {}
    for frame in frames:
        if not start <= frame.time < start + SECONDS:
            continue
        for spec, quantity in zip(frame.layout.specs, frame.quantities(), strict=True):
            if spec.name == metric and quantity is not None:
                found[frame.time] = spec.value(quantity)
    return found
