import pytest
from api_lab.commands import commands
from api_lab.house import House, ShiftedClock
from api_lab.modules import Modules

from bridge.data_dir import DataDirectory
from bridge.hub import Hub
from bridge.planner.settings import TariffSettings
from bridge.settings import ApiSettings, FirmwareSettings, PollingSettings, Settings
from hw.simulator import ores_client
from matter_node.storage import MemoryStorage


@pytest.fixture
async def make_house(tmp_path, make_device):
    """Make a house; with settings of API, firmware and tariff, and with the storage of an earlier one."""
    houses = []

    async def make(storage=None, firmware=None, tariff=None, **settings):
        api = ApiSettings(**{"host": "127.0.0.1", "port": 0, "http_port": 0, **settings})
        directory = DataDirectory(tmp_path / "data")
        directory.create()
        clock = ShiftedClock()
        hub = Hub(
            Settings(
                data_dir=directory.path,
                api=api,
                port=5599,
                firmware=firmware or FirmwareSettings(),
                polling=PollingSettings(interval=0.2),
                tariff=tariff or TariffSettings(),
            ),
            directory,
            storage or MemoryStorage(),
            clock,
        )
        hub.telemetry.start()
        hub.home.start()
        await hub.serve_api()
        houses.append(House(hub, clock, make_device))
        return houses[-1]

    yield make
    for house in houses:
        await house.close()
        await house.hub.discovery.stop()
        if house.hub.api is not None:
            await house.hub.api.stop()
        await house.hub.poller.stop()
        house.hub.home.stop()
        await house.hub.arbiter.close()
        await house.hub.telemetry.stop()


@pytest.fixture
async def house(make_house):
    return await make_house()


@pytest.fixture
async def ores_bridge(house):
    """Run a command against the house's hub; return what it printed."""
    async with commands(house) as run:
        yield run


@pytest.fixture
async def modules(house, tmp_path, monkeypatch):
    """Simulated modules that speak with the house's hub."""
    monkeypatch.setattr(ores_client, "ASKED_EVERY", 0.05)
    made = Modules(house, tmp_path)
    yield made
    await made.close()
