"""What announces itself, what is scanned, and what is remembered of both."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import scan as scans
from bridge.announcements import TYPES, Announcements, candidate_of, described
from bridge.candidates import MOST_CANDIDATES, UNSEEN, Candidate, CandidateBook
from bridge.discovery import Discovery
from bridge.drivers import driver
from bridge.scan import AGAIN, AT_A_TIME, Memory, Scan
from hw.module import Identity, ModuleKind, ModuleUnreachable, NotSupported
from hw.ores.thing import Thing
from hw.sighting import Sighting
from hw.simulator.ores_device import OresDevice
from hw.simulator.ores_keys import ModuleKeys
from hw.simulator.ores_module import announced
from hw.simulator.ores_module import described as served
from matter_node.storage import MemoryStorage
from matter_node.transport.browser import FoundService
from matter_node.transport.interfaces import interfaces
from matter_node.transport.mdns import Advertiser


def service(kind, instance="thing-1", port=80, address="192.168.1.30", **text):
    return FoundService(instance, kind, "thing.local.", port, text, (address,))


# ---------------------------------------------------------------------- announcements


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        (
            service("_shelly._tcp", "shellyplusplugs-a8032ab12345", app="PlusPlugS"),
            ("shelly-a8032ab12345", "shelly", "load", "192.168.1.30"),
        ),
        (
            service("_go-e_go-eCharger_V4._tcp", "go-eCharger-200001"),
            ("go-e-200001", "goe", "evse", "192.168.1.30"),
        ),
        (service("_modbus._tcp", "inverter-7", 1502), ("modbus-7", "sunspec", "", "192.168.1.30:1502")),
        (
            service("_matterc._udp", "87E1B004E235A130", 5540, dn="Plug", dt="266", d="3840"),
            ("matter-87e1b004e235a130", "matter", "load", "192.168.1.30"),
        ),
        (
            service("_ores._tcp", "B5-1", 443, id="urn:ores:module:acme-b5-1", cls="energystorage"),
            ("acme-b5-1", "ores", "battery", "192.168.1.30"),
        ),
        (
            service("_homewizard._tcp", "p1-5c2faf000000", serial="5c2faf000000"),
            ("homewizard-5c2faf000000", "", "meter", "192.168.1.30"),
        ),
        (
            service("_shelly._tcp", "shelly-ab", address="fe80::1%2", port=8080),
            ("shelly-ab", "shelly", "load", "[fe80::1%2]:8080"),
        ),
    ],
)
def test_an_announcement_says_what_it_would_be_as_a_module(announced, expected):
    found = candidate_of(announced)
    assert (found.id, found.driver, found.kind, found.address) == expected
    assert found.confidence < 1
    assert found.remedy or found.driver in {"shelly", "goe", "sunspec"}


@pytest.mark.parametrize("key", ["", "urn:ores:module:", "urn:ores:module:Not A Key", "urn:ores:module:../x"])
def test_a_module_without_a_proper_key_is_no_candidate(key):
    assert candidate_of(service("_ores._tcp", id=key)) is None


_text = st.text(max_size=80)


@given(
    st.sampled_from(TYPES),
    _text,
    st.dictionaries(_text, _text, max_size=5),
    st.integers(0, 65535),
    st.sampled_from([(), ("192.168.1.30",)]),  # a farewell comes without one
)
def test_any_announcement_is_a_candidate_or_none(kind, instance, text, port, addresses):
    found = candidate_of(FoundService(instance, kind, "x.local.", port, text, addresses))
    if found is not None:
        assert found.id
        assert len(found.id) <= 200


def test_a_description_that_contradicts_the_announcement_is_not_believed():
    native = service("_ores._tcp", id="urn:ores:module:acme-7", ski="ab12")
    identity = Identity("ACME", "B5", "7")
    good = Thing("urn:ores:module:acme-7", "B5", identity, ModuleKind.BATTERY, "ab12" + "0" * 60)
    assert described(native, good).confidence > candidate_of(native).confidence
    assert described(native, good).model == "B5"
    for wrong in (
        Thing("urn:ores:module:acme-8", "B5", identity, ModuleKind.BATTERY, good.ski),
        Thing(good.id, "B5", identity, ModuleKind.BATTERY, "cd34"),
        Thing(good.id, "B5", None, None, good.ski),
    ):
        assert described(native, wrong) is None


def test_a_foreign_thing_is_shown_and_nobody_speaks_with_it():
    found = described(service("_wot._tcp"), Thing("urn:lamp", "Lamp", None, None))
    assert (found.model, found.driver, found.kind) == ("Lamp", "", "")
    assert "no driver" in found.remedy


async def test_a_module_on_the_loopback_interface_is_found_described_and_gone(clock, tmp_path):
    changed = asyncio.Event()
    book = CandidateBook(clock)
    announcements = Announcements(book, changed.set, lambda _: None)
    advertiser = Advertiser(chosen=["lo"])
    device = OresDevice(ModuleKind.BATTERY, "S000007")
    keys = ModuleKeys(tmp_path / "keys")
    assert [each.name for each in interfaces() if each.loopback] == ["lo"]
    advertiser.start()
    announcements.start(advertiser)
    try:
        async with served(device, keys, "127.0.0.1", 0) as port:
            async with announced(device, keys, "127.0.0.1", port):
                async with asyncio.timeout(10):
                    while (found := book.get("ores-s000007")) is None or not found.serial:
                        await changed.wait()
                        changed.clear()
                assert (found.driver, found.kind, found.model) == ("ores", "battery", "B5")
                assert found.address == f"127.0.0.1:{port}"
            async with asyncio.timeout(10):
                while book.get("ores-s000007") is not None:
                    await changed.wait()
                    changed.clear()
    finally:
        await announcements.stop()
        advertiser.close()


@pytest.mark.parametrize("lost", [True, False])
async def test_a_lost_module_is_looked_for_where_it_announces_itself(home, clock, make_device, lost):
    asked = []

    class Poller:
        def add(self, source):
            asked.append((source.driver, source.address))

    device = make_device("1", kind=ModuleKind.LOAD)
    device.identity = Identity("Shelly", "PlusPlugS", "A8032AB12345")
    device.address = "192.168.1.30"
    (module,) = home.registry.found([device], "shelly")
    home.answers(module)
    if lost:
        home.registry.lost(module, "no answer")
    drivers = {"shelly": driver("shelly")}
    discovery = Discovery(home.registry, drivers, Poller(), home.bus, clock, home.storage)
    for address in ("192.168.1.30", "192.168.1.77"):
        plug = service("_shelly._tcp", "shellyplusplugs-a8032ab12345", address=address)
        discovery._announcements.found(plug)
    assert asked == ([("shelly", "192.168.1.77")] if lost else [])


# ---------------------------------------------------------------------- the book of candidates


def candidate(key="acme-1", **more):
    usual = {
        "id": key,
        "driver": "sunspec",
        "address": "192.168.1.2:502:1",
        "kind": "meter",
        "vendor": "ACME",
        "model": "M",
        "serial": "1",
        "source": "probe",
        "confidence": 1.0,
    }
    return Candidate(**{**usual, **more})


def test_a_candidates_own_word_does_not_weaken_what_was_read(clock):
    book = CandidateBook(clock)
    assert book.note(candidate())
    assert not book.note(candidate())
    assert book.note(candidate(source="mdns", confidence=0.4, model="Other", address="192.168.1.9"))
    found = book.get("acme-1")
    assert (found.model, found.confidence, found.address) == ("M", 1.0, "192.168.1.9")


async def test_who_is_not_seen_for_a_day_is_forgotten(clock):
    book = CandidateBook(clock)
    book.note(candidate("acme-1"))
    await clock.pass_(UNSEEN / 2)
    book.note(candidate("acme-2"))
    await clock.pass_(UNSEEN / 2 + 1)
    assert [each.id for each in book.all(lambda _: True)] == ["acme-2"]


def test_there_is_room_for_so_many(clock):
    book = CandidateBook(clock)
    for number in range(MOST_CANDIDATES + 20):
        book.note(candidate(f"acme-{number}"))
    assert len(book.all(lambda _: True)) == MOST_CANDIDATES


# ---------------------------------------------------------------------- scans


def test_a_network_is_private_and_small():
    assert len(scans.hosts("192.168.1.0/24")) == 254
    assert scans.hosts("10.1.2.3/30") == ["10.1.2.1", "10.1.2.2"]
    for wrong in ("192.168.0.0/16", "8.8.8.0/28", "172.32.0.0/24", "::1/128", "x", "192.168.1.0/33"):
        with pytest.raises(ValueError, match=r"network|large|private"):
            scans.hosts(wrong)


@given(st.text(max_size=30))
def test_any_text_is_a_network_of_few_private_hosts_or_a_value_error(text):
    try:
        hosts = scans.hosts(text)
    except ValueError:
        return
    assert len(hosts) <= 254


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("192.168.1.2", True),
        ("inverter.lan", True),
        ("fe80::1%2", True),
        ("8.8.8.8", False),
        ("2001:db8::1", True),
        ("2a00:1450:4001:80e::200e", False),
    ],
)
def test_a_public_address_is_no_host_of_the_home(host, local):
    assert scans.is_local_host(host) is local


async def test_few_hosts_are_asked_at_a_time_and_each_once(clock):
    busy, most, asked = 0, 0, []

    async def look(address):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        asked.append(address)
        await asyncio.sleep(0.001)
        busy -= 1
        if address.endswith("7"):
            return [Sighting(Identity("ACME", "M", address), ModuleKind.METER, address)]
        raise NotSupported("no") if address.endswith("8") else ModuleUnreachable("nobody")

    storage = MemoryStorage()
    memory = Memory(storage, clock)
    addresses = [f"192.168.1.{number}" for number in range(1, 31)]
    seen = []
    scan = Scan("192.168.1.0/27", len(addresses), 0.0)
    await scans.run(scan, addresses, look, memory, seen.extend)
    assert most == AT_A_TIME
    assert sorted(asked) == sorted(addresses)
    assert scan.done == 30
    assert len(seen) == 3
    again = Memory(storage, clock)  # after a restart
    asked.clear()
    scan = Scan("192.168.1.0/27", len(addresses), 0.0)
    await scans.run(scan, addresses, look, again, seen.extend)
    assert scan.skipped == 6  # who had taken the connection
    assert len(asked) == 24
    await clock.pass_(AGAIN + 1)
    assert not again.left("192.168.1.7")
    Memory(storage, clock)  # and what is over is not kept
    assert storage.scan("scanned/") == []
