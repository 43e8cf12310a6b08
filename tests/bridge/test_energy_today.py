"""What was produced today: counted on from where the store of telemetry left off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.energy_today import AGAIN, EnergyToday
from bridge.events import EventBus
from bridge.registry import Registry
from bridge.telemetry.database import StoreError
from bridge.telemetry.energy import EnergyTotal
from hw.module import ModuleKind
from hw.reading import Quality, Reading
from matter_node.storage import MemoryStorage

KEY = "acme-1001"
BERLIN = ZoneInfo("Europe/Berlin")


class Store:
    """Knows what a test says, and counts how often it was asked."""

    def __init__(self):
        self.today = 500.0
        self.metric = "energy_exported_wh"
        self.asked = 0
        self.meanwhile = None
        self.error = None

    async def energy(self, module):
        self.asked += 1
        if self.meanwhile:
            self.meanwhile, happens = None, self.meanwhile
            happens()
        if self.error:
            raise self.error
        return [] if self.today is None else [EnergyTotal(self.metric, "Wh", False, self.today, 9e4)]


class Roof:
    """An inverter in Berlin whose energy of today is counted."""

    def __init__(self, clock, make_device):
        self.clock = clock
        self.bus = EventBus()
        self.registry = Registry(MemoryStorage(), self.bus)
        (self.module,) = self.registry.found(
            [make_device("1001", kind=ModuleKind.MICROINVERTER, clock=clock)], "x"
        )
        self.store = Store()
        self.today = EnergyToday(self.registry, self.bus, clock, BERLIN)
        self.today.start(self.store)

    def reads(self, energy_wh, **values):
        time = datetime.fromtimestamp(self.clock.utc(), UTC)
        reading = Reading(module=KEY, time=time, energy_exported_wh=energy_wh)
        self.registry.took(self.module, replace(reading, **values))

    async def to(self, *moment):
        """Let time pass until a moment in Berlin of June 2026."""
        seconds = datetime(2026, 6, *moment, tzinfo=BERLIN).timestamp() - self.clock.utc()
        await self.clock.pass_(seconds)

    @property
    def shown(self):
        return self.today.of(KEY)


@pytest.fixture
async def roof(clock, make_device):
    roof = Roof(clock, make_device)
    await roof.to(21, 12)
    yield roof
    await roof.today.stop()


async def test_it_goes_on_from_what_the_store_knows_and_asks_once(roof):
    assert roof.shown is None
    roof.reads(90_000.0)
    await roof.to(21, 12, 0, 1)
    assert roof.shown == 500, "the first reading is in the store already"
    for wh in (90_001.5, 90_001.5, 90_003.0):
        roof.reads(wh)
        await roof.clock.pass_(AGAIN)
    assert roof.shown == 503
    assert roof.store.asked == 1


async def test_a_day_begins_at_midnight_in_the_homes_time_zone(roof):
    roof.reads(90_000.0)
    await roof.to(21, 23, 59, 59)
    roof.reads(90_010.0)
    assert roof.shown == 510
    await roof.to(22, 0)
    assert roof.shown == 0, "also before it is read again"
    roof.reads(90_010.5)
    assert roof.shown == 0.5


async def test_a_counter_that_was_reset_goes_on_from_zero(roof):
    roof.reads(90_000.0)
    await roof.to(21, 12, 1)
    for wh in (0.0, 90_002.0, 3.0):  # a zero in between is a device that starts
        roof.reads(wh)
    assert roof.shown == 505


async def test_a_reading_that_comes_while_the_store_is_asked_is_counted_once(roof):
    roof.store.meanwhile = lambda: roof.reads(90_004.0)
    roof.reads(90_000.0)
    await roof.to(21, 12, 0, 1)
    assert (roof.shown, roof.store.asked) == (500, 2)


async def test_of_a_device_that_does_not_count_the_store_is_asked_every_minute(roof):
    roof.store.metric = "energy_exported_estimated_wh"
    for minute in range(4):
        roof.store.today = 100.0 + minute
        roof.reads(None)
        await roof.clock.pass_(AGAIN / 2)
    assert (roof.shown, roof.store.asked) == (102, 2)


@pytest.mark.parametrize("trouble", [{"today": None}, {"error": StoreError("the disk is gone")}])
async def test_what_the_store_does_not_know_is_asked_again_later(roof, trouble):
    for name, value in trouble.items():
        setattr(roof.store, name, value)
    roof.reads(90_000.0)
    await roof.to(21, 12, 0, 30)
    roof.reads(90_000.0)
    assert (roof.shown, roof.store.asked) == (None, 1)
    roof.store.today, roof.store.error = 7.0, None
    await roof.to(21, 12, 1)
    roof.reads(90_000.0)
    await roof.to(21, 12, 1, 1)
    assert roof.shown == 7


async def test_stale_readings_batteries_and_what_was_removed_do_not_count(roof, make_device):
    roof.reads(90_000.0, quality=Quality.STALE)
    (battery,) = roof.registry.found([make_device("2001", clock=roof.clock)], "x")
    roof.registry.took(
        battery, Reading(battery.key, datetime.now(UTC) + timedelta(0), energy_exported_wh=5.0)
    )
    await roof.to(21, 12, 2)
    assert roof.store.asked == 0
    roof.reads(90_000.0)
    await roof.to(21, 12, 3)
    roof.registry.remove(KEY)
    assert roof.shown is None
