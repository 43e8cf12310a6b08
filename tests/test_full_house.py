"""As many controllers as Matter asks a node to bear, all alive at once, also after the process was killed.

Five fabrics with three controllers each, full access control lists, three subscriptions for each controller
(Matter Core 2.11): what TC_RR_1_1 does to a hub, in memory.
"""

import pytest
from node_lab.sessions import CONTROLLER, DEVICE, Node
from node_lab.whole import ADMINISTRATOR, BASIC_INFORMATION, NODE_ID, Peer, same_world, settle
from node_lab.world import Authority, Fabrics, SeededEntropy

from matter_node.codec import tlv
from matter_node.interaction.opcode import Opcode

FABRICS, CONTROLLERS, SUBSCRIPTIONS = 5, 3, 3
ENTRIES, SUBJECTS, TARGETS = 4, 4, 3
ACCESS_CONTROL, DESCRIPTOR, NODE_LABEL = 0x1F, 0x1D, 5
VIEW, ADMINISTER, CASE = 1, 5, 2
EVERYONE = FABRICS * CONTROLLERS


def attribute(cluster, id_):
    return tlv.TlvList([(2, 0), (3, cluster), (4, id_)])


class House:
    """A node and everyone who is connected to it.

    :ivar world: the node and its wire
    :ivar peers: all controllers, each in its session, fabric by fabric
    """

    def __init__(self):
        self.world = same_world()()
        self.nodes = []
        self.peers = []

    async def fill(self):
        """Commission the node into every fabric, and let every controller connect."""
        await self.world.node.start()
        for number in range(FABRICS):
            authority = self.world.authority if number == 0 else Authority(fabric_id=0x1000 + number)
            for node_id in range(ADMINISTRATOR, ADMINISTRATOR + CONTROLLERS):
                membership = authority.fabric(1, node_id)
                entropy = SeededEntropy(100 + len(self.nodes))
                address = (CONTROLLER[0], 6000 + len(self.nodes), 0, 0)
                node = Node(self.world.clock, entropy, self.world.wire, address, Fabrics({1: membership}))
                self.nodes.append(node)
                self.world.network.places[membership.compressed_id, node_id] = [address]
            administrator = self.nodes[-CONTROLLERS]
            self.world.controller, self.world.authority = administrator, authority
            if number:
                self.world.node.window.open_basic(180, self.world.node.fabrics.get(1))
            peer = await self.world.commission()
            await self.write(peer, attribute(ACCESS_CONTROL, 0), full_list())
        await self.connect()

    async def connect(self):
        self.peers = [
            Peer(node, await node.initiator.connect(node.fabrics[1], NODE_ID, DEVICE)) for node in self.nodes
        ]

    async def write(self, peer, path, value):
        answer = await peer._ask(Opcode.WRITE_REQUEST, {1: False, 2: [{1: path, 2: value}]})
        assert [dict(status[1])[0] for status in answer[0]] == [0]

    async def subscribe(self):
        """Let everyone subscribe to the node's label; return the subscription ids of each."""
        request = {1: 0, 2: 60, 3: [attribute(BASIC_INFORMATION, NODE_LABEL)], 7: True}
        return [
            {
                (await peer._ask(Opcode.SUBSCRIBE_REQUEST, {0: True, **request}))[0]
                for _ in range(SUBSCRIPTIONS)
            }
            for peer in self.peers
        ]

    async def rename(self, name):
        """Change the label and let the reports arrive; return the subscription ids that each heard from."""
        for peer in self.peers:
            peer.reports.clear()
        await self.write(self.peers[0], attribute(BASIC_INFORMATION, NODE_LABEL), name)
        await self.pass_(3)
        return [set(peer.reports) for peer in self.peers]

    async def pass_(self, seconds):
        for _ in range(seconds * 4):
            self.world.clock.advance(0.25)
            await settle()

    def kill(self):
        """Take the process away: nothing of it runs on, and nobody was told."""
        self.world.clock._timers.clear()
        self.world.wire.detach(DEVICE)
        for peer in self.peers:
            peer.reports.clear()


def full_list():
    """Return a list as long as every fabric may have it: one entry administers, three let others view."""
    everything = [{0: None, 1: 0, 2: None}]
    some = [{0: cluster, 1: None, 2: None} for cluster in (BASIC_INFORMATION, DESCRIPTOR)]
    assert len(everything + some) == TARGETS
    strangers = range(700, 700 + SUBJECTS - 1)
    viewers = range(ADMINISTRATOR + 1, ADMINISTRATOR + 1 + SUBJECTS)
    entries = [{1: ADMINISTER, 2: CASE, 3: [ADMINISTRATOR, *strangers], 4: None}]
    entries += [
        {1: VIEW, 2: CASE, 3: [viewer + shift for viewer in viewers], 4: everything + some}
        for shift in range(ENTRIES - 1)
    ]
    return entries


@pytest.fixture
async def house():
    made = House()
    await made.fill()
    yield made
    await made.world.node.stop()


async def test_everyone_is_served_at_once(house):
    assert len(list(house.world.node.fabrics)) == FABRICS
    subscriptions = await house.subscribe()
    assert len(set().union(*subscriptions)) == EVERYONE * SUBSCRIPTIONS
    assert await house.rename("Cellar") == subscriptions
    assert all(not peer.session.closed for peer in house.peers)


async def test_and_again_after_the_process_was_killed(house):
    subscriptions = await house.subscribe()
    house.kill()
    await house.world.come_back()
    await house.pass_(20)
    assert len(list(house.world.node.fabrics)) == FABRICS
    assert len(house.world.node.access.entries) == FABRICS * ENTRIES
    assert [set(peer.reports) for peer in house.peers] == subscriptions
    await house.connect()
    assert await house.rename("Attic") == subscriptions
