"""History: what metrics of a module did, span by span, from the coarsest layer that answers exactly.

Spans below a minute come from the samples, below a quarter of an hour from the minutes, longer ones from the
quarters. What is younger than the oldest frame always comes from the samples, so the newest second is there.
Where a layer has been removed, the next coarser one answers, in its own, longer spans.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.telemetry.blocks import SECONDS
from bridge.telemetry.quarters import Quarters
from bridge.telemetry.resolution import Resolution
from bridge.telemetry.rollups import Cell, cell
from bridge.telemetry.samples import quarter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.reader import Reader

CHUNK: Final = 2000
"""Points that are in memory at a time, at most; one span of every metric at least."""
LATEST: Final = 2**36
"""Seconds since 1970 beyond which nobody means a time."""
_STEPS: Final = {"block": 1, "r60": 60, "r900": SECONDS}
_AGGREGATE: Final = (
    "SELECT sum(n), sum(n * mean) / sum(n), min(mn), max(mx), sum(delta)"
    " FROM {layer} WHERE metric = ? AND ts >= ? AND ts < ?"
)
_FIRST: Final = "SELECT min(ts) FROM {layer} WHERE metric = ? AND ts >= ?"
_ROWS: Final = (
    "SELECT ts, n, mean, mn, mx, delta FROM {layer} WHERE metric = ? AND ts >= ? AND ts < ? ORDER BY ts"
)


class Point(NamedTuple):
    """What a metric did in a span, in its unit."""

    n: int
    """Samples, each a second."""
    mean: float
    minimum: float
    maximum: float
    delta: float | None
    """What a counter counted in the span; None for other metrics."""


class Row(NamedTuple):
    """One span."""

    start: int
    """UTC, seconds since 1970."""
    end: int
    points: tuple[Point | None, ...]
    """One for each metric that was asked for, None where it has no sample. Not all of them are None."""


class _Segment(NamedTuple):
    """A part of the range that one layer answers for."""

    start: int
    end: int
    layer: str
    resolution: Resolution


class History:
    """The rows of a range. Raise StoreError while it is read."""

    def __init__(
        self,
        reader: Reader,
        module: str,
        metrics: Sequence[Metric],
        start: int,
        end: int,
        resolution: Resolution,
    ) -> None:
        """Ask for the spans from the one that holds `start` to the last that begins before `end`.

        Times are UTC, seconds since 1970. Raise ValueError when they are none.
        """
        if not 0 <= start <= end <= LATEST:
            raise ValueError("a range begins in 1970 or later and does not end before it begins")
        self._reader = reader
        self._metrics = metrics
        self._start = start
        self._end = end
        self._resolution = resolution
        self._framed = reader.framed(module)
        self._horizon = self._framed[0] if self._framed else LATEST
        self._quarters = Quarters(reader, module, metrics, self._framed)

    def chunks(self) -> Iterator[list[Row]]:
        """Yield the rows in order, some at a time. Spans without any sample are left out."""
        for segment in self._segments():
            spans = max(1, CHUNK // max(1, len(self._metrics)))
            time = self._next(segment, segment.resolution.floor(segment.start))
            while time is not None and time < segment.end:
                bounds = [time]
                while len(bounds) <= spans and bounds[-1] < segment.end:
                    bounds.append(segment.resolution.after(bounds[-1]))
                rows = self._rows(segment, bounds)
                if rows:
                    yield rows
                time = bounds[-1] if rows else self._next(segment, bounds[-1])

    def _segments(self) -> Iterator[_Segment]:
        """Divide the range by the layer that answers for it."""
        cuts = self._reader.cuts()
        seconds = self._resolution.seconds
        zone = self._resolution.zone
        start = self._start
        if seconds < SECONDS:
            minutes = min(cuts["r60"], self._end)
            if start < minutes:
                yield _Segment(start, minutes, "r900", Resolution("15m", zone))
                start = minutes
        if seconds < 60:
            samples = min(cuts["block"], self._end)
            if start < samples:
                yield _Segment(start, samples, "r60", Resolution("1m", zone))
                start = samples
        layer = "block" if seconds < 60 else "r60" if seconds < SECONDS else "r900"
        if start < self._end:
            yield _Segment(start, self._end, layer, self._resolution)

    def _next(self, segment: _Segment, time: int) -> int | None:
        """Return the first span at or after `time` that may hold something, None when there is none."""
        times = [max(time, start) for start in self._framed if time < start + SECONDS][:1]
        # A block holds what comes after its beginning.
        look = quarter(time) if segment.layer == "block" else time
        with self._reader.snapshot() as connection:
            for metric in self._metrics:
                (found,) = connection.execute(
                    _FIRST.format(layer=segment.layer), (metric.id, look)
                ).fetchone()
                if found is not None:
                    times.append(max(found, time))
        return segment.resolution.floor(min(times)) if times else None

    def _rows(self, segment: _Segment, bounds: Sequence[int]) -> list[Row]:
        """Return the rows of the spans between neighbouring bounds."""
        table: list[dict[int, Cell]] = [{} for _ in self._metrics]
        border = min(max(self._horizon, bounds[0]), bounds[-1])
        if segment.layer == "block":
            border = bounds[0]
        else:
            with self._reader.snapshot() as connection:
                for metric, column in zip(self._metrics, table, strict=True):
                    _stored(connection, segment, metric, bounds, border, column)
        if border < bounds[-1]:
            self._sampled(bounds, border, table)
        rows = []
        for start, end in pairwise(bounds):
            points = tuple(
                _point(metric, column.get(start)) for metric, column in zip(self._metrics, table, strict=True)
            )
            if any(points):
                rows.append(Row(start, end, points))
        return rows

    def _sampled(self, bounds: Sequence[int], border: int, table: Sequence[dict[int, Cell]]) -> None:
        """Add what the samples from `border` on say."""
        spans = list(pairwise(bounds))
        for start in self._quarters.between(quarter(border), bounds[-1]):
            loaded = self._quarters.load(start)
            touching = [span for span in spans if span[0] < start + SECONDS and start < span[1]]
            for each, column in zip(loaded, table, strict=True):
                for begin, end in touching if each.times else ():
                    first = bisect_left(each.times, max(begin, border))
                    last = bisect_left(each.times, end, first)
                    if first < last:
                        counted = None if each.counted is None else each.counted[first:last]
                        found = cell(each.quantities[first:last], counted)
                        column[begin] = column[begin].merged(found) if begin in column else found


def _stored(
    connection: sqlite3.Connection,
    segment: _Segment,
    metric: Metric,
    bounds: Sequence[int],
    border: int,
    column: dict[int, Cell],
) -> None:
    """Add what a rollup says about the spans up to `border`."""
    if segment.resolution.seconds == _STEPS[segment.layer]:
        rows = _ROWS.format(layer=segment.layer)
        for ts, *values in connection.execute(rows, (metric.id, bounds[0], border)):
            column[ts] = Cell(*values)
        return
    aggregate = _AGGREGATE.format(layer=segment.layer)
    for start, end in pairwise(bounds):
        if start >= border:
            return
        n, mean, low, high, delta = connection.execute(
            aggregate, (metric.id, start, min(end, border))
        ).fetchone()
        if n:
            # A rounded mean may lie a hair outside.
            column[start] = Cell(n, min(max(mean, low), high), low, high, delta)


def _point(metric: Metric, found: Cell | None) -> Point | None:
    if found is None:
        return None
    value = metric.spec.value
    delta = None if found.delta is None else value(found.delta)
    return Point(found.n, value(found.mean), value(found.minimum), value(found.maximum), delta)
