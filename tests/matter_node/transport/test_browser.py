"""Browsing: what others announce is noticed, forgotten when they leave, and never trusted."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from matter_node.transport.browser import MOST_SERVICES, Browser, parse_text
from matter_node.transport.dns import (
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSService,
    DNSText,
)
from matter_node.transport.interfaces import interfaces
from matter_node.transport.mdns import Advertiser
from matter_node.transport.responder import Responder
from matter_node.transport.service import TYPE_A, TYPE_AAAA, TYPE_PTR, TYPE_SRV, TYPE_TXT, Service

PLUG = Service("shellyplusplugs-a8032ab12345", "_shelly._tcp", (), 80, (("gen", "2"), ("app", "PlusPlugS")))
NAME = PLUG.name
HOST = "shelly-a8032ab12345.local."


def message(*records):
    outgoing = DNSOutgoing(0x8400)
    for record in records:
        outgoing.add_answer_at_time(record, 0)
    return DNSIncoming(outgoing.packets()[0])


def address(packed, host=HOST, ttl=120):
    return DNSAddress(host, TYPE_A if len(packed) == 4 else TYPE_AAAA, 0x8001, ttl, packed)


class Ear:
    """A browser whose words a test hears."""

    def __init__(self, *kinds):
        self.asked, self.found, self.gone = [], [], []
        self.browser = Browser(
            kinds or ("_shelly._tcp", "_ores._tcp"),
            self.asked.append,
            self.found.append,
            self.gone.append,
            own_host=lambda: "own.local.",
        )

    def take(self, *records):
        self.browser.take(message(*records), 7)


def test_an_announcement_is_complete_at_once():
    ear = Ear()
    ear.take(*PLUG.pointers(), *PLUG.details(HOST), address(bytes([192, 0, 2, 9])))
    (found,) = ear.found
    assert (found.instance, found.kind, found.host, found.port) == (PLUG.instance, PLUG.kind, HOST, 80)
    assert found.text == {"gen": "2", "app": "PlusPlugS"}
    assert found.addresses == ("192.0.2.9",)
    assert ear.asked == []


def test_what_is_missing_is_asked_for_and_not_for_ever():
    ear = Ear()
    ear.take(*PLUG.pointers())
    assert ear.asked[-1] == [(NAME, TYPE_SRV), (NAME, TYPE_TXT)]
    ear.take(*PLUG.details(HOST))
    assert ear.asked[-1] == [(HOST, TYPE_A), (HOST, TYPE_AAAA)]
    for _ in range(5):
        ear.take(*PLUG.pointers())
    assert len(ear.asked) == 3
    assert ear.found == []
    ear.take(address(bytes([192, 0, 2, 9])))
    assert ear.found[0].addresses == ("192.0.2.9",)


def test_ipv4_comes_first_and_the_newest_address_before_an_older_one():
    ear = Ear()
    ear.take(*PLUG.pointers(), *PLUG.details(HOST), address(bytes.fromhex("fe80" + "00" * 13 + "09")))
    ear.take(address(bytes([192, 0, 2, 9])))
    ear.take(address(bytes([192, 0, 2, 77])))
    assert ear.found[-1].addresses == ("192.0.2.77", "192.0.2.9", "fe80::9%7")


def test_who_takes_leave_is_gone():
    ear = Ear()
    ear.take(*PLUG.pointers(), *PLUG.details(HOST), address(bytes([192, 0, 2, 9])))
    ear.take(*PLUG.pointers(0))
    assert [each.instance for each in ear.gone] == [PLUG.instance]
    ear.take(*PLUG.pointers(0))
    assert len(ear.gone) == 1


def test_own_services_and_other_types_are_not_noticed():
    ear = Ear()
    other = Service("printer", "_ipp._tcp", (), 631, ())
    ear.take(*other.pointers(), *other.details(HOST), address(bytes([192, 0, 2, 9])))
    ear.take(*PLUG.pointers(), *PLUG.details("own.local."), address(bytes([192, 0, 2, 1]), "own.local."))
    assert ear.found == []
    assert ear.asked == []


def test_a_pointer_to_an_instance_of_another_type_is_ignored():
    ear = Ear()
    ear.take(DNSPointer("_shelly._tcp.local.", TYPE_PTR, 1, 120, "x._ores._tcp.local."))
    assert ear.asked == []


def test_no_more_instances_are_kept_than_there_is_room_for():
    ear = Ear()
    for number in range(MOST_SERVICES + 50):
        service = Service(f"plug-{number}", "_shelly._tcp", (), 80, ())
        ear.take(*service.pointers(), *service.details(HOST), address(bytes([192, 0, 2, 9])))
    assert len({each.instance for each in ear.found}) == MOST_SERVICES


@given(st.binary(max_size=300))
def test_any_bytes_are_a_txt_record_or_part_of_one(data):
    for key, value in parse_text(data).items():
        assert key == key.lower()
        assert isinstance(value, str)


@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda name, ttl: DNSPointer("_ores._tcp.local.", TYPE_PTR, 1, ttl, name),
                st.sampled_from(["a._ores._tcp.local.", "._ores._tcp.local.", "b.local.", NAME]),
                st.sampled_from([0, 120]),
            ),
            st.builds(
                lambda ttl, port: DNSService("a._ores._tcp.local.", TYPE_SRV, 1, ttl, 0, 0, port, HOST),
                st.sampled_from([0, 120]),
                st.integers(0, 65535),
            ),
            st.builds(
                lambda text: DNSText("a._ores._tcp.local.", TYPE_TXT, 1, 120, text), st.binary(max_size=90)
            ),
            st.builds(
                address, st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
            ),
        ),
        max_size=12,
    )
)
def test_records_in_any_order_and_of_any_content_are_taken(records):
    ear = Ear()
    for record in records:
        ear.take(record)
    for found in ear.found:
        assert found.addresses


def test_another_hosts_services_are_found_over_the_network(in_network):
    async def scenario():
        found, gone = asyncio.Queue(), asyncio.Queue()
        advertiser = Advertiser(chosen=["home0"])
        advertiser.start()
        other = Responder("plug-host.local.", lambda *_: None)
        other.set_interfaces(advertiser.interfaces)
        browser = advertiser.browse(["_shelly._tcp"], found.put_nowait, gone.put_nowait)
        try:
            other.set_services([PLUG])
            heard = await asyncio.wait_for(found.get(), 5)
            assert (heard.instance, heard.port, heard.addresses[0]) == (PLUG.instance, 80, "192.0.2.1")
            while not found.empty():
                found.get_nowait()
            browser.look()
            assert (await asyncio.wait_for(found.get(), 5)).instance == PLUG.instance
            other.set_services([])
            assert (await asyncio.wait_for(gone.get(), 5)).instance == PLUG.instance
        finally:
            other.close()
            advertiser.close()
        assert [each.name for each in interfaces() if not each.loopback]

    in_network(scenario)


def test_a_further_service_of_this_host_is_shown_beside_the_nodes_own(in_network):
    async def scenario():
        heard = asyncio.Queue()
        advertiser = Advertiser(chosen=["home0"])
        advertiser.start()
        asker = Advertiser(chosen=["home0"])
        asker._host_name = lambda: "asker.local."
        asker.start()
        try:
            advertiser.set_others([Service("Hub", "_ores-hub._tcp", (), 8443, (("txtvers", "1"),))])
            asker.browse(["_ores-hub._tcp"], heard.put_nowait, lambda _: None).look()
            found = await asyncio.wait_for(heard.get(), 5)
            assert (found.instance, found.port, found.text) == ("Hub", 8443, {"txtvers": "1"})
        finally:
            asker.close()
            advertiser.close()

    in_network(scenario)
