"""History in answers: which span is asked for, and the rows of it, from the store of telemetry."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from bridge.api.models import Model, Moment
from bridge.api.problems import INVALID, UNAVAILABLE, Flaw, Problem
from bridge.telemetry.database import StoreError
from bridge.telemetry.history import LATEST
from bridge.telemetry.metrics import ESTIMATED
from bridge.telemetry.resolution import resolution

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.energy_figures import EnergyFigures
    from bridge.hub import Hub
    from bridge.telemetry.history import Point, Row
    from bridge.telemetry.metrics import MetricSpec
    from bridge.telemetry.telemetry import HistoryStream

DAY: Final = 86_400
"""Seconds that a table goes back when nobody says how far."""

_log = logging.getLogger(__name__)


class HistoryQuery(Model):
    """A span of time, and how finely it is told."""

    from_: Moment | None = Field(default=None, alias="from")
    """When the history begins. Without it JSON has no history, and a table has the last 24 hours."""
    to: Moment | None = None
    """When it ends; now by default."""
    resolution: Literal[
        "auto", "1s", "5s", "10s", "30s", "1m", "5m", "10m", "15m", "30m", "1h", "1d", "1w", "1mo"
    ] = "auto"
    """Length of a row; `auto` takes the finest that gives no more than 1,000 rows. Days, weeks and months are
    those of the home's time zone. Where seconds or minutes are no longer kept, rows are longer."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for. Times are UTC, seconds since 1970."""

    start: int
    end: int
    resolution: str


def span(hub: Hub, query: HistoryQuery, *, table: bool) -> Span | None:
    """Return the span that a query asks for, or None when it asks for none. Raise Problem.

    :param table: whether a table is answered, which has a history in any case
    """
    end = int(time.time()) if query.to is None else math.ceil(query.to.timestamp())
    if query.from_ is not None:
        start = math.floor(query.from_.timestamp())
    elif table:
        start = end - DAY
    else:
        return None
    if not 0 <= start <= end <= LATEST:
        flaw = Flaw("from", "a span begins in 1970 or later and does not end before it begins")
        raise Problem(INVALID, "the query does not fit", flaws=[flaw])
    found = resolution(query.resolution, start, end, hub.telemetry.zone)
    return Span(start, end, found.name)


async def figures(hub: Hub, module: str) -> EnergyFigures:
    """Return what a module has counted. Raise Problem."""
    from bridge.energy_figures import energy_figures  # not before somebody asks

    try:
        return energy_figures(await hub.telemetry.energy(module))
    except StoreError as error:
        raise unreadable(error) from error


async def opened(hub: Hub, module: str, metrics: Sequence[str], asked: Span) -> HistoryStream | None:
    """Return the history of those of the metrics that are recorded of a module; None when none is.

    An energy that the device does not count is the estimated one. Raise Problem.
    """
    telemetry = hub.telemetry
    try:
        recorded = {spec.name for spec in await telemetry.metrics(module)}
        stand_ins = {name: ESTIMATED[name].name if name in ESTIMATED else name for name in metrics}
        names = [name if name in recorded else stand_ins[name] for name in metrics]
        names = [name for name in names if name in recorded]
        if not names:
            return None
        return await telemetry.history(module, names, asked.start, asked.end, asked.resolution)
    except StoreError as error:
        raise unreadable(error) from error


async def spans(stream: HistoryStream) -> AsyncIterator[Row]:
    """Yield the rows of a history. Raise ConnectionResetError when it breaks off: the answer has begun."""
    try:
        async for rows in stream:
            for row in rows:
                yield row
    except StoreError as error:
        _log.error("a history was broken off: %s", error)
        raise ConnectionResetError("the history was broken off") from error


def by_name(stream: HistoryStream, row: Row) -> dict[str, tuple[MetricSpec, Point]]:
    """Return what is known in a row, by the name of the metric, an estimated one by that of the counted."""
    counted = {spec.name: name for name, spec in ESTIMATED.items()}
    return {
        counted.get(spec.name, spec.name): (spec, point)
        for spec, point in zip(stream.specs, row.points, strict=True)
        if point is not None
    }


def mean(found: tuple[MetricSpec, Point] | None) -> float | None:
    """Return the mean of a point, rounded to a digit more than is kept."""
    return None if found is None else round(found[1].mean, 1 - found[0].scale)


def counted(found: tuple[MetricSpec, Point] | None) -> float | None:
    """Return what a counter counted."""
    return None if found is None else found[1].delta


def extremes(found: tuple[MetricSpec, Point] | None) -> tuple[float | None, float | None]:
    """Return the least and the most."""
    return (None, None) if found is None else (found[1].minimum, found[1].maximum)


def rfc3339(seconds: int) -> str:
    """Return an instant (UTC, seconds since 1970) as it is answered."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def unreadable(error: Exception) -> Problem:
    """Return the problem for a store that cannot be read or written now."""
    return Problem(UNAVAILABLE, str(error))


async def as_objects(
    columns: Sequence[str], rows: AsyncIterator[Sequence[Any]]
) -> AsyncIterator[dict[str, Any]]:
    """Yield rows as objects with the columns' names."""
    async for row in rows:
        yield dict(zip(columns, row, strict=True))
