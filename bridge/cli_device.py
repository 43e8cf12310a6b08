"""Commands about devices that are no modules yet: to look for them, to add them, to let them in."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("address", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Modbus port of a network's hosts (502).")
@with_place
@as_json_option
def discover(
    address: str | None, port: int | None, config_file: Path | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Look for devices: at ADDRESS, in a network, or without one wherever they announce themselves.

    ADDRESS is a host, host:port, or a private network of at most 254 hosts, which are asked for SunSpec over
    Modbus: one connection each, reading only, nobody twice a day. Nothing is registered by looking.

    \b
    ores-bridge discover
    ores-bridge discover 192.168.1.20
    ores-bridge discover 192.168.1.0/24
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    params: dict[str, Any] = {"network" if address and "/" in address else "address": address}
    if port is not None:
        params["port"] = port
    scan = ask(config_file, data_dir, "discover", params)
    found = ask(config_file, data_dir, "candidates", {})
    while found["scan"] and found["scan"]["id"] == scan["id"] and found["scan"]["state"] == "running":
        time.sleep(0.2)
        found = ask(config_file, data_dir, "candidates", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found["candidates"]:
        click.echo("Nothing new was found.")
        for said in found["scan"]["said"] if found["scan"] else ():
            click.echo(f"  {said}")
    for each in found["candidates"]:
        name = " ".join(filter(None, (each["vendor"], each["model"])))
        driver = each["driver"] or "no driver"
        click.echo(f"{each['id']:<32} {each['kind'] or '?':<14} {name:<28} {each['address']} ({driver})")
        if each["remedy"]:
            click.echo(f"  {each['remedy']}")


@click.command()
@click.argument("address")
@click.option("--driver", help="Who speaks with it; all are tried by default.")
@click.option("--name", default="", help="What apps show; the device's model and serial by default.")
@click.option("--room", default="", help="Where it is.")
@with_place
@as_json_option
def add(
    address: str,
    driver: str | None,
    name: str,
    room: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make the device at ADDRESS a module of the home.

    ADDRESS is a host, host:port, the id of one that `ores-bridge discover` found, or the setup code of a
    Matter device. A module that speaks of itself asks by itself: see `ores-bridge module requests`.

    \b
    ores-bridge module add 192.168.1.20 --name "Garage roof"
    ores-bridge module add 192.168.1.30 --driver shelly
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    params = {"address": address, "driver": driver, "name": name, "room": room}
    found = ask(config_file, data_dir, "add", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo("\n".join(f"{key} is a module of the home" for key in found["modules"]))


@click.command()
@with_place
@as_json_option
def requests(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show which modules ask to be let in, with the six digits that they show.

    \b
    ores-bridge module requests
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found = ask(config_file, data_dir, "pending", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found["registrations"]:
        click.echo("No module asks to be let in.")
    for each in found["registrations"]:
        known = "  KNOWN BY ANOTHER KEY" if each["replaces"] else ""
        click.echo(
            f"{each['registration']}  {each['vendor']} {each['model']} {each['serial']} "
            f"({each['kind']}) at {each['address']}, digits {each['digits'] or 'not yet'}, "
            f"by {', '.join(each['proofs'])}{known}"
        )


@click.command()
@click.argument("registration")
@click.option("--code", help="The 16 characters on the module's label.")
@click.option("--button", is_flag=True, help="Let it in when its button is pressed, within 30 s.")
@click.option("--same-digits", is_flag=True, help="The module shows the same six digits as the hub.")
@click.option("--name", default="", help="What apps show.")
@click.option("--room", default="", help="Where it is.")
@with_place
@as_json_option
def accept(  # noqa: PLR0913 - click gives each option by itself
    registration: str,
    code: str | None,
    name: str,
    room: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    button: bool,
    same_digits: bool,
    as_json: bool,
) -> None:
    """Let a module in that asks, by the code on its label, by its button, or by comparing digits.

    \b
    ores-bridge module accept 3f2a... --code K7QD-2MXF-4RTV-W9YZ
    ores-bridge module accept 3f2a... --button
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    if sum((code is not None, button, same_digits)) != 1:
        raise click.UsageError("say how it has shown who it is: --code, --button or --same-digits")
    proof = "button" if button else "compare" if same_digits else "code"
    params = {"registration": registration, "proof": proof, "code": code, "name": name, "room": room}
    found = ask(config_file, data_dir, "accept", params)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found["accepted"]:
        click.echo(f"{found['module']} is a module of the home")
    else:
        click.echo("Press the module's button within 30 seconds.")


@click.command()
@click.argument("registration")
@with_place
@as_json_option
def refuse(registration: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Send a module away that asks to be let in.

    \b
    ores-bridge module refuse 3f2a...
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found = ask(config_file, data_dir, "refuse", {"registration": registration})
    click.echo(json.dumps(found, indent=2) if as_json else f"{found['module']} was sent away")
