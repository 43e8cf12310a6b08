"""The command that looks back: history from the running hub, or from what it has left."""

from __future__ import annotations

import contextlib
import json
import re
import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from bridge.cli import Refusal, load_settings, with_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.settings import Settings
    from bridge.telemetry.history import Row
    from bridge.telemetry.metrics import MetricSpec

_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_WIDTH: Final = 12


class _Found(NamedTuple):
    """The answer, which is read while it is shown."""

    head: dict[str, Any]
    """The first page without its rows."""
    specs: list[MetricSpec]
    chunks: Iterator[list[Row]]


@click.command()
@click.argument("module")
@click.argument("metrics", metavar="[METRIC]...", nargs=-1)
@click.option("--from", "start", default="24h", help="When it begins; 24h ago by default.")
@click.option("--to", "end", default="now", help="When it ends; now by default.")
@click.option("--resolution", default="auto", help="1s to 30m, 1h, 1d, 1w, 1mo; what suits by default.")
@click.option("--csv", "form", flag_value="csv", help="Answer in CSV, with the extremes.")
@click.option("--json", "form", flag_value="json", help="Answer in JSON, for programs.")
@click.option(
    "--parquet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a Parquet file; needs pyarrow.",
)
@with_place
def history(
    module: str,
    metrics: tuple[str, ...],
    config_file: Path | None,
    data_dir: Path | None,
    form: str | None,
    parquet: Path | None,
    **options: str,
) -> None:
    """Show what a module did.

    MODULE is its name or key, or how one of them begins. METRIC is power, energy_imported, soc, voltage or
    another that is recorded of it; all of them without one. A time is a date or a time of this home
    (2026-06-21, "2026-06-21 14:30"), now, today, yesterday, or how long ago (90m, 24h, 7d).

    \b
    ores-bridge history roof power
    ores-bridge history battery soc power --from yesterday --resolution 15m
    ores-bridge history meter energy_imported --from 2026-06-01 --to 2026-07-01 --resolution 1d --csv
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.time_zone import time_zone

    settings = load_settings(config_file, data_dir)
    zone = time_zone(settings.timezone)
    start, end = moment_option(options["start"], zone, "--from"), moment_option(options["end"], zone, "--to")
    if end < start:
        raise click.UsageError("--to is before --from")
    params = {
        "module": module,
        "metrics": list(metrics),
        "start": start,
        "end": end,
        "resolution": options["resolution"],
    }
    with contextlib.ExitStack() as stack:
        found = _found(_asker(settings, zone, stack), params)
        if parquet is not None:
            _write_parquet(found, parquet)
        elif form == "csv":
            _show_csv(found)
        elif form == "json":
            _show_json(found)
        else:
            _show_table(found, zone)


def _asker(
    settings: Settings, zone: tzinfo, stack: contextlib.ExitStack
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what answers a question with a page: the running hub, or the file that it has left."""
    from bridge.control import ControlClient, ControlError, HubNotRunningError
    from bridge.data_dir import DataDirectory

    directory = DataDirectory(settings.data_dir)
    try:
        client = ControlClient(directory.control_socket)
    except HubNotRunningError as error:
        if not directory.exists():
            raise Refusal(f"{error}: start it with `ores-bridge run`") from error
        return _stored(settings, directory, zone, stack)
    except ControlError as error:
        raise Refusal(str(error)) from error
    stack.callback(client.close)

    def ask(params: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = client.ask("history", **params)
        except ControlError as error:
            raise Refusal(str(error)) from error
        return answer

    return ask


def _stored(
    settings: Settings, directory: Any, zone: tzinfo, stack: contextlib.ExitStack
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    from bridge.module_names import UnknownModuleError, matching
    from bridge.record import ModuleRecord
    from bridge.state import StateError
    from bridge.state_file import ReadOnlyStorage
    from bridge.telemetry.database import StoreError
    from bridge.telemetry.pages import HistoryQuestion, page
    from bridge.telemetry.reader import Reader

    try:
        stored = ReadOnlyStorage(directory.state).scan("module/")
        records = [ModuleRecord.from_json(value) for _, value in stored]
        reader = stack.enter_context(Reader(settings.telemetry.path or directory.telemetry))
    except (StateError, StoreError) as error:
        raise Refusal(str(error)) from error
    names = {record.key: record.name for record in records}

    def ask(params: dict[str, Any]) -> dict[str, Any]:
        try:
            key = matching(params["module"], names)
            return page(reader, HistoryQuestion.of(key, params), zone) | {"name": names[key]}
        except (UnknownModuleError, StoreError, ValueError) as error:
            raise Refusal(str(error)) from error

    return ask


def _found(ask: Callable[[dict[str, Any]], dict[str, Any]], params: dict[str, Any]) -> _Found:
    """Ask for one page after the other; the first one fixes module and resolution."""
    from bridge.telemetry.history import Point, Row
    from bridge.telemetry.metrics import MetricSpec

    head = ask(params)
    specs = [MetricSpec(**values) for values in head["metrics"]]
    following = params | {
        "module": head["module"],
        "metrics": [spec.name for spec in specs],
        "resolution": head["resolution"],
    }

    def chunks() -> Iterator[list[Row]]:
        page: dict[str, Any] = head
        while True:
            yield [
                Row(start, end, tuple(None if point is None else Point(*point) for point in points))
                for start, end, points in page["rows"]
            ]
            if page["next"] is None:
                return
            page = ask(following | {"start": page["next"]})

    return _Found({name: head[name] for name in ("module", "name", "resolution", "metrics")}, specs, chunks())


def _show_csv(found: _Found) -> None:
    from bridge.telemetry.export import csv_header, csv_lines

    click.echo(csv_header(found.specs), nl=False)
    for rows in found.chunks:
        click.echo(csv_lines(found.specs, rows), nl=False)


def _show_json(found: _Found) -> None:
    """Print one object, a row a line, without having all rows in memory."""
    from bridge.telemetry.pages import point_values

    click.echo(json.dumps(found.head)[:-1] + ', "rows": [', nl=False)
    separator = "\n  "
    for rows in found.chunks:
        for row in rows:
            values: dict[str, Any] = {"start": _utc(row.start), "end": _utc(row.end)}
            for spec, point in zip(found.specs, row.points, strict=True):
                if point is not None:
                    values[spec.name] = point_values(spec, point)
            click.echo(separator + json.dumps(values), nl=False)
            separator = ",\n  "
    click.echo("\n]}")


def _show_table(found: _Found, zone: tzinfo) -> None:
    """Print a line a row in the home's time: means, and of counters what they counted."""
    headings = [f"{spec.name} [{spec.unit}]" if spec.unit else spec.name for spec in found.specs]
    widths = [max(_WIDTH, len(heading)) for heading in headings]
    click.echo(f"{found.head['name']}, {found.head['resolution']}")
    columns = zip(headings, widths, strict=True)
    click.echo("  ".join([f"{'time':19}", *(f"{heading:>{width}}" for heading, width in columns)]))
    for rows in found.chunks:
        for row in rows:
            cells = [f"{datetime.fromtimestamp(row.start, zone):%Y-%m-%d %H:%M:%S}"]
            for spec, point, width in zip(found.specs, row.points, widths, strict=True):
                value = None if point is None else point.mean if point.delta is None else point.delta
                cells.append(f"{'' if value is None else f'{value:.{max(0, -spec.scale)}f}':>{width}}")
            click.echo("  ".join(cells))


def _write_parquet(found: _Found, path: Path) -> None:
    from bridge.telemetry.export import ExportError, ParquetFile

    try:
        file = ParquetFile(path, found.specs)
        try:
            for rows in found.chunks:
                file.write(rows)
        finally:
            file.close()
    except (ExportError, OSError) as error:
        raise Refusal(str(error)) from error


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_option(text: str, zone: tzinfo, option: str) -> int:
    """Return a time that a person wrote: UTC, seconds since 1970."""
    from bridge.time_zone import midnight

    now = datetime.now(zone)
    days = {"today": 0, "yesterday": 1}
    if text == "now":
        return int(time.time())
    if text in days:
        return midnight(now.date() - timedelta(days[text]), zone)
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if ago is not None:
        return max(0, int(time.time()) - int(ago[1]) * _UNITS[ago[2]])
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return max(0, midnight(date.fromisoformat(text), zone))
        moment = datetime.fromisoformat(text)
        return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()))
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"{option} is a time such as 2026-06-21, '2026-06-21 14:30', now, today, yesterday, 24h or 7d"
        ) from None
