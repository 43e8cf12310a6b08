"""Energy by the home's days and over a module's life, from what its counters counted.

Counters are read, power is not integrated. A counter that was reset goes on from where it was. What a counter
counted while nobody read it belongs to the second in which it was read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from bridge.telemetry.blocks import SECONDS
from bridge.telemetry.compaction import day_number, reading_before
from bridge.telemetry.history import LATEST
from bridge.telemetry.quarters import Quarters
from bridge.time_zone import local_day

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.reader import Reader

_DAYS: Final = "SELECT day, first_ts, first, last_ts, last, delta FROM counter_day WHERE metric = ?"
_NEWEST: Final = "SELECT max(ts) FROM block WHERE metric = ?"
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
class Tally:
    """What one counter counted on one day, in steps of its scale."""

    first_ts: int
    first: int
    last_ts: int
    last: int
    delta: int


@dataclass(frozen=True, slots=True)
class Tallies:
    """What counters counted, each day by its number, and how they go on."""

    days: list[dict[int, Tally]]
    """One for each counter."""
    readings: list[int | None]
    """What each counter showed last, as `increases` goes on from it."""
    until: int
    """What is newer than this is in none of them."""


def energy_days(
    reader: Reader, module: str, metric: Metric, start: date, end: date, zone: tzinfo
) -> list[EnergyDay]:
    """Return the days from `start` to `end`, both included, on which a counter was read. Raise StoreError."""
    value = metric.spec.value
    return [
        EnergyDay(_date(day), value(tally.delta), value(tally.first), value(tally.last))
        for day, tally in sorted(tallies(reader, module, [metric], zone).days[0].items())
        if day_number(start) <= day <= day_number(end)
    ]


def energy_totals(reader: Reader, module: str, today: date, zone: tzinfo) -> list[EnergyTotal]:
    """Return today's and the lifetime figure of each of a module's counters. Raise StoreError."""
    metrics = [metric for metric in reader.metrics(module) if metric.spec.counter]
    counted = tallies(reader, module, metrics, zone)
    return [
        energy_total(metric.spec, *sums)
        for metric, days in zip(metrics, counted.days, strict=True)
        if (sums := today_and_lifetime(days, today)) is not None
    ]


def energy_total(spec: MetricSpec, today: int, lifetime: int) -> EnergyTotal:
    """Return the figures of a counter that are given in steps of its scale."""
    return EnergyTotal(spec.name, spec.unit, spec.estimated, spec.value(today), spec.value(lifetime))


def today_and_lifetime(days: Mapping[int, Tally], today: date) -> tuple[int, int] | None:
    """Return what a counter counted today and in its life; None for one that was never read."""
    if not days:
        return None
    counted = days.get(day_number(today))
    lifetime = days[min(days)].first + sum(tally.delta for tally in days.values())
    return counted.delta if counted else 0, lifetime


def tallies(reader: Reader, module: str, metrics: Sequence[Metric], zone: tzinfo) -> Tallies:
    """Return the days of each counter: those in the file, and on top what is not counted there yet."""
    framed = reader.framed(module)
    quarters = Quarters(reader, module, metrics, framed)
    horizon = framed[0] if framed else LATEST
    found: list[dict[int, Tally]] = []
    readings: list[int | None] = []
    until = -1
    with reader.snapshot() as connection:
        for metric in metrics:
            readings.append(reading_before(connection, metric, LATEST))
            (newest,) = connection.execute(_NEWEST, (metric.id,)).fetchone()
            until = until if newest is None else max(until, newest + SECONDS - 1)
            days = {row[0]: Tally(*row[1:]) for row in connection.execute(_DAYS, (metric.id,))}
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
            tally = days.setdefault(day, Tally(*ends, 0))
            tally.delta += sum(loaded.counted)
            if ends[0] < tally.first_ts:
                tally.first_ts, tally.first = ends[:2]
            if ends[2] > tally.last_ts:
                tally.last_ts, tally.last = ends[2:]
            until = max(until, loaded.times[-1])
    return Tallies(found, list(quarters.readings) or readings, until)


def _date(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)
