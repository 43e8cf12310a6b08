"""Plugs from Matter's On/Off through the arbiter to the relay, and from the relay back."""

from dataclasses import replace

import pytest

from bridge.actions import PATIENCE
from bridge.command import CommandState, Origin
from bridge.faces import Faces
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.on_off import OnOffServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from hw.module import ModuleKind
from hw.setpoint import SetpointKind as Kind
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

KEY = "acme-1001"
PERSON = Context(Subject(AuthMode.CASE, 1, 5), None)


class Sessions:
    on_closed = ()


@pytest.fixture
def plug(home):
    return home.add(kind=ModuleKind.LOAD, kinds=(Kind.CONNECT, Kind.AUTO))


class Bridge:
    """The node's tree with the faces of a home's modules."""

    def __init__(self, home):
        self.arbiter = home.arbiter
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None)
        self.tree.add(root, top)
        state = Commissioning.restore(home.storage, home.clock, SystemEntropy(), Sessions(), max_fabrics=5)
        grouping = Grouping(GroupTable(home.storage), state.group_keys)
        self.faces = Faces(self.tree, home.stage(top, grouping), EventTriggers())
        self.faces.start()
        self.arbiter.start()
        self.endpoint = self.tree.endpoints[home.registry.endpoints.number(KEY, "energy")]

    @property
    def on_off(self):
        return self.endpoint.cluster(OnOffServer)


@pytest.fixture
async def bridge(home, plug):
    return Bridge(home)


async def test_on_moves_the_relay_before_it_is_answered(bridge, plug):
    await bridge.on_off.handle_on(PERSON)
    assert plug.told == [(1000.0, Kind.CONNECT, 1.0, None)]
    assert bridge.on_off.on_off is True


async def test_what_protects_the_home_is_not_overruled_now_nor_later(bridge, plug, clock):
    bridge.arbiter.submit(KEY, Kind.CONNECT, 0, origin=Origin.SAFETY, source="test", duration=60)
    await clock.pass_(0)
    with pytest.raises(StatusError) as refusal:
        await bridge.on_off.handle_on(PERSON)
    assert refusal.value.status is Status.INVALID_IN_STATE
    assert bridge.on_off.on_off is False
    await clock.pass_(120)
    assert (Kind.CONNECT, 1.0) not in plug.values


async def test_a_plug_that_does_not_answer_fails_at_once(bridge, plug, home):
    home.registry.lost(home.registry[KEY], "unplugged")
    with pytest.raises(StatusError, match="unplugged"):
        await bridge.on_off.handle_on(PERSON)
    assert plug.told == []


async def test_a_plug_that_takes_too_long_is_not_switched_later(bridge, plug, clock, monkeypatch):
    monkeypatch.setattr("bridge.actions.PATIENCE", 0.05)
    plug.broken = "busy"
    with pytest.raises(StatusError) as refusal:
        await bridge.on_off.handle_on(PERSON)
    assert refusal.value.status is Status.TIMEOUT
    plug.broken = ""
    await clock.pass_(60)
    assert plug.told == []
    assert PATIENCE > 0.05


async def test_it_shows_what_the_relay_says(bridge, plug, home):
    assert bridge.on_off.on_off is False
    module = home.registry[KEY]
    home.registry.took(module, replace(await plug.read(), connected=True, power_w=2000.0))
    assert bridge.on_off.on_off is True
    assert module.reading.power_w == 2000


async def test_a_load_that_cannot_be_switched_is_a_meter(home):
    home.add(kind=ModuleKind.LOAD, kinds=())
    bridge = Bridge(home)
    assert OnOffServer.ID not in bridge.endpoint.clusters
    assert {0x13, 0x510} == {kind.id for kind in bridge.endpoint.device_types}


async def test_new_modules_are_numbered_by_kind_whichever_answered_first(home):
    home.add("1001", kind=ModuleKind.LOAD, kinds=(Kind.CONNECT,))
    home.add("1002", kind=ModuleKind.BATTERY)
    home.add("1003", kind=ModuleKind.MICROINVERTER)
    home.add("1004", kind=ModuleKind.METER)
    Bridge(home)
    numbers = [
        home.registry.endpoints.number(f"acme-{serial}", "energy") for serial in (1004, 1003, 1002, 1001)
    ]
    assert numbers == sorted(numbers)


async def test_done_is_done(bridge, plug):
    await bridge.on_off.handle_on(PERSON)
    assert CommandState.DONE.final
    assert bridge.arbiter.live(KEY) == ()
