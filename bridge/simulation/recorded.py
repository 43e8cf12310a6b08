"""Homes that were measured: from a table, or from what a hub has recorded of its own."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from bridge.simulation.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo
    from pathlib import Path

    from bridge.planner.past import Past
    from optimizer.formulation.program import Floats

SHORTEST_S: Final = 900
"""What is finer is averaged over quarters of an hour."""
_LONGEST_S: Final = 3600
_MOST_MISSING: Final = 0.1
"""Share of what may be missing, and is taken from the days beside."""
_DAY_S: Final = 86_400
_POWERS: Final = ("load_w", "solar_w")
_PRICES: Final = ("import_price", "export_price")


class RecordError(ValueError):
    """What was recorded cannot be simulated; the message is for a person."""


def from_table(path: Path, zone: tzinfo) -> Profile:
    """Return the home of a CSV file with a header and the columns `time`, `load_w` and `solar_w`.

    A time is ISO 8601, without an offset UTC, or seconds since 1970; it is when the interval begins whose
    mean powers follow. Rows are evenly spaced, at most an hour apart; what is missing is taken from the days
    beside. With `import_price` (and perhaps `export_price`) per kWh the home has prices of its own.

    :raises RecordError: it is something else
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _table(csv.DictReader(file), zone, str(path))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path} cannot be read: {error}") from error


def from_past(past: Past, zone: tzinfo) -> Profile:
    """Return the home that a hub has recorded, by its whole days. Raise RecordError."""
    load, sun, step_s = past.load.power_w, past.production.power_w, past.load.step_s
    begin = round(past.load.start.timestamp())
    known = np.flatnonzero(~np.isnan(load))
    if not len(known):
        raise RecordError("nothing is recorded of the home's load yet")
    first, last = int(known[0]), int(known[-1]) + 1
    per_day = _DAY_S // step_s
    last = first + (last - first) // per_day * per_day
    if last - first < per_day:
        raise RecordError("less than a day is recorded of the home's load")
    rows = {"load_w": load[first:last], "solar_w": np.nan_to_num(sun[first:last])}
    return _profile(begin + first * step_s, step_s, rows, zone, "what this hub has recorded")


def _table(reader: csv.DictReader[str], zone: tzinfo, about: str) -> Profile:
    columns = reader.fieldnames or ()
    missing = [name for name in ("time", *_POWERS) if name not in columns]
    if missing:
        raise RecordError(f"there is no column {', '.join(missing)}")
    names = [*_POWERS, *(name for name in _PRICES if name in columns)]
    return _even([_row(row, line) for line, row in enumerate(reader, 2)], names, zone, about)


def _row(row: dict[str, str], line: int) -> tuple[int, dict[str, float]]:
    """Return time and values; what is empty is missing."""
    values = {}
    for name in (*_POWERS, *_PRICES):
        text = (row.get(name) or "").strip()
        try:
            value = float(text) if text else np.nan
        except ValueError:
            raise RecordError(f"line {line}: {name} is {text!r}, which is no number") from None
        if np.isinf(value):
            raise RecordError(f"line {line}: {name} is infinite")
        values[name] = value
    return _time((row.get("time") or "").strip(), line), values


def _time(text: str, line: int) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        try:
            return int(float(text))
        except (ValueError, OverflowError):
            raise RecordError(
                f"line {line}: {text!r} is no time; write one such as 2026-06-21T14:30Z"
            ) from None
    return round((when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp())


def _even(
    rows: list[tuple[int, dict[str, float]]], names: Iterable[str], zone: tzinfo, about: str
) -> Profile:
    """Return the rows on a grid of their usual distance."""
    if len(rows) < 2:
        raise RecordError("there are fewer than two rows")
    times = np.array([time for time, _ in rows])
    steps = np.diff(times)
    if (steps <= 0).any():
        line = int(np.flatnonzero(steps <= 0)[0]) + 3
        raise RecordError(f"line {line}: this time is not after the one before")
    step_s = int(np.median(steps))
    if step_s > _LONGEST_S or _LONGEST_S % step_s or (steps % step_s).any() or times[0] % step_s:
        raise RecordError("rows must be evenly spaced, by a part of an hour, from the full hour on")
    count = int((times[-1] - times[0]) // step_s) + 1
    where = (times - times[0]) // step_s
    table = {}
    for name in names:
        row = np.full(count, np.nan)
        row[where] = [values[name] for _, values in rows]
        table[name] = row
    return _profile(int(times[0]), step_s, table, zone, about)


def _profile(begin: int, step_s: int, rows: dict[str, Floats], zone: tzinfo, about: str) -> Profile:
    if step_s < SHORTEST_S:
        skipped = (-begin % SHORTEST_S) // step_s
        begin += skipped * step_s
        rows = {name: _averaged(row[skipped:], SHORTEST_S // step_s) for name, row in rows.items()}
        step_s = SHORTEST_S
    count = len(rows["load_w"])
    if count * step_s < _DAY_S:
        raise RecordError("there is less than a day")
    missing = max(float(np.isnan(row).mean()) for row in rows.values())
    if missing > _MOST_MISSING:
        raise RecordError(f"{100 * missing:.0f} % is missing, of what {100 * _MOST_MISSING:.0f} % may be")
    filled = {name: _filled(row, _DAY_S // step_s) for name, row in rows.items()}
    if missing:
        about += f" ({100 * missing:.1f} % of it missing, and taken from the days beside)"
    start = datetime.fromtimestamp(begin, UTC).astimezone(zone)
    drawing = filled.get("import_price")
    feeding = filled.get("export_price")
    return Profile(
        start,
        step_s,
        np.maximum(filled["load_w"], 0.0),
        np.maximum(filled["solar_w"], 0.0),
        about,
        drawing,
        np.zeros(count) if feeding is None and drawing is not None else feeding,
    )


def _averaged(row: Floats, by: int) -> Floats:
    """Return means of so many values that follow each other; of which one is missing, the mean is."""
    whole = len(row) // by * by
    means: Floats = row[:whole].reshape(-1, by).mean(axis=1)
    return means


def _filled(row: Floats, per_day: int) -> Floats:
    """Return a row whose gaps are filled by what was, or will be, at the same time of the nearest day."""
    row = row.copy()
    for where in np.flatnonzero(np.isnan(row)):
        beside = row[where % per_day :: per_day]
        day = where // per_day
        known = np.flatnonzero(~np.isnan(beside))
        if not len(known):
            raise RecordError("one time of the day is missing on every day")
        row[where] = beside[known[np.argmin(np.abs(known - day))]]
    return row
