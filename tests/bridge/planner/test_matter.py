"""The plan in the Hub cluster, and the command for a new one."""

import pytest

from bridge.discovery import Discovery
from bridge.ores.hub import HubCluster
from bridge.pace import Pace
from bridge.planner.planner import TICK
from bridge.poller import Poller
from bridge.record import OperatingMode
from clusters.descriptor import DescriptorServer
from clusters.ores.hub import Hub, PlanReasonEnum, PlanTriggerEnum
from device_types.aggregator import aggregator
from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

APP = Context(Subject(AuthMode.CASE, 1, 5), None)


class Node:
    """A node with the hub's own cluster."""

    def __init__(self, home, planner):
        poller = Poller(home.registry, {}, Pace(1.0, 1.0, lambda: 0.0), home.clock)
        discovery = Discovery(home.registry, {}, poller, home.bus, home.clock, home.storage)
        self.hub_cluster = HubCluster(home, discovery, lambda: planner)
        self.hub = self.hub_cluster.server
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        self.tree.add(root, aggregator(root, blink=lambda _: None, clusters=[self.hub]))
        self.hub_cluster.start()

    @property
    def changes(self):
        """Trigger and number of steps of each PlanChanged."""
        records = [each for each in self.tree.events.since(0) if each.event is Hub.plan_changed]
        decoded = [tlv.decode(b"\x15" + record.data + b"\x18")[7] for record in records]
        return [(PlanTriggerEnum(values[0]), values[1]) for values in decoded]


@pytest.fixture
async def planner(simulated, make_planner):
    planner = make_planner()
    yield planner
    await planner.stop()


@pytest.fixture
async def node(home, planner):
    return Node(home, planner)


async def test_a_hub_without_a_planner_has_no_plan_and_says_why_it_makes_none(home):
    hub = Node(home, None).hub
    assert hub.features == sum(Hub.Feature), "a feature map is fixed: a tariff may come at any time"
    assert (hub.plan, hub.planned_at, hub.savings) == ((), None, None)
    with pytest.raises(StatusError, match="there is no tariff") as refused:
        await hub.handle_replan(APP)
    assert refused.value.status is Status.INVALID_IN_STATE


async def test_the_plan_is_shown_by_the_hour_with_reasons_and_adds_up(node, planner, simulated, clock):
    simulated.read()
    planner.start()
    await simulated.pass_(TICK)
    hub = node.hub
    assert hub.features & Hub.Feature.PLAN
    assert 47 <= len(hub.plan) <= 48
    assert hub.planned_at is not None
    for step in hub.plan:
        assert step.grid == step.solar + step.storage + step.load
        assert 0 < step.duration <= 3600
        assert step.text
    assert {PlanReasonEnum.EXPENSIVE_ENERGY, PlanReasonEnum.CHEAP_ENERGY} <= {
        step.reason for step in hub.plan
    }
    assert node.changes == [(PlanTriggerEnum.SCHEDULE, len(hub.plan))]


async def test_replan_makes_a_new_plan_and_is_refused_when_there_can_be_none(node, planner, simulated, home):
    with pytest.raises(StatusError) as refused:
        await node.hub.handle_replan(APP)
    assert refused.value.status is Status.INVALID_IN_STATE
    simulated.read()
    planner.start()
    await simulated.pass_(TICK)
    await node.hub.handle_replan(APP)
    await simulated.pass_(TICK)
    triggers = [trigger for trigger, _ in node.changes]
    assert triggers == [PlanTriggerEnum.SCHEDULE, PlanTriggerEnum.REQUEST]


async def test_a_plan_that_is_not_carried_out_is_not_shown(node, planner, simulated, home):
    simulated.read()
    planner.start()
    await simulated.pass_(TICK)
    home.choices.choose(mode=OperatingMode.AUTONOMOUS)
    await simulated.pass_(2 * TICK)
    assert node.hub.plan == ()
    assert node.hub.planned_at is None
    assert node.changes[-1][1] == 0
    home.choices.choose(mode=OperatingMode.FEDERATED)
    await simulated.pass_(2 * TICK)
    assert node.hub.plan
    assert node.hub.planned_at is not None
