"""Events that wait for a report: in order, bounded, and no cluster at another's cost."""

from types import SimpleNamespace

import pytest

from matter_node.interaction.pending_events import PendingEvents

RARE, CHATTY = 0x1F, 0x91


def record(number, cluster=RARE):
    return SimpleNamespace(number=number, cluster=cluster)


def numbers(records):
    return [item.number for item in records]


@pytest.fixture
def pending():
    return PendingEvents(capacity=3)


def test_all_are_taken_once_in_the_order_of_their_numbers(pending):
    for number, cluster in ((1, CHATTY), (2, RARE), (3, CHATTY), (4, RARE)):
        pending.add(record(number, cluster))
    assert len(pending) == 4
    assert numbers(pending.take()) == [1, 2, 3, 4]
    assert pending.take() == []
    assert not pending


def test_a_cluster_that_tells_much_pushes_out_its_own(pending):
    pending.add(record(1))
    for number in range(2, 100):
        pending.add(record(number, CHATTY))
    assert numbers(pending.take()) == [1, 97, 98, 99]


def test_what_did_not_arrive_goes_before_what_came_meanwhile(pending):
    for number in (1, 2):
        pending.add(record(number))
    sent = pending.take()
    pending.add(record(3))
    pending.restore(sent)
    assert numbers(pending.take()) == [1, 2, 3]


def test_of_too_many_the_oldest_give_way(pending):
    sent = [record(number) for number in (1, 2, 3)]
    pending.add(record(4))
    pending.add(record(5))
    pending.restore(sent)
    assert numbers(pending.take()) == [3, 4, 5]


def test_all_can_be_forgotten(pending):
    pending.add(record(1))
    pending.clear()
    assert len(pending) == 0
