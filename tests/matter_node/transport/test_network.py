"""A node on real interfaces that come, go and come back, and group messages to it."""

from __future__ import annotations

import asyncio
import logging
import socket
from struct import Struct

import pytest
from node_lab.patience import until
from node_lab.whole import INFO, SECRET, make_attestation
from node_lab.world import Authority

from clusters.definitions.ethernet_network_diagnostics import EthernetNetworkDiagnostics
from clusters.definitions.general_diagnostics import GeneralDiagnostics
from clusters.definitions.network_commissioning import NetworkCommissioning
from device_types.root_node import root_node
from matter_node.codec import tlv
from matter_node.commissioning.group_keys import GroupKeySet
from matter_node.crypto.aead import Cipher
from matter_node.crypto.fabric_keys import group_session_id, operational_group_key, privacy_key
from matter_node.entropy import SystemEntropy
from matter_node.ids import ProtocolId
from matter_node.interaction.access import AccessEntry
from matter_node.interaction.opcode import Opcode
from matter_node.model import Bool, Cluster, DeviceType, Endpoint, Privilege, attribute, command
from matter_node.node import MatterNode
from matter_node.secure_channel.groups import toggle_privacy
from matter_node.secure_channel.message import encode_message_header, encode_payload_header
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode
from matter_node.system_clock import SystemClock
from matter_node.transport.network import HomeNetwork
from matter_node.transport.udp import group_address

_NONCE = Struct("<BIQ")
LINK_LOCAL = "fe80::53:1"
EPOCH_KEY = bytes(range(100, 116))


class LampServer(Cluster):
    ID = 6
    on = attribute(0, Bool, access="RW VO", default=False)
    toggle = command(2)

    def handle_toggle(self, _):
        self.on = not self.on


class Membership:
    """The groups of lamps."""

    def __init__(self):
        self.on_changed = []
        self.members = {}

    def groups(self):
        return self.members.keys()

    def endpoints(self, fabric_index, group_id):
        return self.members.get((fabric_index, group_id), ())

    def set(self, members):
        self.members = members
        for listener in self.on_changed:
            listener()


def make_node(chosen=("home0",), groups=None, port=0):
    node = MatterNode(
        MemoryStorage(),
        clock := SystemClock(),
        SystemEntropy(),
        INFO,
        SECRET,
        HomeNetwork(port=port, chosen=chosen),
        groups=groups,
    )
    node.tree.add(root_node(node, clock, make_attestation()))
    return node


class GroupSender:
    """A member of the fabric that speaks to its groups, from the far end of the link."""

    def __init__(self, fabric, port):
        self._fabric, self._port = fabric, port
        self._key = operational_group_key(EPOCH_KEY, fabric.compressed_id)
        self._counter = 1000
        self._index = socket.if_nametoindex("far0")
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)

    def toggle(self, group, *, private=False, again=False):
        self._counter += 0 if again else 1
        path = tlv.TlvList([(1, LampServer.ID), (2, 2)])
        request = tlv.encode({0: True, 1: False, 2: [{0: path, 1: {}}], 0xFF: 12})
        payload = encode_payload_header(1, Opcode.INVOKE_REQUEST, 7, ProtocolId.INTERACTION_MODEL) + request
        flags, session = 0x81 if private else 0x01, group_session_id(self._key)
        header = encode_message_header(
            session,
            self._counter,
            security_flags=flags,
            source_node_id=0x99,
            destination_group_id=group,
        )
        nonce = _NONCE.pack(flags, self._counter, 0x99)
        datagram = header + Cipher(self._key).encrypt(nonce, payload, header)
        if private:
            datagram = toggle_privacy(datagram, session, privacy_key(self._key))
        address = group_address(self._fabric.fabric_id, group)
        self._socket.sendto(datagram, (address, self._port, 0, self._index))

    def close(self):
        self._socket.close()


def test_a_group_command_reaches_the_lamps_of_the_group(in_network):
    async def scenario():
        in_network.ip("-6", "addr", "add", "fe80::99/64", "dev", "far0", "nodad")
        membership = Membership()
        node = make_node(groups=membership)
        lamps = [LampServer(), LampServer(), LampServer()]
        for number, lamp in enumerate(lamps, 1):
            node.tree.add(Endpoint(number, [DeviceType(0x100, 3)], [lamp]))
        await node.start()
        fabric = Authority().fabric(1, 22)
        node.fabrics.add(fabric)
        keys = node.commissioning.group_keys
        keys.write(1, GroupKeySet(42, 0, (EPOCH_KEY,), (1,)))
        keys.map([(1, 5, 42), (1, 6, 42)])
        node.access.replace([AccessEntry(1, Privilege.OPERATE, AuthMode.GROUP, (5, 6))])
        sender = GroupSender(fabric, node.port)

        async def after(group, **options):
            sender.toggle(group, **options)
            await asyncio.sleep(0.05)
            return [lamp.on for lamp in lamps]

        assert await after(5) == [False] * 3  # nobody is in the group
        membership.set({(1, 5): {1, 3}, (1, 6): {2}})
        assert await after(5) == [True, False, True]
        assert await after(5, again=True) == [True, False, True]  # the same message
        assert await after(6, private=True) == [True, True, True]
        node.access.replace([AccessEntry(1, Privilege.OPERATE, AuthMode.GROUP, (6,))])
        assert await after(5) == [True, True, True]  # without the privilege
        assert await after(6) == [True, False, True]
        in_network.ip("link", "set", "home0", "down")
        await asyncio.sleep(0.5)
        in_network.ip("link", "set", "home0", "up")
        in_network.ip("-6", "addr", "replace", f"{LINK_LOCAL}/64", "dev", "home0", "nodad")
        await asyncio.sleep(0.6)
        assert await after(6) == [True, True, True]  # joined again
        membership.set({})
        assert await after(6) == [True, True, True]
        sender.close()
        await node.stop()

    in_network(scenario)


def network_name(node):
    (network,) = node.tree.endpoints[0].clusters[NetworkCommissioning.ID].networks
    return network.network_id.decode(), network.connected


def shown_interfaces(node):
    diagnostics = node.tree.endpoints[0].clusters[GeneralDiagnostics.ID]
    return [(i.name, i.is_operational) for i in diagnostics.read_network_interfaces(None)]


def test_endpoint_0_follows_an_interface_that_comes_after_the_start(in_network):
    async def scenario():
        in_network.ip("link", "set", "home0", "down")
        in_network.ip("link", "del", "far0")
        node = make_node(chosen=None)
        await node.start()
        assert network_name(node) == ("none", False)
        assert shown_interfaces(node) == []
        seen = []
        node.on_interfaces.append(lambda: seen.append(network_name(node)))
        in_network.ip("link", "add", "eth7", "type", "veth", "peer", "name", "vethfar")
        for end in ("eth7", "vethfar"):
            in_network.ip("link", "set", end, "up")
        await until(lambda: network_name(node) == ("eth7", True))
        assert shown_interfaces(node) == [("eth7", True)]
        assert seen
        assert node.tree.endpoints[0].clusters[EthernetNetworkDiagnostics.ID]._interface == "eth7"
        in_network.ip("link", "set", "vethfar", "down")
        await until(lambda: network_name(node) == ("eth7", False))
        assert shown_interfaces(node) == [("eth7", False)]
        await node.stop()

    in_network(scenario)


def test_the_only_interface_may_be_unplugged_and_come_back_as_another(in_network, caplog):
    caplog.set_level(logging.INFO)

    async def scenario():
        heard = []
        network = HomeNetwork(port=0, chosen=["home0"])
        network.start(lambda *message: heard.append(message))
        port, index = network.port, socket.if_nametoindex("home0")
        network.set_groups([group_address(1, 5)])
        in_network.ip("link", "del", "home0")
        await until(lambda: network.interfaces == [])
        in_network.ip("link", "add", "home0", "type", "veth", "peer", "name", "far0")
        in_network.ip("link", "set", "far0", "up")
        in_network.ip("link", "set", "home0", "up")
        in_network.ip("-6", "addr", "add", f"{LINK_LOCAL}/64", "dev", "home0", "nodad")
        in_network.ip("-6", "addr", "add", "fe80::99/64", "dev", "far0", "nodad")
        await asyncio.sleep(0.6)
        assert socket.if_nametoindex("home0") != index
        assert network.port == port
        far = socket.if_nametoindex("far0")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"far0")
            peer.sendto(b"to the group", (group_address(1, 5), port, 0, far))
            await asyncio.sleep(0.1)
        assert [datagram for datagram, _ in heard] == [b"to the group"]
        network.close()

    in_network(scenario)
    assert "home0 is back" in caplog.text


def test_an_interface_without_ipv6_is_complained_about(in_network, caplog):
    async def scenario():
        in_network.ip("-6", "addr", "flush", "dev", "home0")
        network = HomeNetwork(port=0, chosen=["home0"])
        network.start(lambda *_: None)
        network.close()

    in_network(scenario)
    assert "home0 has no IPv6 address" in caplog.text


def test_no_network_at_all_is_complained_about_and_survived(in_network, caplog):
    async def scenario():
        in_network.ip("link", "set", "home0", "down")
        in_network.ip("link", "set", "far0", "down")
        network = HomeNetwork(port=0)
        network.start(lambda *_: None)
        network.send(b"lost", ("fd00::1", 5540, 0, 0))
        assert await network.resolve(bytes(8), 1, wait=0.1) == []
        network.close()
        network.send(b"lost too", ("fd00::1", 5540, 0, 0))
        assert await network.resolve(bytes(8), 1, wait=0.1) == []

    in_network(scenario)
    assert "cannot be found until there is one" in caplog.text


def test_a_mistyped_interface_is_an_error(in_network):
    async def scenario():
        with pytest.raises(OSError, match=r"."):
            HomeNetwork(port=0, chosen=["hoem0"]).start(lambda *_: None)

    in_network(scenario)
