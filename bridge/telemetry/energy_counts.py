"""Energy totals for whoever asks often: counted on from what the file said, while it stays as it was.

To read the present quarter of an hour back takes milliseconds, more the older it is. The file changes once a
minute; what modules measured since then is in memory, and counting that on takes a fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.telemetry.energy import EnergyTotal, energy_total, energy_totals, tallies, today_and_lifetime
from bridge.telemetry.reader import Reader
from bridge.telemetry.rollups import increases
from bridge.time_zone import local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo
    from pathlib import Path

    from bridge.telemetry.frames import Frame
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.samples import Samples


@dataclass(frozen=True, slots=True)
class _Counter:
    """What one counter had counted by what is in the file, in steps of its scale."""

    spec: MetricSpec
    sums: tuple[int, int] | None
    """Today and in its life; None for one that was never read."""
    reading: int | None
    """What it showed last."""

    def counted_on(self, samples: Samples) -> EnergyTotal | None:
        """Return its figures after further samples; None while there is none at all."""
        quantities = [self.spec.quantity(samples[time]) for time in sorted(samples)]
        sums = self.sums or ((0, quantities[0]) if quantities else None)
        if sums is None:
            return None
        counted = sum(increases(quantities, self.reading))
        return energy_total(self.spec, sums[0] + counted, sums[1] + counted)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a module's counters had counted by what is in the file."""

    changes: int
    """How often the file had been changed."""
    today: date
    counters: tuple[_Counter, ...]
    until: int
    """What is newer than this is not in the file."""


class EnergyCounts:
    """The totals of modules. May be used from several threads. Everything raises StoreError."""

    def __init__(
        self,
        path: Path,
        pending: Callable[[str], Sequence[Frame]],
        changes: Callable[[], int],
        zone: tzinfo,
    ) -> None:
        """Count on from a file.

        :param pending: returns the frames of a module that are not stored yet
        :param changes: returns how often the file was changed, counted after each change
        """
        self._path = path
        self._pending = pending
        self._changes = changes
        self._zone = zone
        self._stored: dict[str, _Stored] = {}

    def totals(self, module: str, today: date) -> list[EnergyTotal]:
        """Return today's and the lifetime figure of each of a module's counters, as `energy_totals` does."""
        changes = self._changes()
        stored = self._stored.get(module)
        if stored is None or stored.changes != changes or stored.today != today:
            stored = self._read(module, today, changes)
        found = self._counted_on(stored, self._pending(module))
        if found is None or self._changes() != changes:
            with Reader(self._path, self._pending) as reader:
                return energy_totals(reader, module, today, self._zone)
        return found

    def _read(self, module: str, today: date, changes: int) -> _Stored:
        with Reader(self._path) as reader:
            metrics = [metric for metric in reader.metrics(module) if metric.spec.counter]
            counted = tallies(reader, module, metrics, self._zone)
        counters = zip(metrics, counted.days, counted.readings, strict=True)
        stored = _Stored(
            changes,
            today,
            tuple(
                _Counter(metric.spec, today_and_lifetime(days, today), reading)
                for metric, days, reading in counters
            ),
            counted.until,
        )
        if self._changes() == changes:
            others = {key: each for key, each in self._stored.items() if each.changes == changes}
            self._stored = others | {module: stored}
        return stored

    def _counted_on(self, stored: _Stored, waiting: Sequence[Frame]) -> list[EnergyTotal] | None:
        """Return the totals with the frames that wait; None where it is not as simple as counting on.

        That is when a frame is not newer than what is in the file, is of another day, or has a counter that
        the file does not know.
        """
        if waiting:
            first, last = min(frame.time for frame in waiting), max(frame.time for frame in waiting)
            days = {local_day(first, self._zone), local_day(last, self._zone)}
            if first <= stored.until or days != {stored.today}:
                return None
        samples: dict[str, Samples] = {counter.spec.name: {} for counter in stored.counters}
        for frame in waiting:
            for spec, quantity in zip(frame.layout.specs, frame.quantities(), strict=True):
                if spec.counter and quantity is not None:
                    if spec.name not in samples:
                        return None
                    samples[spec.name][frame.time] = spec.value(quantity)
        found = (counter.counted_on(samples[counter.spec.name]) for counter in stored.counters)
        return [total for total in found if total is not None]
