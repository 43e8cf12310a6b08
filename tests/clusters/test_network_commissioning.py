"""A wired node has one network, and stays on it."""

import pytest

from clusters.definitions.network_commissioning import NetworkCommissioning, NetworkCommissioningStatusEnum
from clusters.network_commissioning import EthernetCommissioningServer
from matter_node.status import Status, StatusError


def test_the_interface_is_the_network(node):
    (network,) = node.network.networks
    assert (network.network_id, network.connected) == (b"eth0", True)
    assert node.network.max_networks == 1
    assert node.network.last_networking_status is NetworkCommissioningStatusEnum.SUCCESS
    assert node.network.last_network_id == b"eth0"
    assert node.network.last_connect_error_value is None


def test_there_is_nothing_to_command(node):
    assert dict(node.network.shape.commands) == {}
    assert not node.network.has(NetworkCommissioning.scan_max_time_seconds)


def test_the_only_interface_stays_enabled(node, authority, status_of):
    administrator = node.commission(authority)
    call = (node.network.write, NetworkCommissioning.interface_enabled, administrator)
    assert status_of(*call, True) is None
    assert status_of(*call, False) == (Status.INVALID_ACTION, None)
    assert node.network.interface_enabled is True


def test_an_interface_has_a_name():
    with pytest.raises(StatusError):
        EthernetCommissioningServer("")
