"""Message counters: what is sent, what is new, what is a duplicate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matter_node.secure_channel.counters import (
    CounterExhausted,
    GroupWindow,
    SecuredWindow,
    SessionCounter,
    UnsecuredCounter,
    UnsecuredWindow,
)


def test_a_session_counter_starts_in_28_bits_and_ends(entropy):
    counter = SessionCounter(entropy)
    first = counter.next()
    assert 1 <= first <= 1 << 28
    assert counter.next() == first + 1
    counter._next = 0xFFFF_FFFF
    assert counter.next() == 0xFFFF_FFFF
    with pytest.raises(CounterExhausted):
        counter.next()


def test_the_unsecured_counter_rolls_over(entropy):
    counter = UnsecuredCounter(entropy)
    counter._next = 0xFFFF_FFFF
    assert [counter.next(), counter.next()] == [0xFFFF_FFFF, 0]


def test_a_secure_window_takes_each_counter_once():
    window = SecuredWindow()
    assert window.accept(100)
    assert not window.accept(100)
    assert window.accept(98)
    assert not window.accept(98)
    assert window.accept(132)
    assert not window.accept(100)
    assert window.accept(101)
    assert not window.accept(99)
    assert window.accept(1000)
    assert not window.accept(967)
    assert window.accept(968)


def test_a_secure_window_does_not_roll_over():
    window = SecuredWindow()
    assert window.accept(0xFFFF_FFFF)
    assert not window.accept(0)


def test_an_unsecured_window_follows_a_peer_that_starts_anew():
    window = UnsecuredWindow()
    assert window.accept(5000)
    assert not window.accept(5000)
    assert window.accept(10)
    assert not window.accept(10)
    assert window.accept(5001)
    assert window.accept(4999)
    assert not window.accept(4999)


def test_a_group_window_trusts_the_first_and_rolls_over():
    window = GroupWindow(0xFFFF_FFF0)
    assert not window.accept(0xFFFF_FFF0)
    assert not window.accept(0xFFFF_FFEF)
    assert window.accept(3)
    assert window.accept(0xFFFF_FFFF)
    assert not window.accept(3)
    assert not window.accept(0x8000_0000 + 4)


@pytest.mark.parametrize("window", [SecuredWindow, UnsecuredWindow, lambda: GroupWindow(5)])
@given(counters=st.lists(st.integers(0, 100), max_size=50))
def test_a_counter_near_the_last_is_never_taken_twice(window, counters):
    window = window()
    taken = []
    for counter in counters:
        if window.accept(counter):
            if taken and max(taken) - counter <= 32:
                assert counter not in taken[-32:] or isinstance(window, UnsecuredWindow)
            taken.append(counter)
    if isinstance(window, (SecuredWindow, GroupWindow)):
        assert len(set(taken)) == len(taken)
