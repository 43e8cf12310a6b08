"""Commands about the care of the home: faults, alerts, diagnose."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import click

from bridge.cli import Refusal, with_place
from bridge.cli_ask import as_json_option, ask, seconds

_CHECKS = ("link", "scan", "timing", "self-test", "matter")
_FOLLOWED = 70.0
"""Seconds that a diagnostic run is followed; the hub breaks off a longer one."""


@click.command()
@click.argument("module", required=False)
@click.option("--past", is_flag=True, help="Also those that are over.")
@click.option("--acknowledge", metavar="FAULT", help="Take note of the fault of this id.")
@click.option("--test", metavar="CODE", help="Raise this rule's fault on MODULE in earnest, for a while.")
@click.option("--for", "duration", default="10s", help="How long a test lasts: 2s to 60s (default 10s).")
@with_place
@as_json_option
def faults(
    module: str | None,
    acknowledge: str | None,
    test: str | None,
    duration: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    past: bool,
    as_json: bool,
) -> None:
    """Show what is wrong with modules, or with one MODULE, and what was done about it.

    An isolation fault keeps its module disconnected until somebody acknowledges it. A test really tells the
    module what the protection would tell it.

    \b
    ores-bridge faults
    ores-bridge faults battery --past
    ores-bridge faults battery --test BATTERY_TOO_HOT --for 5s
    ores-bridge faults --acknowledge 019a3c5f12b49e07
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    params: dict[str, object] = {"module": module, "past": past, "acknowledge": acknowledge}
    if test is not None:
        if module is None or acknowledge is not None:
            raise click.UsageError("--test needs a MODULE, and stands alone")
        params |= {"test": test, "test_s": seconds(duration)}
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


@click.command()
@click.argument("module", required=False)
@click.option(
    "--check", "checks", multiple=True, type=click.Choice(_CHECKS), help="Only this; may be repeated."
)
@click.option(
    "--bundle", type=click.Path(dir_okay=False, path_type=Path), help="Write a support bundle (zip)."
)
@with_place
@as_json_option
def diagnose(
    module: str | None,
    checks: tuple[str, ...],
    bundle: Path | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Look closely at one MODULE, or at the hub itself without one.

    A support bundle holds what whoever helps needs to know: status, settings, faults and the end of the log,
    without secrets and names of people.

    \b
    ores-bridge diagnose roof
    ores-bridge diagnose battery --check timing --json
    ores-bridge diagnose --bundle support.zip
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    if bundle is not None:
        if module is not None or checks:
            raise click.UsageError("a support bundle is of the whole hub")
        _write(bundle, base64.b64decode(ask(config_file, data_dir, "support-bundle", {})))
        click.echo(json.dumps({"bundle": str(bundle)}) if as_json else f"The support bundle is in {bundle}")
        return
    run: dict[str, Any] = ask(config_file, data_dir, "diagnose", {"module": module, "checks": checks})
    deadline = time.monotonic() + _FOLLOWED
    while run["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
        run = ask(config_file, data_dir, "diagnose", {"run": run["id"]})
    if as_json:
        click.echo(json.dumps(run, indent=2))
    else:
        for check in run["checks"]:
            click.echo(f"{check['name']}: {check['result']}: {check['detail']}")
    if run["state"] != "done" or any(check["result"] == "failed" for check in run["checks"]):
        raise SystemExit(1)


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}") from error
