"""The command line of a house's hub, which runs in the test's own process."""

import asyncio
import contextlib

from click.testing import CliRunner

from bridge.cli import main
from bridge.control import ControlServer
from bridge.status import handlers


@contextlib.asynccontextmanager
async def commands(house):
    """Give what runs a command against the house's hub and returns what it printed."""
    control = ControlServer(house.hub.directory.control_socket, handlers(house.hub, lambda: None))
    await control.start()

    async def run(*arguments, fails=False):
        place = ["--data-dir", str(house.hub.directory.path)]
        result = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *place])
        assert bool(result.exit_code) is fails, result.output
        return result.output

    try:
        yield run
    finally:
        await control.stop()
