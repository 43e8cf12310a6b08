"""What people say to assistants, from the voice faces through the arbiter to the modules, and back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.command import CommandState, Origin
from bridge.command_queue import SPACING
from bridge.faces import Faces
from bridge.settings import FacesSettings
from clusters.boolean_state import BooleanStateServer
from clusters.definitions.bridged_device_basic_information import BridgedDeviceBasicInformation
from clusters.definitions.level_control import MoveToLevelRequest, OptionsBitmap
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.level_control import LevelControlServer
from clusters.on_off import OnOffServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.composition import DIMMABLE_LIGHT, DIMMABLE_PLUG
from hw.module import ModuleKind
from hw.reading import BatteryReading, Reading
from hw.setpoint import SetpointKind as Kind
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode, Subject

KEY = "acme-1001"
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
PERSON = Context(Subject(AuthMode.CASE, 1, 5), None)
EVERYTHING = FacesSettings(reserve=True, full=True, outage=True, production=True, switch=True)
INFO = BridgedDeviceBasicInformation


class Sessions:
    on_closed = ()


class Bridge:
    """The node's tree with all faces of a home's modules."""

    def __init__(self, home, settings=EVERYTHING):
        self.home = home
        self.tree = NodeTree(home.storage, home.clock, SystemEntropy())
        root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
        top = aggregator(root, blink=lambda _: None)
        self.tree.add(root, top)
        state = Commissioning.restore(home.storage, home.clock, SystemEntropy(), Sessions(), max_fabrics=5)
        grouping = Grouping(GroupTable(home.storage), state.group_keys)
        self.faces = Faces(self.tree, home.stage(top, grouping, settings), EventTriggers())
        home.start()
        self.faces.start()

    def endpoint(self, face, key=KEY):
        return self.tree.endpoints[self.home.registry.endpoints.number(key, f"voice-{face}")]

    def cluster(self, face, kind, key=KEY):
        return self.endpoint(face, key).cluster(kind)

    def label(self, face, key=KEY):
        return self.cluster(face, INFO, key).node_label


@pytest.fixture
def battery(home):
    return home.add()


@pytest.fixture
async def bridge(home, battery):
    bridge = Bridge(home)
    says(home)
    return bridge


def says(home, key=KEY, *, soc=60.0, reserve=20.0, **more):
    """Let a module be read."""
    state = BatteryReading(soc_percent=soc, reserve_percent=reserve)
    module = home.registry[key]
    home.registry.took(module, Reading(module=key, time=NOON, power_w=500.0, battery=state, **more))


# ---------------------------------------------------------------------- battery charging


async def test_charging_off_stops_charging_and_nothing_else(bridge, battery):
    switch = bridge.cluster("charging", OnOffServer)
    assert switch.on_off
    await switch.handle_off(PERSON)
    assert battery.values == [(Kind.CHARGE_LIMIT_W, 0)]
    assert not switch.on_off


async def test_charging_on_leaves_the_battery_to_itself(bridge, battery, clock):
    switch = bridge.cluster("charging", OnOffServer)
    await switch.handle_off(PERSON)
    await switch.handle_on(PERSON)
    await clock.pass_(SPACING + 1)
    assert battery.values[-1] == (Kind.AUTO, None)
    assert switch.on_off


async def test_a_battery_that_knows_no_limit_is_held(home):
    device = home.add("2001", kinds=(Kind.HOLD, Kind.AUTO))
    bridge = Bridge(home)
    says(home, "acme-2001")
    await bridge.cluster("charging", OnOffServer, "acme-2001").handle_off(PERSON)
    assert device.values == [(Kind.HOLD, None)]


async def test_charging_shows_what_was_said_elsewhere(bridge, home, clock):
    switch = bridge.cluster("charging", OnOffServer)
    home.arbiter.submit(KEY, Kind.HOLD, origin=Origin.USER, source="web", duration=60)
    await clock.pass_(1)
    assert not switch.on_off
    await clock.pass_(120)
    assert switch.on_off
    home.arbiter.submit(KEY, Kind.HOLD, origin=Origin.PLAN, source="plan", duration=60)
    await clock.pass_(1)
    assert switch.on_off, "a plan that holds takes nobody's permission away"


async def test_a_choice_survives_a_restart(bridge, home, another_home, clock):
    await bridge.cluster("charging", OnOffServer).handle_off(PERSON)
    again = Bridge(another_home(home.storage, clock))
    says(again.home)
    assert not again.cluster("charging", OnOffServer).on_off


async def test_what_protects_the_battery_is_not_talked_out_of_it(bridge, home, battery, clock):
    home.arbiter.submit(KEY, Kind.CHARGE_W, 500, origin=Origin.SAFETY, source="test", duration=60)
    await clock.pass_(1)
    with pytest.raises(StatusError) as refusal:
        await bridge.cluster("charging", OnOffServer).handle_off(PERSON)
    assert refusal.value.status is Status.INVALID_IN_STATE
    assert bridge.cluster("charging", OnOffServer).on_off


async def test_a_battery_that_does_not_answer_is_not_said_to_have_obeyed(bridge, home):
    home.registry.lost(home.registry[KEY], "unplugged")
    assert not bridge.cluster("charging", INFO).reachable
    with pytest.raises(StatusError, match="unplugged"):
        await bridge.cluster("charging", OnOffServer).handle_off(PERSON)


# ---------------------------------------------------------------------- battery reserve


def to_level(level):
    nothing = OptionsBitmap(0)
    return MoveToLevelRequest(level=level, transition_time=0, options_mask=nothing, options_override=nothing)


async def test_a_level_is_kept_back(bridge, home, battery):
    level = bridge.cluster("reserve", LevelControlServer)
    assert not bridge.cluster("reserve", OnOffServer).on_off, "automatic until somebody sets it"
    await level.handle_move_to_level_with_on_off(PERSON, to_level(102))
    assert (Kind.RESERVE_PERCENT, 40) in battery.values
    says(home, reserve=40.0)
    assert level.current_level == 102
    assert bridge.cluster("reserve", OnOffServer).on_off


async def test_off_means_automatic_and_not_empty(bridge, home, battery, clock):
    level = bridge.cluster("reserve", LevelControlServer)
    await level.handle_move_to_level_with_on_off(PERSON, to_level(102))
    says(home, reserve=40.0)
    await clock.pass_(SPACING)
    await bridge.cluster("reserve", OnOffServer).handle_off(PERSON)
    await clock.pass_(3 * SPACING)
    assert battery.values[-1] == (Kind.RESERVE_PERCENT, 20), "what it was before"
    assert min(value for kind, value in battery.values if kind is Kind.RESERVE_PERCENT) == 20


async def test_no_voice_sets_the_reserve_below_the_floor(bridge, battery):
    level = bridge.cluster("reserve", LevelControlServer)
    await level.handle_move_to_level_with_on_off(PERSON, to_level(5))
    assert (Kind.RESERVE_PERCENT, 10) in battery.values


async def test_the_reserve_is_a_plug_or_a_light_each_with_a_number_of_its_own(home, battery, another_home):
    plug = Bridge(home).endpoint("reserve")
    light = Bridge(another_home(home.storage, home.clock), replace(EVERYTHING, reserve_as="light"))
    lamp = light.endpoint("reserve-light")
    assert DIMMABLE_PLUG in plug.device_types
    assert DIMMABLE_LIGHT in lamp.device_types
    assert lamp.number != plug.number


# ---------------------------------------------------------------------- contacts


async def test_full_opens_once_and_does_not_chatter(bridge, home):
    contact = bridge.cluster("full", BooleanStateServer)
    seen = []
    for soc in (98.0, 99.4, 99.6, 98.5, 99.6, 97.2, 96.9, 99.0):
        says(home, soc=soc)
        seen.append(contact.state_value)
    closed, opened = True, False
    assert seen == [closed, closed, opened, opened, opened, opened, closed, closed]


async def test_outage_opens_when_the_grid_is_gone(home):
    home.add("3001", kind=ModuleKind.METER)
    bridge = Bridge(home)
    contact = bridge.cluster("outage", BooleanStateServer, "acme-3001")
    for volts, closed in ((231.0, True), (0.0, False), (230.0, True)):
        says(home, "acme-3001", voltage_v=volts)
        says(home, "acme-3001", voltage_v=volts)
        assert contact.state_value is closed


# ---------------------------------------------------------------------- the others


async def test_solar_off_holds_the_module_back_until_on(home, clock):
    device = home.add("4001", kind=ModuleKind.MICROINVERTER, kinds=(Kind.POWER_LIMIT_PERCENT, Kind.AUTO))
    bridge = Bridge(home)
    says(home, "acme-4001")
    switch = bridge.cluster("production", OnOffServer, "acme-4001")
    await switch.handle_off(PERSON)
    assert device.values == [(Kind.POWER_LIMIT_PERCENT, 0)]
    await switch.handle_on(PERSON)
    await clock.pass_(2 * SPACING)
    assert device.values[-1] == (Kind.AUTO, None)


async def test_a_plain_plug_switches_the_load_as_its_measuring_twin_does(home):
    device = home.add("5001", kind=ModuleKind.LOAD)
    bridge = Bridge(home)
    says(home, "acme-5001", connected=False)
    await bridge.cluster("switch", OnOffServer, "acme-5001").handle_on(PERSON)
    assert device.told[-1][1:] == (Kind.CONNECT, 1.0, None)
    says(home, "acme-5001", connected=True)
    twin = bridge.tree.endpoints[home.registry.endpoints.number("acme-5001", "energy")]
    assert twin.cluster(OnOffServer).on_off is True


# ---------------------------------------------------------------------- life


async def test_faces_come_and_go_without_touching_other_numbers(home, battery):
    bridge = Bridge(home, FacesSettings())
    before = dict(bridge.tree.endpoints)
    home.registry.set_faces(KEY, {"reserve": True, "full": True})
    with_more = dict(bridge.tree.endpoints)
    assert before.items() < with_more.items()
    reserve = bridge.endpoint("reserve").number
    home.registry.set_faces(KEY, {"reserve": False})
    assert reserve not in bridge.tree.endpoints
    assert set(bridge.tree.endpoints) == set(with_more) - {reserve}
    home.registry.set_faces(KEY, {"reserve": None, "full": None})
    assert bridge.tree.endpoints == before
    home.registry.set_faces(KEY, {"reserve": True})
    assert bridge.endpoint("reserve").number == reserve, "the same device again"


async def test_a_face_that_is_switched_on_shows_the_module_at_once(home, battery):
    bridge = Bridge(home, FacesSettings())
    says(home, soc=100.0)
    home.registry.set_faces(KEY, {"full": True})
    assert bridge.cluster("full", INFO).reachable
    assert bridge.cluster("full", BooleanStateServer).state_value is False


async def test_names_go_both_ways_and_stay(bridge, home, another_home, clock):
    assert bridge.label("charging") == "Battery charging"
    bridge.cluster("charging", INFO).write_node_label(PERSON, "Akku laden")
    assert home.registry[KEY].record.labels["charging"] == "Akku laden"
    home.registry.set_labels({KEY: {"reserve": "Notvorrat"}})
    assert bridge.label("reserve") == "Notvorrat"
    again = Bridge(another_home(home.storage, clock))
    assert (again.label("charging"), again.label("reserve")) == ("Akku laden", "Notvorrat")


async def test_the_second_battery_is_called_by_its_name(bridge, home):
    home.add("2001")
    home.registry.rename("acme-2001", name="Garage")
    home.registry.set_faces("acme-2001", {"reserve": False})
    assert bridge.label("charging", "acme-2001") == "Device 2001 charging"


async def test_each_face_is_a_device_of_its_own(bridge, home):
    faces = [bridge.cluster(face, INFO) for face in ("charging", "reserve", "full")]
    faces.append(bridge.tree.endpoints[home.registry.endpoints.number(KEY, "energy")].cluster(INFO))
    for identity in ("unique_id", "serial_number", "node_label"):
        assert len({getattr(face, identity) for face in faces}) == 4, identity


async def test_a_removed_module_takes_all_its_faces_along(bridge, home):
    numbers = set(bridge.tree.endpoints) - {0, 1}
    home.registry.remove(KEY)
    assert set(bridge.tree.endpoints) == {0, 1}
    home.add()
    assert min(set(bridge.tree.endpoints) - {0, 1}) > max(numbers)


async def test_a_command_that_a_face_gave_up_does_not_come_back(bridge, home, battery, clock, monkeypatch):
    monkeypatch.setattr("bridge.actions.PATIENCE", 0.05)
    battery.broken = "busy"
    with pytest.raises(StatusError) as refusal:
        await bridge.cluster("charging", OnOffServer).handle_off(PERSON)
    assert refusal.value.status is Status.TIMEOUT
    battery.broken = ""
    await clock.pass_(60)
    assert battery.values == [(Kind.AUTO, None)], "nobody knows what reached it, so all is taken back"
    assert {change.state for change in home.changes} >= {CommandState.WITHDRAWN}
