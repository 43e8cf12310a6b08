"""Commands that say who may use the API: user and token. They work whether the hub runs or not."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import Refusal, load_settings, with_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROLES = ["guest", "owner", "installer", "admin"]

_role = click.option(
    "--role",
    type=click.Choice(ROLES),
    default="owner",
    show_default=True,
    help="guest looks, owner lives here, installer knows the hardware, admin decides who may what.",
)
_from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


def _with_answer(command: Callable[..., None]) -> Callable[..., None]:
    return with_place(click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command))


@click.group()
def user() -> None:
    """Say who may use the API, and in which role.

    \b
    ores-bridge user add anna --role admin
    ores-bridge user list
    """  # noqa: D301 - a backspace tells click to leave the lines as they are


@user.command("list")
@_with_answer
def list_users(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show the accounts.

    \b
    ores-bridge user list --json
    """  # noqa: D301 - the same
    users = _do(config_file, data_dir, "user", {"do": "list"})
    if as_json:
        click.echo(json.dumps(users, indent=2))
        return
    _table(
        ("Name", "Role", "Second factor", "Sessions"),
        [
            (each["name"], each["role"], "yes" if each["second_factor"] else "no", str(each["sessions"]))
            for each in users
        ],
    )


@user.command("add")
@click.argument("name")
@_role
@_from_stdin
@_with_answer
def add_user(
    name: str,
    role: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Make an account; the password is asked for.

    \b
    ores-bridge user add anna --role admin
    pass show hub | ores-bridge user add anna --password-stdin
    """  # noqa: D301 - the same
    params = {"do": "add", "name": name, "role": role, "password_hash": _hashed(name, stdin=password_stdin)}
    answer = _do(config_file, data_dir, "user", params)
    _say(answer, f"{answer['name']} may use the API as {answer['role']}.", as_json=as_json)


@user.command("remove")
@click.argument("name")
@_with_answer
def remove_user(name: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Remove an account, its sessions and what it has told modules.

    \b
    ores-bridge user remove anna
    """  # noqa: D301 - the same
    answer = _do(config_file, data_dir, "user", {"do": "remove", "name": name})
    _say(answer, f"{name} is removed; {answer['ended_commands']} commands ended.", as_json=as_json)


@user.command("password")
@click.argument("name")
@_from_stdin
@_with_answer
def set_password(
    name: str, config_file: Path | None, data_dir: Path | None, *, password_stdin: bool, as_json: bool
) -> None:
    """Give an account another password and end its sessions.

    \b
    ores-bridge user password anna
    """  # noqa: D301 - the same
    params = {"do": "password", "name": name, "password_hash": _hashed(name, stdin=password_stdin)}
    answer = _do(config_file, data_dir, "user", params)
    _say(answer, f"{name} has another password; {answer['ended_sessions']} sessions ended.", as_json=as_json)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@_with_answer
def set_role(name: str, role: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Give an account another role.

    \b
    ores-bridge user role anna installer
    """  # noqa: D301 - the same
    answer = _do(config_file, data_dir, "user", {"do": "role", "name": name, "role": role})
    _say(answer, f"{answer['name']} is {answer['role']} now.", as_json=as_json)


@user.command("drop-second-factor")
@click.argument("name")
@_with_answer
def drop_second_factor(name: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Let an account in without a code: for whoever has lost the phone.

    \b
    ores-bridge user drop-second-factor anna
    """  # noqa: D301 - the same
    answer = _do(config_file, data_dir, "user", {"do": "drop-second-factor", "name": name})
    _say(answer, f"{name} needs no code any more.", as_json=as_json)


@click.group()
def token() -> None:
    """Give programs and modules a token for the API, or take it back.

    \b
    ores-bridge token add --user anna --days 365 --label "Home Assistant"
    ores-bridge token list
    """  # noqa: D301 - the same


@token.command("list")
@_with_answer
def list_tokens(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show open sessions, and what modules were given.

    \b
    ores-bridge token list
    """  # noqa: D301 - the same
    tokens = _do(config_file, data_dir, "token", {"do": "list"})
    if as_json:
        click.echo(json.dumps(tokens, indent=2))
        return
    _table(
        ("Id", "Kind", "Of", "Created", "Ends", "From"),
        [
            (
                each["id"],
                each["kind"],
                each["of"],
                _day(each["created"]),
                _day(each["expires"]) if "expires" in each else "",
                f"{each.get('address', '')} {each.get('agent', '')}".strip(),
            )
            for each in tokens
        ],
    )


@token.command("add")
@click.option("--user", "name", help="For a program that acts for this user.")
@click.option(
    "--module", help="For an energy module, by key or name; its former token is worth nothing then."
)
@click.option("--days", type=float, default=365, show_default=True, help="For how long a program's is good.")
@click.option("--label", default="", help="What it is for.")
@_with_answer
def add_token(
    name: str | None,
    module: str | None,
    days: float,
    label: str,
    config_file: Path | None,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a token and show it, this once.

    \b
    ores-bridge token add --user anna --days 365 --label "Home Assistant"
    ores-bridge token add --module sma-3005067415
    """  # noqa: D301 - the same
    if (name is None) == (module is None):
        raise click.UsageError("say for whom: --user NAME or --module KEY")
    of = {"name": name, "days": days, "label": label} if name else {"module": module}
    answer = _do(config_file, data_dir, "token", {"do": "add", **of})
    _say(answer, answer["token"], as_json=as_json)


@token.command("remove")
@click.argument("id_", metavar="ID")
@_with_answer
def remove_token(id_: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """End a session, or take back what a module was given, by the id that the list shows.

    \b
    ores-bridge token remove 3f2a9c0d11e24b7a
    """  # noqa: D301 - the same
    answer = _do(config_file, data_dir, "token", {"do": "remove", "id": id_})
    _say(answer, f"{id_} is worth nothing any more.", as_json=as_json)


def _hashed(name: str, *, stdin: bool) -> str:
    """Ask for a password and return its hash: the hub itself never sees it."""
    from bridge.access.passwords import WeakPasswordError, hashed, judge

    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        judge(password, name.casefold())
    except WeakPasswordError as error:
        raise Refusal(str(error)) from error
    return hashed(password)


def _do(config_file: Path | None, data_dir: Path | None, method: str, params: dict[str, Any]) -> Any:
    """Ask the running hub; when there is none, do it on the state that it has left."""
    from bridge.control import ControlClient, ControlError, HubNotRunningError
    from bridge.data_dir import DataDirectory

    directory = DataDirectory(load_settings(config_file, data_dir).data_dir)
    try:
        try:
            client = ControlClient(directory.control_socket)
        except HubNotRunningError as error:
            if not directory.exists():
                raise Refusal(f"{error}: start it once with `ores-bridge run`") from error
            return _do_on_state(directory, method, params)
        try:
            return client.ask(method, **params)
        finally:
            client.close()
    except ControlError as error:
        raise Refusal(str(error)) from error


def _do_on_state(directory: Any, method: str, params: dict[str, Any]) -> Any:
    import asyncio

    from bridge.access.stored import perform
    from bridge.data_dir import DataDirectoryError
    from bridge.state import StateError

    try:
        return asyncio.run(perform(directory, method, params))
    except (DataDirectoryError, StateError) as error:
        raise Refusal(str(error)) from error


def _say(answer: Any, text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(answer, indent=2) if as_json else text)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, emoji=False, highlight=False).print(table)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
