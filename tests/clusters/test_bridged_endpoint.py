"""What every bridged endpoint has: descriptor, identity, labels, identify."""

import pytest

from clusters.bridged_device_basic_information import BridgedDeviceBasicInformationServer
from clusters.definitions.bridged_device_basic_information import ReachableChangedEvent
from clusters.definitions.common import LabelStruct
from clusters.definitions.identify import IdentifyRequest
from clusters.descriptor import DescriptorServer
from clusters.fixed_label import FixedLabelServer
from clusters.identify import IdentifyServer
from clusters.user_label import CAPACITY, UserLabelServer
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint, NodeTree, SemanticTag, Urgency
from matter_node.status import Status, StatusError

ROOT, AGGREGATOR, BRIDGED = DeviceType(0x16, 3), DeviceType(0x0E, 2), DeviceType(0x13, 3)


def endpoint(number, kind, *clusters, parent=None, tags=()):
    return Endpoint(
        number, [kind], [DescriptorServer(tagged=bool(tags)), *clusters], parent=parent, tags=tags
    )


def described(tree, number):
    return tree.endpoints[number].cluster(DescriptorServer)


def test_parts_are_all_that_is_below_and_for_the_root_all_there_is(tree):
    root, aggregator = endpoint(0, ROOT), endpoint(1, AGGREGATOR)
    tree.add(root)
    tree.add(aggregator)
    battery = endpoint(7, BRIDGED, parent=aggregator)
    tree.add(battery)
    tree.add(endpoint(9, BRIDGED, parent=battery))
    tree.add(endpoint(3, BRIDGED, parent=aggregator))
    assert described(tree, 0).parts_list == (1, 3, 7, 9)
    assert described(tree, 1).parts_list == (3, 7, 9)
    assert described(tree, 7).parts_list == (9,)
    tree.remove(7)
    assert described(tree, 0).parts_list == (1, 3)
    assert described(tree, 1).parts_list == (3,)


def test_adding_an_endpoint_reports_the_parts_lists_above_it_only(tree, reports):
    aggregator = endpoint(1, AGGREGATOR)
    tree.add(endpoint(0, ROOT))
    tree.add(aggregator)
    tree.add(endpoint(2, BRIDGED, parent=aggregator))
    reports.seen.clear()
    tree.add(endpoint(3, BRIDGED, parent=aggregator))
    assert reports.seen == [("Descriptor", "parts_list", Urgency.NOW)] * 2


def test_tags_show_and_need_the_feature(tree):
    tree.add(endpoint(5, BRIDGED, tags=[SemanticTag(0x0A, 1), SemanticTag(7, 2, "left")]))
    tags = described(tree, 5).tag_list
    assert [(tag.namespace_id, tag.tag, tag.label) for tag in tags] == [(0x0A, 1, None), (7, 2, "left")]
    assert not described(tree, 5).has(DescriptorServer.endpoint_unique_id)
    with pytest.raises(ValueError, match="TAGLIST"):
        tree.add(Endpoint(6, [BRIDGED], [DescriptorServer()], tags=[SemanticTag(7, 1)]))


def test_reachability_is_an_attribute_and_an_event(tree, reports):
    info = BridgedDeviceBasicInformationServer(unique_id="u")
    tree.add(endpoint(2, BRIDGED, info))
    info.set_reachable(True)
    info.set_reachable(True)
    (event,) = tree.events.since(0)
    payload = tlv.decode(b"\x15" + event.data[2:])
    assert ReachableChangedEvent.from_tlv(payload).reachable_new_value is True
    assert reports.of("reachable") == [Urgency.NOW]


def test_a_name_that_a_controller_writes_is_kept_and_told(tree, memory, turned_clock, context):
    told = []
    info = BridgedDeviceBasicInformationServer(unique_id="u", node_label="Roof 1", renamed=told.append)
    tree.add(endpoint(2, BRIDGED, info))
    info.write(info.ATTRIBUTES[5], context, "Süd")
    assert told == ["Süd"]

    again = NodeTree(memory, turned_clock, tree.entropy)
    info = BridgedDeviceBasicInformationServer(unique_id="u", node_label="Roof 1")
    again.add(endpoint(2, BRIDGED, info))
    assert info.node_label == "Süd"


def test_too_long_a_name_changes_nothing(tree, context):
    told = []
    info = BridgedDeviceBasicInformationServer(unique_id="u", node_label="Roof", renamed=told.append)
    tree.add(endpoint(2, BRIDGED, info))
    with pytest.raises(StatusError) as error:
        info.write(info.ATTRIBUTES[5], context, "x" * 33)
    assert error.value.status is Status.CONSTRAINT_ERROR
    assert (info.node_label, told) == ("Roof", [])


def test_the_configuration_version_counts_and_wraps_to_one(tree):
    info = BridgedDeviceBasicInformationServer(unique_id="u", configuration_version=0xFFFF_FFFE)
    tree.add(endpoint(2, BRIDGED, info))
    seen = []
    for _ in range(2):
        info.configuration_changed()
        seen.append(info.configuration_version)
    assert seen == [0xFFFF_FFFF, 1]


class TestIdentify:
    @pytest.fixture
    def blinks(self):
        return []

    @pytest.fixture
    def identify(self, tree, blinks):
        server = IdentifyServer(blinks.append)
        tree.add(endpoint(2, BRIDGED, server))
        return server

    def time(self, identify, context):
        return identify.read(IdentifyServer.ATTRIBUTES[0], context)

    async def test_it_counts_down_and_ends(self, identify, blinks, turned_clock, context):
        await identify.invoke(identify.COMMANDS[0], context, IdentifyRequest(identify_time=10))
        turned_clock.advance(3.5)
        assert self.time(identify, context) == 7
        assert blinks == [True]
        turned_clock.advance(7)
        assert self.time(identify, context) == 0
        assert blinks == [True, False]

    def test_only_what_a_client_sets_and_the_end_are_reported(self, identify, turned_clock, context, reports):
        attribute = IdentifyServer.ATTRIBUTES[0]
        identify.write(attribute, context, 5)
        identify.write(attribute, context, 10)
        turned_clock.advance(12)
        assert reports.of("identify_time") == [Urgency.NOW] * 3

    def test_zero_ends_it_and_a_second_zero_says_nothing(self, identify, blinks, context, reports):
        attribute = IdentifyServer.ATTRIBUTES[0]
        for value in (5, 0, 0):
            identify.write(attribute, context, value)
        assert blinks == [True, False]
        assert len(reports.of("identify_time")) == 2

    def test_leaving_the_node_ends_it(self, tree, identify, blinks, context):
        identify.write(IdentifyServer.ATTRIBUTES[0], context, 60)
        tree.remove(2)
        assert blinks == [True, False]

    def test_without_a_lamp_it_says_so_and_still_counts(self, tree, context):
        server = IdentifyServer()
        tree.add(endpoint(3, BRIDGED, server))
        assert server.identify_type.name == "NONE"
        server.write(IdentifyServer.ATTRIBUTES[0], context, 4)
        assert self.time(server, context) == 4


def test_labels(tree, context):
    fixed, user = FixedLabelServer({"room": "cellar"}), UserLabelServer()
    tree.add(endpoint(2, BRIDGED, fixed, user))
    assert fixed.label_list == (LabelStruct(label="room", value="cellar"),)
    attribute = UserLabelServer.ATTRIBUTES[0]
    user.write(attribute, context, (LabelStruct(label="phase", value="L2"),))
    with pytest.raises(StatusError) as error:
        user.write(attribute, context, (LabelStruct(label="a", value="b"),) * (CAPACITY + 1))
    assert error.value.status is Status.RESOURCE_EXHAUSTED
    assert user.label_list == (LabelStruct(label="phase", value="L2"),)
    with pytest.raises(StatusError):
        FixedLabelServer({"room": "x" * 17})
