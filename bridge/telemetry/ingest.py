"""What modules logged themselves: a batch of samples with their times, checked whole and stored whole.

    {"samples": [{"time": "2026-06-21T12:00:00Z", "power_w": -1530.5, "state": "running"}, ...]}

`time` is RFC 3339 with its offset, or seconds since 1970, and is kept to the second. The other keys are
metrics (see `metrics`); null says nothing. A batch may come again, or overlap with another: what is there
already stays, and a sample that came anew with another value takes the old one's place.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.telemetry.compaction import write_quarter
from bridge.telemetry.metrics import (
    CHARGE_STATE,
    CHARGE_STATES,
    PLUG,
    PLUG_STATES,
    STATE,
    STATES,
    is_measurement,
    known_metric,
    metric_names,
)
from bridge.telemetry.samples import Samples, block_samples, quarter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.store import Store

MOST_SAMPLES: Final = 5000
"""Samples of a batch."""
MOST_METRICS: Final = 256
"""Metrics of a module."""
AHEAD: Final = 300.0
"""Seconds that a module's clock may be ahead of the hub's."""
_CODES: Final[dict[MetricSpec, dict[str, int]]] = {
    STATE: {state.value: code for state, code in STATES.items()},
    CHARGE_STATE: {state.value: code for state, code in CHARGE_STATES.items()},
    PLUG: {state.value: code for state, code in PLUG_STATES.items()},
}


class BatchError(ValueError):
    """The batch cannot be taken; the message says which sample, and why. Nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was found to be in order."""

    samples: Mapping[MetricSpec, Samples]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch."""

    stored: int
    """Values that are new or differ from what was there."""
    known: int
    """Values that were there already."""


def parse_batch(body: Any, *, now: float, oldest: float) -> Batch:
    """Check a batch. Raise BatchError.

    :param body: decoded JSON
    :param now: UTC, seconds since 1970
    :param oldest: samples from before this time are refused: their second is no longer kept
    """
    if not isinstance(body, dict) or set(body) != {"samples"} or not isinstance(body["samples"], list):
        raise BatchError("a batch is an object with a list of samples")
    if not 1 <= len(body["samples"]) <= MOST_SAMPLES:
        raise BatchError(f"a batch has 1 to {MOST_SAMPLES} samples, got {len(body['samples'])}")
    found: dict[MetricSpec, Samples] = {}
    for index, sample in enumerate(body["samples"]):
        place = f"samples[{index}]"
        if not isinstance(sample, dict) or "time" not in sample:
            raise BatchError(f"{place} is an object with a time")
        time = _time(sample["time"], place)
        if time > now + AHEAD:
            raise BatchError(f"{place}.time is in the future: set the module's clock")
        if time < oldest:
            raise BatchError(f"{place}.time is longer ago than single samples are kept")
        for name, value in sample.items():
            if name != "time" and value is not None:
                spec = _metric(name, place)
                found.setdefault(spec, {})[time] = _value(spec, value, f"{place}.{name}")
    if not found:
        raise BatchError("there is no value in any sample")
    if len(found) > MOST_METRICS:
        raise BatchError(f"a module has at most {MOST_METRICS} metrics, these are {len(found)}")
    return Batch(found)


def ingest(store: Store, module: str, batch: Batch) -> Ingested:
    """Store a batch. Raise StoreError, or BatchError when the module would have too many metrics."""
    stored = known = 0
    with store.transaction() as connection:
        device = store.catalog.device(connection, module)
        for spec, samples in batch.samples.items():
            metric = store.catalog.metric(connection, device, spec)
            quarters: dict[int, Samples] = {}
            for time, value in samples.items():
                # As it comes back from a block, so that the same value is found to be the same.
                kept = metric.spec.value(metric.spec.quantity(value))
                quarters.setdefault(quarter(time), {})[time] = kept
            for start in sorted(quarters):
                old = block_samples(connection, metric, start)
                new = {time: value for time, value in quarters[start].items() if old.get(time) != value}
                stored += len(new)
                known += len(quarters[start]) - len(new)
                if new:
                    write_quarter(connection, store.zone, metric, start, old | new)
        (metrics,) = connection.execute("SELECT count(*) FROM metric WHERE device = ?", (device,)).fetchone()
        if metrics > MOST_METRICS:
            raise BatchError(f"a module has at most {MOST_METRICS} metrics, with these it would be {metrics}")
    return Ingested(stored, known)


def _time(value: Any, place: str) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return math.floor(moment.timestamp())
        except (ValueError, OverflowError):
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return math.floor(value)
    raise BatchError(f"{place}.time is a time such as 2026-06-21T12:00:00Z, or seconds since 1970")


def _metric(name: str, place: str) -> MetricSpec:
    spec = known_metric(name)
    if spec is None or spec.estimated:
        close = difflib.get_close_matches(name, metric_names(), n=1)
        raise BatchError(
            f"{place}: there is no metric {name!r}" + (f"; did you mean {close[0]}?" if close else "")
        )
    return spec


def _value(spec: MetricSpec, value: Any, place: str) -> float:
    if spec in _CODES:
        if not isinstance(value, str) or value not in _CODES[spec]:
            raise BatchError(f"{place} is one of {', '.join(_CODES[spec])}")
        return float(_CODES[spec][value])
    if spec.name in {"connected", "grid_forming"} and isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BatchError(f"{place} is a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not is_measurement(spec, number):
        raise BatchError(f"{place} cannot be {value:.6g}" if number != math.inf else f"{place} is too large")
    return number
