"""The UDP socket, on the loopback interface."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from node_lab.patience import until

from matter_node.clock import AsyncioClock
from matter_node.entropy import SystemEntropy
from matter_node.ids import ProtocolId
from matter_node.secure_channel.case import CaseResponder
from matter_node.secure_channel.case_initiator import CaseInitiator
from matter_node.secure_channel.establishment import SessionEstablishment
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.resumption import ResumptionStore
from matter_node.secure_channel.session_table import SessionTable
from matter_node.storage import MemoryStorage
from matter_node.transport.udp import UdpTransport, group_address


class Node:
    """A node on a real socket of the loopback interface."""

    def __init__(self, fabrics):
        self.transport = UdpTransport(self._receive, port=0, interface="lo")
        self.sessions = SessionTable(SystemEntropy())
        self.layer = MessageLayer(AsyncioClock(), SystemEntropy(), self.transport.send, self.sessions)
        resumption = ResumptionStore(MemoryStorage())
        self.pase = PaseResponder(self.layer)
        case = CaseResponder(self.layer, fabrics, resumption)
        self.layer.register(ProtocolId.SECURE_CHANNEL, SessionEstablishment(self.pase, case))
        self.initiator = CaseInitiator(self.layer, resumption)
        self.transport.start()

    def _receive(self, datagram, address):
        self.layer.receive(datagram, address)

    @property
    def address(self):
        return ("::1", self.transport.port, 0, 0)

    def close(self):
        self.layer.close()
        self.transport.close()


@pytest.fixture
async def nodes(make_authority, make_fabrics):
    authority = make_authority()
    pair = [
        Node(make_fabrics({1: authority.fabric(1, 11)})),
        Node(make_fabrics({1: authority.fabric(1, 22)})),
    ]
    yield authority, *pair
    for node in pair:
        node.close()


async def test_two_nodes_meet_over_udp_and_resume(nodes):
    authority, controller, device = nodes
    fabric = authority.fabric(1, 11)
    first = await controller.initiator.connect(fabric, 22, device.address)
    second = await controller.initiator.connect(fabric, 22, device.address)
    assert first.id != second.id
    await until(lambda: len(device.sessions) == 2)  # the verdict on the resumption is still on its way


async def test_closing_tells_the_peer(nodes):
    authority, controller, device = nodes
    await controller.initiator.connect(authority.fabric(1, 11), 22, device.address)
    device.layer.close()
    await until(lambda: len(controller.sessions) == 0)


async def test_ipv4_peers_come_through_the_same_socket(recorder_of_datagrams):
    transport, received = recorder_of_datagrams
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.sendto(b"hello", ("127.0.0.1", transport.port))
        await until(lambda: received)
        ((datagram, address),) = received
        assert datagram == b"hello"
        assert address[0] == "::ffff:127.0.0.1"
        transport.send(b"there", address)
        assert peer.recv(100) == b"there"


async def test_a_flood_leaves_room_for_timers(recorder_of_datagrams):
    transport, received = recorder_of_datagrams
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        for _ in range(200):
            peer.sendto(bytes(50), ("::1", transport.port))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 0 < len(received) <= 128
        await until(lambda: len(received) == 200)


async def test_a_lost_datagram_is_no_error(recorder_of_datagrams, caplog):
    caplog.set_level(logging.DEBUG, logger="matter_node.transport.udp")
    transport, _ = recorder_of_datagrams
    transport.send(bytes(100_000), ("::1", transport.port, 0, 0))
    assert "Could not send" in caplog.text


def test_a_group_has_an_address():
    assert group_address(0x1122_3344_5566_7788, 0x0A0B) == "ff35:40:fd11:2233:4455:6677:8800:a0b"


async def test_a_taken_port_is_an_error(recorder_of_datagrams):
    transport, _ = recorder_of_datagrams
    with pytest.raises(OSError, match="in use"):
        UdpTransport(lambda *_: None, port=transport.port)


@pytest.fixture
async def recorder_of_datagrams():
    received = []
    transport = UdpTransport(lambda *arguments: received.append(arguments), port=0)
    transport.start()
    yield transport, received
    transport.close()
