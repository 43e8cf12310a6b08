"""BooleanState: a state, and an event for each change of it."""

import pytest

from clusters.boolean_state import BooleanStateServer
from clusters.definitions.boolean_state import BooleanState
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint, NodeTree, Priority, Urgency

SENSOR = DeviceType(0x15, 2)


def put(tree, number=2):
    server = BooleanStateServer(state=True)
    tree.add(Endpoint(number, [SENSOR], [server]))
    return server


def changes(tree):
    return [
        tlv.decode(b"\x15" + record.data[2:])[0]
        for record in tree.events.since(0)
        if record.event is BooleanState.state_change
    ]


@pytest.fixture
def contact(tree):
    return put(tree)


def test_it_shows_what_it_was_made_with_and_says_nothing_of_it(tree, contact):
    assert contact.state_value is True
    assert changes(tree) == []


def test_each_change_is_reported_and_an_event(tree, contact, reports):
    for state in (False, False, True, True, False):
        contact.show(state)
    assert contact.state_value is False
    assert reports.of("state_value") == [Urgency.NOW] * 3
    assert changes(tree) == [False, True, False]
    assert {record.event.priority for record in tree.events.since(0)} == {Priority.INFO}


def test_a_start_is_no_change(tree, contact, memory, turned_clock):
    contact.show(False)
    again = NodeTree(memory, turned_clock, tree.entropy)
    restored = put(again)
    assert restored.state_value is False
    restored.show(False)
    assert changes(again) == []


def test_an_endpoint_that_goes_leaves_nothing(tree, contact, memory):
    contact.show(False)
    tree.remove(2)
    assert memory.scan("boolean-state/") == []
    assert put(tree).state_value is True
