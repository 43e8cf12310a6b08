"""Commands that ask the running hub, or read what it has left: pair, status, set."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import Refusal, load_settings, with_place

if TYPE_CHECKING:
    from pathlib import Path

as_json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")


@click.command()
@with_place
@as_json_option
@click.option("--open", "open_", is_flag=True, help="Let another app in, for 15 minutes.")
def pair(config_file: Path | None, data_dir: Path | None, *, as_json: bool, open_: bool) -> None:
    """Show the QR code and the manual code, or let another app in.

    A hub that belongs to no app can be paired for 15 minutes after its start. Later, or with an app already
    paired, --open opens it again; most apps can do that themselves ("turn on pairing mode").

    \b
    ores-bridge pair
    ores-bridge pair --open
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.console import codes_text
    from bridge.qr_picture import qr_picture

    params = {"open_s": 900} if open_ else {}
    codes = ask(config_file, data_dir, "pair", params, None if open_ else _stored_codes)
    if as_json:
        click.echo(json.dumps(codes, indent=2))
        return
    click.echo(codes_text(codes, qr_picture(str(codes["qr_code"]))))
    if codes["commissionable"]:
        click.echo("The hub can be paired now.")
    elif codes.get("running") is False:
        click.echo("The hub is not running: start it with `ores-bridge run`.")
    else:
        click.echo("No app can pair right now: `ores-bridge pair --open` lets one in.")


@click.command()
@with_place
@as_json_option
def status(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show how the hub and its modules are.

    \b
    ores-bridge status
    ores-bridge status --json | jq '.modules[] | {name, power: .reading.power_w}'
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found = ask(config_file, data_dir, "status", {}, stored_status)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        from bridge.console import show_status

        show_status(found)


_KINDS = {
    "power-limit": {"%": "power_limit_percent", "w": "power_limit_w"},
    "charge": {"w": "charge_w"},
    "discharge": {"w": "discharge_w"},
    "reserve": {"%": "reserve_percent"},
}
_SWITCHES = {"on": ("connect", 1.0), "off": ("connect", 0.0), "hold": ("hold", None), "auto": ("auto", None)}
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@click.command("set")
@click.argument("module")
@click.argument("what", type=click.Choice([*_KINDS, *_SWITCHES]))
@click.argument("value", required=False)
@click.option("--for", "duration", help="How long: 90s, 10m, 2h, 1d. Until `auto` without it.")
@click.option("--wait/--no-wait", default=True, help="Wait until the module has done it.")
@with_place
@as_json_option
def set_(
    module: str,
    what: str,
    value: str | None,
    duration: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Tell a module what to do, as a person would in an app.

    MODULE is its name or key, or how one of them begins. Protection and the grid operator come first, the
    plan comes after you; `auto` takes back what you have set.

    \b
    ores-bridge set roof power-limit 50% --for 10m
    ores-bridge set battery charge 2000W --for 2h
    ores-bridge set battery reserve 30%
    ores-bridge set battery auto
    ores-bridge set roof off --for 1h
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    kind, number = _meaning(what, value)
    params = {"module": module, "kind": kind, "value": number, "duration_s": seconds(duration)}
    command = ask(config_file, data_dir, "set", params)
    deadline = time.monotonic() + 15
    while wait and command["state"] == "queued" and time.monotonic() < deadline:
        time.sleep(0.1)
        command |= ask(config_file, data_dir, "command", {"id": command["id"]})
    if as_json:
        click.echo(json.dumps(command, indent=2))
    else:
        reason = f": {command['reason']}" if command["reason"] else ""
        click.echo(f"{command['name']}: {what} {value or ''}".rstrip() + f" is {command['state']}{reason}")
    if command["state"] in {"refused", "failed"}:
        raise SystemExit(1)


def _meaning(what: str, value: str | None) -> tuple[str, float | None]:
    """Return kind and value of what was typed."""
    if what in _SWITCHES:
        if value is not None:
            raise click.UsageError(f"{what} takes no value")
        return _SWITCHES[what]
    units = _KINDS[what]
    example = " or ".join("50%" if unit == "%" else "1500W" for unit in units)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|w|kw)", (value or "").strip().lower())
    if match is None:
        raise click.UsageError(f"{what} needs a value such as {example}")
    number, unit = float(match[1]), match[2]
    if unit == "kw":
        number, unit = number * 1000, "w"
    if unit not in units:
        raise click.UsageError(f"{what} is given as {example}")
    return units[unit], number


def seconds(duration: str | None, option: str = "--for") -> float | None:
    """Return a time such as 90s, 10m, 2h or 1d in seconds, or end the command."""
    if duration is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", duration.strip().lower())
    if match is None:
        raise click.UsageError(f"{option} is a time such as 90s, 10m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


def ask(
    config_file: Path | None,
    data_dir: Path | None,
    method: str,
    params: dict[str, Any],
    stored: Any = None,
) -> Any:
    """Ask the running hub; when there is none, read the answer from what it has left, if that is possible."""
    from bridge.control import ControlClient, ControlError, HubNotRunningError
    from bridge.data_dir import DataDirectory
    from bridge.state import StateError

    directory = DataDirectory(load_settings(config_file, data_dir).data_dir)
    try:
        client = ControlClient(directory.control_socket)
        try:
            answer = client.ask(method, **params)
        finally:
            client.close()
    except HubNotRunningError as error:
        if stored is None or not directory.exists():
            raise Refusal(f"{error}: start it with `ores-bridge run`") from error
        try:
            answer = stored(directory)
        except StateError as failure:
            raise Refusal(str(failure)) from failure
    except ControlError as error:
        raise Refusal(str(error)) from error
    return answer


def _stored_codes(directory: Any) -> dict[str, Any]:
    from bridge import pairing, setup_code
    from bridge.matter import PRODUCT_ID, VENDOR_ID
    from bridge.state import StateError
    from bridge.state_file import ReadOnlyStorage

    setup = setup_code.load(ReadOnlyStorage(directory.state))
    if setup is None:
        raise StateError("the hub has no setup code yet: start it once")
    return pairing.codes(setup, VENDOR_ID, PRODUCT_ID) | {"commissionable": False, "running": False}


def stored_status(directory: Any) -> dict[str, Any]:
    """Return what a hub that does not run has left of its status. Raise StateError."""
    from bridge.record import ModuleRecord
    from bridge.state_file import ReadOnlyStorage
    from bridge.status import record_status

    storage = ReadOnlyStorage(directory.state)
    return {
        "running": False,
        "fabrics": [{"index": int(key.rpartition("/")[2])} for key, _ in storage.scan("fabric/")],
        "modules": [record_status(ModuleRecord.from_json(value)) for _, value in storage.scan("module/")],
    }
