"""Energy by the home's days and over a module's life, from what its counters counted.

Counters are read, power is not integrated. A counter that was reset goes on from where it was. What a counter
counted while nobody read it belongs to the second in which it was read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from bridge.telemetry.compaction import day_number
from bridge.telemetry.history import LATEST
from bridge.telemetry.quarters import Quarters
from bridge.time_zone import local_day

if TYPE_CHECKING:
    from datetime import tzinfo

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.reader import Reader

_DAYS: Final = "SELECT day, first_ts, first, last_ts, last, delta FROM counter_day WHERE metric = ?"
_COUNTED: Final = "SELECT ts, delta FROM r900 WHERE metric = ? AND ts >= ?"


@dataclass(frozen=True, slots=True)
class EnergyDay:
    """What one counter counted on one day of the home."""

    day: date
    delta: float
    """In the metric's unit."""
    first: float
    """What the counter showed first on that day."""
    last: float


@dataclass(frozen=True, slots=True)
class EnergyTotal:
    """What one counter has counted."""

    metric: str
    unit: str
    estimated: bool
    """Whether the hub integrated power because the device does not count."""
    today: float
    lifetime: float
    """What the counter showed when it was first read and all that it counted since, resets left out."""


@dataclass(slots=True)
class _Tally:
    first_ts: int
    first: int
    last_ts: int
    last: int
    delta: int


def energy_days(
    reader: Reader, module: str, metric: Metric, start: date, end: date, zone: tzinfo
) -> list[EnergyDay]:
    """Return the days from `start` to `end`, both included, on which a counter was read. Raise StoreError."""
    value = metric.spec.value
    return [
        EnergyDay(_date(day), value(tally.delta), value(tally.first), value(tally.last))
        for day, tally in sorted(_tallies(reader, module, [metric], zone)[0].items())
        if day_number(start) <= day <= day_number(end)
    ]


def energy_totals(reader: Reader, module: str, today: date, zone: tzinfo) -> list[EnergyTotal]:
    """Return today's and the lifetime figure of each of a module's counters. Raise StoreError."""
    metrics = [metric for metric in reader.metrics(module) if metric.spec.counter]
    totals = []
    for metric, tallies in zip(metrics, _tallies(reader, module, metrics, zone), strict=True):
        if not tallies:
            continue
        counted = tallies.get(day_number(today))
        lifetime = tallies[min(tallies)].first + sum(tally.delta for tally in tallies.values())
        totals.append(
            EnergyTotal(
                metric.name,
                metric.spec.unit,
                metric.spec.estimated,
                metric.spec.value(counted.delta if counted else 0),
                metric.spec.value(lifetime),
            )
        )
    return totals


def _tallies(reader: Reader, module: str, metrics: list[Metric], zone: tzinfo) -> list[dict[int, _Tally]]:
    """Return the days of each counter: those in the file, and on top what is not counted there yet."""
    framed = reader.framed(module)
    quarters = Quarters(reader, module, metrics, framed)
    horizon = framed[0] if framed else LATEST
    found: list[dict[int, _Tally]] = []
    with reader.snapshot() as connection:
        for metric in metrics:
            days = {row[0]: _Tally(*row[1:]) for row in connection.execute(_DAYS, (metric.id,))}
            # From the first frame on, samples say what was counted.
            for start, delta in connection.execute(_COUNTED, (metric.id, horizon)):
                tally = days.get(day_number(local_day(start, zone)))
                if tally is not None:
                    tally.delta -= delta or 0
            found.append(days)
    for start in quarters.between(horizon, LATEST):
        day = day_number(local_day(start, zone))
        for loaded, days in zip(quarters.load(start), found, strict=True):
            if not loaded.times or loaded.counted is None:
                continue
            ends = (loaded.times[0], loaded.quantities[0], loaded.times[-1], loaded.quantities[-1])
            tally = days.setdefault(day, _Tally(*ends, 0))
            tally.delta += sum(loaded.counted)
            if ends[0] < tally.first_ts:
                tally.first_ts, tally.first = ends[:2]
            if ends[2] > tally.last_ts:
                tally.last_ts, tally.last = ends[2:]
    return found


def _date(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)
