"""StartUpOnOff from the face of a plug to the simulated Shelly, over HTTP, and back."""

import asyncio

import pytest

from bridge.command import Origin
from bridge.drivers import driver
from bridge.faces import Faces
from bridge.home import Home
from bridge.module_face import Stage
from bridge.pace import Pace
from bridge.poller import Poller, Source
from bridge.settings import FacesSettings
from clusters.definitions.on_off import OnOff, StartUpOnOffEnum
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.on_off import OnOffServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from hw.shelly.discover import discover
from hw.simulator.process import SimulatedHome
from matter_node.clock import AsyncioClock
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

PERSON = Context(Subject(AuthMode.CASE, 1, 5), None)
OFF, ON, TOGGLE = StartUpOnOffEnum.OFF, StartUpOnOffEnum.ON, StartUpOnOffEnum.TOGGLE
PACE = 0.2


class Sessions:
    on_closed = ()


class Hub:
    """A hub's home with a simulated plug, and the plug's face."""

    def __init__(self, simulated, storage):
        self.simulated = simulated
        clock = AsyncioClock()
        self.home = Home(storage, clock)
        self.poller = Poller(
            self.home.registry, {"shelly": driver("shelly")}, Pace(PACE, 1.0, lambda: 0.0), clock
        )

    async def start(self):
        home = self.home
        home.start()
        self.poller.start([Source("shelly", self.simulated.device("load").address)])
        await self.poller.first_look(10.0)
        (self.plug,) = home.registry
        tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None)
        tree.add(root, top)
        state = Commissioning.restore(home.storage, home.clock, SystemEntropy(), Sessions(), max_fabrics=5)
        grouping = Grouping(GroupTable(home.storage), state.group_keys)
        self.faces = Faces(tree, Stage(top, home, FacesSettings(), grouping), EventTriggers())
        self.faces.start()
        endpoint = tree.endpoints[home.registry.endpoints.number(self.plug.key, "energy")]
        self.on_off = endpoint.cluster(OnOffServer)
        await self.until(lambda: self.plug.key in home.start_ups)

    async def stop(self):
        await self.poller.stop()
        self.home.stop()
        await self.home.arbiter.close()

    def write(self, value):
        self.on_off.write(OnOff.start_up_on_off, PERSON, value)

    async def until(self, condition, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.05)

    async def ask(self, method, **parameters):
        """Call a method of the plug, as the vendor's own app would."""
        (other,) = await discover(self.simulated.device("load").address)
        try:
            return await other._client.call(method, {"id": 0, **parameters})
        finally:
            await other.close()

    async def at_the_plug(self):
        return (await self.ask("Switch.GetConfig"))["initial_state"]


@pytest.fixture
async def hub():
    async with SimulatedHome(1, plugs=1, seed=7) as simulated:
        hub = Hub(simulated, MemoryStorage())
        await hub.start()
        yield hub
        await hub.stop()


async def test_what_an_app_sets_is_set_at_the_plug(hub):
    assert hub.on_off.start_up_on_off is None, "the plug says that it is what it was"
    for value, word in ((OFF, "off"), (ON, "on"), (None, "restore_last"), (TOGGLE, "restore_last")):
        hub.write(value)
        assert hub.on_off.start_up_on_off is value
        await asyncio.sleep(2 * PACE)
        assert await hub.at_the_plug() == word
        assert hub.on_off.start_up_on_off is value


async def test_what_the_plug_refuses_is_not_shown(hub):
    serial = hub.simulated.device("load").serial
    await hub.simulated.fault(serial, "exception", 4)
    hub.write(OFF)
    await asyncio.sleep(2 * PACE)
    await hub.simulated.heal(serial)
    await hub.until(lambda: hub.on_off.start_up_on_off is None)
    assert await hub.at_the_plug() == "restore_last"


async def test_a_plug_that_does_not_answer_is_told_nothing(hub):
    await hub.simulated.fault(hub.simulated.device("load").serial, "link")
    await hub.until(lambda: not hub.plug.reachable)
    with pytest.raises(StatusError) as refusal:
        hub.write(OFF)
    assert refusal.value.status is Status.FAILURE
    assert hub.on_off.start_up_on_off is None
    # Somebody sets it at the plug itself, and the hub finds it so.
    await hub.simulated.heal(hub.simulated.device("load").serial)
    await hub.ask("Switch.SetConfig", config={"initial_state": "on"})
    await hub.until(lambda: hub.on_off.start_up_on_off is ON)


@pytest.mark.parametrize(
    ("value", "was", "then"), [(OFF, True, False), (ON, False, True), (TOGGLE, True, False)]
)
async def test_after_an_outage_it_is_what_was_wanted(hub, value, was, then):
    hub.write(value)
    await asyncio.sleep(2 * PACE)
    await hub.ask("Switch.Set", on=was)
    await hub.until(lambda: hub.plug.reading.connected is was)
    await hub.simulated.outage()
    await hub.until(lambda: not hub.plug.reachable)
    await hub.simulated.grid()
    await hub.until(lambda: hub.plug.reachable and hub.plug.reading.connected is then)
    await asyncio.sleep(4 * PACE)
    assert hub.plug.reading.connected is then
    assert hub.on_off.on_off is then
    assert hub.on_off.start_up_on_off is value


async def test_a_cable_that_was_out_toggles_nothing(hub):
    hub.write(TOGGLE)
    serial = hub.simulated.device("load").serial
    await hub.simulated.fault(serial, "link")
    await hub.until(lambda: not hub.plug.reachable)
    await hub.simulated.heal(serial)
    await hub.until(lambda: hub.plug.reachable)
    await asyncio.sleep(4 * PACE)
    assert hub.plug.reading.connected is True
    assert [each for each in hub.home.arbiter.live(hub.plug.key) if each.origin is Origin.USER] == []


async def test_to_be_what_it_was_not_outlives_the_hub(hub):
    hub.write(TOGGLE)
    await asyncio.sleep(2 * PACE)
    await hub.stop()
    again = Hub(hub.simulated, hub.home.storage)
    await again.start()
    await again.until(lambda: again.on_off.start_up_on_off is TOGGLE)
    await again.stop()
