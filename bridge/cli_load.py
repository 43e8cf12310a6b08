"""The command for loads and cars: what they are to get by when."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import load_settings, with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from pathlib import Path

_UNITS: Final = {"energy": {"wh": 1.0, "kwh": 1000.0}, "power": {"w": 1.0, "kw": 1000.0}}
_MINUTES: Final = {"m": 1.0, "h": 60.0}
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS: Final = {"daily": _WEEK, "weekdays": _WEEK[:5], "weekend": _WEEK[5:], "none": ()}
_USUAL: Final = "usual"


@click.group()
def load() -> None:
    """Say what loads and cars are to get by when, and see how far they are.

    \b
    ores-bridge load list
    ores-bridge load set heater interruptible --energy 4kWh --power 2kW --by 18:00 --days daily
    ores-bridge load set dishwasher machine --energy 1.1kWh --runs 2h
    ores-bridge load run dishwasher --by 07:00
    ores-bridge load cancel dishwasher
    """  # noqa: D301 - a backspace tells click to leave the lines as they are


@load.command("list")
@with_place
@as_json_option
def list_(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what is wanted of each load, and how far it is."""
    found = ask(config_file, data_dir, "loads", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("There are no loads and no chargers.")
    _show(found, (config_file, data_dir))


def _wishes(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is wanted."""
    usual = f"or `{_USUAL}` to learn it."
    for option in (
        click.option("--energy", help=f"What it is to get, or a run takes: 4kWh, 800Wh, {usual}"),
        click.option("--power", help=f"What it takes while it runs: 2kW, 60W, {usual}"),
        click.option("--runs", help=f"How long it runs: 90m, 2h, {usual}"),
    ):
        command = option(command)
    return command


@load.command("set")
@click.argument("module")
@click.argument("kind", required=False, type=click.Choice(["fixed", "interruptible", "machine"]))
@_wishes
@click.option("--by", help="By when it is to be done on --days: 07:00.")
@click.option("--days", help="daily, weekdays, weekend, none, or days such as mon,thu.")
@click.option("--earliest", help="Before which it does not begin: 22:00, or `usual`.")
@click.option(
    "--hours", type=click.Choice(["any", "off-peak", "not-peak"]), help="At which prices it may run."
)
@click.option("--min-on", help="How long it stays on at least: 10m.")
@click.option("--min-off", help="How long it stays off at least: 10m.")
@click.option("--planned/--not-planned", default=None, help="Whether the plan may command it.")
@with_place
@as_json_option
def set_(
    module: str,
    kind: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    **said: Any,
) -> None:
    """Say what is wanted of a load, every week or whenever `load run` asks for it.

    `interruptible` may pause: a water heater, a pool pump, a car. A `machine` goes through one program and is
    started by switching its power on. `fixed` just happens, as everything does that nobody has named.

    \b
    ores-bridge load set heater interruptible --energy 4kWh --power 2kW --by 18:00 --days daily
    ores-bridge load set dishwasher machine --energy usual --runs usual
    ores-bridge load set heater --hours off-peak --min-on 15m --min-off 15m
    ores-bridge load set wallbox --not-planned
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    changes = _amounts(said) | ({} if kind is None else {"kind": kind})
    if said["by"] is not None:
        changes["done_by"] = _or_usual(said["by"])
    if said["earliest"] is not None:
        changes["earliest"] = _or_usual(said["earliest"])
    if said["hours"] is not None:
        changes["hours"] = said["hours"].replace("-", "_")
    if said["days"] is not None:
        changes["days"] = list(_DAYS.get(said["days"]) or filter(None, re.split(r"[,\s]+", said["days"])))
        if said["days"] == "none":
            changes["days"] = []
    for name in ("min_on", "min_off"):
        if said[name] is not None:
            changes[f"{name}_minutes"] = _minutes(f"--{name.replace('_', '-')}", said[name])
    if said["planned"] is not None:
        changes["planned"] = said["planned"]
    if not changes:
        raise click.UsageError("say what is wanted: a KIND or one of the options")
    _change(module, changes, (config_file, data_dir), as_json=as_json)


@load.command()
@click.argument("module")
@click.option("--by", required=True, help="When it is to be done: the next 07:00.")
@_wishes
@with_place
@as_json_option
def run(
    module: str, by: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool, **said: Any
) -> None:
    """Have a load done once: the plan chooses when.

    Set the program of a machine and start it first; its power goes off until its time has come.

    \b
    ores-bridge load run dishwasher --by 07:00
    ores-bridge load run wallbox --energy 12kWh --by 06:30
    ores-bridge load run wallbox --by 06:30    (until the car is full)
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    _change(module, _amounts(said) | {"once_by": by}, (config_file, data_dir), as_json=as_json)


@load.command()
@click.argument("module")
@with_place
@as_json_option
def cancel(module: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Take back what `load run` asked for. A program that runs goes on."""
    _change(module, {"once_by": None}, (config_file, data_dir), as_json=as_json)


def _change(
    module: str, changes: dict[str, Any], place: tuple[Path | None, Path | None], *, as_json: bool
) -> None:
    found = ask(*place, "load", {"module": module, "changes": changes})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show([found], place)


def _amounts(said: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if said["energy"] is not None:
        changes["energy_wh"] = _amount("energy", said["energy"], "4kWh or 800Wh")
    if said["power"] is not None:
        changes["power_w"] = _amount("power", said["power"], "2kW or 60W")
    if said["runs"] is not None:
        usual = said["runs"] == _USUAL
        changes["run_minutes"] = None if usual else _minutes("--runs", said["runs"])
    return changes


def _amount(what: str, text: str, example: str) -> float | None:
    if text == _USUAL:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip().lower())
    if found is None or found[2] not in _UNITS[what]:
        raise click.UsageError(f"--{what} is an amount such as {example}, or {_USUAL}")
    return float(found[1]) * _UNITS[what][found[2]]


def _minutes(option: str, text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mh])", text.strip().lower())
    if found is None:
        raise click.UsageError(f"{option} is a time such as 90m or 2h")
    return float(found[1]) * _MINUTES[found[2]]


def _or_usual(text: str) -> str | None:
    return None if text == _USUAL else text


def _show(found: list[dict[str, Any]], place: tuple[Path | None, Path | None]) -> None:
    """Print loads as a person reads them, in the home's time."""
    from bridge.time_zone import time_zone

    zone = time_zone(load_settings(*place).timezone)
    for each in found:
        click.echo(f"{each['name']}: {', '.join(_parts(each, zone))}")
        if each["next"] is not None:
            click.echo(f"  {_clock(each['next']['start'], zone)}: {each['next']['why']}")
    for trouble in sorted({each["trouble"] for each in found if each["trouble"]}):
        click.echo(f"But {trouble}.")


def _parts(found: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    yield found["kind"]
    if found["kind"] == "fixed":
        return
    if not found["planned"]:
        yield "not planned"
    for name, divisor, unit in (("energy_wh", 1000, "kWh"), ("run_minutes", 1, "min"), ("power_w", 1, "W")):
        if found[name] is not None:
            yield f"{found[name] / divisor:g} {unit}"
    if found["days"]:
        yield f"by {found['done_by']} on {', '.join(found['days'])}"
    if found["earliest"] is not None:
        yield f"from {found['earliest']}"
    if found["hours"] != "any":
        yield found["hours"].replace("_", "-")
    if found["once_by"] is not None:
        yield f"once by {_clock(found['once_by'], zone)}"
    yield f"{found['state']}, {found['taken_wh'] / 1000:.1f} kWh taken"


def _clock(time: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(time, zone):%a %H:%M}"
