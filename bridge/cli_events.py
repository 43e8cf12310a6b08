"""Commands that look back at what happened and who did what, whether the hub runs or not."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import Refusal, load_settings, with_place
from bridge.cli_ask import as_json_option
from bridge.logs import CONTROLS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo
    from pathlib import Path

_LAST: Final = 50

last_option = click.option(
    "--last", type=click.IntRange(1, 100_000), default=_LAST, help=f"How many; {_LAST} by default."
)


@click.command()
@click.argument("module", required=False)
@last_option
@with_place
@as_json_option
def events(
    module: str | None, last: int, config_file: Path | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Show what happened: commands, what became of them and why, faults, the grid, modules coming and going.

    The newest comes last. MODULE is a module's key.

    \b
    ores-bridge events
    ores-bridge events simulated-home-b000001 --last 200
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.telemetry.event_log import read_events

    with _reading(config_file, data_dir) as (connection, zone):
        found = read_events(connection, module=module, limit=last)[::-1]
    if as_json:
        _show_json(
            {
                "id": each.id,
                "time": _utc(each.time),
                "kind": each.kind,
                "module": each.module,
                "data": dict(each.data),
            }
            for each in found
        )
        return
    for each in found:
        subject = f"{each.module}: " if each.module else ""
        what = _command(each.data) if each.kind == "command" else f"{each.kind} {_text(each.data)}"
        _show(f"{_local(each.time, zone)}  {subject}{what}".rstrip())


@click.command()
@last_option
@click.option("--verify", "check", is_flag=True, help="Look whether every entry is as it was written.")
@with_place
@as_json_option
def audit(last: int, config_file: Path | None, data_dir: Path | None, *, check: bool, as_json: bool) -> None:
    """Show who did what: commands, registrations, settings, log-ins, with where from and with what result.

    The newest comes last. With --verify the command ends with 1 if an entry was changed, left out, or cut off
    at the end.

    \b
    ores-bridge audit
    ores-bridge audit --verify
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    from bridge.data_dir import DataDirectory
    from bridge.telemetry.audit_head import kept_in
    from bridge.telemetry.event_log import count_audit, read_audit, verify

    # Before the trail is read: a hub that runs may add to both.
    state = DataDirectory(load_settings(config_file, data_dir).data_dir).state
    head = kept_in(state) if check and state.exists() else None
    with _reading(config_file, data_dir) as (connection, zone):
        count = count_audit(connection)
        broken = verify(connection, head) if check else None
        found = [] if check else read_audit(connection, after=max(count - last, 0), limit=last)
    if broken is not None:
        if broken > count:
            assert head is not None, "only the head tells of what is missing at the end"
            raise Refusal(f"the trail was cut off: it had {head.number} entries and has {count}")
        raise Refusal(f"entry {broken} of {count} is not as it was written")
    if as_json:
        entries = (
            {
                "number": each.number,
                "time": _utc(each.deed.time),
                "actor": each.deed.actor,
                "action": each.deed.action,
                "subject": each.deed.subject,
                "data": dict(each.deed.data),
            }
            for each in found
        )
        _show_json({"entries": count, "verified": True} if check else entries)
    elif check:
        click.echo(f"All {count} entries are as they were written.")
    else:
        for each in found:
            deed = each.deed
            what = " ".join(filter(None, (deed.actor, deed.action, deed.subject, _text(deed.data))))
            _show(f"{each.number:6}  {_local(deed.time, zone)}  {what}")


@contextlib.contextmanager
def _reading(config_file: Path | None, data_dir: Path | None) -> Iterator[tuple[sqlite3.Connection, tzinfo]]:
    """Give a connection to what is stored, and the home's time zone. Raise Refusal."""
    from bridge.data_dir import DataDirectory
    from bridge.telemetry.database import StoreError
    from bridge.telemetry.event_log import reading
    from bridge.time_zone import time_zone

    settings = load_settings(config_file, data_dir)
    try:
        with reading(DataDirectory(settings.data_dir).events) as connection:
            yield connection, time_zone(settings.timezone)
    except StoreError as error:
        raise Refusal(str(error)) from error


def _show(line: str) -> None:
    """Print a line. Somebody may have tried to log in under a name that tells terminals what to do."""
    click.echo(CONTROLS.sub(" ", line))


def _show_json(found: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> None:
    click.echo(json.dumps(found if isinstance(found, dict) else list(found), indent=2))


def _command(data: Mapping[str, Any]) -> str:
    """Return what became of a command, as the log has it."""
    value = "" if data.get("value") is None else f" {data['value']:g}"
    reason = f": {data['reason']}" if data.get("reason") else ""
    return f"{data['kind']}{value} by {data['origin']} ({data['source']}) is {data['state']}{reason}"


def _text(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in data.items() if value not in (None, "", [], {}))


def _utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()


def _local(time: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(time, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
