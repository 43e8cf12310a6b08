"""The wired link: its state, and counters that start anew."""

import socket

import pytest

from clusters.definitions.ethernet_network_diagnostics import EthernetNetworkDiagnostics, PHYRateEnum
from clusters.ethernet_network_diagnostics import EthernetNetworkDiagnosticsServer
from matter_node import host
from matter_node.model import Endpoint

COUNTERS = {
    "packet_rx_count": "packets_received",
    "packet_tx_count": "packets_sent",
    "tx_err_count": "send_errors",
    "collision_count": "collisions",
    "overrun_count": "overruns",
}


@pytest.fixture
def serve(tree):
    def serve(interface="eth0"):
        server = EthernetNetworkDiagnosticsServer(interface)
        tree.add(Endpoint(0, [], [server]))
        return server

    return serve


@pytest.fixture
def link(monkeypatch):
    """What the kernel says of the link; a test changes it."""
    said = {"now": host.Link(None, None, None)}
    monkeypatch.setattr(host, "link", lambda _: said["now"])
    return said


def read(server, name, context):
    return server.read(getattr(EthernetNetworkDiagnostics, name), context)


@pytest.mark.parametrize(
    ("speed", "rate"),
    [
        (None, None),
        (17, None),
        (10, PHYRateEnum.RATE_10M),
        (1000, PHYRateEnum.RATE_1G),
        (2500, PHYRateEnum.RATE_25G),
        (400_000, PHYRateEnum.RATE_400G),
    ],
)
def test_the_rate_has_the_specification_s_words(serve, link, context, speed, rate):
    server = serve()
    link["now"] = host.Link(speed, full_duplex=True, carrier=True)
    assert read(server, "phy_rate", context) is rate
    assert read(server, "full_duplex", context) is True
    assert read(server, "carrier_detect", context) is True


def test_what_the_driver_does_not_tell_is_null(serve, link, context):
    server = serve()
    for name in ("phy_rate", "full_duplex", "carrier_detect"):
        assert read(server, name, context) is None


def test_counters_count_from_the_last_reset(serve, link, context, turned_clock):
    server = serve()
    link["now"] = host.Link(None, None, None, 10, 20, 3, 4, 5)
    assert [read(server, name, context) for name in COUNTERS] == [10, 20, 3, 4, 5]
    turned_clock.advance(300)
    assert read(server, "time_since_reset", context) == 5
    server.handle_reset_counts(context)
    assert [read(server, name, context) for name in COUNTERS] == [0] * 5
    assert read(server, "time_since_reset", context) == 0
    link["now"] = host.Link(None, None, None, 11, 22, 6, 8, 10)
    assert [read(server, name, context) for name in COUNTERS] == [1, 2, 3, 4, 5]


def test_a_link_that_was_replaced_counts_from_zero(serve, link, context):
    server = serve()
    link["now"] = host.Link(None, None, None, 10, 20, 3, 4, 5)
    server.handle_reset_counts(context)
    link["now"] = host.Link(None, None, None, 2, 1, 0, 0, 0)  # the adapter was plugged in again
    for name in COUNTERS:
        assert read(server, name, context) >= 0


def test_the_loopback_s_packets_are_counted(serve, context):
    server = serve("lo")
    server.handle_reset_counts(context)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(5):
            sender.sendto(b"x", ("127.0.0.1", 9))
    assert read(server, "packet_tx_count", context) >= 5


def test_an_interface_there_is_not_has_nothing_to_tell(serve, context):
    server = serve("nowhere0")
    assert read(server, "carrier_detect", context) is None
    assert read(server, "packet_rx_count", context) == 0
