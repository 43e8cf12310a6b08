"""GET /device/data/logging: what is recorded of modules, as it was or as it usually is, here or in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import StringConstraints

from bridge.access.role import Role
from bridge.api.forecast_view import Forecasts, forecasts
from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import CSV, JSON, NDJSON, PARQUET, operation
from bridge.api.problems import INVALID, NOT_ACCEPTABLE, UNKNOWN_MODULE, Flaw, Problem, ProblemType
from bridge.api.recorded import HistoryQuery, Span, rfc3339, span, spans, unreadable
from bridge.api.retention_view import RetentionRevision, RetentionView
from bridge.api.streams import Document, Download, Rows
from bridge.telemetry.database import StoreError, UnknownMetricError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.api.context import Context
    from bridge.hub import Hub
    from bridge.registry import RegisteredModule
    from bridge.retention import Retention
    from bridge.revisions import Revision
    from bridge.telemetry.telemetry import HistoryStream

UNKNOWN_METRIC: Final = ProblemType(
    "unknown-metric",
    404,
    "There is no history of this.",
    "Nothing was recorded of the module, or it does not measure that.",
    "Ask without `metrics` and without `from` for what is recorded of the module.",
)
MOST_ANALYSED: Final = 4
"""Metrics that are analysed in one answer."""


class LoggingQuery(HistoryQuery):
    """Of which module what is told, how far back, and how."""

    module: ModuleKey | None = None
    """Key of the module; without it, what is recorded of all of them, and no history."""
    metrics: (
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$", max_length=2000)] | None
    ) = None
    """Names with commas between them, such as `power_w,soc_percent`; all of them without it."""
    analysis: Literal["hours-of-day", "forecasts"] | None = None
    """`hours-of-day` tells what is usual at each hour of the home's day, in place of the history;
    `forecasts`, without a module, what is foreseen, and how good that was on the last days."""


class Metric(Model):
    """One thing that is recorded of a module."""

    name: str
    unit: str
    counter: bool
    """Whether it only counts up; history then has what it counted in each row."""
    estimated: bool
    """Whether the hub worked it out instead of the device."""
    time: Moment
    """Of the newest value."""
    value: float


class LoggedModule(Model):
    """What is recorded of one module."""

    module: str
    name: str
    metrics: list[Metric]


class Point(Model):
    """What a metric did in a span."""

    n: int
    """Samples, each a second."""
    mean: float
    min: float
    max: float
    delta: float | None = None
    """What a counter counted; only counters have it."""


class LoggedRow(Model):
    """What a module did in a span of time."""

    start: Moment
    end: Moment
    values: dict[str, Point]
    """By the name of the metric. What has no sample in the span is left out."""


class HourOfDay(Model):
    """What a metric is usually like in one hour of the home's day."""

    metric: str
    hour: int
    """0 to 23, in the home's time zone."""
    n: int
    """Spans that were looked at: hours of a counter, else minutes, or quarters of an hour over a month."""
    mean: float
    min: float
    max: float
    p5: float
    """Percentiles, over the means of the spans; of a counter, over what was counted in the hour."""
    p25: float
    p50: float
    p75: float
    p95: float


class DataLog(Model):
    """What was asked for."""

    retention: RetentionView
    retention_history: list[RetentionRevision]
    """Changes of it, the newest last; only where no module was named."""
    modules: list[LoggedModule]
    hours_of_day: list[HourOfDay]
    """Empty unless it was asked for."""
    forecasts: Forecasts | None = None
    """Null unless it was asked for."""
    resolution: str | None
    """What `auto` came to; null without a history."""
    history: list[LoggedRow]
    """From the oldest row on. Spans without a measurement are left out."""


@operation(
    "GET",
    "/device/data/logging",
    summary="What is recorded of modules",
    description=(
        "Which metrics there are and for how long they are kept; with `module` and `from`, their history, or "
        "with `analysis=hours-of-day` mean, extremes and percentiles by hour of the day. "
        "`analysis=forecasts` tells what is foreseen of prices, load and sun, and how good that was on the "
        "last days. As CSV, lines of "
        "JSON or Parquet it is an export: one column for each metric's value and, as `_min` and `_max`, its "
        "extremes; a counter has its last value and, as `_delta`, what it counted. Nothing waits for the end."
    ),
    least=Role.GUEST,
    modules=True,
    query=LoggingQuery,
    answer=DataLog,
    media=(JSON, CSV, NDJSON, PARQUET),
    event=LoggedRow,
    problems=(UNKNOWN_MODULE, UNKNOWN_METRIC),
)
async def read_log(context: Context[LoggingQuery, None]) -> DataLog | Document | Rows | Download:
    """Tell what is recorded."""
    hub, query = context.hub, context.query
    if query.analysis == "forecasts":
        return await _forecasts(context)
    key = query.module or context.caller.module or None
    if key is None:
        _refuse_without_module(context)
        return await _told(hub, context.modules(), hub.retention.history())
    module = context.module(key)
    asked = span(hub, query, table=context.media != JSON)
    metrics = query.metrics.split(",") if query.metrics else []
    if query.analysis is not None:
        return await _analysed(context, module, metrics, asked)
    if asked is None:
        if metrics:
            raise _unfit("metrics", "choose them together with `from`")
        return await _told(hub, [module])
    return await _history(context, module, metrics, asked)


async def _history(
    context: Context[LoggingQuery, None], module: RegisteredModule, metrics: Sequence[str], asked: Span
) -> Document | Rows | Download:
    hub = context.hub
    if context.media == PARQUET:
        from bridge.telemetry.parquet import is_possible, parquet  # few ask for it

        if not is_possible():
            raise Problem(
                NOT_ACCEPTABLE,
                "Parquet needs pyarrow, which this hub does not have",
                remedy="Install it (pip install 'ores-bridge[parquet]'), or accept text/csv.",
            )
    try:
        stream = await hub.telemetry.history(module.key, metrics, asked.start, asked.end, asked.resolution)
    except StoreError as error:
        raise _problem(error) from error
    if context.media == PARQUET:
        return Download(PARQUET, parquet(stream), file=f"{module.key}.parquet")
    if context.media != JSON:
        from bridge.telemetry.export import columns

        ending = "csv" if context.media == CSV else "ndjson"
        return Rows(context.media, columns(stream.specs), _lines(stream), file=f"{module.key}.{ending}")
    head = await _told(hub, [module])
    return Document(head.model_copy(update={"resolution": stream.resolution}), _objects(stream))


async def _lines(stream: HistoryStream) -> AsyncIterator[Sequence[Any]]:
    from bridge.telemetry.export import values

    async for row in spans(stream):
        yield (rfc3339(row.start), rfc3339(row.end), *values(stream.specs, row))


async def _objects(stream: HistoryStream) -> AsyncIterator[dict[str, Any]]:
    from bridge.telemetry.pages import point_values

    async for row in spans(stream):
        yield {
            "start": rfc3339(row.start),
            "end": rfc3339(row.end),
            "values": {
                spec.name: point_values(spec, point)
                for spec, point in zip(stream.specs, row.points, strict=True)
                if point is not None
            },
        }


async def _forecasts(context: Context[LoggingQuery, None]) -> DataLog:
    query = context.query
    if query.module or context.caller.module:
        raise _unfit("module", "what is foreseen is of the home: leave the module out")
    if context.media != JSON or query.from_ or query.to or query.metrics:
        raise _unfit("analysis", f"forecasts are told as they are, as {JSON}")
    told = await _told(context.hub, [])
    return told.model_copy(update={"forecasts": forecasts(context.hub)})


async def _told(
    hub: Hub, modules: Sequence[RegisteredModule], revisions: Sequence[Revision[Retention]] = ()
) -> DataLog:
    return DataLog(
        retention=RetentionView.of(hub.retention.now),
        retention_history=[RetentionRevision.of(each) for each in revisions],
        modules=[await _logged(hub, module) for module in modules],
        hours_of_day=[],
        resolution=None,
        history=[],
    )


async def _logged(hub: Hub, module: RegisteredModule) -> LoggedModule:
    try:
        newest = await hub.telemetry.latest(module.key)
    except StoreError as error:
        raise _problem(error) from error
    return LoggedModule(
        module=module.key,
        name=module.record.name,
        metrics=[
            Metric(
                name=each.spec.name,
                unit=each.spec.unit,
                counter=each.spec.counter,
                estimated=each.spec.estimated,
                time=moment(each.time),
                value=each.value,
            )
            for each in newest
        ],
    )


async def _analysed(
    context: Context[LoggingQuery, None],
    module: RegisteredModule,
    metrics: Sequence[str],
    asked: Span | None,
) -> DataLog:
    if context.media != JSON:
        raise Problem(NOT_ACCEPTABLE, f"an analysis is answered as {JSON}")
    if asked is None:
        raise _unfit("from", "an analysis is of a span of time")
    if not 1 <= len(metrics) <= MOST_ANALYSED:
        raise _unfit("metrics", f"an analysis is of 1 to {MOST_ANALYSED} metrics")
    found = []
    for metric in metrics:
        try:
            hours = await context.hub.telemetry.hours_of_day(module.key, metric, asked.start, asked.end)
        except StoreError as error:
            raise _problem(error) from error
        except ValueError as error:
            raise _unfit("from", str(error)) from error
        found += [
            HourOfDay(
                metric=metric,
                hour=each.hour,
                n=each.n,
                mean=each.mean,
                min=each.minimum,
                max=each.maximum,
                **dict(zip(("p5", "p25", "p50", "p75", "p95"), each.percentiles, strict=True)),
            )
            for each in hours
        ]
    told = await _told(context.hub, [module])
    return told.model_copy(update={"hours_of_day": found})


def _refuse_without_module(context: Context[LoggingQuery, None]) -> None:
    query = context.query
    history = query.from_ or query.to or query.metrics or query.analysis
    if context.media != JSON or history:
        raise _unfit("module", "history is told of one module")


def _unfit(parameter: str, detail: str) -> Problem:
    return Problem(INVALID, "the query does not fit", flaws=[Flaw(parameter, detail)])


def _problem(error: StoreError) -> Problem:
    return Problem(UNKNOWN_METRIC, str(error)) if isinstance(error, UnknownMetricError) else unreadable(error)
