"""Commands about firmware: status, update, cancel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def firmware() -> None:
    """Update modules' firmware from a signed repository.

    \b
    ores-bridge firmware status
    ores-bridge firmware update roof
    ores-bridge firmware update roof 1.4.2
    ores-bridge firmware cancel roof
    """  # noqa: D301 - a backspace tells click to leave the lines as they are


@firmware.command()
@with_place
@as_json_option
def status(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what modules run, how the repository is, and how updates go on.

    \b
    ores-bridge firmware status --json | jq '.jobs[-1].state'
    """  # noqa: D301 - the same
    found = ask(config_file, data_dir, "firmware", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    repository = found["repository"]
    if repository is None:
        click.echo("No repository: set url and root in [firmware] of the settings.")
    else:
        click.echo(f"Repository: {repository['url']}")
        if repository["alert"]:
            click.echo(f"  {repository['alert']}: {repository['detail']}")
    for module in found["modules"]:
        how = "" if module["updatable"] else "  (not updated by the hub)"
        click.echo(f"{module['name']}: {module['installed'] or 'unknown'}{how}")
    for job in found["jobs"]:
        click.echo(_line(job))


@firmware.command()
@click.argument("module")
@click.argument("version", required=False)
@with_place
@as_json_option
def update(
    module: str, version: str | None, config_file: Path | None, data_dir: Path | None, *, as_json: bool
) -> None:
    """Update MODULE to the newest release that fits it, or to VERSION.

    \b
    ores-bridge firmware update "Garage roof"
    """  # noqa: D301 - the same
    found = ask(config_file, data_dir, "firmware-update", {"module": module, "version": version})
    click.echo(json.dumps(found, indent=2) if as_json else _line(found))


@firmware.command()
@click.argument("job")
@with_place
@as_json_option
def cancel(job: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Cancel JOB, by its id or its module, before the module starts the new firmware.

    \b
    ores-bridge firmware cancel "Garage roof"
    """  # noqa: D301 - the same
    found = ask(config_file, data_dir, "firmware-cancel", {"job": job})
    click.echo(json.dumps(found, indent=2) if as_json else _line(found))


def _line(job: dict[str, Any]) -> str:
    progress = "" if job["progress_percent"] is None else f" {job['progress_percent']} %"
    detail = f": {job['detail']}" if job["detail"] else ""
    what = f"{job['installed']} to {job['version']}"
    return f"{job['job']}  {job['module']}  {what}  {job['state']}{progress}{detail}"
