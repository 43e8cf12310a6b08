import asyncio
import random
import time

import pytest
from matter_server_lab.double import MatterServerDouble
from matter_server_lab.nodes import node, plug

from bridge.drivers import DRIVERS, driver
from bridge.events import EventBus, ReachabilityChanged, ReadingTaken
from bridge.pace import LONGEST_INTERVAL, Pace
from bridge.poller import Poller, Source
from bridge.registry import Registry
from hw.matter_server.product import Product
from hw.module import ModuleUnreachable
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage


class House:
    """A registry that is polled for real."""

    def __init__(self, drivers, interval=0.05):
        self.bus = EventBus()
        self.registry = Registry(MemoryStorage(), self.bus)
        self.events = []
        self.bus.subscribe(ReachabilityChanged, self.events.append)
        self.readings = 0
        self.bus.subscribe(ReadingTaken, lambda _: setattr(self, "readings", self.readings + 1))
        pace = Pace(interval, 1.0, lambda: 0.0)
        self.poller = Poller(self.registry, drivers, pace, AsyncioClock(), randomness=random.Random(1))

    async def until(self, condition, seconds=15):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            await asyncio.sleep(0.02)
        return seconds - (deadline - time.monotonic())


class Street:
    """A driver whose devices a test makes."""

    def __init__(self, devices):
        self.devices = devices
        self.asked = 0

    async def discover(self, address, *, serial=""):
        self.asked += 1
        devices = [each for each in self.devices if each.address.startswith(address) and not each.broken]
        if not devices:
            raise ModuleUnreachable(f"{address}: no connection")
        return devices

    def link(self, address):
        return ":".join(address.split(":")[:2])


async def test_a_simulated_home_is_found_and_read_over_modbus():
    async with SimulatedHome(modules=4) as simulated:
        house = House({"sunspec": driver("sunspec")}, interval=0.2)
        house.poller.start(Source("sunspec", device.address) for device in simulated.devices)
        try:
            await house.until(lambda: sum(module.reachable for module in house.registry) == 4)
            await house.until(lambda: house.readings > 12)
            kinds = sorted(module.record.kind.value for module in house.registry)
            assert "battery" in kinds
            assert "meter" in kinds
            assert all(module.reading.power_w is not None for module in house.registry)
        finally:
            await house.poller.stop()


async def test_a_stopped_server_is_noticed_within_15_seconds_and_comes_back_by_itself():
    async with SimulatedHome(modules=3) as simulated:
        house = House({"sunspec": driver("sunspec")}, interval=1.0)
        house.poller.start(Source("sunspec", device.address) for device in simulated.devices)
        try:
            await house.until(lambda: sum(module.reachable for module in house.registry) == 3)
            serial = simulated.devices[0].serial
            module = next(each for each in house.registry if each.record.identity.serial == serial)
            await simulated.fault(serial, "link")
            assert await house.until(lambda: not module.reachable) < 15
            assert module.unreachable_because
            assert sum(each.reachable for each in house.registry) == 2, "the others go on"
            await simulated.heal(serial)
            await house.until(lambda: module.reachable)
        finally:
            await house.poller.stop()


async def test_a_dead_module_does_not_take_its_neighbour_along(make_device):
    devices = [make_device("1001"), make_device("1002")]
    house = House({"sunspec": Street(devices)})
    house.poller.start([Source("sunspec", "10.0.0.1:502")])
    await house.until(lambda: len(house.registry) == 2)
    devices[0].broken = "exception 11"
    await house.until(lambda: house.events and house.events[-1].reachable is False)
    await asyncio.sleep(0.3)
    lost = [event.module for event in house.events if not event.reachable]
    assert lost == ["acme-1001"]
    devices[0].broken = ""
    await house.until(lambda: house.registry["acme-1001"].reachable)
    await house.poller.stop()
    assert all(device.closed for device in devices)
    assert all(module.device is None for module in house.registry)


async def test_an_address_where_nothing_answers_is_asked_until_something_does(make_device, caplog):
    device = make_device("1001")
    device.broken = "off"
    street = Street([device])
    house = House({"sunspec": street})
    house.poller.start([Source("sunspec", "10.0.0.1:502", name="Roof"), Source("sunspec", "10.0.0.1:502")])
    await house.until(lambda: street.asked > 3)
    device.broken = ""
    await house.until(lambda: len(house.registry) == 1)
    assert house.registry["acme-1001"].record.name == "Roof"
    assert caplog.text.count("no module found") == 1
    await house.poller.stop()


async def test_a_removed_module_is_let_go(make_device):
    device = make_device("1001")
    house = House({"sunspec": Street([device])})
    house.poller.start([Source("sunspec", "10.0.0.1:502")])
    await house.until(lambda: house.readings > 2)
    house.registry.remove("acme-1001")
    await house.until(lambda: device.closed)
    await house.poller.stop()


async def test_a_removed_module_stays_away_until_its_address_is_named_again(make_device):
    devices = [make_device("1001"), make_device("1002")]
    street = Street(devices)
    house = House({"sunspec": street})
    source = Source("sunspec", "10.0.0.1:502")
    house.poller.start([source])
    await house.until(lambda: house.readings > 4)
    house.registry.remove("acme-1001")
    await house.until(lambda: devices[0].closed)
    house.poller.add(Source("sunspec", "10.0.0.2:502"))
    await asyncio.sleep(0.2)
    assert [module.key for module in house.registry] == ["acme-1002"]
    house.poller.add(source)
    await house.until(lambda: len(house.registry) == 2)
    await house.until(lambda: house.registry["acme-1001"].reachable)
    await house.poller.stop()


async def test_an_address_whose_only_module_was_removed_is_left_alone(make_device):
    device = make_device("1001")
    street = Street([device])
    house = House({"sunspec": street})
    house.poller.start([Source("sunspec", "10.0.0.1:502")])
    await house.until(lambda: house.readings > 2)
    house.registry.remove("acme-1001")
    await house.until(lambda: device.closed)
    await asyncio.sleep(0.3)
    assert (len(house.registry), street.asked) == (0, 2), "asked once more, and then no more for long"
    house.poller.add(Source("sunspec", "10.0.0.1:502"))
    await house.until(lambda: len(house.registry) == 1)
    await house.poller.stop()


async def test_a_removed_module_stays_away_after_a_restart_too(make_device):
    street = Street([make_device("1001"), make_device("1002")])
    house = House({"sunspec": street})
    house.registry.found([make_device("1001")], "sunspec")
    house.registry.remove("acme-1001")
    house.poller.start([Source("sunspec", "10.0.0.1:502")])
    await house.until(lambda: house.readings > 2)
    assert [module.key for module in house.registry] == ["acme-1002"]
    house.poller.add(Source("sunspec", "10.0.0.1:502"))
    await house.until(lambda: len(house.registry) == 2)
    assert house.poller.addresses("sunspec") == ("10.0.0.1:502",)
    await house.poller.stop()


class GrowingStreet(Street):
    """A driver that hears of new devices by itself."""

    def news(self, address, known):
        return any(device.identity.key not in known for device in self.devices)


async def test_a_module_that_comes_to_an_address_is_taken_in_beside_the_others(make_device):
    devices = [make_device("1001")]
    street = GrowingStreet(devices)
    house = House({"sunspec": street})
    house.poller.start([Source("sunspec", "10.0.0.1:502", name="Corner")])
    await house.until(lambda: house.readings > 2)
    first = house.registry["acme-1001"]
    devices.append(make_device("1002"))
    await house.until(lambda: len(house.registry) == 2 and house.registry["acme-1002"].reachable)
    assert (first.device, first.reachable, street.asked) == (devices[0], True, 2)
    assert house.registry["acme-1002"].record.name != "Corner", "that is what the first was called"
    house.registry.remove("acme-1001")
    devices.append(make_device("1003"))
    await house.until(lambda: "acme-1003" in house.registry)
    assert "acme-1001" not in house.registry
    await house.poller.stop()


async def test_loads_on_a_matter_server_are_registered_and_so_is_one_that_is_commissioned_later():
    server = MatterServerDouble()
    server.nodes[2] = node(2, plug("HUB"))
    await server.start()
    matter = driver("matter", hub=Product("Somebody", "Foreign Plug", "HUB"))
    house = House({"matter": matter})
    house.poller.start([Source("matter", server.url)])
    try:
        await house.until(lambda: len(house.registry) == 2 and all(each.reachable for each in house.registry))
        assert {each.record.identity.serial for each in house.registry} == {"P1"}
        server.waiting = node(3, plug("P3"))
        keys = await matter.commission(server.url, "34970112332")
        await house.until(lambda: len(house.registry) == 4)
        await house.until(lambda: all(house.registry[key].reachable for key in keys))
    finally:
        await house.poller.stop()
        await server.stop()
    assert server.connections == 1


async def test_an_address_that_is_none_is_refused():
    house = House({"sunspec": driver("sunspec")})
    with pytest.raises(ValueError, match="not host"):
        house.poller.add(Source("sunspec", "host:port"))
    with pytest.raises(ValueError, match="no driver"):
        driver("telepathy")


class Load:
    """A processor whose use depends on how often things are read."""

    def __init__(self, modules, cost):
        self.modules, self.cost, self.used, self.now = modules, cost, 0.0, 0.0

    def run(self, pace, seconds=120):
        while self.now < seconds:
            self.now += 2
            self.used += min(2.0, 2 * self.modules * self.cost / pace.interval)
            pace.measure(self.now)
        return self.modules * self.cost / pace.interval


@pytest.mark.parametrize(
    ("modules", "interval"), [(10, 1.0), (500, 1.0), (1000, 2.0), (100_000, LONGEST_INTERVAL)]
)
def test_the_pace_keeps_the_processor_within_its_budget(modules, interval):
    load = Load(modules, 0.001)
    pace = Pace(1.0, 0.5, lambda: load.used)
    load.run(pace)
    assert pace.interval == pytest.approx(interval, rel=0.02)
    load.modules = 10
    load.run(pace, 400)
    assert pace.interval == 1.0, "and recovers"


async def test_modules_of_two_drivers_live_together():
    async with SimulatedHome(modules=2, plugs=2) as simulated:
        house = House({name: driver(name) for name in DRIVERS}, interval=0.2)
        house.poller.start(
            Source("shelly" if device.kind == "load" else "sunspec", device.address)
            for device in simulated.devices
        )
        try:
            await house.until(lambda: sum(module.reachable for module in house.registry) == 4)
            kinds = sorted(module.record.kind.value for module in house.registry)
            assert kinds == ["load", "load", "meter", "microinverter"]
        finally:
            await house.poller.stop()


async def test_a_silent_address_is_no_word_on_another_drivers_modules(make_device, caplog):
    house = House({name: driver(name) for name in DRIVERS})
    house.registry.found([make_device("1001")], "sunspec")
    house.registry["acme-1001"].device = None
    house.poller.start([Source("shelly", "127.0.0.1:1")])
    await house.until(lambda: "no module found at 127.0.0.1:1" in caplog.text)
    await asyncio.sleep(0.2)
    await house.poller.stop()
    assert "polling" not in caplog.text
    assert house.registry["acme-1001"].unreachable_because == "not found yet since the hub started"
