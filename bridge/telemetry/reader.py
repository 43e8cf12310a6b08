"""Reading `telemetry.db`: beside the thread that writes, or when no hub runs.

A reader sees what is in the file and, in a running hub, what is still in memory. It holds no transaction for
longer than one call, so the log of the file can be folded away meanwhile.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final, Self

from bridge.telemetry.catalog import Catalog, Metric, find_device, metrics_of
from bridge.telemetry.database import (
    DamagedReadError,
    StoreError,
    UnknownMetricError,
    is_damage,
    open_to_read,
)
from bridge.telemetry.metrics import ESTIMATED
from bridge.telemetry.samples import framed_quarters, quarter
from bridge.telemetry.schema import LAYERS, TELEMETRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bridge.telemetry.frames import Frame

NOT_STORED: Final = 0
"""Number of a metric that is in memory only."""


def no_frames(module: str) -> Sequence[Frame]:  # noqa: ARG001 - the signature of what stands here in a hub
    """Return what a hub that does not run has in memory."""
    return ()


class Reader:
    """One connection to the file. Used by one thread at a time. Everything raises StoreError."""

    def __init__(self, path: Path, pending: Callable[[str], Sequence[Frame]] = no_frames) -> None:
        """Open the file; one that is not there yet is empty.

        :param pending: returns the frames of a module that are not stored yet
        """
        self.path = path
        self.pending = pending
        self.catalog = Catalog()
        with self.judged():
            self._connection = open_to_read(path, TELEMETRY)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Give the connection in a transaction: all that is read in the body is of one instant."""
        with self.judged():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if is_damage(error):
                raise DamagedReadError(f"{self.path} is damaged: {error}") from error
            raise StoreError(f"cannot read {self.path}: {error}") from error

    def device(self, module: str) -> int | None:
        """Return the number of a module, None when nothing of it is stored."""
        with self.snapshot() as connection:
            return find_device(connection, module)

    def metrics(self, module: str) -> list[Metric]:
        """Return the metrics that there is history of; none for a module that is not known."""
        waiting = self.pending(module)
        with self.snapshot() as connection:
            device = find_device(connection, module)
            metrics = [] if device is None else metrics_of(connection, device)
        known = {metric.name for metric in metrics}
        for layout in {id(frame.layout): frame.layout for frame in waiting}.values():
            for spec in layout.specs:
                if spec.name not in known:
                    known.add(spec.name)
                    metrics.append(Metric(NOT_STORED, spec))
        return metrics

    def find(self, module: str, names: Sequence[str] = ()) -> list[Metric]:
        """Return the metrics of the names, all of the module's without names. Raise UnknownMetricError.

        A name may leave out its unit (`power` for `power_w`); an energy that the device does not count is the
        estimated one.
        """
        metrics = self.metrics(module)
        if not metrics:
            raise UnknownMetricError(f"nothing has been recorded of {module}")
        if not names:
            return metrics
        known = {metric.name: metric for metric in metrics}
        short = {_without_unit(metric): metric for metric in metrics}
        stands_in = {
            alias: known[spec.name]
            for name, spec in ESTIMATED.items()
            if spec.name in known
            for alias in (name, name.removesuffix("_wh"))
        }
        found = []
        for name in names:
            metric = known.get(name) or short.get(name) or stands_in.get(name)
            if metric is None:
                raise UnknownMetricError(
                    f"{module} has no history of {name!r}; there are {', '.join(sorted(known))}"
                )
            if metric not in found:
                found.append(metric)
        return found

    def framed(self, module: str) -> list[int]:
        """Return the quarters of an hour that there are frames of, the oldest first.

        Before the first of them, blocks and rollups are complete.
        """
        waiting = {quarter(frame.time) for frame in self.pending(module)}
        with self.snapshot() as connection:
            return sorted(waiting.union(framed_quarters(connection)))

    def begin(self, module: str, metrics: Sequence[Metric]) -> int:
        """Return when the oldest quarter of an hour begins in which one of a module's metrics was recorded.

        0 when none was.
        """
        framed = self.framed(module)
        with self.snapshot() as connection:
            times = [
                connection.execute("SELECT min(ts) FROM r900 WHERE metric = ?", (metric.id,)).fetchone()[0]
                for metric in metrics
            ]
        return min((time for time in (*times, *framed[:1]) if time is not None), default=0)

    def cuts(self) -> dict[str, int]:
        """Return up to when each layer has been removed: UTC, seconds since 1970."""
        with self.snapshot() as connection:
            notes = dict(connection.execute("SELECT key, value FROM meta WHERE key LIKE 'cut.%'").fetchall())
        return {layer: int(notes.get(f"cut.{layer}", 0)) for layer in LAYERS}


def _without_unit(metric: Metric) -> str:
    return metric.name.removesuffix(
        "_" + {"%": "percent", "°C": "c", "Ω": "ohm"}.get(metric.spec.unit, metric.spec.unit.lower())
    )
