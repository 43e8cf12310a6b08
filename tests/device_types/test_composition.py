"""How faces are composed: what the device library allows, and what the SDK makes of their attributes."""

import itertools
import tracemalloc

import pytest
from node_lab.charging_point import Charger

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.energy_evse import StateEnum
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.measurement_accuracy import Accuracy
from device_types.aggregator import NUMBER, aggregator
from device_types.battery_storage import BatteryRating, BatteryState, battery_storage
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.contact_sensor import contact_sensor
from device_types.dimmable import dimmable
from device_types.electrical_sensor import USUAL, ElectricalRating, ElectricalReading, grid_meter
from device_types.energy_evse import EvseRating, EvseStatus, energy_evse
from device_types.on_off_plug import on_off_plug
from device_types.solar_power import solar_power
from device_types.switched_plug import switched_plug
from matter_node.codec import tlv
from matter_node.commissioning.fabrics import FabricTable
from matter_node.commissioning.group_keys import GroupKeys
from matter_node.commissioning.group_table import GroupTable
from matter_node.model import DeviceType, Endpoint

REQUIRED_AND_ALLOWED = {
    0x000E: (set(), {0x03, 0x25}),
    0x0011: ({0x2F}, set()),
    0x0013: ({0x39}, {0x2F}),
    0x0015: ({0x03, 0x45}, {0x80}),
    0x0017: (set(), {0x03}),
    0x0018: (set(), {0x03}),
    0x0101: ({0x03, 0x04, 0x06, 0x08, 0x62}, set()),
    0x010A: ({0x03, 0x04, 0x06, 0x62}, {0x08}),
    0x010B: ({0x03, 0x04, 0x06, 0x08, 0x62}, set()),
    0x0302: ({0x03, 0x402}, set()),
    0x050C: ({0x99, 0x9D}, {0x03, 0x402}),
    0x050D: ({0x98}, {0x9F}),
    0x0510: ({0x9C}, {0x90, 0x91}),
}
"""Server clusters by device type, required and allowed (Matter Device Library 1.4.2)."""
EVERYWHERE = {0x1D, 0x40, 0x41}
APPLICATION = {0x0015, 0x0017, 0x0018, 0x0101, 0x010A, 0x010B, 0x0302, 0x050C}
REVISIONS = {
    0x000E: 2,
    0x0011: 1,
    0x0013: 3,
    0x0015: 2,
    0x0017: 1,
    0x0018: 1,
    0x0101: 3,
    0x010A: 4,
    0x010B: 5,
    0x0302: 2,
    0x050C: 2,
    0x050D: 2,
    0x0510: 1,
}
SWITCHED = {0x0101, 0x010A, 0x010B}
DIMMED = {0x0101, 0x010B}


KIND = MeasurementTypeEnum
EVERYTHING = USUAL | dict.fromkeys(
    (KIND.REACTIVE_POWER, KIND.APPARENT_POWER, KIND.RMS_VOLTAGE, KIND.RMS_CURRENT, KIND.POWER_FACTOR),
    Accuracy(1, 10),
)


class Adjuster:
    async def adjust_power(self, power_w, duration_s, *, grid):
        pass

    def release_power(self):
        pass


class Relay:
    async def switch(self, on):
        pass


class Reserve:
    async def set_percent(self, percent):
        pass


def grouping(tree):
    keys = GroupKeys(tree.storage, FabricTable(tree.storage))
    return Grouping(GroupTable(tree.storage), keys)


@pytest.fixture
def faces(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    bridge = aggregator(root, blink=lambda _: None)
    tree.add(bridge)
    numbers = itertools.count(2)
    place = Place(bridge, lambda _: next(numbers))
    delegates = Delegates(adjuster=Adjuster(), blink=lambda _: None)
    groups = grouping(tree)
    made = [
        solar_power(
            BridgedDevice("a", "Roof", "V", "P", "S", "1", "PN"),
            ElectricalRating(400, 230, current_a=1.8, accuracies=EVERYTHING, phases=3),
            place,
            delegates,
            panel=ElectricalRating(420, accuracies=EVERYTHING),
            temperature=True,
        ),
        battery_storage(
            BridgedDevice("b", "Cellar"),
            BatteryRating(3000, 3000, 10_000),
            place,
            delegates,
            temperature=True,
        ),
        grid_meter(
            BridgedDevice("c", "Grid"), ElectricalRating(17_000, accuracies=EVERYTHING), place, delegates
        ),
        on_off_plug(
            BridgedDevice("d", "Heater"),
            ElectricalRating(2500, exported=False, metered=False),
            place,
            Relay(),
            groups,
            delegates,
        ),
        switched_plug(BridgedDevice("e", "Battery charging"), place, Relay(), groups, delegates),
        dimmable(BridgedDevice("f", "Battery reserve"), place, Reserve(), groups, delegates, percent=30),
        dimmable(
            BridgedDevice("g", "Reserve light"), place, Reserve(), groups, delegates, percent=30, light=True
        ),
        contact_sensor(BridgedDevice("h", "Battery full"), place, delegates),
        energy_evse(
            BridgedDevice("i", "Wallbox"),
            EvseRating(16, phases=3),
            place,
            Charger(),
            delegates,
            temperature=True,
        ),
    ]
    for face in made:
        face.join(tree)
    made[0].update(
        ElectricalReading(-200, 230, 0.9, 50, 1, 2, 201, -20, 0.99, -0.87),
        ElectricalReading(-207, 34, 6.1, energy_exported_wh=3),
        temperature_c=30,
    )
    made[1].update(ElectricalReading(900, 230, 3.9, 50, 1, 2), BatteryState(50, 51, 17), temperature_c=20)
    made[2].update(ElectricalReading(100, 230, 0.5, 50, 1, 2))
    made[3].update(ElectricalReading(2000, 230, 8.7, 50, 1, 2), on=True)
    made[4].update(on=True)
    made[5].update(percent=40, on=True)
    made[6].update(percent=40, on=False)
    made[7].update(so=True)
    made[8].update(
        ElectricalReading(11_000, 230, 48, 50, 1),
        EvseStatus(StateEnum.PLUGGED_IN_CHARGING, allowed=True, session_energy_wh=100, offered_a=16),
        phases=[ElectricalReading(3667, 230, 16)] * 3,
        temperature_c=30,
    )
    return made


def endpoints(tree):
    return [endpoint for endpoint in tree if endpoint.number != 0]


def test_clusters_are_those_that_the_device_types_name(tree, faces):
    for endpoint in endpoints(tree):
        kinds = [kind.id for kind in endpoint.device_types]
        required = set().union(*(REQUIRED_AND_ALLOWED[kind][0] for kind in kinds))
        allowed = required.union(EVERYWHERE, *(REQUIRED_AND_ALLOWED[kind][1] for kind in kinds))
        assert required <= endpoint.clusters.keys() <= allowed
        assert len(APPLICATION.intersection(kinds)) <= 1
        assert len(kinds) == len(set(kinds))
        assert {kind.id: kind.revision for kind in endpoint.device_types} == {
            kind: REVISIONS[kind] for kind in kinds
        }


def test_what_is_switched_and_dimmed_has_the_features_and_commands_that_its_type_demands(faces):
    """Matter Device Library 4.2.4, 5.1.4, 5.2.4."""
    ends = {face.endpoint: {kind.id for kind in face.endpoint.device_types} for face in faces}
    switched = [endpoint for endpoint, kinds in ends.items() if SWITCHED & kinds]
    assert len(switched) == 4
    for endpoint in switched:
        identify, on_off, scenes = (endpoint.clusters[id_] for id_ in (0x03, 0x06, 0x62))
        assert 0x40 in identify.shape.commands  # TriggerEffect
        assert 0x40 in scenes.shape.commands  # CopyScene
        assert on_off.features == 0x1  # Lighting
    dimmed = [endpoint for endpoint, kinds in ends.items() if DIMMED & kinds]
    assert len(dimmed) == 2
    for endpoint in dimmed:
        level = endpoint.clusters[0x08]
        assert level.features == 0x3  # OnOff, Lighting
        assert 1 <= level.current_level <= 254
        assert (level.min_level, level.max_level) == (1, 254)


def test_a_device_of_the_voice_face_has_nothing_that_its_type_does_not_name(faces):
    """Some assistants drop a device for a cluster too many."""
    own = {0x1D, 0x39}  # of every bridged device
    switch = own | {0x03, 0x04, 0x06, 0x62}
    clusters = [set(face.endpoint.clusters) for face in faces[4:8]]
    assert clusters == [switch, switch | {0x08}, switch | {0x08}, own | {0x03, 0x45}]
    assert all(len(face.endpoints) == 1 for face in faces[4:8])


def test_solar_and_battery_hold_what_a_controller_looks_for_on_one_endpoint(faces):
    for face, kind in zip(faces, (0x17, 0x18), strict=False):
        kinds = {device_type.id for device_type in face.endpoint.device_types}
        assert kinds == {kind, 0x13, 0x510, 0x11, 0x50D}
    solar, battery, *_ = faces
    assert len(solar.endpoints) == 3
    assert {kind.id for kind in solar.endpoints[1].device_types} == {0x510}
    assert {kind.id for kind in battery.endpoints[1].device_types} == {0x510, 0x11}


def test_a_charging_point_holds_it_all_on_one_endpoint_and_its_phases_below(faces):
    evse = faces[-1]
    kinds = {device_type.id: device_type.revision for device_type in evse.endpoint.device_types}
    assert kinds == {0x50C: 2, 0x13: 3, 0x510: 1, 0x11: 1, 0x50D: 2}
    assert 0x402 in evse.endpoint.clusters
    phases = evse.endpoints[1:]
    assert [part.parent is evse.endpoint for part in phases] == [True] * 3
    assert [(tag.namespace, tag.tag) for part in phases for tag in part.tags] == [
        (0x0A, 0x02),
        (0x0A, 0x03),
        (0x0A, 0x04),
    ]


def test_no_endpoint_has_one_tag_number_twice(faces):
    """The certification scripts tell the tags of an endpoint by their numbers alone, not by namespace."""
    for face in faces:
        for endpoint in face.endpoints:
            numbers = [tag.tag for tag in endpoint.tags]
            assert len(numbers) == len(set(numbers)) <= 6


def test_parts_of_one_device_that_are_alike_have_different_tags(faces):
    for face in faces:
        by_kind = {}
        for endpoint in face.endpoints:
            for kind in endpoint.device_types:
                by_kind.setdefault(kind.id, []).append(frozenset(endpoint.tags))
        for tags in by_kind.values():
            assert len(tags) == 1 or (all(tags) and len(set(tags)) == len(tags))


def test_only_the_main_endpoint_says_who_the_device_is(faces):
    for face in faces:
        assert [0x39 in endpoint.clusters for endpoint in face.endpoints] == [
            endpoint is face.endpoint for endpoint in face.endpoints
        ]


def test_the_bridge_is_endpoint_one_and_lists_all(tree, faces):
    assert NUMBER == 1
    below = tuple(endpoint.number for endpoint in endpoints(tree))[1:]
    assert tree.endpoints[1].cluster(DescriptorServer).parts_list == below
    assert tree.endpoints[0].cluster(DescriptorServer).parts_list == (1, *below)


def test_every_report_of_every_endpoint_decodes_with_the_sdk(tree, faces, context):
    sdk = pytest.importorskip("chip.clusters.Objects", reason="the SDK's Python objects are not installed")
    decode = pytest.importorskip("chip.tlv").TLVReader
    seen = 0
    for endpoint in endpoints(tree):
        for cluster in endpoint.clusters.values():
            attributes = {
                kind.attribute_id: kind
                for kind in vars(getattr(sdk, cluster.NAME).Attributes).values()
                if hasattr(kind, "attribute_id")
            }
            for id_ in cluster.shape.attributes:
                report = cluster.report(id_, context, fabric_filtered=True)
                data = tlv.decode(report)[1]
                assert dict(data[1])[4] == id_
                raw = decode(
                    b"\x15"
                    + cluster.shape.attributes[id_].datatype.encode(
                        cluster.read(cluster.shape.attributes[id_], context), 0
                    )
                    + b"\x18"
                ).get()["Any"][0]
                value = attributes[id_].FromTagDictOrRawValue(raw)
                assert value is not None
                seen += 1
    assert seen > 400


@pytest.mark.parametrize("modules", [1000])
def test_a_thousand_modules_are_small_and_quick_to_set_up(tree, modules):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    bridge = aggregator(root)
    tree.add(bridge)
    numbers = itertools.count(2)
    place = Place(bridge, lambda _: next(numbers))
    delegates = Delegates(adjuster=Adjuster())
    tracemalloc.start()
    for number in range(modules):
        face = solar_power(
            BridgedDevice(f"{number:032x}", f"Roof {number}"), ElectricalRating(400), place, delegates
        )
        face.join(tree)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / modules < 10 * 1024  # 7 KiB, before any report is kept ready
    shapes = {id(cluster.shape) for endpoint in endpoints(tree) for cluster in endpoint.clusters.values()}
    assert len(shapes) < 20
