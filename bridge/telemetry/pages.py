"""History in plain values, a page at a time: for the control socket, and for a hub that does not run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.telemetry.history import LATEST, History
from bridge.telemetry.resolution import AUTO, Resolution, resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from bridge.telemetry.catalog import Metric
    from bridge.telemetry.history import Point
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.reader import Reader

PAGE: Final = 10_000
"""Points of a page, about."""


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """What history is asked for."""

    module: str
    """Its key."""
    metrics: tuple[str, ...]
    """None for all."""
    start: int
    """UTC, seconds since 1970."""
    end: int
    resolution: str = AUTO

    @classmethod
    def of(cls, module: str, params: Mapping[str, Any]) -> HistoryQuestion:
        """Read the question in a request. Raise ValueError."""
        metrics = params.get("metrics", [])
        if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
            raise ValueError("metrics is a list of names")
        for name in ("start", "end"):
            time = params.get(name)
            if isinstance(time, bool) or not isinstance(time, int) or not 0 <= time <= LATEST:
                raise ValueError(f"{name} is a time in seconds since 1970")
        name = params.get("resolution", AUTO)
        if not isinstance(name, str):
            raise ValueError("resolution is a text such as 15m")  # noqa: TRY004 - a request's value is wrong
        return cls(module, tuple(metrics), params["start"], params["end"], name)


def page(reader: Reader, question: HistoryQuestion, zone: tzinfo) -> dict[str, Any]:
    """Return the first rows of a history and, as `next`, the start of the question for the next ones.

    A row is [start, end, [point or null for each metric]], a point [n, mean, min, max, delta or null].
    Raise StoreError, ValueError.
    """
    metrics = reader.find(question.module, question.metrics)
    span = suited(reader, question.module, metrics, question.start, question.end, question.resolution, zone)
    history = History(reader, question.module, metrics, question.start, question.end, span)
    rows: list[list[Any]] = []
    following = None
    for chunk in history.chunks():
        if len(rows) * len(metrics) >= PAGE:
            following = chunk[0].start
            break
        rows += (
            [row.start, row.end, [None if point is None else list(point) for point in row.points]]
            for row in chunk
        )
    return {
        "module": question.module,
        "resolution": span.name,
        "metrics": [metric_values(metric.spec) for metric in metrics],
        "rows": rows,
        "next": following,
    }


def suited(
    reader: Reader, module: str, metrics: Sequence[Metric], start: int, end: int, name: str, zone: tzinfo
) -> Resolution:
    """Return the resolution of a name; AUTO is what suits the part of the range that has been recorded.

    Raise StoreError, ValueError.
    """
    begin = max(start, reader.begin(module, metrics)) if name == AUTO else start
    return resolution(name, min(begin, end), end, zone)


def point_values(spec: MetricSpec, point: Point) -> dict[str, Any]:
    """Return what a metric did in a span, in plain values, rounded to a digit more than is kept."""
    values = {
        "n": point.n,
        "mean": round(point.mean, 1 - spec.scale),
        "min": point.minimum,
        "max": point.maximum,
    }
    return values if point.delta is None else values | {"delta": point.delta}


def metric_values(spec: MetricSpec) -> dict[str, Any]:
    """Return what a metric is, in plain values."""
    return {
        "name": spec.name,
        "unit": spec.unit,
        "scale": spec.scale,
        "counter": spec.counter,
        "estimated": spec.estimated,
    }
