"""The command that tells what modules have counted: today and in their lives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS: Final = (
    ("now [W]", "power_w", 1.0),
    ("in today [kWh]", "imported_today_wh", 1e3),
    ("out today [kWh]", "exported_today_wh", 1e3),
    ("in [kWh]", "imported_lifetime_wh", 1e3),
    ("out [kWh]", "exported_lifetime_wh", 1e3),
)


@click.command()
@click.argument("module", required=False)
@with_place
@as_json_option
def energy(module: str | None, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what modules took in and gave out, today and in their lives.

    MODULE is its name or key, or how one of them begins; all of them without it. In is import and charging,
    out is export and discharging. A ~ marks what the hub estimated, because the device does not count.

    \b
    ores-bridge energy
    ores-bridge energy --json | jq '.[] | {name, exported_today_wh}'
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found: Any = ask(config_file, data_dir, "energy", {} if module is None else {"module": module})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    width = max((len(each["name"]) for each in found), default=0)
    click.echo("  ".join([" " * width, *(f"{title:>15}" for title, _, _ in _COLUMNS)]))
    for each in found:
        values = ((each[field], unit) for _, field, unit in _COLUMNS)
        cells = (
            "" if value is None else f"{value / unit:.{0 if unit == 1 else 3}f}" for value, unit in values
        )
        mark = " ~" if each["estimated"] else ""
        click.echo("  ".join([f"{each['name']:{width}}", *(f"{cell:>15}" for cell in cells)]) + mark)
