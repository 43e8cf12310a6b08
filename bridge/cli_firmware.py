"""Commands about firmware: status, update, cancel."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import load_settings, with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def firmware() -> None:
    """Update modules' firmware from a signed repository.

    \b
    ores-bridge firmware status
    ores-bridge firmware update roof
    ores-bridge firmware update roof 1.4.2
    ores-bridge firmware cancel roof
    """  # noqa: D301 - a backspace tells click to leave the lines as they are


@firmware.command()
@with_place
@as_json_option
def status(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what modules run, how the repository is, and how updates go on.

    \b
    ores-bridge firmware status --json | jq '.jobs[-1].state'
    """  # noqa: D301 - the same
    found = ask(config_file, data_dir, "firmware", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    repository = found["repository"]
    if repository is None:
        click.echo("No repository: set url and root in [firmware] of the settings.")
    else:
        click.echo(f"Repository: {repository['url']}")
        if repository["alert"]:
            click.echo(f"  {repository['alert']}: {repository['detail']}")
    for module in found["modules"]:
        how = "" if module["updatable"] else "  (not updated by the hub)"
        click.echo(f"{module['name']}: {module['installed'] or 'unknown'}{how}")
    for job in found["jobs"]:
        click.echo(_line(job))


@firmware.command()
@click.argument("module")
@click.argument("version", required=False)
@click.option("--begin", help="Not before: 22:00, or '2026-06-21 22:00'. At once without it.")
@click.option("--end", help="It does not begin after that; needs --begin.")
@with_place
@as_json_option
def update(
    module: str,
    version: str | None,
    begin: str | None,
    end: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Update MODULE to the newest release that fits it, or to VERSION.

    With a window, in times of this home, it waits for that, and in it for the home to be ready. A time of day
    is the next one that comes.

    \b
    ores-bridge firmware update "Garage roof"
    ores-bridge firmware update "Garage roof" 1.4.2 --begin 22:00 --end 05:00
    """  # noqa: D301 - the same
    params = {"module": module, "version": version, "window": _window(begin, end, config_file, data_dir)}
    found = ask(config_file, data_dir, "firmware-update", params)
    click.echo(json.dumps(found, indent=2) if as_json else _line(found))


@firmware.command()
@click.argument("job")
@with_place
@as_json_option
def cancel(job: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Cancel JOB, by its id or its module, before the module starts the new firmware.

    \b
    ores-bridge firmware cancel "Garage roof"
    """  # noqa: D301 - the same
    found = ask(config_file, data_dir, "firmware-cancel", {"job": job})
    click.echo(json.dumps(found, indent=2) if as_json else _line(found))


def _window(
    begin: str | None, end: str | None, config_file: Path | None, data_dir: Path | None
) -> list[float] | None:
    """Return the times that a window was given by; None for none."""
    if begin is None and end is None:
        return None
    if begin is None or end is None:
        raise click.UsageError("a window has --begin and --end")
    from bridge.time_zone import time_zone

    zone = time_zone(load_settings(config_file, data_dir).timezone)
    first = _coming(begin, datetime.now(zone), "--begin")
    last = _coming(end, first, "--end")
    if last <= first:
        raise click.UsageError("--end is not after --begin")
    return [first.timestamp(), last.timestamp()]


def _coming(text: str, after: datetime, option: str) -> datetime:
    """Return a time that a person wrote; a time of day is the next one after an instant."""
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            hour, minute = map(int, text.split(":"))
            at = after.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return at if at > after else at + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option} is a time such as 22:00 or '2026-06-21 22:00'") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=after.tzinfo)


def _line(job: dict[str, Any]) -> str:
    progress = "" if job["progress_percent"] is None else f" {job['progress_percent']} %"
    detail = f": {job['detail']}" if job["detail"] else ""
    what = f"{job['installed']} to {job['version']}"
    return f"{job['job']}  {job['module']}  {what}  {job['state']}{progress}{detail}"
