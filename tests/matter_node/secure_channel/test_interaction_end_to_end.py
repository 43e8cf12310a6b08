"""The interaction model over real sessions: two message layers, handshakes, encryption, retransmission."""

from __future__ import annotations

import asyncio

import pytest

from matter_node.codec import tlv
from matter_node.ids import ProtocolId
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.messages import status_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.served_node import ServedNode
from matter_node.model import (
    Bool,
    Cluster,
    DeviceType,
    Endpoint,
    ListOf,
    NodeTree,
    Privilege,
    UInt16,
    attribute,
    command,
)
from matter_node.subject import AuthMode

SUCCESS = status_response(0)


class LampServer(Cluster):
    ID = 6
    on = attribute(0, Bool, access="RW VO")
    scenes = attribute(1, ListOf(UInt16))
    toggle = command(0)
    forget = command(1, access="A")

    async def handle_toggle(self, context):
        await asyncio.sleep(0)
        self.on = not self.on

    def handle_forget(self, context):
        context.after_response(lambda: self.sessions.close_fabric(context.fabric_index))


class Client:
    """The peer: confirms reports, keeps what comes."""

    def __init__(self, node, session):
        self.node = node
        self.session = session
        self.messages = []
        self.reports = []
        self.failed = False

    def say(self, opcode, message):
        exchange = self.node.layer.open_exchange(self.session, ProtocolId.INTERACTION_MODEL, self)
        exchange.send(opcode, tlv.encode({**message, 0xFF: 12}))

    def on_exchange(self, exchange, opcode, payload):
        exchange.handler = self
        self.on_message(exchange, opcode, payload)

    def on_message(self, exchange, opcode, payload):
        message = tlv.decode(payload)
        self.messages.append((Opcode(opcode).name, message))
        if opcode == Opcode.REPORT_DATA:
            for report in message.get(1, []):
                path = dict(report[1][1])
                self.reports.append((path[4], report[1][2]))
            if not message.get(4):
                exchange.send(Opcode.STATUS_RESPONSE, SUCCESS)
                if exchange.initiator:
                    return
        exchange.close()

    def on_acknowledged(self, exchange):
        pass

    def on_failed(self, exchange):
        self.failed = True


PATH = tlv.TlvList([(2, 1), (3, 6), (4, 0)])
EVERYTHING = tlv.TlvList([])


@pytest.fixture
async def lamp(device, clock, entropy):
    tree = NodeTree(device.storage, clock, entropy)
    server = LampServer()
    server.sessions = device.sessions
    tree.add(Endpoint(1, [DeviceType(0x100, 3)], [server]))
    access = AccessControl([AccessEntry(7, Privilege.ADMINISTER, AuthMode.CASE)])
    engine = InteractionEngine(ServedNode(tree, access, device.fabrics), device.layer)
    device.layer.register(ProtocolId.INTERACTION_MODEL, engine)
    server.engine = engine
    yield server
    await engine.close()


@pytest.fixture
async def client(controller, device, lamp):
    session = await controller.initiator.connect(controller.fabrics[1], 22, device.address)
    made = Client(controller, session)
    controller.layer.register(ProtocolId.INTERACTION_MODEL, made)
    return made


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_read_write_and_invoke_over_case(client, lamp):
    client.say(Opcode.READ_REQUEST, {0: [PATH], 3: True})
    assert client.reports == [(0, False)]
    client.say(Opcode.WRITE_REQUEST, {1: False, 2: [{1: PATH, 2: True}]})
    assert client.messages[-1][0] == "WRITE_RESPONSE"
    assert lamp.on is True
    call = {0: tlv.TlvList([(0, 1), (1, 6), (2, 0)]), 1: {}}
    client.say(Opcode.INVOKE_REQUEST, {0: False, 1: False, 2: [call]})
    await settle()
    assert client.messages[-1][0] == "INVOKE_RESPONSE"
    assert lamp.on is False
    assert client.session.exchanges == {}


async def test_the_same_over_pase(commissioner, controller, device, lamp):
    device.open_window()
    session = commissioner(controller, device.address).start().session
    client = Client(controller, session)
    client.say(Opcode.TIMED_REQUEST, {0: 500})
    assert client.messages == [("STATUS_RESPONSE", {0: 0, 0xFF: 12})]
    client.say(Opcode.WRITE_REQUEST, {1: False, 2: [{1: PATH, 2: True}]})
    assert lamp.on is True


async def test_a_long_read_with_every_third_datagram_lost(client, lamp, wire, clock):
    lamp.scenes = tuple(range(2000))
    count = iter(range(1_000_000))
    wire.lose = lambda *_: next(count) % 3 == 0
    client.say(Opcode.READ_REQUEST, {0: [EVERYTHING], 3: True})
    for _ in range(500):
        clock.advance(0.5)
    assert [value for id_, value in client.reports if id_ == 1] == [[], *range(2000)]
    assert client.messages[-1][1][4] is True


async def test_a_subscription_reports_within_the_same_instant(client, lamp, clock):
    client.say(Opcode.SUBSCRIBE_REQUEST, {0: False, 1: 0, 2: 60, 3: [EVERYTHING], 7: True})
    assert client.messages[-1][0] == "SUBSCRIBE_RESPONSE"
    clock.advance(0.25)  # the last acknowledgement goes by itself
    client.reports.clear()
    before = clock.now
    lamp.on = True
    clock.advance(0)
    assert client.reports == [(0, True)]
    assert clock.now == before
    clock.advance(49)
    assert client.messages[-1][1].keys() == {0, 4, 0xFF}  # nothing has changed
    clock.advance(3)
    assert client.session.exchanges == {}


async def test_a_subscription_goes_on_in_the_next_session(client, controller, device, lamp, clock):
    client.say(Opcode.SUBSCRIBE_REQUEST, {0: False, 1: 0, 2: 60, 3: [PATH], 7: True})
    clock.advance(1)
    again = await controller.initiator.connect(controller.fabrics[1], 22, device.address)
    device.sessions.close(device.sessions.get(client.session.peer_session_id))
    assert client.session.closed
    assert not again.closed
    client.reports.clear()
    lamp.on = True
    clock.advance(0)
    assert client.reports == [(0, True)]


async def test_a_subscription_survives_a_restart(client, controller, device, lamp, clock, entropy):
    client.say(Opcode.SUBSCRIBE_REQUEST, {0: False, 1: 0, 2: 60, 3: [PATH], 7: True})
    clock.advance(1)
    await lamp.engine.close()
    device.layer.close()
    client.reports.clear()

    tree = NodeTree(device.storage, clock, entropy)
    server = LampServer()
    server.on = True
    tree.add(Endpoint(1, [DeviceType(0x100, 3)], [server]))
    access = AccessControl([AccessEntry(7, Privilege.VIEW, AuthMode.CASE)])
    engine = InteractionEngine(ServedNode(tree, access, device.fabrics), device.layer)
    device.layer.register(ProtocolId.INTERACTION_MODEL, engine)

    async def connect(fabric_index, node_id):
        return await device.initiator.connect(device.fabrics[fabric_index], node_id, controller.address)

    await engine.subscriptions.resume(connect)
    assert client.reports == [(0, True)]
    server.on = False
    clock.advance(0)
    assert client.reports == [(0, True), (0, False)]
    await engine.close()


async def test_a_removed_fabric_is_answered_before_its_session_goes(client, device, lamp, clock):
    call = {0: tlv.TlvList([(0, 1), (1, 6), (2, 1)]), 1: {}}
    client.say(Opcode.INVOKE_REQUEST, {0: False, 1: False, 2: [call]})
    await settle()
    assert client.messages[-1][0] == "INVOKE_RESPONSE"
    clock.advance(1)
    assert list(device.sessions) == []
    assert client.session.closed
    assert not client.failed
