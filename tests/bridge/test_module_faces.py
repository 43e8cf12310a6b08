"""The registry's modules on the Matter node: there from the start, for ever, and as they are read."""

import dataclasses
import logging
import time
from datetime import UTC, datetime

import pytest
from interaction_lab.client import Client, attribute_path, reported
from interaction_lab.wire import Session, Wire

from bridge.energy_faces import energy_face
from bridge.faces import COMFORTABLE_ENDPOINTS, Faces
from bridge.state import SqliteStorage
from bridge.state_file import ReadOnlyStorage
from clusters.definitions.bridged_device_basic_information import BridgedDeviceBasicInformation
from clusters.definitions.descriptor import Descriptor
from clusters.definitions.electrical_power_measurement import ElectricalPowerMeasurement
from clusters.definitions.power_source import PowerSource
from clusters.definitions.user_label import UserLabel
from clusters.descriptor import DescriptorServer
from clusters.test_event_triggers import EventTriggers
from clusters.user_label import UserLabelServer
from device_types.aggregator import aggregator
from device_types.solar_power import SolarPowerFace
from hw.module import Capabilities, ModuleKind, Nameplate
from hw.reading import BatteryReading, Reading
from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.served_node import ServedNode
from matter_node.model import DeviceType, Endpoint, NodeTree, Privilege
from matter_node.status import Status
from matter_node.subject import AuthMode, Subject

INFO, POWER = BridgedDeviceBasicInformation, ElectricalPowerMeasurement
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)


class Bridge:
    """The node's tree with the faces of a home's modules, and the interaction model in front of it."""

    def __init__(self, home):
        self.home = home
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer(), UserLabelServer()])
        self.top = aggregator(root)
        self.tree.add(root, self.top)
        self.triggers = EventTriggers()
        self.stage = home.stage(self.top)
        self.faces = Faces(self.tree, self.stage, self.triggers)
        self.faces.start()
        self.wire = Wire()
        access = AccessControl([AccessEntry(1, Privilege.ADMINISTER, AuthMode.CASE)])
        self.engine = InteractionEngine(ServedNode(self.tree, access, {}), self.wire)

    def app(self):
        session = Session(Subject(AuthMode.CASE, 1, 0xA11CE))
        self.wire.sessions.add(session)
        return Client(self.engine, session)

    async def listened(self):
        """Let an app take every report that is due now or soon."""
        for _ in range(5):
            await self.home.clock.pass_(2)
            for exchange in self.wire.opened:
                while exchange.last[1].get(3):
                    exchange.confirm()
                exchange.confirm()
            self.wire.opened.clear()

    def number(self, key, part="energy"):
        return self.home.registry.endpoints.number(key, part)

    def cluster(self, key, kind, part="energy"):
        return self.tree.endpoints[self.number(key, part)].cluster(kind)

    def parts(self, number):
        return self.tree.endpoints[number].cluster(Descriptor).parts_list


@pytest.fixture
def bridge(home):
    return Bridge(home)


@pytest.fixture
def restart(another_home):
    """Start the hub again on what it has stored."""
    return lambda bridge: Bridge(another_home(bridge.home.storage, bridge.home.clock))


def keys(home):
    return [module.key for module in home.registry]


def add(home, *kinds, start=1001):
    for serial, kind in enumerate(kinds, start):
        home.add(str(serial), kind=kind)


SOLAR, BATTERY, METER = ModuleKind.MICROINVERTER, ModuleKind.BATTERY, ModuleKind.METER


# ---------------------------------------------------------------------- being there


async def test_every_saved_module_is_there_unreachable_before_anything_answers(bridge, home, restart):
    add(home, SOLAR, BATTERY, METER)
    before = {number: endpoint.device_types for number, endpoint in bridge.tree.endpoints.items()}
    again = restart(bridge)
    assert {number: item.device_types for number, item in again.tree.endpoints.items()} == before
    assert len(again.faces) == 3
    assert not any(again.cluster(key, INFO).reachable for key in keys(again.home))
    assert list(again.tree.events.since(0)) == [], "nothing was reachable that could be lost"


async def test_identity_survives_a_restart(bridge, home, restart):
    add(home, SOLAR, BATTERY)
    ids = {key: bridge.cluster(key, INFO).unique_id for key in keys(home)}
    assert len(set(ids.values())) == 2
    again = restart(bridge)
    assert {key: again.cluster(key, INFO).unique_id for key in keys(again.home)} == ids


async def test_a_removed_modules_numbers_are_never_used_again(bridge, home, restart):
    add(home, SOLAR, BATTERY)
    numbers = set(bridge.tree.endpoints) - {0, 1}
    for key in keys(home):
        home.registry.remove(key)
    assert set(bridge.tree.endpoints) == {0, 1}
    again = restart(bridge)
    add(again.home, SOLAR, BATTERY)
    later = set(again.tree.endpoints) - {0, 1}
    assert min(later) > max(numbers)


async def test_what_can_only_be_measured_is_a_sensor(bridge, home):
    home.add("1001", kind=ModuleKind.EVSE, kinds=())
    home.add("1002", kind=ModuleKind.LOAD, kinds=())
    for key in keys(home):
        kinds = {each.id for each in bridge.tree.endpoints[bridge.number(key)].device_types}
        assert kinds == {0x0510, 0x0013}


async def test_one_strange_module_does_not_hide_the_others(bridge, home, restart, monkeypatch, caplog):
    add(home, SOLAR, SOLAR, SOLAR)
    second = home.registry[keys(home)[1]].record
    attach = DescriptorServer.attached

    def reluctant(self):
        if self.endpoint.number == bridge.number(second.key):
            raise ValueError("not this one")
        attach(self)

    monkeypatch.setattr(DescriptorServer, "attached", reluctant)
    again = restart(bridge)
    assert len(again.faces) == 2
    assert again.number(second.key) not in again.parts(1)
    assert "not this one" in caplog.text

    made = SolarPowerFace.__init__
    monkeypatch.setattr(SolarPowerFace, "__init__", lambda *_, **__: 1 / 0)
    assert len(restart(bridge).faces) == 0
    monkeypatch.setattr(SolarPowerFace, "__init__", made)


async def test_whatever_a_nameplate_says_the_module_is_shown(bridge, home):
    nan, inf = float("nan"), float("inf")
    for serial, rating in enumerate((None, 0.0, nan, inf, -5.0, 1e300), 2001):
        for offset, kind in ((0, SOLAR), (100, BATTERY), (200, METER)):
            device = home.add(str(serial + offset), kind=kind)
            device.nameplate = Nameplate(rating, rating, rating, rating, rating, rating)
            record = home.registry[device.identity.key].record
            strange = dataclasses.replace(record, nameplate=device.nameplate)
            assert energy_face(strange, bridge.stage, renamed=print).face.endpoints


async def test_more_endpoints_than_some_assistants_bear_are_warned_of_once(bridge, home, caplog):
    with caplog.at_level(logging.WARNING):
        add(home, *[SOLAR] * COMFORTABLE_ENDPOINTS)
        assert "endpoints" not in caplog.text
        add(home, SOLAR, SOLAR, start=3001)
    assert caplog.text.count("Alexa") == 1


# ---------------------------------------------------------------------- while subscribed


async def test_coming_and_going_is_reported(bridge, home, clock):
    add(home, SOLAR)
    app = bridge.app()
    app.subscribed(attribute_path(), high=300)
    await bridge.listened()
    add(home, BATTERY, start=2001)
    await clock.pass_(0)
    (exchange,) = bridge.wire.opened
    while exchange.last[1].get(3):
        exchange.confirm()
    told = {report[:3]: report[3] for report in reported(exchange)}
    parts = Descriptor.parts_list.id
    new = [bridge.number("acme-2001"), bridge.number("acme-2001", "energy-battery")]
    for above in (0, 1):
        assert set(new) <= set(told[above, Descriptor.ID, parts])
    assert {number for number, _, _ in told} == {0, 1, *new}
    expected = {
        (number, cluster.ID, id_)
        for number in new
        for cluster in bridge.tree.endpoints[number].clusters.values()
        for id_ in cluster.shape.attributes
    }
    assert expected <= told.keys()
    await bridge.listened()
    home.registry.remove("acme-2001")
    await clock.pass_(0)
    (exchange,) = bridge.wire.opened
    told = {report[:3]: report[3] for report in reported(exchange)}
    assert told == {
        (above, Descriptor.ID, parts): [n for n in bridge.tree.endpoints if n > above] for above in (0, 1)
    }


# ---------------------------------------------------------------------- names


async def test_a_name_from_an_app_is_the_modules_name_and_stays(bridge, home, restart):
    add(home, SOLAR)
    path = attribute_path(bridge.number("acme-1001"), INFO.ID, INFO.node_label.id)
    assert bridge.app().put((path, "Garage")) == [Status.SUCCESS]
    assert home.registry["acme-1001"].record.name == "Garage"
    again = restart(bridge)
    assert again.cluster("acme-1001", INFO).node_label == "Garage"
    assert again.home.registry["acme-1001"].record.name == "Garage"


async def test_a_name_given_elsewhere_is_shown_and_stays(bridge, home, restart):
    add(home, SOLAR)
    home.registry.rename("acme-1001", name="Barn")
    assert bridge.cluster("acme-1001", INFO).node_label == "Barn"
    assert restart(bridge).cluster("acme-1001", INFO).node_label == "Barn"


async def test_an_app_may_take_a_name_away_without_the_hub_losing_it(bridge, home):
    add(home, SOLAR)
    name = home.registry["acme-1001"].record.name
    path = attribute_path(bridge.number("acme-1001"), INFO.ID, INFO.node_label.id)
    assert bridge.app().put((path, "")) == [Status.SUCCESS]
    assert bridge.cluster("acme-1001", INFO).node_label == ""
    assert home.registry["acme-1001"].record.name == name


async def test_what_is_written_is_on_file_before_the_answer(tmp_path, clock, another_home, monkeypatch):
    """As a hub that is killed right after its answer would find it at its next start."""
    storage = SqliteStorage(tmp_path / "state.db")
    home = another_home(storage, clock)
    bridge = Bridge(home)
    add(home, SOLAR)
    key = "acme-1001"
    seen = []
    send = Wire.__init__.__globals__["Exchange"].send

    def sending(exchange, *arguments, **options):
        seen.append(dict(ReadOnlyStorage(tmp_path / "state.db").scan("attribute/")))
        send(exchange, *arguments, **options)

    monkeypatch.setattr("interaction_lab.wire.Exchange.send", sending)
    app = bridge.app()
    label = attribute_path(bridge.number(key), INFO.ID, INFO.node_label.id)
    labels = attribute_path(0, UserLabel.ID, UserLabel.label_list.id)
    assert app.put((label, "Garage"), (labels, [{0: "room", 1: "attic"}])) == [Status.SUCCESS] * 2
    (on_file,) = seen
    name = f"attribute/{bridge.number(key)}/{INFO.ID}/{INFO.node_label.id}"
    assert tlv.decode(on_file[name]) == "Garage"
    name = f"attribute/0/{UserLabel.ID}/{UserLabel.label_list.id}"
    assert tlv.decode(on_file[name]) == [{0: "room", 1: "attic"}]
    storage.close()


# ---------------------------------------------------------------------- readings


def reading(key, power, **more):
    return Reading(module=key, time=NOON, power_w=power, voltage_v=230.0, **more)


async def test_readings_are_shown(bridge, home):
    add(home, SOLAR, BATTERY, METER)
    solar, battery, meter = keys(home)
    home.registry.took(home.registry[solar], reading(solar, -250.0))
    state = BatteryReading(soc_percent=61.0, voltage_v=51.0, current_a=10.0)
    home.registry.took(home.registry[battery], reading(battery, 500.0, battery=state))
    home.registry.took(home.registry[meter], reading(meter, -120.0))
    powers = [bridge.cluster(key, POWER).active_power for key in (solar, battery, meter)]
    assert powers == [-250_000, 500_000, -120_000]
    assert bridge.cluster(battery, PowerSource, "energy-battery").bat_percent_remaining == 122
    assert all(bridge.cluster(key, INFO).reachable for key in (solar, battery, meter))


async def test_a_lost_module_is_told_keeps_its_place_and_returns(bridge, home):
    add(home, SOLAR)
    key = "acme-1001"
    home.registry.took(home.registry[key], reading(key, -250.0))
    home.registry.lost(home.registry[key], "unplugged")
    assert not bridge.cluster(key, INFO).reachable
    assert bridge.cluster(key, POWER).active_power is None
    assert bridge.number(key) in bridge.parts(1)
    home.registry.took(home.registry[key], reading(key, -251.0))
    assert bridge.cluster(key, INFO).reachable
    assert bridge.cluster(key, POWER).active_power == -251_000
    told = [
        tlv.decode(b"\x15" + record.data + b"\x18")[7][0]
        for record in bridge.tree.events.since(0)
        if record.event is INFO.reachable_changed
    ]
    assert told == [True, False, True]


async def test_after_stop_nothing_is_followed(bridge, home):
    add(home, SOLAR)
    bridge.faces.stop()
    home.registry.lost(home.registry["acme-1001"], "unplugged")
    add(home, SOLAR, start=2001)
    assert len(bridge.faces) == 1
    assert bridge.cluster("acme-1001", INFO).reachable


# ---------------------------------------------------------------------- many


async def test_a_thousand_modules_keep_their_numbers(home, make_device, restart):
    bridge = Bridge(home)
    kinds = (SOLAR,) * 8 + (BATTERY, METER)
    devices = [make_device(str(serial), kind=kinds[serial % 10]) for serial in range(1000, 2000)]
    for device in devices:
        device.capabilities = Capabilities(device.capabilities.setpoints, temperature=True)
    home.registry.found(devices, "sunspec")
    assert len(bridge.faces) == 1000
    numbers = {device.identity.key: bridge.number(device.identity.key) for device in devices}
    assert bridge.parts(0) == tuple(range(1, max(bridge.tree.endpoints) + 1))
    started = time.process_time()
    again = restart(bridge)
    assert time.process_time() - started < 5
    assert {key: again.number(key) for key in keys(again.home)} == numbers
    gone = keys(again.home)[::100]
    for key in gone:
        again.home.registry.remove(key)
    again.home.registry.found(devices, "sunspec")
    for key in numbers.keys() - set(gone):
        assert again.number(key) == numbers[key]
    assert min(again.number(key) for key in gone) > max(numbers.values())
    assert len(again.app().get(attribute_path(None, INFO.ID, INFO.unique_id.id))) == 1000
