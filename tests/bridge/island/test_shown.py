"""What apps see of an island: the Hub cluster on the aggregator and the Module cluster of every module."""

import pytest
from island_lab.scene import BATTERY, Scene

from bridge.choices import Policy
from bridge.discovery import Discovery
from bridge.faces import Faces
from bridge.ores.hub import HubCluster
from bridge.pace import Pace
from bridge.poller import Poller
from clusters.descriptor import DescriptorServer
from clusters.ores.common import OperatingModeEnum
from clusters.ores.hub import Hub, SetModeRequest
from clusters.ores.module import Module, SetOperatingModeRequest
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

APP = Context(Subject(AuthMode.CASE, 1, 5), None)
FEDERATED, ISLAND = OperatingModeEnum.FEDERATED, OperatingModeEnum.ISLAND


class Shown:
    """The node's tree of a home that is about to lose its grid."""

    def __init__(self, home, clock):
        self.scene = Scene(home, clock, dryer=2000.0, fridge=150.0)
        home.registry.set_priority(self.scene.loads["fridge"], 9)
        poller = Poller(home.registry, {}, Pace(1.0, 1.0, lambda: 0.0), clock)
        discovery = Discovery(home.registry, {}, poller, home.bus, clock, home.storage)
        cluster = HubCluster(home, discovery, lambda: None)
        self.tree = NodeTree(home.storage, clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None, clusters=[cluster.server])
        self.tree.add(root, top)
        self.home, self.faces = home, Faces(self.tree, home.stage(top), EventTriggers())
        home.start()
        self.faces.start()
        cluster.start()

    @property
    def hub(self):
        return self.tree.endpoints[1].cluster(Hub)

    def module(self, key):
        return self.tree.endpoints[self.home.registry.endpoints.number(key, "energy")].cluster(Module)

    def events(self, declared):
        return [
            declared.payload.from_tlv(tlv.decode(b"\x15" + record.data[2:]))
            for record in self.tree.events.since(0)
            if record.event is declared
        ]


@pytest.fixture
async def shown(home, clock):
    shown = Shown(home, clock)
    await shown.scene.pass_(30)
    return shown


async def test_apps_see_the_island_come_and_go(shown):
    scene, dryer = shown.scene, shown.scene.loads["dryer"]
    assert (shown.hub.mode, shown.module(BATTERY).operating_mode) == (FEDERATED, FEDERATED)
    assert shown.hub.features & Hub.Feature.ISL
    assert 50_000 < shown.hub.backup_time < 80_000
    scene.grid, scene.base_w = False, 1500.0
    await scene.pass_(3)
    assert (shown.hub.mode, shown.module(BATTERY).operating_mode) == (ISLAND, ISLAND)
    (lost,), (off,) = shown.events(Hub.grid_lost), shown.events(Hub.load_shed)
    assert 40_000 < lost.backup_time < 80_000
    assert (off.module_id, off.shed, off.power) == (dryer, True, 2_000_000)
    scene.grid = True
    await scene.pass_(310)
    assert (shown.hub.mode, shown.module(BATTERY).operating_mode) == (FEDERATED, FEDERATED)
    assert [each.shed for each in shown.events(Hub.load_shed)] == [True, False]
    (back,) = shown.events(Hub.grid_restored)
    assert 0 < back.outage < 10


async def test_nobody_chooses_a_mode_of_an_island(shown):
    shown.scene.grid = False
    await shown.scene.pass_(3)
    for refused in (
        shown.hub.handle_set_mode(APP, SetModeRequest(mode=FEDERATED)),
        shown.module(BATTERY).handle_set_operating_mode(APP, SetOperatingModeRequest(mode=FEDERATED)),
    ):
        with pytest.raises(StatusError) as refusal:
            await refused
        assert refusal.value.status is Status.INVALID_IN_STATE
    shown.home.choices.choose(policy=Policy.BACKUP)
    assert shown.hub.mode is ISLAND
