"""Which devices, metrics and frame layouts a file knows, by the short numbers that its rows carry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.telemetry.metrics import MetricSpec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from bridge.telemetry.frames import Layout

_METRIC: Final = "SELECT id, name, unit, scale, counter, estimated FROM metric"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one device in the file."""

    id: int
    spec: MetricSpec

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.spec.name


@dataclass(frozen=True, slots=True)
class StoredLayout:
    """A frame layout in the file."""

    metrics: tuple[int, ...]
    widths: str
    scales: tuple[int, ...]
    """Those of the frame's numbers; a metric keeps the scale that it began with."""


class Catalog:
    """Looks the numbers up, and gives out new ones inside the caller's transaction.

    What it has learnt in a transaction that then failed must be forgotten: call `forget`.
    """

    def __init__(self) -> None:
        self._devices: dict[str, int] = {}
        self._metrics: dict[tuple[int, str], Metric] = {}
        self._layouts: dict[tuple[int, Layout], int] = {}
        self._stored: dict[int, StoredLayout] = {}

    def forget(self) -> None:
        """Look everything up anew."""
        for each in (self._devices, self._metrics, self._layouts, self._stored):
            each.clear()

    def device(self, connection: sqlite3.Connection, key: str) -> int:
        """Return the number of a device; a new one when it is not known."""
        number = self._devices.get(key)
        if number is None:
            number = find_device(connection, key)
            if number is None:
                number = connection.execute("INSERT INTO device (key) VALUES (?)", (key,)).lastrowid
            assert number is not None
            self._devices[key] = number
        return number

    def metric(self, connection: sqlite3.Connection, device: int, spec: MetricSpec) -> Metric:
        """Return a device's metric; a new one when it is not known."""
        metric = self._metrics.get((device, spec.name))
        if metric is None:
            metric = _find_metric(connection, device, spec.name)
            if metric is None:
                number = connection.execute(
                    "INSERT INTO metric (device, name, unit, scale, counter, estimated)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (device, spec.name, spec.unit, spec.scale, spec.counter, spec.estimated),
                ).lastrowid
                assert number is not None
                metric = Metric(number, spec)
            self._metrics[device, spec.name] = metric
        return metric

    def layout(self, connection: sqlite3.Connection, device: int, layout: Layout) -> int:
        """Return the number of a device's frame layout; a new one when it is not known."""
        number = self._layouts.get((device, layout))
        if number is None:
            metrics = [self.metric(connection, device, spec).id for spec in layout.specs]
            scales = [spec.scale for spec in layout.specs]
            text = json.dumps(list(zip(metrics, layout.widths, scales, strict=True)), separators=(",", ":"))
            row = connection.execute(
                "SELECT id FROM frame_schema WHERE device = ? AND layout = ?", (device, text)
            ).fetchone()
            number = (
                row[0]
                if row
                else connection.execute(
                    "INSERT INTO frame_schema (device, layout) VALUES (?, ?)", (device, text)
                ).lastrowid
            )
            assert number is not None
            self._layouts[device, layout] = number
        return number

    def stored_layout(self, connection: sqlite3.Connection, number: int) -> StoredLayout:
        """Return the frame layout of a number. Raise ValueError when there is none."""
        layout = self._stored.get(number)
        if layout is None:
            row = connection.execute("SELECT layout FROM frame_schema WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise ValueError(f"there is no frame layout {number}")
            entries = json.loads(row[0])
            layout = StoredLayout(
                tuple(entry[0] for entry in entries),
                "".join(entry[1] for entry in entries),
                tuple(entry[2] for entry in entries),
            )
            self._stored[number] = layout
        return layout


def find_device(connection: sqlite3.Connection, key: str) -> int | None:
    """Return the number of a device, or None."""
    row = connection.execute("SELECT id FROM device WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def metrics_of(connection: sqlite3.Connection, device: int) -> list[Metric]:
    """Return the metrics of a device, in the order in which they were first seen."""
    rows = connection.execute(f"{_METRIC} WHERE device = ? ORDER BY id", (device,)).fetchall()
    return [_metric(row) for row in rows]


def metric_of(connection: sqlite3.Connection, number: int) -> Metric | None:
    """Return the metric of a number, or None."""
    row = connection.execute(f"{_METRIC} WHERE id = ?", (number,)).fetchone()
    return None if row is None else _metric(row)


def _find_metric(connection: sqlite3.Connection, device: int, name: str) -> Metric | None:
    row = connection.execute(f"{_METRIC} WHERE device = ? AND name = ?", (device, name)).fetchone()
    return None if row is None else _metric(row)


def _metric(row: Sequence[object]) -> Metric:
    number, name, unit, scale, counter, estimated = row
    assert isinstance(number, int)
    assert isinstance(scale, int)
    return Metric(number, MetricSpec(str(name), str(unit), scale, bool(counter), bool(estimated)))
