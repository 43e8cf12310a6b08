"""Discovery: what another host on the link sees and asks."""

from __future__ import annotations

import asyncio
import socket
import struct
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_lab.patience import until

from matter_node.transport.dns import DNSAddress, DNSIncoming, DNSOutgoing, DNSQuestion, DNSService
from matter_node.transport.interfaces import Interface, InterfaceMonitor, interfaces, select
from matter_node.transport.mdns import Advertiser, CommissionableRecord, _preference, _Resolution
from matter_node.transport.responder import Responder
from matter_node.transport.service import TYPE_AAAA, TYPE_ANY, TYPE_PTR, TYPE_SRV, TYPE_TXT
from matter_node.transport.udp import UdpTransport, group_address

COMPRESSED, NODE = bytes.fromhex("87e1b004e235a130"), 0x8FC7_7724_01CD_0696
INSTANCE = "87E1B004E235A130-8FC7772401CD0696._matter._tcp.local."
RECORD = CommissionableRecord(3840, 1, 0xFFF1, 0x8000, 14, "Energy hub", pairing_hint=33)
HOST = "02005E005301.local."


class Listener:
    """Another host's mDNS socket; it keeps what it hears."""

    def __init__(self, port=5353):
        index = socket.if_nametoindex("home0")
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        self.socket.bind(("::", port))
        membership = socket.inet_pton(socket.AF_INET6, "ff02::fb") + struct.pack("=I", index)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
        self._group = ("ff02::fb", 5353, 0, index)

    def ask(self, name, kind=TYPE_PTR, known=(), unicast=False):
        query = DNSOutgoing(0)
        question = DNSQuestion(name, kind, 1)
        question.unicast = unicast
        query.add_question(question)
        for record in known:
            query.add_answer_at_time(record, 0)
        self.socket.sendto(query.packets()[0], self._group)

    async def hear(self, wait=0.05):
        """Return the responses of the next moment."""
        await asyncio.sleep(wait)
        heard = []
        while True:
            try:
                message = DNSIncoming(self.socket.recv(9000))
            except BlockingIOError:
                return heard
            if not message.is_query():
                heard.append(message)

    async def responses(self):
        """Return the next responses, however long they take."""
        for _ in range(100):
            if heard := await self.hear():
                return heard
        return []

    async def news(self):
        """Return the records of the next responses."""
        return [record for message in await self.responses() for record in message.answers()]

    async def answers(self, *question, **options):
        await self.hear(0)
        self.ask(*question, **options)
        for _ in range(6):  # a busy machine may take its time
            if heard := await self.hear():
                return [record for message in heard for record in message.answers()]
        return []


async def advertise(**options):
    advertiser = Advertiser(chosen=["home0"], **options)
    advertiser.start()
    advertiser.set_operational([(COMPRESSED, NODE)])
    advertiser.set_commissionable(RECORD)
    return advertiser


def pointers(records):
    return {record.alias for record in records if record.type == TYPE_PTR}


def text(records):
    (data,) = {record.text for record in records if record.type == TYPE_TXT}
    entries = []
    while data:
        entries.append(data[1 : 1 + data[0]].decode())
        data = data[1 + data[0] :]
    return entries


def test_an_operational_node_is_found(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        for name in ("_matter._tcp.local.", "_I87E1B004E235A130._sub._matter._tcp.local."):
            records = await listener.answers(name)
            assert pointers(records) == {INSTANCE}
            assert text(records) == ["SII=500", "SAI=300", "SAT=4000"]
            (service,) = {r for r in records if r.type == TYPE_SRV}
            assert (service.priority, service.weight, service.port, service.server) == (0, 0, 5540, HOST)
        records = await listener.answers(HOST, TYPE_AAAA)
        found = {socket.inet_ntop(socket.AF_INET6, r.address) for r in records if r.type == TYPE_AAAA}
        assert {"fd00:db8::1", "fe80::53:1"} <= found
        assert {r.type for r in await listener.answers(INSTANCE, TYPE_ANY)} >= {TYPE_SRV, TYPE_TXT}
        advertiser.close()

    in_network(scenario)


def test_a_commissionable_node_is_found_by_every_subtype(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        (instance,) = pointers(await listener.answers("_matterc._udp.local."))
        for subtype in ("_L3840", "_S15", "_CM", "_V65521", "_T14", "_l3840"):
            records = await listener.answers(f"{subtype}._sub._matterc._udp.local.")
            assert pointers(records) == {instance}
        assert text(records) == [
            "D=3840", "CM=1", "VP=65521+32768", "DT=14", "DN=Energy hub", "PH=33",
            "SII=500", "SAI=300", "SAT=4000",
        ]  # fmt: skip
        assert len(instance.split(".")[0]) == 16
        assert pointers(await listener.answers("_L1._sub._matterc._udp.local.")) == set()
        types = pointers(await listener.answers("_services._dns-sd._udp.local."))
        assert types == {"_matter._tcp.local.", "_matterc._udp.local."}
        advertiser.close()

    in_network(scenario)


def test_a_question_that_is_repeated_is_answered_again_at_once(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        await listener.hear(1.2)  # both announcements
        for _ in range(5):
            assert INSTANCE in pointers(await listener.answers("_matter._tcp.local."))
        advertiser.close()

    in_network(scenario)


def test_a_flood_of_questions_is_not_a_flood_of_answers(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        await listener.hear(0.05)
        loop, answers = asyncio.get_running_loop(), 0
        begun = loop.time()
        for _ in range(10):
            for _ in range(30):
                listener.ask("_matter._tcp.local.")
            answers += len(await listener.hear(0.02))
        assert 40 < answers <= 51 + 50 * (loop.time() - begun)
        advertiser.close()

    in_network(scenario)


def test_what_is_known_is_not_told_again(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        records = await listener.answers("_matter._tcp.local.")
        known = [record for record in records if record.type == TYPE_PTR]
        assert await listener.answers("_matter._tcp.local.", known=known) == []
        advertiser.close()

    in_network(scenario)


def test_a_plain_dns_client_is_answered_on_its_port(in_network):
    async def scenario():
        advertiser, client = await advertise(), Listener(port=0)
        client.ask("_matter._tcp.local.")
        (message,) = await client.responses()
        assert message.id == 0
        assert pointers(message.answers()) == {INSTANCE}
        advertiser.close()

    in_network(scenario)


def test_changes_are_announced_and_ends_are_farewells(in_network):
    async def scenario():
        listener, advertiser = Listener(), await advertise()
        heard = await listener.news()
        assert INSTANCE in pointers(heard)

        (first,) = {alias for alias in pointers(heard) if "._matterc._udp" in alias}
        advertiser.set_commissionable(CommissionableRecord(1, 2))
        heard = await listener.news()
        assert {r.ttl for r in heard if r.name == first} == {0}
        (second,) = {r.alias for r in heard if r.ttl and r.name == "_CM._sub._matterc._udp.local."}
        assert second != first

        advertiser.set_commissionable(None)
        heard = await listener.news()
        assert {r.ttl for r in heard} == {0}
        assert not any("_matter._tcp" in r.name for r in heard)
        assert await listener.answers("_matterc._udp.local.") == []

        advertiser.close()
        heard = await listener.news()
        assert {r.ttl for r in heard} == {0}
        assert INSTANCE in pointers(heard)

    in_network(scenario)


def test_all_can_be_announced_anew(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        await listener.hear(1.2)
        advertiser.announce()
        heard = await listener.news()
        assert INSTANCE in pointers(heard)
        assert {TYPE_SRV, TYPE_TXT, TYPE_AAAA} <= {r.type for r in heard}
        advertiser.close()
        advertiser.announce()

    in_network(scenario)


def test_a_new_address_is_announced(in_network):
    async def scenario():
        advertiser, listener = await advertise(), Listener()
        await listener.hear(1.2)
        in_network.ip("-6", "addr", "add", "fd00:db8::2/64", "dev", "home0", "nodad")
        new = socket.inet_pton(socket.AF_INET6, "fd00:db8::2")
        async with asyncio.timeout(20):
            while new not in {r.address for r in await listener.news() if r.type == TYPE_AAAA}:
                pass
        in_network.ip("link", "set", "home0", "down")
        await until(lambda: advertiser.interfaces == [])
        in_network.ip("link", "set", "home0", "up")
        await until(lambda: [i.name for i in advertiser.interfaces] == ["home0"])
        advertiser.close()

    in_network(scenario)


def test_a_node_finds_another(in_network):
    async def scenario():
        other, node = await advertise(port=5541), Advertiser(chosen=["home0"])
        node.start()
        found = await node.resolve(COMPRESSED, NODE)
        assert found[0] == ("fe80::53:1", 5541, 0, socket.if_nametoindex("home0"))
        assert ("fd00:db8::1", 5541, 0, 0) in found
        assert found[-1] == ("::ffff:192.0.2.1", 5541, 0, 0)
        assert await node.resolve(COMPRESSED, 1, wait=0.3) == []
        other.close()
        node.close()
        assert await node.resolve(COMPRESSED, NODE) == []

    in_network(scenario)


def test_a_standard_browser_sees_it_come_and_go(in_network):
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    async def scenario():
        seen = []
        async with AsyncZeroconf(interfaces=["fe80::53:1"], ip_version=IPVersion.V6Only) as zeroconf:
            browser = AsyncServiceBrowser(
                zeroconf.zeroconf,
                "_L3840._sub._matterc._udp.local.",
                handlers=[lambda state_change, **_: seen.append(state_change.name)],
            )
            advertiser = await advertise()
            await until(lambda: seen)
            assert seen == ["Added"]
            info = AsyncServiceInfo("_matter._tcp.local.", INSTANCE)
            assert await info.async_request(zeroconf.zeroconf, 10_000)
            assert info.properties == {b"SII": b"500", b"SAI": b"300", b"SAT": b"4000"}
            advertiser.close()
            await until(lambda: len(seen) > 1)
            assert seen == ["Added", "Removed"]
            await browser.async_cancel()

    in_network(scenario)


class FakeLink:
    """Stands for a link and its socket: delivers one packet and counts what is sent."""

    def __init__(self, packet, port):
        self.interface = Interface("fake0", 1, bytes(6), True, True, False, (IPv6Address("fe80::1"),), None)
        self.packets = [(packet, ("fe80::2", port, 0, 1))]
        self.sent = 0

    def recvfrom(self, _):
        if not self.packets:
            raise BlockingIOError
        return self.packets.pop()

    def sendto(self, packet, address):
        self.sent += 1

    def multicast(self, message):
        self.sent += len(message.packets())

    def may_answer(self, now):
        return True


QUERY, RESPONSE = "000000000001000000000000", "000084000000000100000000"
NAMES = ["_matter._tcp.local.", "_matterc._udp.local.", INSTANCE, HOST]


def wire_name(name):
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


async def any_packet(packet, port):
    heard = []
    responder = Responder(HOST, lambda message, _: heard.append(message.answers()))
    advertiser = Advertiser()
    advertiser._responder = responder
    advertiser.set_operational([(COMPRESSED, NODE)])
    link = FakeLink(packet, port)
    responder._drain(link, link)
    return link.sent, heard


@given(
    st.sampled_from(["", QUERY, RESPONSE]),
    st.binary(max_size=120),
    st.sampled_from([5353, 40000]),
)
def test_any_packet_is_answered_or_ignored(header, body, port):
    asyncio.run(any_packet(bytes.fromhex(header) + body, port))


@given(
    st.sampled_from(NAMES),
    st.sampled_from([1, 12, 16, 28, 33, 255, 5]),
    st.sampled_from([1, 0x8001]),
    st.sampled_from([5353, 40000]),
)
def test_any_question_is_answered_or_ignored(name, kind, question_class, port):
    body = wire_name(name) + struct.pack(">HH", kind, question_class)
    sent, _ = asyncio.run(any_packet(bytes.fromhex(QUERY) + body, port))
    assert sent <= 2
    assert sent or kind != TYPE_ANY or name.startswith("_matterc")


LABEL = wire_name(NAMES[0])


@pytest.mark.parametrize(
    ("why", "packet"),
    [
        ("empty", b""),
        ("header cut short", bytes(11)),
        ("more questions than there are", bytes.fromhex("00000000ffff000000000000") + LABEL + b"\0\x0c\0\1"),
        ("question cut short", bytes.fromhex(QUERY) + LABEL + b"\0\x0c"),
        ("name cut short", bytes.fromhex(QUERY) + b"\x07_matter"),
        ("label longer than the packet", bytes.fromhex(QUERY) + b"\x3fshort"),
        ("name that points at itself", bytes.fromhex(QUERY) + b"\xc0\x0c\0\x0c\0\1"),
        ("names that point at each other", bytes.fromhex(QUERY) + b"\xc0\x0e\xc0\x0c\0\x0c\0\1"),
        ("pointer out of the packet", bytes.fromhex(QUERY) + b"\xff\xff\0\x0c\0\1"),
        ("reserved label type", bytes.fromhex(QUERY) + b"\x80\0\x0c\0\1"),
        ("name that is no UTF-8", bytes.fromhex(QUERY) + b"\x02\xff\xfe\0\0\x0c\0\1"),
        ("record cut short", bytes.fromhex(RESPONSE) + LABEL + b"\0\x21\0\1\0\0"),
        (
            "record longer than the packet",
            bytes.fromhex(RESPONSE) + LABEL + b"\0\x21\0\1" + bytes(4) + b"\xff\xff",
        ),
        ("address of three octets", bytes.fromhex(RESPONSE) + LABEL + b"\0\x01\0\1" + bytes(4) + b"\0\3abc"),
        (
            "service without a target",
            bytes.fromhex(RESPONSE) + LABEL + b"\0\x21\0\1" + bytes(4) + b"\0\6" + bytes(6),
        ),
    ],
)
@pytest.mark.parametrize("port", [5353, 40000])
def test_a_malformed_packet_is_not_answered(why, packet, port):
    sent, heard = asyncio.run(any_packet(packet, port))
    assert sent == 0
    for records in heard:
        assert all(record.name for record in records)


def test_a_search_is_not_drowned():
    search = _Resolution(INSTANCE)

    def tell(*records):
        message = DNSOutgoing(0x8400)
        for record in records:
            message.add_answer_at_time(record, 0)
        for packet in message.packets():
            search.take(DNSIncoming(packet), 1)

    for number in range(200):
        tell(DNSAddress(f"{number}.local.", TYPE_AAAA, 1, 120, bytes(15) + b"\1"))
    assert len(search._hosts) == 64
    tell(DNSService(INSTANCE, TYPE_SRV, 1, 120, 0, 0, 5540, HOST))
    for number in range(200):
        tell(DNSAddress(HOST, TYPE_AAAA, 1, 120, bytes([0xFD]) + bytes(14) + bytes([number])))
    assert search.found.is_set()
    assert len(search.addresses()) == 16


def test_group_messages_arrive_while_joined(in_network):
    async def scenario():
        received = []
        transport = UdpTransport(lambda *arguments: received.append(arguments), interface="home0")
        transport.start()
        group, index = group_address(1, 2), socket.if_nametoindex("home0")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
            peer.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            for groups in ({group}, {group}, set()):
                transport.set_groups(groups, [index])
                peer.sendto(b"all", (group, transport.port, 0, index))
                await asyncio.sleep(0.02)
        assert len(received) == 2
        transport.close()

    in_network(scenario)


def test_without_word_from_the_kernel_the_monitor_looks(in_network, monkeypatch):
    def refuse():
        raise PermissionError("no netlink")

    monkeypatch.setattr("matter_node.transport.interfaces._open_netlink", refuse)
    monkeypatch.setattr("matter_node.transport.interfaces._POLL_INTERVAL", 0.05)

    async def scenario():
        changes = []
        monitor = InterfaceMonitor(changes.append)
        monitor.start()
        in_network.ip("addr", "add", "198.51.100.1/24", "dev", "lo")
        in_network.ip("link", "set", "home0", "down")
        await until(lambda: changes and not next(i for i in changes[-1] if i.name == "home0").up)
        monitor.close()

    in_network(scenario)


def test_container_and_loopback_interfaces_are_left_aside_unless_chosen(in_network):
    async def scenario():
        for name in ("docker0", "eth7"):
            in_network.ip("link", "add", name, "type", "veth", "peer", "name", f"veth{name}")
            for end in (name, f"veth{name}"):
                in_network.ip("link", "set", end, "up")
        await until(lambda: {i.name for i in select(interfaces())} == {"home0", "far0", "eth7"})
        found = interfaces()
        assert {i.name for i in select(found, ["docker0", "lo", "gone"])} == {"docker0", "lo"}

    in_network(scenario)


@pytest.mark.parametrize(
    "wrong",
    [
        {"discriminator": 4096},
        {"discriminator": -1},
        {"mode": 0},
        {"mode": 3},
        {"device_name": "ü" * 17},
        {"rotating_id": "A" * 101},
        {"pairing_instruction": "x" * 129},
    ],
)
def test_a_record_that_may_not_be_shown_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        CommissionableRecord(**({"discriminator": 1, "mode": 1} | wrong))


def test_addresses_of_the_link_come_first():
    addresses = ["::ffff:192.0.2.1", "2a00:db8::1", "fd00::1", "fe80::1"]
    ranked = sorted(((a, 1, 0, 0) for a in addresses), key=_preference)
    assert [a for a, *_ in ranked] == ["fe80::1", "fd00::1", "2a00:db8::1", "::ffff:192.0.2.1"]


@given(st.binary(max_size=300))
def test_a_search_survives_any_response(packet):
    async def scenario():
        message = DNSIncoming(packet)
        if message.valid:
            _Resolution(INSTANCE).take(message, 1)

    asyncio.run(scenario())
