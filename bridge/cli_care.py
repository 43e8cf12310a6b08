"""Commands about the care of the home: faults, alerts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask, seconds

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("module", required=False)
@click.option("--past", is_flag=True, help="Also those that are over.")
@click.option("--acknowledge", metavar="FAULT", help="Take note of the fault of this id.")
@with_place
@as_json_option
def faults(
    module: str | None,
    acknowledge: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    past: bool,
    as_json: bool,
) -> None:
    """Show what is wrong with modules, or with one MODULE, and what was done about it.

    An isolation fault keeps its module disconnected until somebody acknowledges it.

    \b
    ores-bridge faults
    ores-bridge faults battery --past
    ores-bridge faults --acknowledge 019a3c5f12b49e07
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    params = {"module": module, "past": past, "acknowledge": acknowledge}
    found = ask(config_file, data_dir, "faults", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for fault in found:
        over = f" until {fault['cleared']}" if fault["cleared"] else ""
        noted = f", acknowledged by {fault['acknowledged_by']}" if fault["acknowledged_by"] else ""
        click.echo(f"{fault['fault']}  {fault['severity']}  {fault['name']}: {fault['code']}{noted}")
        click.echo(f"    since {fault['since']}{over}: {fault['evidence']}")
        if fault["action"]:
            click.echo(f"    {fault['action']}")
    if not found:
        click.echo("Nothing is wrong.")


@click.command()
@click.option("--all", "all_", is_flag=True, help="Also those that are over.")
@click.option("--acknowledge", type=int, metavar="ALERT", help="Take note of the alert of this number.")
@click.option("--snooze", type=int, metavar="ALERT", help="Tell nobody of it for a while.")
@click.option("--for", "duration", default="1h", help="How long to snooze: 30m, 2h, 1d (default 1h).")
@with_place
@as_json_option
def alerts(
    acknowledge: int | None,
    snooze: int | None,
    duration: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    all_: bool,
    as_json: bool,
) -> None:
    """Show what people are told of; acknowledge or snooze it.

    \b
    ores-bridge alerts
    ores-bridge alerts --acknowledge 12
    ores-bridge alerts --snooze 12 --for 2h
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    if acknowledge is not None and snooze is not None:
        raise click.UsageError("an alert is either acknowledged or snoozed")
    params: dict[str, object] = {"all": all_, "alert": acknowledge if snooze is None else snooze}
    if snooze is not None:
        params["snooze_s"] = seconds(duration)
    found = ask(config_file, data_dir, "alerts", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for alert in found:
        click.echo(f"{alert['alert']}  {alert['severity']}  {alert['state']}  {alert['title']}")
        click.echo(f"    {alert['time']}: {alert['text']}")
    if not found:
        click.echo("There is nothing to tell.")
