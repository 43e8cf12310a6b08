"""Reckoning what a day came to, from what was measured. For the planning process: it may block."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bridge.loads.run import RESTING_W
from bridge.savings.day import Reckoned
from bridge.savings.question import AskedDay
from bridge.telemetry.history import History
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import Resolution
from optimizer.battery import Battery
from optimizer.savings import Measured, savings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.planner.question import AskedBattery
    from bridge.savings.moves import Move
    from optimizer.formulation.program import Floats

_MOST_PERCENT: Final = 95
"""Percentile of a load's minutes that is what it takes at most: a single one may be a mistake."""
STEP: Final = 60
"""Seconds of which means are reckoned with; where minutes are not kept any more, means of quarters count."""


class _Day(NamedTuple):
    """Power of the home, one value a minute, NaN where it is not known; and the batteries' charge.

    :ivar unmoved: by how much more it would have taken with nothing moved
    """

    grid: Floats
    solar: Floats
    storage: Floats
    batteries: list[Battery]
    stored_after_wh: float
    unmoved: Floats


def reckon(asked: AskedDay) -> Reckoned:
    """Return what a day came to.

    :raises StoreError: what was measured cannot be read
    :raises ProblemError: a figure of a battery is absurd
    """
    with Reader(Path(asked.recorded.path)) as reader:
        day = _read(reader, asked)
    load = np.maximum(day.grid - day.solar - day.storage, 0.0)
    sun = np.maximum(-day.solar, 0.0)
    bought, sold, co2 = (np.full(len(load), np.nan) for _ in range(3))
    currency = asked.paid[-1].currency if asked.paid else ""
    for paid in asked.paid:
        span = slice(max(paid.start - asked.start, 0) // STEP, max(paid.end - asked.start, 0) // STEP)
        # What was paid in another currency is not priced.
        if paid.currency == currency:
            bought[span], sold[span] = paid.import_price, paid.export_price
        if paid.co2_kg_per_kwh is not None:
            co2[span] = paid.co2_kg_per_kwh
    start = datetime.fromtimestamp(asked.start, UTC)
    clean = bool(np.isfinite(co2).any())
    measured = Measured(start, STEP, load, sun, day.grid, bought, sold, co2 if clean else None)
    at_once = load + day.unmoved if asked.moves else None
    found = savings(measured, day.batteries, stored_after_wh=day.stored_after_wh, at_once_w=at_once)
    known = measured.known
    hours = STEP / 3600
    saved_kg = None
    if clean and found.actual.co2_kg is not None:
        used = known & np.isfinite(co2)
        saved_kg = float((load[used] * co2[used]).sum()) * hours / 1000 - found.actual.co2_kg
    return Reckoned(
        seconds=float(asked.end - asked.start),
        known_s=float(known.sum()) * STEP,
        currency=currency,
        bill=found.actual.bill,
        bill_without_battery=found.without_battery.bill,
        bill_with_rule=found.with_rule.bill,
        bill_without_sun=float((load[known] * bought[known]).sum()) * hours / 1000,
        saved_by_battery=found.by_battery if currency else 0.0,
        saved_by_plan=found.by_plan if currency else 0.0,
        produced_wh=found.produced_wh,
        used_wh=found.used_wh,
        imported_wh=found.imported_wh,
        exported_wh=found.exported_wh,
        co2_kg=found.actual.co2_kg,
        co2_saved_kg=saved_kg,
        bill_at_once=found.at_once.bill,
        saved_by_moving=found.by_moving if currency else 0.0,
    )


def answer(about: dict[str, Any]) -> dict[str, Any]:
    """Return what a day came to, in plain values."""
    return asdict(reckon(AskedDay.from_values(about)))


def _read(reader: Reader, asked: AskedDay) -> _Day:
    grid = _sum(reader, asked.recorded.grid, asked)
    # Panels sleep at night; a meter or a battery that says nothing leaves a gap.
    solar = np.nan_to_num(_sum(reader, asked.recorded.solar, asked))
    storage = np.zeros(len(grid))
    for module in asked.recorded.storage:
        power = _metric(reader, module, "power_w", asked.start, asked.end)
        # One that says nothing all day was not there.
        storage += power if np.isfinite(power).any() else 0.0
    known = np.isfinite(grid) & np.isfinite(storage)
    batteries, after = [], 0.0
    for each in asked.batteries:
        charge = _metric(reader, each.name, "soc_percent", asked.start, asked.end)[known]
        charge = charge[np.isfinite(charge)]
        if len(charge):
            batteries.append(_battery(each, charge[0]))
            after += each.capacity_wh * float(charge[-1]) / 100
    unmoved = np.zeros(len(grid))
    for move in asked.moves:
        unmoved += _unmoved(reader, move, asked)
    return _Day(grid, solar, storage, batteries, after, unmoved)


def _unmoved(reader: Reader, move: Move, asked: AskedDay) -> Floats:
    """Return by how much more a load would have taken in each minute, had it run as soon as it was wanted."""
    first, last = move.since // STEP * STEP, -(-move.until // STEP) * STEP
    if move.rated_w is None:
        took = np.nan_to_num(_metric(reader, move.module, "power_w", first, last))
    else:
        took = move.rated_w * np.nan_to_num(_metric(reader, move.module, "connected", first, last))
    took = np.where(took >= RESTING_W, took, 0.0)
    running = np.flatnonzero(took)
    more = np.zeros(_count(asked.start, asked.end))
    if not len(running):
        return more
    if move.program:
        at_once = took[running[0] : running[-1] + 1]
    else:
        # What may pause would not have, and would have taken as much as it can.
        most = float(np.percentile(took[running], _MOST_PERCENT))
        minutes = took.sum() / most
        at_once = np.full(int(np.ceil(minutes)), most)
        at_once[-1] = most * (minutes - len(at_once) + 1)
    for row, sign in ((took, -1.0), (at_once, 1.0)):
        begin = (first - asked.start) // STEP
        low, high = max(begin, 0), min(begin + len(row), len(more))
        if low < high:
            more[low:high] += sign * row[low - begin : high - begin]
    return more


def _battery(asked: AskedBattery, soc_percent: float) -> Battery:
    """Return a battery that does what its own logic would: it keeps its reserve, and has no plan."""
    stored = asked.capacity_wh * min(max(float(soc_percent), 0.0), 100.0) / 100
    battery = Battery(
        **{
            name: getattr(asked, name)
            for name in asked.__dataclass_fields__
            if name not in {"held", "reserve_wh"}
        }
    )
    return replace(battery, stored_wh=stored, minimum_wh=asked.reserve_wh)


def _sum(reader: Reader, modules: Iterable[str], asked: AskedDay) -> Floats:
    """Return the summed power of modules, NaN where none of them says anything."""
    rows = [_metric(reader, module, "power_w", asked.start, asked.end) for module in modules]
    if not rows:
        return np.full(_count(asked.start, asked.end), np.nan)
    stacked = np.stack(rows)
    total: Floats = np.where(np.isnan(stacked).all(axis=0), np.nan, np.nansum(stacked, axis=0))
    return total


def _metric(reader: Reader, module: str, name: str, start: int, end: int) -> Floats:
    """Return the mean of a metric in each minute, NaN where it says nothing."""
    row = np.full(_count(start, end), np.nan)
    metrics = [metric for metric in reader.metrics(module) if metric.name == name]
    if metrics:
        for chunk in History(reader, module, metrics[:1], start, end, Resolution("1m")).chunks():
            for each in chunk:
                (point,) = each.points
                if point is not None:
                    first = max(each.start - start, 0) // STEP
                    row[first : max(each.end - start, 0) // STEP] = point.mean
    return row


def _count(start: int, end: int) -> int:
    return max((end - start) // STEP, 1)
