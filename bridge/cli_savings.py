"""The command that looks back: what the batteries and the plan saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@click.command()
@with_place
@as_json_option
def savings(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what the batteries and the plan saved today, this month and this year.

    The same load and the same sun are replayed without any battery, and with the same batteries without a
    plan, at the prices that were in force. Figures are of the time that is known in full.

    \b
    ores-bridge savings
    ores-bridge savings --json | jq .month.saved_by_battery
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found: dict[str, Any] = ask(config_file, data_dir, "savings", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in lines(found):
        click.echo(line)


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield it as a person reads it."""
    known = {name: found[name] for name in ("today", "month", "year") if found[name] is not None}
    if not known:
        yield "Nothing is known yet: it takes a meter at the supply and some minutes of recording."
        return
    yield f"{'':24}" + "".join(f"{name:>12}" for name in known)
    currency = next(iter(known.values()))["currency"]
    rows: list[tuple[str, str, float, str]] = [
        ("produced", "produced_wh", 1000, "kWh"),
        ("used", "used_wh", 1000, "kWh"),
        ("from the grid", "imported_wh", 1000, "kWh"),
        ("into the grid", "exported_wh", 1000, "kWh"),
        ("own sun used at home", "self_consumption", 0.01, "%"),
        ("covered by own sun", "self_sufficiency", 0.01, "%"),
    ]
    if currency is not None:
        rows += [
            ("bill", "bill", 1, currency),
            ("without sun", "bill_without_sun", 1, currency),
            ("without battery", "bill_without_battery", 1, currency),
            ("saved by the battery", "saved_by_battery", 1, currency),
            ("of it by the plan", "saved_by_plan", 1, currency),
            ("saved by moved loads", "saved_by_moving", 1, currency),
        ]
    rows += [
        ("CO2", "co2_kg", 1, "kg"),
        ("CO2 saved", "co2_saved_kg", 1, "kg"),
        ("known", "coverage", 0.01, "%"),
    ]
    for title, name, divisor, unit in rows:
        values = [each[name] for each in known.values()]
        if any(value is not None for value in values):
            shown = ("-" if value is None else _shown(value / divisor) for value in values)
            yield f"{title:24}" + "".join(f"{each:>12}" for each in shown) + f" {unit}"


def _shown(value: float) -> str:
    """Return a figure with two decimals, and no sign if nothing is left of it."""
    return f"{round(value, 2) + 0.0:.2f}"
