"""Real Modbus TCP servers for the driver's tests, and the recorded devices where they are at hand."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from matter_server_lab.double import MatterServerDouble
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hw.matter_server.discover import Servers
from hw.matter_server.discover import discover as discover_loads
from hw.simulator.process import SimulatedHome

BASE = 40000


def recorded(name: str) -> Path:
    """A file of recorded device data: in $ORES_TEST_DATA, or in a `shared/data` beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("ORES_TEST_DATA", beside)) / name
    if not path.exists():
        pytest.skip(f"no {name}: set ORES_TEST_DATA to a directory that has it")
    return path


@dataclass
class Image:
    """Registers of a recorded device, None where it answers exception 2, and what another decoder read."""

    registers: list[int | None]
    expected: dict[str, dict[str, list[str]]]
    blocks: list[dict[str, Any]]


@pytest.fixture(scope="session")
def sma() -> Image:
    document = yaml.safe_load(recorded("sunspec/sma-sb3.6-2023-08-10.yaml").read_text())
    test = document["tests"][0]
    text = re.sub(r"#.*", "", test["input"][0]["registers"])
    registers = [None if word == "----" else int(word, 16) for word in text.split()]
    expected = {block["id"]: block["expected"] for block in test["blocks"]}
    return Image(registers, expected, document["blocks"])


@pytest.fixture
async def serve():
    """Serve registers from 40000 on (or blocks by address) under a unit; return the address."""
    servers: list[ModbusTcpServer] = []

    async def start(registers, *, unit=1, base=BASE, action=None) -> str:
        runs: list[SimData] = []
        words: list[int] = []
        for index, word in enumerate([*registers, None]):
            if word is not None:
                words.append(word)
            elif words:
                start_at = base + index - len(words)
                runs.append(SimData(start_at, values=words, datatype=DataType.REGISTERS))
                words = []
        device = SimDevice(unit, simdata=runs, action=action)
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        servers.append(server)
        return f"127.0.0.1:{server.transport.sockets[0].getsockname()[1]}:{unit}"

    yield start
    for server in servers:
        await server.shutdown()


@pytest.fixture
async def home():
    """A simulated home of four modules in a process of its own."""
    async with SimulatedHome(4, seed=7) as running:
        yield running


@pytest.fixture
async def discovered():
    """`discover`, with what it found closed at the end of the test."""
    from hw.sunspec.discover import discover

    found = []

    async def find(address, **options):
        modules = await discover(address, **options)
        found.extend(modules)
        return modules

    yield find
    for module in found:
        await module.close()


@pytest.fixture
async def matter():
    """A Matter server with a plug and a thermostat on it, which says what a test wants."""
    double = MatterServerDouble()
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
async def servers():
    """The Matter servers in use; their connections end with the test."""
    made = Servers()
    yield made
    for site in made._sites.values():
        await site.server._hang_up()


@pytest.fixture
async def loads(matter, servers):
    """What `matter` has, by key."""
    return {each.identity.key: each for each in await discover_loads(matter.url, servers)}
