"""Times of day at which something is due."""

from clusters.deadline import Deadline, is_past
from matter_node.clock import MATTER_EPOCH_OFFSET


def test_it_is_reached_once(turned_clock):
    reached = []
    deadline = Deadline(turned_clock, lambda: reached.append(turned_clock.now))
    deadline.wait(int(turned_clock.utc() + 10_000 - MATTER_EPOCH_OFFSET))
    turned_clock.advance(9_999)
    assert reached == []
    turned_clock.advance(3_600)
    assert reached == [11_000]


def test_a_clock_that_is_set_moves_it(turned_clock):
    reached = []
    deadline = Deadline(turned_clock, lambda: reached.append(turned_clock.now))
    deadline.wait(int(turned_clock.utc() + 50_000 - MATTER_EPOCH_OFFSET))
    turned_clock.epoch += 48_000
    turned_clock.advance(3_600)
    assert len(reached) == 1


def test_never_and_at_once(turned_clock):
    assert not is_past(None, turned_clock)
    assert is_past(0, turned_clock)
    turned_clock.epoch = None
    assert is_past(0, turned_clock)
    assert not is_past(1, turned_clock)
