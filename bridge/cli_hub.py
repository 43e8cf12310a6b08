"""Commands that are the hub, or stand in for it while it does not run: run, demo, factory-reset, config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bridge.cli import Refusal, load_settings, with_place
from bridge.cli_ask import seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.settings import Settings

_EXAMPLE_KEY = "00112233445566778899aabbccddeeff"


def _with_node(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of the Matter node and the log."""
    for option in reversed(
        (
            click.option("--port", type=int, help="UDP port; 5540 unless it is for a test."),
            click.option("--interface", help="Network interface to be found on, such as eth0."),
            click.option("--passcode", type=int, help="Setup passcode; random at first start, then kept."),
            click.option("--discriminator", type=int, help="0 to 4095; random at first start, then kept."),
            click.option("--enable-key", help=f"Key of the test event triggers, such as {_EXAMPLE_KEY}."),
            click.option(
                "--log-level",
                type=click.Choice(["debug", "info", "warning", "error"]),
                help="What is logged.",
            ),
        )
    ):
        command = option(command)
    return with_place(command)


@click.command()
@_with_node
def run(config_file: Path | None, data_dir: Path | None, **options: Any) -> None:
    """Run the hub.

    It finds the modules that the settings name, and those it knew before, and shows them to the apps it is
    paired with. It stays in the foreground; Ctrl-C or SIGTERM ends it in order.

    \b
    ores-bridge run --config home.toml
    ores-bridge run --interface eth0 --log-level debug
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    _serve(load_settings(config_file, data_dir, **options), demo=False)


@click.command()
@_with_node
@click.option("--modules", "modules", type=int, help="How many modules the home has, 1 to 1000.")
@click.option("--plugs", type=int, help="How many plugs it has besides, 0 to 100 (default 0).")
@click.option("--chargers", type=int, help="How many chargers it has besides, 0 to 10 (default 0).")
@click.option("--seed", type=int, help="Which home: the same seed, the same home and weather.")
@click.option("--speed", type=float, help="Simulated seconds per second.")
@click.option("--outage-after", help="Take the grid away after 90s, 10m or 2h.")
@click.option("--outage-for", help="Give it back after as long again; for good without it.")
def demo(
    config_file: Path | None,
    data_dir: Path | None,
    modules: int | None,
    plugs: int | None,
    chargers: int | None,
    seed: int | None,
    speed: float | None,
    **options: Any,
) -> None:
    """Run a hub with a simulated home, to try it without hardware.

    Sun, clouds and a household are simulated; the devices speak SunSpec over Modbus TCP, the plugs Shelly's
    RPC over HTTP, and the hub reads them as it reads real ones. Started again, it is the same home, still
    paired with the same apps.

    \b
    ores-bridge demo
    ores-bridge demo --modules 12 --plugs 2 --speed 60
    ores-bridge demo --data-dir /tmp/demo --port 5541
    ores-bridge demo --plugs 2 --outage-after 1m --outage-for 5m
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    outage = {
        f"demo.{name}": seconds(options.pop(name), f"--{name.replace('_', '-')}")
        for name in ("outage_after", "outage_for")
    }
    options |= outage | {
        "demo.modules": modules,
        "demo.plugs": plugs,
        "demo.chargers": chargers,
        "demo.seed": seed,
        "demo.speed": speed,
    }
    settings = load_settings(config_file, data_dir, **options)
    _serve(settings, demo=True)


def _serve(settings: Settings, *, demo: bool) -> None:
    import asyncio

    from bridge import app, logs
    from hw.simulator.process import SimulationError

    logs.set_up(settings.log_level)
    surroundings, requests = None, None
    if demo:
        from bridge.demo import Demo

        simulated = Demo(settings.demo)
        surroundings, requests = simulated.home(), simulated.requests()
    try:
        asyncio.run(app.run(settings, surroundings=surroundings, requests=requests))
    except (OSError, SimulationError) as error:
        raise Refusal(str(error)) from error


@click.command("factory-reset")
@with_place
@click.option("--yes", is_flag=True, help="Do not ask.")
def factory_reset(config_file: Path | None, data_dir: Path | None, *, yes: bool) -> None:
    """Forget every app, module, name and command, and all that was recorded.

    The setup code and the attestation certificates stay: they belong to the device. Apps that were paired no
    longer reach the hub; remove it there, too.

    \b
    ores-bridge factory-reset
    ores-bridge factory-reset --data-dir /tmp/demo --yes
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.data_dir import DataDirectory, DataDirectoryError
    from bridge.reset import factory_reset as reset
    from bridge.state import StateError

    settings = load_settings(config_file, data_dir)
    directory = DataDirectory(settings.data_dir)
    if not directory.exists():
        raise Refusal(f"there is no hub in {directory.path}: nothing to forget")
    if not yes:
        word = click.prompt(f"This forgets everything in {directory.path}. Type 'forget' to go on")
        if word != "forget":
            raise Refusal("nothing was changed")
    try:
        forgotten = reset(directory, settings.telemetry.path)
    except (DataDirectoryError, StateError) as error:
        raise Refusal(str(error)) from error
    click.echo(
        f"Forgotten: {forgotten['fabrics']} apps, {forgotten['modules']} modules. The setup code stays."
    )


@click.group()
def config() -> None:
    """Check the settings."""


@config.command("check")
@with_place
@click.option("--json", "as_json", is_flag=True, help="Show the settings in force as JSON.")
def config_check(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Read the settings and name every problem with its place; change nothing.

    \b
    ores-bridge config check --config home.toml
    ores-bridge config check --json
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    settings = load_settings(config_file, data_dir)
    if as_json:
        import dataclasses
        import json

        click.echo(json.dumps(dataclasses.asdict(settings), indent=2, default=str))
    else:
        click.echo("The settings are in order.")
