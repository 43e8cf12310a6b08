"""Simulated modules that speak of themselves, let into a house over its API."""

import asyncio

from hw.module import ModuleKind
from hw.simulator.ores_client import OresClient
from hw.simulator.ores_device import OresDevice
from hw.simulator.ores_keys import ModuleKeys

PATH = "/device/register"
CODE = "K7QD2MXF4RTVW9YZ"
KEY = "ores-s000001"


async def until(condition, seconds=15):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is the hub's state that changes
            await asyncio.sleep(0.02)


class Modules:
    """Simulated modules that speak with a house's hub, each in a task."""

    def __init__(self, house, folder):
        self.house = house
        self.folder = folder
        self.tasks = []

    def make(self, serial="S000001", *, folder=None, kind=ModuleKind.MICROINVERTER, **options):
        device = OresDevice(kind, serial)
        keys = ModuleKeys(self.folder / (folder or serial))
        hub = f"https://127.0.0.1:{self.house.hub.api.port}"
        return OresClient(device, keys, hub, **{"code": CODE, "interval": 0.2, **options})

    def start(self, *arguments, **options):
        client = self.make(*arguments, **options)
        task = asyncio.create_task(client.run())
        self.tasks.append(task)
        return client, task

    async def asked(self, client=None):
        """Wait until a module asks and is ready; return what people are shown of it."""
        owner = client or self.house.owner()
        async with asyncio.timeout(15):
            while True:
                shown = await (await owner.get(PATH)).json()
                ready = [each for each in shown["registrations"] if each["ready"]]
                if ready:
                    return ready[0]
                await asyncio.sleep(0.05)

    async def join(self, client=None, **options):
        """Let a new module in by its code; return the simulated module."""
        owner = client or self.house.owner()
        module, _ = self.start(**options)
        asked = await self.asked(owner)
        answer = await accept(owner, asked, proof="code", code=CODE)
        assert answer.status == 200, await answer.text()
        await until(lambda: self.house.hub.registry[asked["module"]].reading is not None)
        return module

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def accept(owner, asked, **more):
    return await owner.post(PATH, json={"step": "accept", "registration": asked["registration"], **more})
