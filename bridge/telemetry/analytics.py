"""What is usual at which hour of the day: the spread of a metric over the days of a range, hour by hour."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bridge.telemetry.history import History
from bridge.telemetry.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.reader import Reader

PERCENTILES: Final = (5, 25, 50, 75, 95)
FINE: Final = 31 * 86_400
"""Up to so many seconds, percentiles are of minutes; over a longer range they are of quarters of an hour."""
LONGEST: Final = 3660 * 86_400
"""The longest range, ten years: 350 000 quarters of an hour, 3 MB."""


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """What a metric is usually like in one hour of the home's day.

    Of a counter, it is what was counted in that hour of each day; of any other metric, its course.
    """

    hour: int
    """0 to 23, in the home's time zone."""
    n: int
    """Spans that were looked at: hours of a counter, else minutes or quarters of an hour."""
    mean: float
    minimum: float
    """The lowest single value, not the lowest mean."""
    maximum: float
    percentiles: tuple[float, ...]
    """Those of PERCENTILES, over the means of the spans."""


def hours_of_day(
    reader: Reader, module: str, metric: Metric, start: int, end: int, zone: tzinfo
) -> list[HourOfDay]:
    """Return the hours for which there is history, in order. Raise StoreError, ValueError for a bad range."""
    if end - start > LONGEST:
        raise ValueError(f"hours of the day are told for at most {LONGEST // 86_400} days")
    counter = metric.spec.counter
    name = "1h" if counter else "1m" if end - start <= FINE else "15m"
    history = History(reader, module, [metric], start, end, Resolution(name, zone))
    means = [array("d") for _ in range(24)]
    lows, highs, samples, sums = [0.0] * 24, [0.0] * 24, [0] * 24, [0.0] * 24
    for rows in history.chunks():
        for row in rows:
            point = row.points[0]
            assert point is not None, "a row has a point of its only metric"
            hour = datetime.fromtimestamp(row.start, zone).hour
            mean, low, high, n = point.mean, point.minimum, point.maximum, point.n
            if counter:
                mean = low = high = point.delta or 0.0
                n = 1
            lows[hour] = min(lows[hour], low) if means[hour] else low
            highs[hour] = max(highs[hour], high) if means[hour] else high
            means[hour].append(mean)
            samples[hour] += n
            sums[hour] += mean * n
    return [
        HourOfDay(
            hour,
            len(means[hour]),
            sums[hour] / samples[hour],
            lows[hour],
            highs[hour],
            tuple(percentile(sorted(means[hour]), share) for share in PERCENTILES),
        )
        for hour in range(24)
        if means[hour]
    ]


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the value below which `share` percent of the values lie, interpolated between neighbours."""
    place = (len(ascending) - 1) * share / 100
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)
