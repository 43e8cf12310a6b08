"""What relays and cars are told, whatever a plan flickers between."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.asked import LoadStep
from bridge.loads.charging import LEAST, START_S, STOP_S, Bounds, Charging, steadied, wanted_current
from bridge.loads.switching import LeastTimes, settled
from optimizer.reason import ReasonCode

BOUNDS = Bounds(690.0, 6.0, 16.0)
ticks = st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=60)


def switched(changes):
    """How long each state lasted, but for the first, of which nobody saw the beginning, and the last."""
    return [(on, later - time) for (time, on), (later, _) in pairwise(changes)]


@given(ticks, st.integers(0, 1800), st.integers(0, 1800))
def test_a_load_stays_on_and_off_for_its_least_times(wishes, on_s, off_s):
    least = LeastTimes(on_s, off_s)
    now, on, since, changes = 0.0, None, None, []
    for wanted, seconds in wishes:
        told = settled(wanted, on, since, now, least)
        if told is not on:
            since = now if on is not None else None
            if since is not None:
                changes.append((now, told))
            on = told
        now += seconds
    assert all(lasted >= (on_s if on else off_s) for on, lasted in switched(changes))


@given(ticks)
def test_without_least_times_a_load_does_what_is_wanted(wishes):
    on, since, now = False, 0.0, 0.0
    for wanted, seconds in wishes:
        told = settled(wanted, on, since, now, LeastTimes())
        assert told is wanted
        on, since, now = told, now, now + seconds


@given(st.lists(st.tuples(st.integers(0, 32), st.booleans(), st.integers(1, 120)), max_size=80))
def test_a_car_is_offered_whole_amperes_within_bounds_and_not_switched_too_soon(wishes):
    now, charging, changes = 0.0, Charging(0, 0.0), []
    for amperes, by_sun, seconds in wishes:
        wanted = min(amperes, 16) if amperes >= 6 else 0
        after = steadied(charging, wanted, now, BOUNDS, by_sun=by_sun)
        assert after.current_a == 0 or 6 <= after.current_a <= 16
        if (after.current_a > 0) is not (charging.current_a > 0):
            changes.append((now, after.current_a > 0))
        charging, now = after, now + seconds
    assert all(lasted >= min(LEAST.on_s, LEAST.off_s) for _, lasted in switched(changes))


def test_a_cloud_that_passes_pauses_no_car_and_a_gap_in_the_clouds_starts_none():
    charging = Charging(10, 0.0)
    for now in range(1000, 1000 + int(STOP_S) - 10, 10):
        charging = steadied(charging, 0, now, BOUNDS, by_sun=True)
        assert charging.current_a == 6
    charging = steadied(charging, 9, 1000 + STOP_S, BOUNDS, by_sun=True)
    assert charging == Charging(9, 0.0)
    paused = Charging(0, 0.0)
    for now in range(1000, 1000 + int(START_S), 10):
        paused = steadied(paused, 8, now, BOUNDS, by_sun=True)
        assert paused.current_a == 0
    assert steadied(paused, 8, 1000 + START_S, BOUNDS, by_sun=True).current_a == 8


def step(power_w, code, *, on=True):
    return LoadStep(power_w, on, code, "Because.")


def test_the_plan_says_how_much_and_the_sun_says_it_where_the_plan_wants_sun():
    cheap, sun = step(8000.0, ReasonCode.RUN_CHEAP), step(8000.0, ReasonCode.RUN_SUN)
    waits = step(0.0, ReasonCode.WAIT_SUN, on=False)
    assert wanted_current(cheap, BOUNDS, 0.0, follows_sun=False) == (12, False)
    assert wanted_current(step(2500.0, ReasonCode.RUN_CHEAP), BOUNDS, 0.0, follows_sun=False) == (6, False)
    assert wanted_current(sun, BOUNDS, 5000.0, follows_sun=False) == (7, True)
    assert wanted_current(sun, BOUNDS, 4000.0, follows_sun=False) == (0, True)
    assert wanted_current(waits, BOUNDS, 9000.0, follows_sun=False) == (0, False)
    # Whoever chose sun takes all that is left over, and more than is planned.
    assert wanted_current(waits, BOUNDS, 9000.0, follows_sun=True) == (13, True)
    assert wanted_current(cheap, BOUNDS, 11_040.0, follows_sun=True) == (16, False)
