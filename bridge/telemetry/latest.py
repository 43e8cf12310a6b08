"""The newest value of every metric of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.telemetry.catalog import find_device
from bridge.telemetry.samples import frame_samples, last_block

if TYPE_CHECKING:
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.reader import Reader
    from bridge.telemetry.samples import Samples

_LATER = 2**62


@dataclass(frozen=True, slots=True)
class Latest:
    """A metric's newest value."""

    spec: MetricSpec
    time: int
    """UTC, seconds since 1970."""
    value: float


def latest(reader: Reader, module: str) -> list[Latest]:
    """Return the newest value of each of a module's metrics; nothing for a module that is not known.

    Raise StoreError.
    """
    waiting = reader.pending(module)
    in_memory: dict[str, Samples] = {}
    for frame in waiting:
        for spec, quantity in zip(frame.layout.specs, frame.quantities(), strict=True):
            if quantity is not None:
                in_memory[spec.name] = {frame.time: spec.value(quantity)}
    metrics = reader.metrics(module)
    framed = reader.framed(module)
    found = []
    with reader.snapshot() as connection:
        device = find_device(connection, module)
        in_frames: dict[int, Samples] = {}
        if device is not None and not in_memory.keys() >= {metric.name for metric in metrics}:
            for start in framed:
                for number, column in frame_samples(connection, reader.catalog, device, start).items():
                    in_frames.setdefault(number, {}).update(column.samples())
        for metric in metrics:
            samples = last_block(connection, metric, _LATER) | in_frames.get(metric.id, {})
            samples |= in_memory.get(metric.name, {})
            if samples:
                time = max(samples)
                found.append(Latest(metric.spec, time, samples[time]))
    return found
