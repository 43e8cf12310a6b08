"""Clusters: which elements an instance has, how values change, and their ready-made reports."""

from enum import IntFlag

import pytest

from matter_node.codec import tlv
from matter_node.entropy import SystemEntropy
from matter_node.model import (
    Bool,
    Cluster,
    Context,
    Endpoint,
    ListOf,
    NodeTree,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    Urgency,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

READER = Context(Subject(AuthMode.CASE, 1, 5), None)
GLOBALS = [0xFFF8, 0xFFF9, 0xFFFB, 0xFFFC, 0xFFFD]


@struct
class Turned(Struct):
    on: bool = member(0, Bool)


@struct
class Entry(Struct):
    text: str = member(0, Utf8(8))
    fabric_index: int = member(0xFE, UInt8)


class Lamp(Cluster):
    ID, REVISION = 6, 3

    class Feature(IntFlag):
        DIM = 1
        COLOUR = 2

    on = attribute(0, Bool, quality="N")
    level = attribute(1, UInt8.between(0, 100), conformance="DIM", quality="Q", access="RW VO")
    hue = attribute(2, Nullable(UInt8), conformance="[COLOUR]", quality="Q")
    name = attribute(3, Utf8(16), conformance="O", quality="N", access="RW VM")
    hours = attribute(4, UInt16, conformance="O", quality="C")
    seen = attribute(5, UInt16, conformance="O")
    entries = attribute(6, ListOf(StructOf(Entry)), conformance="O", access="RW F VA")
    scenes = attribute(7, ListOf(UInt16), conformance="O")
    toggle = command(0)
    dim = command(1, conformance="DIM")
    blink = command(2, conformance="O")
    turned = event(0, Turned, priority=Priority.INFO)
    faded = event(1, None, priority=Priority.DEBUG, conformance="DIM")


class LampServer(Lamp):
    def handle_toggle(self, context):
        self.on = not self.on

    def handle_dim(self, context):
        pass


class CuriousLampServer(LampServer):
    """One more attribute and command, because it can."""

    reads = 0

    def read_seen(self, context):
        self.reads += 1
        return self.reads

    async def handle_blink(self, context):
        pass


class Listener:
    def __init__(self):
        self.heard = []

    def attribute_changed(self, endpoint, cluster, attribute_id, urgency):
        self.heard.append((endpoint.number, attribute_id, urgency))

    def structure_changed(self):
        self.heard.append("structure")


@pytest.fixture
def tree(clock):
    return NodeTree(MemoryStorage(), clock, SystemEntropy())


@pytest.fixture
def placed(tree):
    """Put a lamp on a node; return it with what a listener hears."""

    def place(server):
        tree.add(Endpoint(4, [], [server]))
        listener = Listener()
        tree.listeners.append(listener)
        return server, listener.heard

    return place


# ---------------------------------------------------------------------- shapes


def test_features_and_given_values_decide_what_is_there():
    assert list(LampServer().shape.attributes) == [0, *GLOBALS]
    assert list(LampServer(features=1).shape.attributes) == [0, 1, *GLOBALS]
    assert list(LampServer(features=2).shape.attributes) == [0, *GLOBALS]
    assert list(LampServer(features=2, hue=None, name="x").shape.attributes) == [0, 2, 3, *GLOBALS]
    assert list(CuriousLampServer().shape.attributes) == [0, 5, *GLOBALS]


def test_commands_and_events_follow_features_and_handlers():
    assert list(LampServer().shape.commands) == [0]
    assert list(LampServer(features=1).shape.commands) == [0, 1]
    assert list(CuriousLampServer().shape.commands) == [0, 2]
    assert list(LampServer().shape.events) == [0]
    assert list(LampServer(features=1).shape.events) == [0, 1]


def test_an_optional_event_is_there_if_the_server_reports_it():
    class Bell(Cluster):
        ID = 0xFFF1FC20
        rung = event(0, priority=Priority.INFO)
        cracked = event(1, priority=Priority.INFO, conformance="O")

    class FragileBell(Bell):
        OPTIONAL_EVENTS = frozenset({Bell.cracked})

    assert list(Bell().shape.events) == [0]
    assert list(FragileBell().shape.events) == [0, 1]


def test_globals_tell_what_is_there():
    lamp = CuriousLampServer(features=1)
    assert lamp.value(0xFFFB) == (0, 1, 5, *GLOBALS)
    assert lamp.value(0xFFF9) == (0, 1, 2)
    assert lamp.value(0xFFF8) == ()
    assert lamp.value(0xFFFC) == 1
    assert lamp.value(0xFFFD) == 3


def test_instances_that_are_alike_share_a_shape():
    assert LampServer(name="a").shape is LampServer(name="b").shape
    assert LampServer().shape is not CuriousLampServer().shape


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"level": 5}, "not allowed"),
        ({"colour": 5}, "has no attribute"),
        ({"features": 4}, "has no features"),
    ],
)
def test_what_the_cluster_cannot_have_is_a_mistake(values, complaint):
    with pytest.raises(TypeError, match=complaint):
        LampServer(**values)


def test_a_mandatory_command_needs_its_handler():
    with pytest.raises(TypeError, match="handle_toggle"):
        Lamp()


# ---------------------------------------------------------------------- values


def test_attributes_read_and_set_like_python_s_own():
    lamp = LampServer(features=1, name="desk")
    assert (lamp.on, lamp.level, lamp.name) == (False, 0, "desk")
    lamp.level = 40
    assert lamp.level == 40
    assert lamp.has(Lamp.level)
    assert not lamp.has(Lamp.hue)


def test_a_bad_value_leaves_the_old_one():
    lamp = LampServer(features=1)
    with pytest.raises(StatusError):
        lamp.level = 101
    assert lamp.level == 0


def test_what_is_not_there_can_be_neither_read_nor_set():
    lamp = LampServer()
    with pytest.raises(AttributeError):
        _ = lamp.level
    with pytest.raises(AttributeError):
        lamp.level = 3


def test_a_change_counts_and_the_same_value_again_does_not(placed):
    lamp, heard = placed(LampServer(features=1))
    version = lamp.data_version
    lamp.on = True
    assert lamp.data_version == (version + 1) % (1 << 32)
    lamp.on = True
    assert lamp.data_version == (version + 1) % (1 << 32)
    lamp.level = 7
    assert lamp.data_version == (version + 2) % (1 << 32)
    assert heard == [(4, 0, Urgency.NOW), (4, 1, Urgency.QUIET)]


def test_changes_that_nobody_looked_between_are_one_version(placed):
    lamp, _ = placed(LampServer(features=1))
    version = lamp.data_version
    lamp.on = True
    lamp.level = 7
    assert lamp.data_version == (version + 1) % (1 << 32)


def test_the_changes_of_two_requests_are_two_versions(placed, tree):
    lamp, _ = placed(LampServer(features=1))
    version = lamp.data_version
    for on, level in ((True, 7), (False, 8)):
        tree.begin_transaction()
        lamp.on, lamp.level = on, level
    assert lamp.data_version == (version + 2) % (1 << 32)


def test_a_version_that_was_told_never_stands_for_other_values(placed):
    lamp, _ = placed(LampServer(features=1))
    told = {}
    for step in range(6):
        lamp.level = step
        lamp.on = step % 2 == 0
        if step % 3:
            version, _, value = decoded(lamp.report(1, READER, fabric_filtered=True))
            assert told.setdefault(version, value) == value
    assert len(told) == 4


def test_a_value_that_cannot_be_stored_is_not_taken(placed, tree, monkeypatch):
    lamp, heard = placed(LampServer())
    monkeypatch.setattr(tree.storage, "put", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lamp.on = True
    assert lamp.on is False
    assert heard == []


def test_the_version_starts_anywhere_and_wraps(placed):
    lamp, _ = placed(LampServer())
    lamp.data_version = 0xFFFF_FFFF
    lamp.on = True
    assert lamp.data_version == 0


def test_how_soon_a_change_is_told(placed):
    lamp, heard = placed(LampServer(features=2, hue=None, hours=1))
    lamp.hue = 5  # from null: now
    lamp.hue = 6
    lamp.hue = None
    lamp.hours = 2  # quality C: not at all
    assert heard == [(4, 2, Urgency.NOW), (4, 2, Urgency.QUIET), (4, 2, Urgency.NOW)]


# ---------------------------------------------------------------------- reports


def decoded(report):
    data = tlv.decode(report)[1]
    return data[0], dict(data[1]), data[2]


def test_a_report_names_its_place_and_version(placed):
    lamp, _ = placed(LampServer())
    assert decoded(lamp.report(0, READER, fabric_filtered=True)) == (
        lamp.data_version,
        {2: 4, 3: 6, 4: 0},
        False,
    )


def test_a_report_is_kept_until_its_value_changes(placed):
    lamp, _ = placed(LampServer(features=1))
    before = lamp.report(0, READER, fabric_filtered=True)
    assert lamp.report(0, READER, fabric_filtered=True) == before
    lamp.level = 3
    version, path, value = decoded(lamp.report(0, READER, fabric_filtered=True))
    assert (version, path[4], value) == (lamp.data_version, 0, False)
    lamp.on = True
    assert decoded(lamp.report(0, READER, fabric_filtered=True))[2] is True


def test_a_computed_value_is_asked_for_each_time(placed):
    lamp, _ = placed(CuriousLampServer())
    assert [decoded(lamp.report(5, READER, fabric_filtered=True))[2] for _ in range(3)] == [1, 2, 3]


def test_a_fabric_scoped_list_is_made_for_each_reader(placed):
    lamp, _ = placed(LampServer(entries=(Entry(text="a", fabric_index=1), Entry(text="b", fabric_index=2))))
    other = Context(Subject(AuthMode.CASE, 2, 5), None)
    assert decoded(lamp.report(6, READER, fabric_filtered=True))[2] == [{0: "a", 0xFE: 1}]
    assert decoded(lamp.report(6, other, fabric_filtered=True))[2] == [{0: "b", 0xFE: 2}]
    assert len(decoded(lamp.report(6, READER, fabric_filtered=False))[2]) == 2


def test_a_long_list_can_be_told_entry_by_entry(placed):
    lamp, _ = placed(LampServer(scenes=(7, 8)))
    whole, *items = (decoded(item) for item in lamp.report_items(7, READER, fabric_filtered=True))
    assert whole == (lamp.data_version, {2: 4, 3: 6, 4: 7}, [])
    assert items == [(lamp.data_version, {2: 4, 3: 6, 4: 7, 5: None}, scene) for scene in (7, 8)]
    with pytest.raises(TypeError):
        lamp.report_items(0, READER, fabric_filtered=True)


# ---------------------------------------------------------------------- writes, commands, events


def test_a_fabric_replaces_its_own_entries_alone():
    lamp = LampServer(entries=(Entry(text="a", fabric_index=1), Entry(text="b", fabric_index=2)))
    lamp.write(Lamp.entries, READER, (Entry(text="c", fabric_index=1),))
    assert [entry.text for entry in lamp.entries] == ["b", "c"]
    lamp.fabric_removed(2)
    assert [entry.text for entry in lamp.entries] == ["c"]


def test_a_server_may_take_writes_itself():
    class Shouting(LampServer):
        def write_name(self, context, value):
            self.name = value.upper()

    lamp = Shouting(name="")
    lamp.write(Lamp.name, READER, "desk")
    assert lamp.name == "DESK"


async def test_handlers_may_be_plain_or_asynchronous():
    lamp = CuriousLampServer()
    assert await lamp.invoke(Lamp.toggle, READER, None) is None
    assert lamp.on is True
    assert await lamp.invoke(Lamp.blink, READER, None) is None


async def test_a_handler_that_forgets_its_response_fails():
    class Asking(Cluster):
        ID = 9
        ask = command(0, None, Turned, response_id=1)

        def handle_ask(self, context):
            return None

    server = Asking()
    with pytest.raises(StatusError) as caught:
        await server.invoke(Asking.ask, READER, None)
    assert caught.value.status is Status.FAILURE


def test_events_are_recorded_for_the_node(placed, tree):
    lamp, _ = placed(LampServer())
    number = lamp.emit(Lamp.turned, Turned(on=True))
    (record,) = tree.events.since(0)
    assert (record.number, record.endpoint, record.cluster, record.event) == (number, 4, 6, Lamp.turned)
    assert tlv.decode(b"\x15" + record.data + b"\x18") == {7: {0: True}}
    assert lamp.emit(Lamp.faded) is None  # without the feature there is no such event
    assert LampServer().emit(Lamp.turned, Turned(on=True)) is None  # on no node there is nobody to tell
