import asyncio
import time

from bridge.drivers import driver
from bridge.pace import Pace
from bridge.poller import Poller, Source
from hw.simulator.bench import BenchDevice, BenchServer
from hw.simulator.slots import Bootloader

PATIENCE = 20


async def until(condition, seconds=PATIENCE):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the hub's own tasks bring it about
            await asyncio.sleep(0.02)


class Workshop:
    """Bench modules, and what reads them."""

    def __init__(self):
        self.servers = []
        self._pollers = []

    async def module(self, serial="B1", **options):
        """Start a module that restarts at once."""
        loader = Bootloader("bench-1", "1.0.0", time.monotonic)
        server = BenchServer(BenchDevice(loader, serial=serial, **options), "127.0.0.1", 0)
        server.reboot_s = 0.3
        await server.start()
        self.servers.append(server)
        return server

    async def read(self, home):
        """Read the modules, all of them, as the hub does; return when they are there."""
        poller = Poller(home.registry, {"bench": driver("bench")}, Pace(0.2, 1.0, lambda: 0.0), home.clock)
        poller.start([Source("bench", server.address) for server in self.servers])
        self._pollers.append(poller)
        await until(lambda: len([each for each in home.registry if each.reachable]) == len(self.servers))

    async def look_away(self):
        """Read no more."""
        while self._pollers:
            await self._pollers.pop().stop()

    async def close(self):
        await self.look_away()
        for server in self.servers:
            await server.stop()
