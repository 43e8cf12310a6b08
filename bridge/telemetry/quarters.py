"""The samples of metrics, one quarter of an hour after the other, from memory, frames and blocks."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.telemetry.catalog import find_device
from bridge.telemetry.compaction import reading_before
from bridge.telemetry.rollups import increases, last_reading
from bridge.telemetry.samples import block_samples, frame_samples, pending_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.reader import Reader
    from bridge.telemetry.samples import Column

_BACK: Final = 8
"""Quarters that are searched for what a counter showed before, where not all of them are history yet."""
_BLOCKS: Final = "SELECT ts FROM block WHERE metric = ? AND ts >= ? AND ts < ?"


@dataclass(frozen=True, slots=True)
class Quarter:
    """The samples of one metric in one quarter, in steps of its scale."""

    times: array[int]
    quantities: array[int]
    counted: array[int] | None
    """Of a counter: what it had counted at each sample since the one before."""


class Quarters:
    """Loads quarters in ascending order; the last one is at hand for the next question."""

    def __init__(self, reader: Reader, module: str, metrics: Sequence[Metric], framed: Sequence[int]) -> None:
        """`framed`: the quarters that there are frames of, the oldest first."""
        self._reader = reader
        self._module = module
        self._metrics = metrics
        self._framed = framed
        self._start: int | None = None
        self._loaded: list[Quarter] = []
        self._readings: list[int | None] | None = None
        """What each counter showed last before the end of the loaded quarter."""

    def load(self, start: int) -> list[Quarter]:
        """Return the quarter that begins at `start`, one for each metric. Raise StoreError."""
        if start != self._start:
            if self._start is None or start < self._start:
                self._readings = None
            # What counters showed before is in the frames of the quarters before, if there are any.
            if self._readings is None and self._framed:
                for earlier in self.between(self._framed[0], start)[-_BACK:]:
                    self._load(earlier)
            self._load(start)
        return self._loaded

    @property
    def readings(self) -> Sequence[int | None]:
        """What each counter showed last up to the end of the quarter that was loaded last; None for others.

        Empty before the first quarter is loaded.
        """
        return self._readings or ()

    def between(self, start: int, end: int) -> list[int]:
        """Return the quarters in a range that there are samples in."""
        found = {each for each in self._framed if start <= each < end}
        with self._reader.snapshot() as connection:
            for metric in self._metrics:
                found.update(ts for (ts,) in connection.execute(_BLOCKS, (metric.id, start, end)))
        return sorted(found)

    def _load(self, start: int) -> None:
        # Memory first: a frame that is stored meanwhile is then found twice rather than not at all.
        waiting = self._reader.pending(self._module)
        loaded: list[Quarter] = []
        readings: list[int | None] = []
        with self._reader.snapshot() as connection:
            device = find_device(connection, self._module)
            framed: dict[int, Column] = {}
            if device is not None and self._framed and start >= self._framed[0]:
                framed = frame_samples(connection, self._reader.catalog, device, start)
            for index, metric in enumerate(self._metrics):
                samples = pending_samples(waiting, metric.name, start)
                if metric.id in framed:
                    samples |= framed[metric.id].samples()
                samples |= block_samples(connection, metric, start)
                times = array("q", sorted(samples))
                quantities = array("q", [metric.spec.quantity(samples[time]) for time in times])
                counted = None
                if metric.spec.counter:
                    before = (
                        self._readings[index]
                        if self._readings is not None
                        else reading_before(connection, metric, start)
                    )
                    counted = array("q", increases(quantities, before))
                    readings.append(last_reading(quantities, before))
                else:
                    readings.append(None)
                loaded.append(Quarter(times, quantities, counted))
        self._start, self._loaded, self._readings = start, loaded, readings
