"""Commands about modules: list, rename, remove, faces, mode, priority; and how they come into the home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bridge import cli_device
from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask, stored_status
from bridge.record import PRIORITIES

if TYPE_CHECKING:
    from pathlib import Path

_ON = {"on": True, "off": False, "usual": None}


@click.group()
def module() -> None:
    """List modules, add one, rename it, take it away, choose its faces, mode and priority.

    MODULE is a module's name or key, or how one of them begins. `ores-bridge status` lists them.

    \b
    ores-bridge module list
    ores-bridge module add 192.168.1.20 --name "Garage roof"
    ores-bridge module rename roof "Garage roof" --room Garage
    ores-bridge module faces battery reserve=on full=on
    ores-bridge module mode battery autonomous
    ores-bridge module remove roof
    """  # noqa: D301 - a backspace tells click to leave the lines as they are


for _command in (cli_device.add, cli_device.requests, cli_device.accept, cli_device.refuse):
    module.add_command(_command)


@module.command("list")
@with_place
@as_json_option
def list_(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List the modules of the home, with their keys, drivers and priorities.

    \b
    ores-bridge module list --json | jq '.modules[].key'
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found = ask(config_file, data_dir, "status", {}, stored_status)
    if as_json:
        click.echo(json.dumps({"modules": found["modules"]}, indent=2))
        return
    for each in found["modules"]:
        answers = "answers" if each.get("reachable") else each.get("unreachable_because", "not asked")
        if each["quarantined"]:
            answers += ", in quarantine"
        click.echo(
            f"{each['key']:<32} {each['kind']:<14} {each['name']:<24} {each['driver']:<8} "
            f"priority {each['priority']}  {answers}"
        )


@module.command()
@click.argument("module")
@click.argument("priority", type=click.Choice([*map(str, PRIORITIES), "usual"]))
@with_place
@as_json_option
def priority(
    module: str, priority: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Say how long a module is to be supplied when there is not power enough for all: 0 to 9.

    0 goes first, 9 last; `usual` is what modules of its kind have.

    \b
    ores-bridge module priority heater 1
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    wished = None if priority == "usual" else int(priority)
    found = ask(config_file, data_dir, "priority", {"module": module, "priority": wished})
    _say(found, f"{found['name']} has the priority {found['priority']}", as_json=as_json)


@module.command()
@click.argument("module")
@click.argument("name", required=False)
@click.option("--room", help="Where it is.")
@click.option("--role", help="What it does where its kind does not say, such as `grid` for the main meter.")
@with_place
@as_json_option
def rename(
    module: str,
    name: str | None,
    room: str | None,
    role: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Give a module another NAME, room or role; apps show the name too.

    \b
    ores-bridge module rename sma-3005067415 "Garage roof" --room Garage
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    if name is None and room is None and role is None:
        raise click.UsageError("say what is to be another: a NAME, --room or --role")
    found = ask(config_file, data_dir, "rename", {"module": module, "name": name, "room": room, "role": role})
    _say(found, f"{found['key']} is called {found['name']}", as_json=as_json)


@module.command()
@click.argument("module")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_place
@as_json_option
def remove(module: str, config_file: Path | None, data_dir: Path | None, *, yes: bool, as_json: bool) -> None:
    """Forget a module for good: apps delete it, with its room and its scenes.

    A module that is only switched off or away need not be removed: it shows as unreachable and comes back.

    \b
    ores-bridge module remove "Old roof"
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    if not yes:
        click.confirm(f"Remove {module} from the hub and from every app?", abort=True)
    found = ask(config_file, data_dir, "remove", {"module": module})
    _say(found, f"{found['name']} ({found['key']}) is removed", as_json=as_json)


@module.command()
@click.argument("module")
@click.argument("choices", nargs=-1, metavar="[FACE=on|off|usual]...")
@with_place
@as_json_option
def faces(
    module: str, choices: tuple[str, ...], config_file: Path | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Show or choose a module's voice faces: what assistants find of it besides the module itself.

    A face that is switched off vanishes from the apps; switched on again, it is the same device as before.
    `usual` leaves it to the settings.

    \b
    ores-bridge module faces battery
    ores-bridge module faces battery reserve=on full=off charging=usual
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    wished: dict[str, bool | None] = {}
    for choice in choices:
        face, _, word = choice.partition("=")
        if word not in _ON:
            raise click.UsageError(f"{choice}: write {face}=on, {face}=off or {face}=usual")
        wished[face] = _ON[word]
    found = ask(config_file, data_dir, "faces", {"module": module, "faces": wished})
    lines = [f"{found['name']}:"] + [
        f"  {name:<12}{'on' if face['on'] else 'off'}" + (f"  ({face['label']})" if face["label"] else "")
        for name, face in found["faces"].items()
    ]
    _say(found, "\n".join(lines), as_json=as_json)


@module.command()
@click.argument("module")
@click.argument("mode", type=click.Choice(["autonomous", "federated"]))
@with_place
@as_json_option
def mode(module: str, mode: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Say who decides what a module does: its own logic, or the hub that joins it with the others.

    Nobody's plan commands an autonomous module; people do, and so does what protects the home.

    \b
    ores-bridge module mode battery autonomous
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found = ask(config_file, data_dir, "mode", {"module": module, "mode": mode})
    _say(found, f"{found['name']} is {found['mode']}", as_json=as_json)


def _say(found: dict[str, Any], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(found, indent=2) if as_json else text)
