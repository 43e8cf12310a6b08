"""The command that tells certification what the hub implements: pics."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.cli import Refusal, load_settings, with_place


@click.command()
@with_place
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("pics"),
    show_default=True,
    help="Folder for the files.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["xml", "values"]),
    default="xml",
    show_default=True,
    help="xml: endpoint-N/CODE.xml for each cluster; values: endpoint-N.pics with CODE=1 lines.",
)
def pics(config_file: Path | None, data_dir: Path | None, *, out: Path, format_: str) -> None:
    """Write what the hub implements, for certification.

    PICS files say which elements of which clusters each endpoint has. They are told by the data model that
    the hub serves, with the modules that it knows, so they fit the device as it is.

    \b
    ores-bridge pics --out pics
    ores-bridge pics --format values --out pics
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    import asyncio

    from bridge.data_dir import DataDirectory
    from bridge.pics import node_pics
    from bridge.pics_files import write_values, write_xml
    from bridge.state import StateError
    from bridge.stored_node import stored_tree

    settings = load_settings(config_file, data_dir)
    if not DataDirectory(settings.data_dir).exists():
        raise Refusal(f"there is no hub in {settings.data_dir} yet: start it once")
    try:
        endpoints = node_pics(asyncio.run(stored_tree(settings)))
        written = (write_xml if format_ == "xml" else write_values)(out, endpoints)
    except StateError as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(f"cannot write to {out}: {error.strerror}") from error
    click.echo(f"{len(written)} files for {len(endpoints)} endpoints in {out}")
