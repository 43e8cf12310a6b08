import pytest

from bridge.api import local
from matter_node.transport.interfaces import Interface


@pytest.fixture(autouse=True)
def _network(monkeypatch):
    from ipaddress import IPv4Address, IPv6Address

    eth0 = Interface(
        "eth0",
        2,
        bytes(6),
        up=True,
        multicast=True,
        loopback=False,
        ipv6=(IPv6Address("2001:db8:1:2::7"), IPv6Address("fd00::7")),
        ipv4=IPv4Address("192.168.1.7"),
    )
    monkeypatch.setattr(local, "interfaces", lambda: [eth0])


@pytest.mark.parametrize(
    ("address", "at_home"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("192.168.1.20", True),
        ("10.0.0.1", True),
        ("fe80::1", True),
        ("2001:db8:1:2::20", True),
        ("2001:db8:1:3::20", False),
        ("203.0.113.9", False),
        ("8.8.8.8", False),
        ("", False),
        ("hub.local", False),
    ],
)
def test_who_is_at_home(address, at_home):
    assert local.is_local(address) is at_home
