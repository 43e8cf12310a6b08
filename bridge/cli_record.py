"""Commands about the record of the home: what is usual at which hour, and for how long it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import load_settings, with_place
from bridge.cli_ask import as_json_option, ask
from bridge.cli_history import moment_option

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN: Final = (("seconds", "every second"), ("minutes", "minutes"), ("quarters", "quarters of an hour"))
_COLUMNS: Final = ("mean", "minimum", "maximum")


@click.command("hours-of-day")
@click.argument("module")
@click.argument("metrics", metavar="METRIC...", nargs=-1, required=True)
@click.option("--from", "start", default="30d", help="When it begins; 30 days ago by default.")
@click.option("--to", "end", default="now", help="When it ends; now by default.")
@with_place
@as_json_option
def hours_of_day(
    module: str,
    metrics: tuple[str, ...],
    start: str,
    end: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show what is usual of a module at each hour of the home's day.

    Mean, extremes, and the 5th, 25th, 50th, 75th and 95th percentile over the minutes of the span, or over
    its quarters of an hour if it is longer than a month; of a counter, over what it counted in the hour.

    \b
    ores-bridge hours-of-day roof power
    ores-bridge hours-of-day meter energy_imported --from 90d --json
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.time_zone import time_zone

    zone = time_zone(load_settings(config_file, data_dir).timezone)
    begin, until = moment_option(start, zone, "--from"), moment_option(end, zone, "--to")
    if until < begin:
        raise click.UsageError("--to is before --from")
    params = {"module": module, "metrics": list(metrics), "start": begin, "end": until}
    found = ask(config_file, data_dir, "hours-of-day", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for metric, hours in found["metrics"].items():
        click.echo(f"{found['name']}, {metric}")
        names = (*_COLUMNS, "5 %", "25 %", "50 %", "75 %", "95 %")
        click.echo("  ".join(["hour", *(f"{name:>10}" for name in names)]))
        for each in hours:
            cells = [*(each[name] for name in _COLUMNS), *each["percentiles"]]
            click.echo("  ".join([f"{each['hour']:>4}", *(f"{cell:>10.1f}" for cell in cells)]))


@click.command()
@click.option("--seconds", "seconds_days", type=int, metavar="DAYS", help="Of every second; 0: for ever.")
@click.option("--minutes", "minutes_days", type=int, metavar="DAYS", help="Of each minute's mean, extremes.")
@click.option("--quarters", "quarters_days", type=int, metavar="DAYS", help="Of each quarter of an hour's.")
@click.option("--events", "events_days", type=int, metavar="DAYS", help="Of events.")
@click.option("--back-to-before", type=click.IntRange(1), metavar="REVISION", help="Undo from there on.")
@click.option("--as-settings", is_flag=True, help="As the settings file says.")
@click.option("--dry-run", is_flag=True, help="Say what would be kept and removed, and change nothing.")
@with_place
@as_json_option
def retention(
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_settings: bool,
    dry_run: bool,
    as_json: bool,
    **wished: int | None,
) -> None:
    """Show or change for how many days what was recorded is kept.

    What is coarser is kept as long as what is finer, at least. What becomes too old is removed within the
    next hours and does not come back.

    \b
    ores-bridge retention
    ores-bridge retention --seconds 90 --dry-run
    ores-bridge retention --seconds 7 --minutes 0 --quarters 0
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    values: dict[str, Any] = {name: value for name, value in wished.items() if value is not None}
    if ("back_to_before" in values) + as_settings + bool(values.keys() - {"back_to_before"}) > 1:
        raise click.UsageError("days, --back-to-before and --as-settings exclude each other")
    params = {**values, "as_settings": as_settings, "dry_run": dry_run}
    found = ask(config_file, data_dir, "retention", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, what in (*_SHOWN, ("events", "events")):
        days = found["retention"][f"{name}_days"]
        set_ = found["settings"][f"{name}_days"]
        click.echo(f"{what:20} {_days(days):>12}" + ("" if days == set_ else f"  (settings: {_days(set_)})"))
    for name, before in found["removes"].items():
        click.echo(
            f"{name.removesuffix('_days')} from before {before} {'would be' if dry_run else 'are'} removed"
        )
    if dry_run:
        click.echo("Nothing was changed.")


def _days(days: int) -> str:
    return f"{days} days" if days else "for ever"
