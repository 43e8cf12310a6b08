"""The node's endpoints: coming and going, and what outlives a restart."""

import pytest

from matter_node.entropy import SystemEntropy
from matter_node.model import (
    Bool,
    Cluster,
    Context,
    DeviceType,
    Endpoint,
    EventLog,
    ListOf,
    NodeTree,
    Priority,
    Struct,
    StructOf,
    UInt8,
    Utf8,
    attribute,
    event,
    member,
    struct,
)
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject


@struct
class Entry(Struct):
    text: str = member(0, Utf8(8))
    fabric_index: int = member(0xFE, UInt8)


class Lamp(Cluster):
    ID = 6
    on = attribute(0, Bool, quality="N", access="RW VO")
    dim = attribute(1, UInt8)
    entries = attribute(2, ListOf(StructOf(Entry)), quality="N", access="RW F VA")
    serial = attribute(3, Utf8(8), quality="N", conformance="O")
    loud = event(0, None, priority=Priority.DEBUG)
    normal = event(1, None, priority=Priority.INFO)
    grave = event(2, None, priority=Priority.CRITICAL)

    def __init__(self, **values):
        super().__init__(**values)
        self.life = []

    def attached(self):
        self.life.append("attached")

    def detached(self):
        self.life.append("detached")

    def tree_changed(self):
        self.life.append("tree changed")


class Descriptor(Cluster):
    ID = 0x1D


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def start(storage, clock):
    """Start a node on the storage."""

    def begin(*endpoints):
        tree = NodeTree(storage, clock, SystemEntropy())
        for endpoint in endpoints:
            tree.add(endpoint)
        return tree

    return begin


def lamp_at(number, lamp=None, **options):
    return Endpoint(number, [DeviceType(0x100, 3)], [lamp or Lamp()], **options)


def test_endpoints_are_in_the_order_of_their_numbers(start):
    tree = start(lamp_at(5), lamp_at(1), lamp_at(3))
    assert [endpoint.number for endpoint in tree] == [1, 3, 5]


def test_a_number_is_taken_once_and_a_parent_is_on_the_node(start):
    tree = start(lamp_at(1))
    with pytest.raises(ValueError, match="exists"):
        tree.add(lamp_at(1))
    with pytest.raises(ValueError, match="parent"):
        tree.add(lamp_at(2, parent=lamp_at(9)))
    assert [endpoint.number for endpoint in tree] == [1]


def test_of_many_endpoints_all_are_added_or_none(start):
    parent, first = Lamp(), Lamp()
    top = lamp_at(1, parent)
    tree = start(top)
    with pytest.raises(ValueError, match="exists"):
        tree.add(lamp_at(2, first, parent=top), lamp_at(3), lamp_at(1))
    with pytest.raises(ValueError, match="exists"):
        tree.add(lamp_at(2), lamp_at(2))
    assert [endpoint.number for endpoint in tree] == [1]
    assert top.children == []
    assert first.life == []


def test_a_cluster_that_cannot_take_up_work_takes_the_others_along(start):
    class Reluctant(Lamp):
        def attached(self):
            self.emit(self.loud)
            raise ValueError("not today")

    first = Lamp()
    top = lamp_at(1)
    tree = start(top)
    with pytest.raises(ValueError, match="not today"):
        tree.add(lamp_at(2, first, parent=top), lamp_at(3, Reluctant(), parent=top))
    assert first.life == ["attached", "detached"]
    assert [endpoint.number for endpoint in tree] == [1]
    assert top.children == []
    assert list(tree.events.since(0)) == []
    tree.add(lamp_at(2, parent=top))
    assert [endpoint.number for endpoint in top.children] == [2]


def test_a_cluster_is_on_an_endpoint_once():
    with pytest.raises(ValueError, match="twice"):
        Endpoint(1, [], [Lamp(), Lamp()])


def test_clusters_are_found_by_their_class():
    endpoint = lamp_at(1)
    assert isinstance(endpoint.cluster(Lamp), Lamp)
    with pytest.raises(KeyError):
        endpoint.cluster(Descriptor)


def test_children_go_with_their_parent(start):
    parent = lamp_at(1)
    child = lamp_at(2, parent=parent)
    grandchild = lamp_at(3, parent=child)
    tree = start(parent, child, grandchild)
    assert [endpoint.number for endpoint in parent.descendants()] == [2, 3]
    tree.remove(2)
    assert [endpoint.number for endpoint in tree] == [1]
    assert parent.children == []
    assert grandchild.cluster(Lamp).life[-1] == "detached"


def test_clusters_learn_of_their_life(start):
    lamp, root = Lamp(), Lamp()
    tree = start(lamp_at(0, root), lamp_at(1, lamp))
    tree.remove(1)
    assert lamp.life == ["attached", "detached"]
    assert root.life == ["attached", *["tree changed"] * 3]


def test_nonvolatile_values_outlive_a_restart(start):
    lamp = Lamp()
    start(lamp_at(1, lamp))
    lamp.on, lamp.dim = True, 9
    lamp.entries = (Entry(text="a", fabric_index=1),)
    again, elsewhere = Lamp(), Lamp()
    start(lamp_at(1, again), lamp_at(2, elsewhere))
    assert (again.on, again.dim, again.entries) == (True, 0, lamp.entries)
    assert (elsewhere.on, elsewhere.entries) == (False, ())


def test_what_its_maker_says_of_a_read_only_value_counts_more(start):
    lamp = Lamp(serial="old")
    start(lamp_at(1, lamp))
    lamp.serial = "older"
    again = Lamp(serial="new")
    start(lamp_at(1, again))
    assert again.serial == "new"


def test_what_the_server_counts_on_counts_more_than_where_it_began(start):
    class Counting(Lamp):
        KEPT = frozenset({"serial"})

    lamp = Counting(serial="1")
    start(lamp_at(1, lamp))
    lamp.serial = "2"
    again = Counting(serial="1")
    start(lamp_at(1, again))
    assert again.serial == "2"


@pytest.mark.parametrize("stored", [b"", b"\x04\x01", b"\x0c\x01x", b"\xff\xff"])
def test_a_stored_value_that_makes_no_sense_is_dropped(start, storage, stored):
    storage.put("attribute/1/6/0", stored)
    lamp = Lamp()
    start(lamp_at(1, lamp))
    assert lamp.on is False
    assert storage.scan("attribute/1/") == []


def test_an_endpoint_that_goes_for_good_leaves_nothing(start, storage):
    lamp = Lamp()
    tree = start(lamp_at(1, lamp), lamp_at(11))
    tree.endpoints[11].cluster(Lamp).on = True
    lamp.on = True
    lamp.emit(Lamp.normal)
    tree.remove(1)
    assert [key for key, _ in storage.scan("attribute/")] == ["attribute/11/6/0"]
    assert list(tree.events.since(0)) == []


def test_an_endpoint_may_go_for_a_while(start, storage):
    lamp = Lamp()
    tree = start(lamp_at(1, lamp))
    lamp.on = True
    tree.remove(1, forget=False)
    again = Lamp()
    tree.add(lamp_at(1, again))
    assert again.on is True


def test_a_fabric_that_goes_leaves_no_entries_and_no_events(start):
    lamp = Lamp()
    tree = start(lamp_at(1, lamp))
    lamp.entries = tuple(Entry(text="x", fabric_index=index) for index in (1, 2))
    lamp.emit(Lamp.normal, fabric_index=1)
    kept = lamp.emit(Lamp.normal, fabric_index=2)
    tree.fabric_removed(1)
    assert [entry.fabric_index for entry in lamp.entries] == [2]
    assert [record.number for record in tree.events.since(0)] == [kept]


# ---------------------------------------------------------------------- events


def test_event_numbers_never_come_again(storage, clock):
    numbers = []
    for _ in range(3):  # every start is one after a crash: nothing is said goodbye to
        log = EventLog(storage, clock)
        numbers += [log.record(1, 6, Lamp.normal, b"") for _ in range(3)]
    assert numbers == sorted(set(numbers))
    assert numbers[:3] == [1, 2, 3]


def test_numbers_are_reserved_ahead_of_their_use(storage, clock):
    log = EventLog(storage, clock)
    for _ in range(0x10000 + 1):
        last = log.record(1, 6, Lamp.loud, b"")
    assert EventLog(storage, clock).next_number > last


def test_when_room_is_short_each_priority_loses_its_own(storage, clock):
    log = EventLog(storage, clock, capacity=3)
    grave = [log.record(1, 6, Lamp.grave, b"") for _ in range(2)]
    loud = [log.record(1, 6, Lamp.loud, b"") for _ in range(10)]
    normal = [log.record(1, 6, Lamp.normal, b"") for _ in range(4)]
    assert [record.number for record in log.since(0)] == [*grave, *loud[-3:], *normal[-3:]]
    assert [record.number for record in log.since(normal[2])] == normal[2:]


def test_a_cluster_that_talks_much_silences_no_other(storage, clock):
    log = EventLog(storage, clock, capacity=3)
    rare = log.record(1, 6, Lamp.normal, b"")
    chatty = [log.record(1, 0x91, Lamp.normal, b"") for _ in range(10)]
    assert [record.number for record in log.since(0)] == [rare, *chatty[-3:]]


def test_an_event_bears_the_time_or_the_time_since_start(storage, clock, monkeypatch):
    log = EventLog(storage, clock)
    clock.advance(1.5)
    log.record(1, 6, Lamp.normal, b"")
    monkeypatch.setattr(clock, "utc", lambda: None)
    log.record(1, 6, Lamp.normal, b"")
    first, second = log.since(0)
    assert first.epoch_ms == int((1_800_000_000 + clock.now) * 1000)
    assert (second.epoch_ms, second.system_ms) == (None, 1500)


def test_listeners_hear_every_event(storage, clock):
    log, heard = EventLog(storage, clock), []
    log.listeners.append(lambda record: heard.append(record.number))
    numbers = [log.record(1, 6, Lamp.normal, b"") for _ in range(3)]
    assert heard == numbers


# ---------------------------------------------------------------------- requests


def test_what_waits_for_the_response_is_kept_in_order():
    context, done = Context(Subject(AuthMode.CASE, 3, 5), None), []
    context.after_response(lambda: done.append(1))
    context.after_response(lambda: done.append(2))
    assert context.fabric_index == 3
    assert done == []
    for callback in context.afterwards:
        callback()
    assert done == [1, 2]
