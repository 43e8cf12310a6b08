"""A level on its way: where it is at any time, and how long it takes yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.transition import Transition

LEVELS = st.integers(1, 254)
TIMES = st.floats(-10, 10_000)


def test_it_goes_at_an_even_rate():
    way = Transition(50, 200, began=1000, seconds=30)
    assert [way.level(1000 + seconds) for seconds in (0, 10, 20, 30, 40)] == [50, 100, 150, 200, 200]
    assert [way.tenths_left(1000 + seconds) for seconds in (0, 0.05, 29.95, 30, 40)] == [300, 300, 1, 0, 0]


def test_it_passes_nothing_below_the_lowest():
    way = Transition(101, 1, began=0, seconds=10, lowest=51)
    assert [way.level(seconds) for seconds in (0, 3, 5, 7, 9)] == [101, 71, 51, 51, 51]


@pytest.mark.parametrize("tenths", [1, 3, 7, 100, 65_534])
def test_the_time_that_is_left_starts_with_what_was_asked_for(tenths):
    assert Transition(1, 254, began=1234.567, seconds=tenths / 10).tenths_left(1234.567) == tenths


@given(LEVELS, LEVELS, st.floats(0.1, 6553.4), TIMES, TIMES)
def test_it_never_leaves_the_way_or_turns_back(start, target, seconds, one, other):
    way = Transition(start, target, began=0, seconds=seconds)
    sooner, later = sorted((one, other))
    direction = 1 if target >= start else -1
    assert min(start, target) <= way.level(sooner) <= max(start, target)
    assert way.level(later) * direction >= way.level(sooner) * direction
    assert way.tenths_left(sooner) >= way.tenths_left(later) >= 0
    assert way.level(way.ends) == target
