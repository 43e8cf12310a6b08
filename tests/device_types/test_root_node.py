"""Endpoint 0: what a wired bridge must have, and how it follows the node."""

import dataclasses
from ipaddress import IPv4Address, IPv6Address

import pytest
from node_lab.sessions import Wire
from node_lab.whole import INFO, SECRET, MemoryNetwork, TrueClock, make_attestation
from node_lab.world import SeededEntropy

from clusters.definitions.basic_information import BasicInformation
from clusters.definitions.descriptor import Descriptor
from clusters.definitions.ethernet_network_diagnostics import EthernetNetworkDiagnostics
from clusters.definitions.fixed_label import FixedLabel
from clusters.definitions.general_diagnostics import BootReasonEnum, GeneralDiagnostics
from clusters.definitions.network_commissioning import NetworkCommissioning
from device_types.root_node import ROOT_NODE, RootNodeOptions, network_interfaces, root_node
from matter_node.codec import tlv
from matter_node.model import Context
from matter_node.node import MatterNode
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject
from matter_node.transport.interfaces import Interface

MANDATORY = {0x1D, 0x1F, 0x28, 0x30, 0x31, 0x33, 0x3C, 0x3E, 0x3F}
"""Of a Root Node with Ethernet (Matter Device Library 2.1)."""
WORTHWHILE = {0x2B, 0x2C, 0x2D, 0x34, 0x37, 0x38, 0x40, 0x41}
ADMIN = Context(Subject(AuthMode.CASE, 1, 5), None)
KEY = bytes(range(16))


class Session:
    subject = Subject(AuthMode.CASE, 1, 5)
    attestation_challenge = bytes(16)


@pytest.fixture(scope="module")
def attestation():
    return make_attestation()


@pytest.fixture
def make(attestation):
    """Make a node with its endpoint 0."""

    def make(storage=None, *, interfaces=(), info=INFO, options=None):
        clock = TrueClock()
        network = MemoryNetwork(Wire(clock))
        network.interfaces = list(interfaces)
        node = MatterNode(storage or MemoryStorage(), clock, SeededEntropy(0), info, SECRET, network)
        node.tree.add(root_node(node, clock, attestation, options))
        return node

    return make


def interface(name="eth0", *, up=True):
    return Interface(
        name=name,
        index=2,
        mac=bytes(6),
        up=up,
        multicast=True,
        loopback=False,
        ipv4=IPv4Address("192.0.2.7"),
        ipv6=(IPv6Address("fe80::1"),),
    )


def root(node):
    return node.tree.endpoints[0]


def test_it_has_what_a_root_node_must_have_and_what_is_worth_having(make):
    endpoint = root(make())
    assert endpoint.device_types == (ROOT_NODE,)
    assert set(endpoint.clusters) == MANDATORY | WORTHWHILE
    assert endpoint.cluster(Descriptor).server_list == tuple(sorted(MANDATORY | WORTHWHILE))


def test_every_attribute_can_be_read_and_is_what_its_type_says(make):
    context = Context(Session.subject, Session())
    for cluster in root(make(interfaces=[interface()])).clusters.values():
        for id_, attribute in cluster.shape.attributes.items():
            report = tlv.decode(cluster.report(id_, context, fabric_filtered=True))
            element = report[1][2]
            attribute.datatype.take(element)


def test_interfaces_are_shown_and_followed(make):
    node = make(interfaces=[interface()])
    endpoint = root(node)
    (network,) = endpoint.cluster(NetworkCommissioning).networks
    assert (network.network_id, network.connected) == (b"eth0", True)
    shown = endpoint.cluster(GeneralDiagnostics).read(GeneralDiagnostics.network_interfaces, ADMIN)
    assert [(item.name, item.is_operational) for item in shown] == [("eth0", True)]
    versions = {
        kind: endpoint.cluster(kind).data_version for kind in (NetworkCommissioning, GeneralDiagnostics)
    }
    node.network.interfaces = [interface("eth1", up=False)]
    for listener in node.on_interfaces:
        listener()
    (network,) = endpoint.cluster(NetworkCommissioning).networks
    assert (network.network_id, network.connected) == (b"eth1", False)
    shown = endpoint.cluster(GeneralDiagnostics).read(GeneralDiagnostics.network_interfaces, ADMIN)
    assert [(item.name, item.is_operational) for item in shown] == [("eth1", False)]
    assert all(endpoint.cluster(kind).data_version != before for kind, before in versions.items())
    assert endpoint.cluster(EthernetNetworkDiagnostics).read(
        EthernetNetworkDiagnostics.carrier_detect, ADMIN
    ) in {None, True, False}


def test_without_a_network_it_still_answers(make):
    (network,) = root(make()).cluster(NetworkCommissioning).networks
    assert network.connected is False


def test_interfaces_fit_what_the_cluster_can_say():
    many = dataclasses.replace(
        interface("x" * 40), ipv6=tuple(IPv6Address(number) for number in range(20)), ipv4=None
    )
    shown = network_interfaces([many])
    GeneralDiagnostics.network_interfaces.datatype.check(shown)
    assert (len(shown[0].name), len(shown[0].ipv6_addresses), shown[0].ipv4_addresses) == (32, 8, ())


def test_another_software_version_is_a_reason_to_have_started(make):
    storage = MemoryStorage()

    def reason(info):
        return root(make(storage, info=info)).cluster(GeneralDiagnostics).boot_reason

    update = BootReasonEnum.SOFTWARE_UPDATE_COMPLETED
    newer = dataclasses.replace(INFO, software_version=INFO.software_version + 1)
    assert reason(INFO) is not update
    assert reason(INFO) is not update
    assert reason(newer) is update
    assert reason(newer) is not update


async def test_starting_and_stopping_are_events(make):
    node = make()
    await node.start()
    for listener in node.on_stopping:
        listener()
    events = [record.event for record in node.tree.events.since(0)]
    assert events == [
        GeneralDiagnostics.boot_reason_event,
        BasicInformation.start_up,
        BasicInformation.shut_down,
    ]


def test_a_product_decides_on_labels_and_test_triggers(make):
    options = RootNodeOptions(enable_key=KEY, trigger=lambda _: None, labels=(("room", "cellar"),))
    endpoint = root(make(options=options))
    assert endpoint.cluster(GeneralDiagnostics).test_event_triggers_enabled is True
    (label,) = endpoint.cluster(FixedLabel).label_list
    assert (label.label, label.value) == ("room", "cellar")
    assert root(make()).cluster(GeneralDiagnostics).test_event_triggers_enabled is False
