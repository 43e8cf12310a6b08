"""The command that takes the grid away from the simulated home: demo-outage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask, seconds

if TYPE_CHECKING:
    from pathlib import Path


@click.command("demo-outage")
@click.option("--for", "duration", help="How long: 90s, 10m, 2h. Until --over without it.")
@click.option("--over", is_flag=True, help="Give the grid back.")
@click.option("--silent-meter", is_flag=True, help="Let the meter at the supply fall silent with the grid.")
@with_place
@as_json_option
def demo_outage(
    duration: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    over: bool,
    silent_meter: bool,
    as_json: bool,
) -> None:
    """Take the grid away from the home of a running `ores-bridge demo`, or give it back.

    The battery then supplies the home, and the hub switches loads off and on again so that it can:
    `ores-bridge status` and `ores-bridge alerts` show it.

    \b
    ores-bridge demo-outage --for 5m
    ores-bridge demo-outage --over
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    params = {"for_s": seconds(duration), "over": over, "meter_silent": silent_meter}
    state = ask(config_file, data_dir, "demo-outage", params)
    if as_json:
        click.echo(json.dumps(state, indent=2))
    else:
        grid = "is there" if state["grid"] else "is gone"
        click.echo(
            f"The grid of the simulated home {grid}. Sun {-state['solar_w']:.0f} W, "
            f"battery at {state['battery_soc_percent'] or 0:.0f} %."
        )
