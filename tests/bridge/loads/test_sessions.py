"""What cars took, and whether they are full: by readings of a charging point."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.sessions import KEPT, PATIENCE_S, Ended, Sessions, until_full, usual
from hw.reading import EvseReading, PlugState, Reading

NOW = 1_782_000_000.0
AWAY, WAITS, CHARGES, IDLE = (
    PlugState.NOT_CONNECTED,
    PlugState.DEMAND,
    PlugState.CHARGING,
    PlugState.NO_DEMAND,
)


def said(second, plug, session_wh=None, counter_wh=None):
    time = datetime.fromtimestamp(NOW + second, UTC)
    evse = EvseReading(plug=plug, session_energy_wh=session_wh)
    return Reading("acme-1", time, evse=evse, energy_imported_wh=counter_wh)


def lived(*readings, sessions=None):
    sessions = sessions or Sessions()
    for each in readings:
        sessions = sessions.read(said(*each))
    return sessions


def test_a_car_that_stops_by_itself_is_full_and_its_session_is_remembered():
    charged = lived((0, AWAY, 0), (10, WAITS, 0), (20, CHARGES, 0), (3600, CHARGES, 9000), (3610, IDLE, 9010))
    assert charged.now.full
    assert lived((4000, AWAY, 9010), sessions=charged) == Sessions((Ended(9010, True),))


def test_a_car_that_is_held_back_is_not_full_and_one_that_may_begin_has_a_moment():
    held = lived((0, CHARGES, 500), (10, WAITS, 600), (4000, WAITS, 600))
    assert not held.now.full
    woken = lived((4010, IDLE, 600), (4010 + PATIENCE_S - 1, IDLE, 600), sessions=held)
    assert not woken.now.full
    assert lived((4020 + PATIENCE_S, IDLE, 600), sessions=woken).now.full
    assert not lived((4030, CHARGES, 600), sessions=woken).now.full


def test_a_full_car_that_is_held_back_stays_full_until_it_charges_again():
    full = lived((0, CHARGES, 5000), (10, IDLE, 5000), (20, WAITS, 5000))
    assert full.now.full
    assert not lived((30, CHARGES, 5000), sessions=full).now.full


def test_what_the_charging_point_counts_in_its_life_serves_as_well():
    sessions = lived((0, WAITS, None, 70_000), (10, CHARGES, None, 70_000), (20, CHARGES, None, 77_000))
    assert sessions.now.taken_wh == 7000


def test_another_car_that_came_while_nobody_looked_is_another_session():
    sessions = lived((0, CHARGES, 8000), (9000, CHARGES, 100))
    assert sessions.past == (Ended(8000, False),)
    assert sessions.now.taken_wh == 100


def test_who_takes_next_to_nothing_says_nothing():
    assert lived((0, CHARGES, 10), (10, IDLE, 200), (20, AWAY, 200)).past == ()


def test_sessions_survive_a_restart_and_only_the_newest_are_kept():
    sessions = Sessions()
    for day in range(KEPT + 3):
        sessions = lived(
            (day * 100, CHARGES, 1000 + day), (day * 100 + 10, AWAY, 1000 + day), sessions=sessions
        )
    sessions = lived((9000, CHARGES, 30), sessions=sessions)
    assert [each.taken_wh for each in sessions.past] == [1000 + day for day in range(3, KEPT + 3)]
    assert Sessions.from_json(sessions.to_json()) == sessions


def test_the_middle_is_expected_and_room_is_kept_for_what_hardly_one_exceeds():
    past = [Ended(each * 1000.0, True) for each in (4, 5, 6, 7, 8, 9, 10, 11, 12, 30)]
    assert usual(past, 11_000) == (8500, 12_000, 10)


def test_sessions_that_somebody_broke_off_count_only_while_there_are_no_others():
    early = [Ended(2000.0, False)] * 5
    assert usual(early, 11_000).likely_wh == 2000
    assert usual([*early, *[Ended(9000.0, True)] * 3], 11_000) == (9000, 9000, 3)


def test_where_nobody_has_charged_the_power_tells():
    assert usual((), 11_000) == (22_000, 44_000, 0)
    assert usual((), 2300) == (4600, 9200, 0)


@given(st.lists(st.floats(500, 1e5), max_size=12), st.floats(1380, 22_000), st.floats(0, 2e5))
def test_a_car_that_is_not_full_always_needs_something(energies, power_w, taken_wh):
    known = usual([Ended(each, True) for each in energies], power_w)
    rest = until_full(taken_wh, known, power_w)
    assert rest.left_wh > 0
    assert rest.spare_wh >= 0
    # What it may need on the whole does not shrink while it charges.
    assert taken_wh + rest.left_wh + rest.spare_wh >= known.most_wh - 1e-6


@pytest.mark.parametrize(
    ("taken", "left", "spare"), [(0, 8, 4), (5, 3, 4), (7.5, 4.5, 0), (11, 1, 0), (11.5, 1.5, 0), (13, 1, 0)]
)
def test_as_it_takes_more_what_is_expected_of_it_grows(taken, left, spare):
    known = usual([Ended(8000.0, True)] * 5 + [Ended(12_000.0, True)] * 3, 2000)
    assert until_full(taken * 1000, known, 2000) == (left * 1000, spare * 1000)
