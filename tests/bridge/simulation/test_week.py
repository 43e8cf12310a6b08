"""The scenario week: the hub's brain, a virtual week, and what must hold in it.

Modules are read every 30 s, physics pass in steps of 10 s and plans are made every hour; around the outages
it is every 3 s and steps of 2 s, and while the meter lies every 10 s. A hub reads every second and plans
every five minutes: `ores-bridge simulate --scenario week --fine` lives so, and takes much longer.
"""

import re

import numpy as np
import pytest

from bridge.simulation.happenings import DAY, HOUR, LIES, NIGHT, NOON, OUTAGES, WEEK, happenings
from bridge.simulation.watch import CONDITIONS, TICK
from bridge.simulation.week import live_week

pytestmark = pytest.mark.timeout(600)
"""It takes half a minute where nobody else wants the processor."""
CAPACITY_WH, POWER_W, FLOOR, EFFICIENCY = 7000.0, 3000.0, 0.10, 0.96
SURGE = 2.0
"""Times its power that the battery carries for a few seconds."""


@pytest.fixture(scope="module")
def week():
    return live_week()


def told(week, begin, end):
    return [(time, what) for time, what in week.told if begin <= time < end]


def between(week, begin, end):
    return [what for _, what in told(week, begin, end)]


def test_the_whole_week_was_lived_and_looked_at(week):
    assert week.looks == pytest.approx(WEEK / TICK, abs=2)
    assert [what for _, what in week.told if what in {each.what for each in happenings()}] == [
        each.what for each in sorted(happenings(), key=lambda each: each.at)
    ]
    assert len(week.outages) == pytest.approx(sum(end - begin for begin, end in OUTAGES) / TICK, abs=4)
    assert week.plans > 0.9 * (WEEK - sum(end - begin for begin, end in OUTAGES)) / 3600


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_must_hold_held(week, condition):
    assert [each for each in week.breaches if each.name == condition] == []


# ---------------------------------------------------------------- critical load


def most_served_s(instants):
    """Return for how long the household alone could have been supplied, whatever was decided.

    Every decision at every instant, supply or go dark, for each of 7000 levels of energy, from the last
    instant to the first. The sun fills the battery as far as it fits, the rest is given away. Heaters wait.
    """
    usable = CAPACITY_WH * (1 - FLOOR)
    levels = np.linspace(0.0, usable, 7001)
    served = np.zeros(len(levels))
    for each in reversed(instants):
        net = each.wanted_w - each.sun_w
        flow = -net * EFFICIENCY if net < 0 else -net / EFFICIENCY
        after = levels + np.clip(flow, -np.inf, POWER_W * EFFICIENCY) * TICK / 3600
        possible = (after >= 0) & (net <= SURGE * POWER_W)
        supply = TICK + np.interp(np.clip(after, 0, usable), levels, served)
        served = np.where(possible, np.maximum(supply, served), served)
    held = max(instants[0].stored_wh - FLOOR * CAPACITY_WH, 0.0)
    return float(np.interp(held, levels, served))


@pytest.mark.parametrize(("begin", "end"), OUTAGES, ids=["by night", "by day"])
def test_the_household_had_power_whenever_physics_allowed_it(week, begin, end):
    outage = [each for each in week.outages if begin <= each.time < end]
    served = sum(TICK for each in outage if each.live)
    assert most_served_s(outage) > 0.9 * (end - begin), "there is something to be served"
    assert served >= most_served_s(outage)


def test_dispatch_by_brute_force_finds_what_cannot_be():
    """The judge is judged: with an empty battery, or more load than it carries, less could be served."""
    from bridge.simulation.watch import Instant

    def outage(wanted_w, sun_w, stored_wh, count=360):
        return [Instant(TICK * n, wanted_w, sun_w, 0.0, stored_wh, live=True) for n in range(count)]

    hour = 3600.0
    assert most_served_s(outage(500, 0, CAPACITY_WH)) == hour
    assert most_served_s(outage(500, 600, FLOOR * CAPACITY_WH)) == hour
    assert most_served_s(outage(500, 0, FLOOR * CAPACITY_WH)) == 0
    assert most_served_s(outage(7000, 0, CAPACITY_WH)) == 0
    half = FLOOR * CAPACITY_WH + 500 * 0.5 / EFFICIENCY
    assert most_served_s(outage(500, 0, half)) == pytest.approx(hour / 2, rel=0.02)
    dark, light = outage(1000, 0, half, 90), outage(1000, 3000, half, 90)
    assert most_served_s(dark + light) == pytest.approx(1800, rel=0.02)


def test_what_could_wait_was_switched_off_before_the_battery_gave_up(week):
    """Two water heaters and the household are more than the battery carries."""
    bath = next(time for time, what in week.told if "baths" in what)
    (first, what), *_ = ((time, what) for time, what in told(week, bath, NIGHT[1]) if "goes off" in what)
    assert "cannot carry" in what
    assert first - bath < 10, "it gives up after 10 s of overload"
    assert week.blackouts == 0


@pytest.mark.parametrize(("begin", "end"), OUTAGES, ids=["by night", "by day"])
def test_after_an_outage_every_load_has_power_again_and_the_plan_goes_on(week, begin, end):
    during = between(week, begin, end + HOUR)
    assert during[0] == "the grid goes"
    assert during[1] == "the home is island: the grid is gone"
    off = [what.split(" goes off")[0] for what in during if " goes off" in what]
    back = [what.split(" has power")[0] for what in during if re.match("Plug .* has power again", what)]
    assert sorted(off) == sorted(back)
    assert during[-1] == "the home is federated: every load has power again"
    assert "no plan is carried out: the grid is gone" in during


# ---------------------------------------------------------------- what else happens


def test_an_outage_is_noticed_within_seconds(week):
    for begin, _ in OUTAGES:
        noticed = next(time for time, what in told(week, begin, begin + HOUR) if "home is island" in what)
        assert noticed - begin < 10


def test_the_plan_steps_back_while_the_meter_is_silent_and_says_so(week):
    silent = 5 * DAY + 13 * HOUR
    said = [what for what in between(week, silent, silent + HOUR) if "no plan is carried out" in what]
    assert len(said) == 1
    assert re.search("Meter .* does not answer", said[0])


def test_without_new_prices_people_are_told_and_the_plan_goes_on(week):
    lost, found = 4 * DAY + 20 * HOUR, 6 * DAY + 8 * HOUR
    said = [what for what in between(week, lost, found + HOUR) if what.startswith("the feed of price")]
    assert len(said) == 2
    assert re.search("is lost: .* does not answer; known until", said[0])
    assert said[1] == "the feed of price is well"
    quiet = between(week, lost + HOUR, 5 * DAY + 9 * HOUR)
    assert quiet == [], "it goes on with the prices that are known, and then with the usual ones"
    assert not any("no plan" in what for what in between(week, 5 * DAY + 14 * HOUR, found))


def test_a_dead_inverter_is_doubted_until_it_gives_again(week):
    dead, repaired = 2 * DAY + 11 * HOUR, 3 * DAY + 11 * HOUR
    ((doubted, first),) = told(week, dead + 1, repaired)
    assert re.match("Micro .* is doubted: GIVES_NOTHING", first)
    assert doubted - dead < 300
    (believed, *_) = between(week, repaired + 1, repaired + HOUR)
    assert re.match("Micro .* is believed again: GIVES_NOTHING", believed)


def test_a_meter_that_stands_still_is_doubted_and_nothing_is_carried_out_by_it(week):
    begin, end = LIES[0]
    during = told(week, begin + 1, end)
    # What is switched meanwhile may contradict it before it is seen to stand still.
    assert re.match("Meter .* is doubted: (STANDS_STILL|CONTRADICTED)", during[0][1])
    assert any(re.match("Meter .* is doubted: STANDS_STILL", what) for _, what in during)
    assert during[0][0] - begin < 300
    assert any("no plan is carried out: Meter" in what and "cannot be believed" in what for _, what in during)
    assert any(
        re.match("Meter .* is believed again: STANDS_STILL", what) for what in between(week, end, end + HOUR)
    )


def test_a_meter_that_reads_a_tenth_is_doubted_by_what_the_battery_is_told_and_proves_itself(week):
    begin, end = LIES[1]
    doubts = [(time, what) for time, what in told(week, begin, end + HOUR) if "OUT_OF_STEP" in what]
    assert [re.sub("Meter .* is", "Meter is", what) for _, what in doubts] == [
        "Meter is doubted: OUT_OF_STEP",
        "Meter is believed again: OUT_OF_STEP",
    ]
    assert doubts[0][0] < end < doubts[1][0]
    found = [re.search(r"([\d.]+) times what it should", what) for what in between(week, begin, end)]
    assert [float(each[1]) for each in found if each] == [pytest.approx(0.1, rel=0.2)]


def test_the_week_has_a_night_and_a_day_without_the_grid():
    assert NIGHT[0] % DAY > 20 * HOUR
    assert 8 * HOUR < NOON[0] % DAY < NOON[1] % DAY < 18 * HOUR
