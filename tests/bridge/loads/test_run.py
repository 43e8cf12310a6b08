"""How far a load is: what it has got, and when a program is over."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.run import OVERDUE, PERSON_S, QUIET_S, LoadRun, LoadState
from hw.reading import Reading

NOW = 1_782_000_000.0
HOUR = 3600


def reading(after, power_w=None, *, on=True, counter=None):
    time = datetime.fromtimestamp(NOW + after, UTC)
    return Reading("plug", time, power_w=power_w, connected=on, energy_imported_wh=counter)


def lived(run, *readings, rated_w=None):
    for each in readings:
        run = run.read(each, rated_w)
    return run


WANTED = LoadRun().wanted(NOW + 8 * HOUR, 1000.0, 2 * HOUR, NOW)


def test_the_counter_counts_over_any_gap_and_a_new_one_begins_anew():
    run = lived(WANTED, reading(0, 0.0, counter=5000.0), reading(HOUR, 0.0, counter=5400.0))
    assert run.taken_wh == 400
    assert lived(run, reading(HOUR + 60, 600.0, counter=12.0)).taken_wh == pytest.approx(410)


def test_without_a_counter_power_counts_but_not_over_a_gap():
    run = lived(WANTED, reading(0, 1200.0), reading(60, 1200.0))
    assert run.taken_wh == pytest.approx(20)
    assert lived(run, reading(5 * HOUR, 1200.0)).taken_wh == pytest.approx(60)


def test_a_load_that_measures_nothing_takes_what_it_is_rated_for_while_it_is_on():
    run = lived(
        WANTED, reading(0), reading(60), reading(120, on=False), reading(180, on=False), rated_w=600.0
    )
    assert run.taken_wh == pytest.approx(10)


def test_with_what_was_wanted_it_is_done():
    assert WANTED.state is LoadState.WAITING
    run = lived(WANTED, reading(0, counter=0.0), reading(60, counter=1000.0))
    assert run.state is LoadState.DONE
    assert run.wanted(NOW + 30 * HOUR, 1000.0, None, NOW).state is LoadState.WAITING
    assert LoadRun().state is LoadState.IDLE


@pytest.mark.parametrize(
    ("after", "readings"),
    [
        # Its time is over, and it rests.
        (2 * HOUR, [(60, 2000.0), (HOUR, 3.0), (2 * HOUR, 3.0)]),
        # It rests for long, sooner than usual.
        (1000 + QUIET_S, [(60, 2000.0), (500, 2000.0), (1000, 3.0), (1000 + QUIET_S, 3.0)]),
        # It takes longer than usual, but not for ever.
        (OVERDUE * 2 * HOUR, [(60, 2000.0), (3 * HOUR, 2000.0), (OVERDUE * 2 * HOUR, 2000.0)]),
    ],
)
def test_a_program_is_over(after, readings):
    run = lived(WANTED.began(NOW, None), *(reading(*each) for each in readings[:-1]))
    assert run.state is LoadState.RUNNING
    assert lived(run, reading(*readings[-1])).ended == NOW + after


def test_a_pause_is_not_the_end_of_a_program():
    run = lived(WANTED.began(NOW, None), reading(60, 2000.0), reading(600, 2.0), reading(1800, 2.0))
    assert run.state is LoadState.RUNNING


def test_a_machine_that_is_switched_off_has_ended_but_not_one_that_is_not_on_yet():
    begun = lived(WANTED, reading(-60, 0.0, on=False)).began(NOW, None)
    assert lived(begun, reading(1, 0.0, on=False)).state is LoadState.RUNNING
    run = lived(begun, reading(5, 2000.0), reading(600, 0.0, on=False))
    assert run.state is LoadState.DONE


@pytest.mark.parametrize(
    ("readings", "busy"),
    [
        # It was set and started a moment before it was said to be wanted, or a moment after: it is to wait.
        ([(-60, 3.0), (-30, 2000.0), (5, 2000.0)], False),
        ([(-60, 3.0), (5, 3.0), (20, 2000.0), (40, 2000.0)], False),
        # It was running already, or came on while nobody held it back.
        ([(-900, 3.0), (-800, 2000.0), (5, 2000.0)], True),
        ([(-60, 3.0), (500, 3.0), (600, 2000.0)], True),
        # Nobody looked for a while: it may have begun long ago.
        ([(-9000, 3.0), (5, 2000.0)], True),
        ([(-60, 3.0), (5, 3.0)], False),
    ],
)
def test_a_machine_in_the_middle_of_a_program_is_known(readings, busy):
    before = [reading(*each) for each in readings if each[0] < 0]
    later = [reading(*each) for each in readings if each[0] >= 0]
    run = lived(lived(LoadRun(), *before).wanted(NOW + 8 * HOUR, 1000.0, HOUR, NOW), *later)
    assert run.is_busy(NOW + readings[-1][0]) is busy


def test_what_a_person_switched_stands_until_the_deadline_at_most():
    assert WANTED.taken_by_hand(NOW, on=True).person_until == NOW + PERSON_S
    late = NOW + 7.5 * HOUR
    assert WANTED.taken_by_hand(late, on=True).person_until == WANTED.by
    # Whoever wants something by another time says so later than that.
    assert WANTED.taken_by_hand(NOW, on=False).wanted(NOW + 20 * HOUR, 1.0, None, NOW).person_until == 0


@given(st.lists(st.tuples(st.floats(0, 5000), st.booleans(), st.floats(1, 4000)), max_size=30))
def test_whatever_happens_it_survives_its_way_to_the_disk(events):
    run, time = WANTED.began(NOW, 3600.0), 0.0
    for power, on, seconds in events:
        time += seconds
        before, run = run, run.read(reading(time, power, on=on))
        assert run.taken_wh >= before.taken_wh
        assert LoadRun.from_json(run.to_json()) == run
    assert replace(run, by=0.0).state is LoadState.IDLE


@given(st.binary(max_size=40))
def test_what_is_no_run_is_refused(data):
    try:
        LoadRun.from_json(data)
    except (ValueError, TypeError, AttributeError):
        return
