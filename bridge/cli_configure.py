"""The command that says what the home as a whole is to be good for."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLICIES: Final = ("self-consumption", "savings", "backup", "green")
_MODES: Final = ("federated", "autonomous")


@click.command()
@click.option("--policy", type=click.Choice(_POLICIES), help="What the home's plan is to be good for.")
@click.option(
    "--mode", "operating_mode", type=click.Choice(_MODES), help="Autonomous: no plan commands any module."
)
@click.option(
    "--savings", "savings_percent", type=click.IntRange(0, 100), help="Comfort to give up for savings, %."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting as in the settings file; no value for what that says.",
)
@click.option("--back-to-before", type=click.IntRange(1), metavar="REVISION", help="Undo from there on.")
@click.option("--dry-run", is_flag=True, help="Say what it would be, and change nothing.")
@click.option("--all", "everything", is_flag=True, help="Show every such setting, the settings file's too.")
@with_place
@as_json_option
def configure(
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    dry_run: bool,
    everything: bool,
    changes: tuple[str, ...],
    **wished: Any,
) -> None:
    """Show or change what the home is to be good for, and who decides.

    \b
    ores-bridge configure
    ores-bridge configure --policy backup --savings 20
    ores-bridge configure --set tariff.import_price=0.32 --set tariff.source.format=awattar
    ores-bridge configure --set island.hours=12 --set log_level=debug
    ores-bridge configure --back-to-before 7 --dry-run
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    values = {name: value for name, value in wished.items() if value is not None}
    if changes:
        values["settings"] = _tables(changes)
    if "back_to_before" in values and len(values) > 1:
        raise click.UsageError("--back-to-before is given alone")
    found = ask(config_file, data_dir, "configure", {**values, "dry_run": dry_run})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    configured = found["configuration"]
    click.echo(f"Policy: {configured['policy']}")
    click.echo(f"Mode: {configured['operating_mode']}")
    click.echo(f"Savings before comfort: {configured['savings_percent']} %")
    for key, value in _leaves(found["settings"] if everything else configured["settings"]):
        click.echo(f"{key}: {value}")
    for key in found["restart_required"]:
        click.echo(f"{key} holds from the next start of the hub on.")
    for revision in found["history"]:
        changed = ", ".join(
            f"{name} {revision['before'][name]} to {value}"
            for name, value in revision["after"].items()
            if value != revision["before"][name]
        )
        click.echo(f"  {revision['number']}  {revision['time']}  {revision['by']}: {changed}")
    if dry_run:
        click.echo("Nothing was changed.")


def _tables(changes: tuple[str, ...]) -> dict[str, Any]:
    """Return changes such as tariff.fee=0.18 as nested tables."""
    tables: dict[str, Any] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        names = key.strip().split(".")
        if not equals or not all(names):
            raise click.UsageError(f"--set is like tariff.fee=0.18, not {change!r}")
        table = tables
        for name in names[:-1]:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise click.UsageError(f"{key} lies within another value that is set")
        table[names[-1]] = _value(text.strip())
    return tables


def _value(text: str) -> Any:
    """Return a value as TOML has it; a word needs no quotes, and nothing stands for the settings file's."""
    if not text:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _leaves(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
