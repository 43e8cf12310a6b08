"""Answers to questions about what was recorded, each from a reader of its own. May block: for threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from bridge.telemetry.analytics import HourOfDay, hours_of_day
from bridge.telemetry.energy import EnergyDay, EnergyTotal, energy_days
from bridge.telemetry.energy_counts import EnergyCounts
from bridge.telemetry.history import History, Row
from bridge.telemetry.latest import Latest, latest
from bridge.telemetry.pages import HistoryQuestion, page, suited
from bridge.telemetry.reader import Reader
from bridge.time_zone import local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo
    from pathlib import Path

    from bridge.telemetry.frames import Frame
    from bridge.telemetry.metrics import MetricSpec


class OpenHistory:
    """A history that is being read, some rows at a time. Raises StoreError."""

    def __init__(
        self, reader: Reader, specs: Sequence[MetricSpec], history: History, resolution: str
    ) -> None:
        self.specs = specs
        self.resolution = resolution
        self._reader = reader
        self._chunks = history.chunks()
        self._lock = threading.Lock()

    def more(self) -> list[Row] | None:
        """Return the next rows; None after the last, and then the file is let go of."""
        with self._lock:
            rows = next(self._chunks, None)
            if rows is None:
                self._reader.close()
            return rows

    def close(self) -> None:
        """Let go of the file, once nobody is reading; harmless when that was done."""
        with self._lock:
            self._reader.close()


class Answers:
    """What can be asked. Everything raises StoreError, and ValueError for a question that is none."""

    def __init__(
        self,
        path: Path,
        pending: Callable[[str], Sequence[Frame]],
        changes: Callable[[], int],
        zone: tzinfo,
    ) -> None:
        """Answer from a file and from what is not in it yet.

        :param pending: returns the frames of a module that are not stored yet
        :param changes: returns how often the file was changed
        """
        self._path = path
        self._pending = pending
        self._zone = zone
        self._energy = EnergyCounts(path, pending, changes, zone)

    def metrics(self, module: str) -> list[MetricSpec]:
        """Return the metrics that there is history of."""
        with self._reader() as reader:
            return [metric.spec for metric in reader.metrics(module)]

    def latest(self, module: str) -> list[Latest]:
        """Return the newest value of each metric."""
        with self._reader() as reader:
            return latest(reader, module)

    def history(self, module: str, metrics: Sequence[str], start: int, end: int, name: str) -> OpenHistory:
        """Open a history; whoever asked closes it."""
        reader = self._reader()
        try:
            found = reader.find(module, metrics)
            span = suited(reader, module, found, start, end, name, self._zone)
            history = History(reader, module, found, start, end, span)
        except BaseException:
            reader.close()
            raise
        return OpenHistory(reader, [metric.spec for metric in found], history, span.name)

    def page(self, question: HistoryQuestion) -> dict[str, Any]:
        """Return a part of a history in plain values."""
        with self._reader() as reader:
            return page(reader, question, self._zone)

    def hours_of_day(self, module: str, metric: str, start: int, end: int) -> list[HourOfDay]:
        """Return how a metric is spread over each hour of the day."""
        with self._reader() as reader:
            (found,) = reader.find(module, [metric])
            return hours_of_day(reader, module, found, start, end, self._zone)

    def energy(self, module: str) -> list[EnergyTotal]:
        """Return today's and the lifetime figure of each counter."""
        return self._energy.totals(module, local_day(time.time(), self._zone))

    def energy_days(self, module: str, metric: str, start: date, end: date) -> list[EnergyDay]:
        """Return what a counter counted on each day."""
        with self._reader() as reader:
            (found,) = reader.find(module, [metric])
            return energy_days(reader, module, found, start, end, self._zone)

    def _reader(self) -> Reader:
        return Reader(self._path, self._pending)
