"""Lifetime energy never runs backwards, and is never counted twice."""

from hypothesis import given
from hypothesis import strategies as st

from clusters.energy_counter import EnergyCounter
from clusters.measurement_accuracy import MOST_ENERGY


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


def followed(counter, *readings, **options):
    return [counter.follow(reading, **options) for reading in readings]


def test_more_than_can_have_been_counted_is_garbled_until_it_is_said_again_and_again():
    counter = EnergyCounter()
    assert followed(counter, 5_000_000, 50_000_000, 5_000_010, believable=1000) == [True, False, True]
    assert counter.total == 5_000_010
    jumps = followed(counter, 50_000_000, 50_000_010, 50_000_020, 50_000_030, believable=1000)
    assert jumps == [False, False, True, True]
    assert counter.total == 5_000_010 + 30, "a device does not count that in no time: it is another one"


def test_noise_is_no_agreement():
    counter = EnergyCounter()
    counter.follow(5_000_000)
    noise = (7, 90_000_000, 12, 50_000_000, 3, 70_000_000)
    assert not any(followed(counter, *noise, believable=1000))
    assert counter.total == 5_000_000


def test_what_the_device_counted_while_the_hub_was_away_is_added():
    counter = EnergyCounter()
    counter.follow(5_000_000)
    again = EnergyCounter.from_tlv(counter.to_tlv())
    assert followed(again, 95_000_000, 95_000_001, 95_000_002, believable=1000) == [False, False, True]
    assert again.total == 95_000_002


def test_a_counter_that_overflows_goes_on():
    modulus = 2**32 * 1000
    counter = EnergyCounter()
    counter.follow(modulus - 500)
    followed(counter, 300, 400, 500, 600, believable=5000, modulus=modulus)
    assert counter.total == modulus + 600
    followed(counter, 0, 700, believable=5000, modulus=modulus)
    assert counter.total == modulus + 700, "a single zero is no overflow"


def test_a_reset_is_no_overflow():
    modulus = 2**32 * 1000
    counter = EnergyCounter()
    counter.follow(5_000_000)
    followed(counter, 0, 10, 20, 30, believable=5000, modulus=modulus)
    assert counter.total == 5_000_030


def test_pieces_add_up_whatever_their_size():
    counter = EnergyCounter()
    for _ in range(1000):
        counter.add(0.3)
    counter.add(-5.0)
    assert counter.total in {299, 300}


def test_unreadable_state_starts_afresh():
    for stored in (b"", b"\xff", b"\x15\x18", b"\x04\x01", b"\x15\x24\x00\x05\x29\x01\x18"):
        assert EnergyCounter.from_tlv(stored).total == 0


@given(st.lists(st.integers(-(2**70), 2**70)))
def test_no_sequence_of_readings_runs_it_backwards(readings):
    counter = EnergyCounter()
    before = 0
    for index, reading in enumerate(readings):
        counter.follow(reading)
        assert before <= counter.total <= MOST_ENERGY
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
