import pytest
from firmware_lab.repository import Maker, Shop
from firmware_lab.workshop import Workshop

from bridge.access.audit import StoredAuditTrail
from bridge.alert_sources import AlertSources
from bridge.firmware.job import FirmwareChanged
from bridge.firmware.service import FirmwareService
from bridge.home import Home
from bridge.settings import FirmwareSettings
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path / "repository")


@pytest.fixture
async def shop(maker):
    async with Shop(maker) as shop:
        yield shop


@pytest.fixture
async def workshop():
    workshop = Workshop()
    yield workshop
    await workshop.close()


class FirmwareHome:
    """A home whose modules take firmware, and that can be left in the middle and found again."""

    def __init__(self, storage, settings, directory, workshop):
        self.home = Home(storage, AsyncioClock())
        self.home.faults.start()
        self.home.alerts.start()
        AlertSources(self.home.alerts, self.home.bus, self.home.registry).start()
        self.audit = StoredAuditTrail(storage, self.home.clock)
        self.states = []
        self.home.bus.subscribe(FirmwareChanged, lambda event: self._note(event.job))
        self.home.firmware = self.service = FirmwareService(
            settings, self.home, directory, lambda: self.audit
        )
        self._workshop = workshop

    def _note(self, job):
        if not self.states or self.states[-1] != job.state:
            self.states.append(job.state)

    async def start(self):
        await self._workshop.read(self.home)
        self.service.start()

    def key(self, serial="b1"):
        return f"ores-{serial}"

    def job(self):
        return list(self.service.jobs)[-1]


@pytest.fixture
async def make_home(tmp_path, shop, maker, workshop):
    """Make a home; with the storage of one that was before."""
    storage = MemoryStorage()
    homes = []

    async def make(**settings):
        usual = {"url": shop.url, "root": maker.root, "back_s": 5, "observe_s": 0.6}
        home = FirmwareHome(
            storage, FirmwareSettings(**usual | settings), tmp_path / "data" / "firmware", workshop
        )
        homes.append(home)
        await home.start()
        return home

    yield make
    for home in homes:
        await home.service.stop()


@pytest.fixture
async def module(workshop):
    return await workshop.module()
