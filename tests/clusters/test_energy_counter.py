"""Lifetime energy never runs backwards, and is never counted twice."""

from hypothesis import given
from hypothesis import strategies as st

from clusters.energy_counter import MAXIMUM, EnergyCounter


def after(*readings, counter=None):
    counter = counter or EnergyCounter()
    for reading in readings:
        counter.follow(reading)
    return counter.total


def test_it_starts_with_what_the_device_has_counted():
    assert after(5_000_000, 5_000_100) == 5_000_100


def test_a_garbled_reading_changes_nothing():
    assert after(5_000_000, 0, 5_000_100) == 5_000_100


def test_a_reset_counter_is_followed_from_where_it_was_noticed():
    assert after(5_000_000, 10, 20, 30, 40) == 5_000_000 + 30


def test_a_restart_goes_on_where_it_was():
    counter = EnergyCounter()
    after(100, 200, counter=counter)
    again = EnergyCounter.from_tlv(counter.to_tlv())
    assert after(250, counter=again) == 250


def test_unreadable_state_starts_afresh():
    for stored in (b"", b"\xff", b"\x15\x18", b"\x04\x01", b"\x15\x24\x00\x05\x29\x01\x18"):
        assert EnergyCounter.from_tlv(stored).total == 0


@given(st.lists(st.integers(-(2**70), 2**70)))
def test_no_sequence_of_readings_runs_it_backwards(readings):
    counter = EnergyCounter()
    before = 0
    for index, reading in enumerate(readings):
        counter.follow(reading)
        assert before <= counter.total <= MAXIMUM
        before = counter.total
        if index % 3 == 0:
            counter = EnergyCounter.from_tlv(counter.to_tlv())


@given(st.lists(st.integers(0, 10**9)), st.integers(0, 2))
def test_it_never_shows_more_than_the_device_counted(steps, garbled):
    """With a garbled reading or two thrown in, the total is what the device has counted."""
    counter, device = EnergyCounter(), 1000
    counter.follow(device)
    for step in steps:
        for _ in range(garbled):
            counter.follow(0)
        device += step
        counter.follow(device)
        assert counter.total == device
