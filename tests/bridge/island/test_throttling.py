"""What a car may take in an island, instant by instant: examples."""

from dataclasses import replace

import pytest

from bridge.island.decision import decide
from bridge.island.memory import Cause, Memory, Throttle
from bridge.island.mode import HomeMode
from bridge.island.settings import IslandSettings
from bridge.island.situation import Currents, Load, Situation, Source, Store

SETTINGS = IslandSettings()
ISLAND = Memory(mode=HomeMode.ISLAND, lost_at=0.0)
ONE_PHASE, THREE_PHASES = Currents(230.0, 6, 16), Currents(690.0, 6, 16)


def car(power, priority=2, currents=ONE_PHASE):
    return Load("car", priority, power, 3680.0, True, currents)


def at(now, net_w, *loads, soc=80.0, sun=0.0, discharge=3000.0, hertz=None):
    store = Store("battery", now, soc, 10_000.0, -net_w, 3000.0, discharge)
    sources = (Source("roof", -sun, 6000.0),) if sun else ()
    return Situation(now, 0.0, (store,), loads, sources, frequency_off_hz=hertz)


def current(decision):
    return decision.memory.throttles["car"].current_a


def test_a_car_that_is_too_much_has_the_least_and_stays_on():
    decision = decide(ISLAND, at(1.0, 4000, car(3680)), SETTINGS)
    assert (current(decision), decision.shed) == (6, ())


def test_where_the_least_is_too_much_it_goes_off_and_comes_back_with_that():
    decision = decide(ISLAND, at(1.0, 5000, car(4600, currents=THREE_PHASES)), SETTINGS)
    (shed,) = decision.shed
    assert (shed.cause, shed.expected_w) == (Cause.OVERLOAD, 6 * 690)


def test_others_stay_on_that_the_car_makes_room_for_and_go_off_where_it_is_not_enough():
    heater = Load("heater", 1, 1500.0, 1500.0)
    assert decide(ISLAND, at(1.0, 4900, car(3680), heater), SETTINGS).shed == ()
    decision = decide(ISLAND, at(1.0, 5500, car(3680), heater), SETTINGS)
    assert [each.load for each in decision.shed] == ["heater"]


def test_a_car_that_does_not_follow_goes_off():
    first = decide(ISLAND, at(1.0, 4000, car(3680)), SETTINGS)
    assert decide(first.memory, at(5.0, 4000, car(3680)), SETTINGS).shed == ()
    later = decide(first.memory, at(6.5, 4000, car(3680)), SETTINGS)
    assert [each.load for each in later.shed] == ["car"]


def test_what_the_batteries_could_carry_is_not_for_a_car_unless_it_is_critical():
    memory = replace(ISLAND, throttles={"car": Throttle(6, 0.0)})
    assert current(decide(memory, at(60.0, 1500, car(1380)), SETTINGS)) == 6
    # 2.4 kW with a fifth to spare, less 0.12 kW of other loads, are 9 A.
    assert current(decide(memory, at(60.0, 1500, car(1380, priority=9)), SETTINGS)) == 9


@pytest.mark.parametrize(
    ("soc", "filled", "amperes"), [(93.9, False, 6), (94.0, False, 12), (88.0, True, 12), (87.9, True, 6)]
)
def test_nearly_full_batteries_leave_the_sun_to_the_car_until_they_are_clearly_less(soc, filled, amperes):
    memory = replace(ISLAND, throttles={"car": Throttle(6, 0.0)}, filled=filled)
    situation = at(60.0, -1400, car(1380), soc=soc, sun=3000)
    assert current(decide(memory, situation, SETTINGS)) == amperes


def test_a_cloud_has_the_current_fall_at_once_and_sun_has_it_rise_after_a_while():
    memory = replace(ISLAND, throttles={"car": Throttle(12, 0.0)}, filled=True)
    fallen = decide(memory, at(40.0, 900, car(2760), soc=95.0, sun=2000), SETTINGS)
    assert current(fallen) == 8
    soon = decide(fallen.memory, at(60.0, -1400, car(1840), soc=95.0, sun=3300), SETTINGS)
    assert current(soon) == 8
    assert current(decide(soon.memory, at(71.0, -1400, car(1840), soc=95.0, sun=3300), SETTINGS)) == 14


def test_sun_that_the_batteries_hold_back_is_tried_ampere_by_ampere():
    memory = replace(ISLAND, throttles={"car": Throttle(6, 0.0)}, filled=True)
    assert current(decide(memory, at(60.0, 0, car(1380), soc=99.0, sun=1500, hertz=0.5), SETTINGS)) == 7
    assert current(decide(memory, at(60.0, 0, car(1380), soc=99.0, sun=1500, hertz=0.0), SETTINGS)) == 6


def test_a_car_that_does_not_use_what_it_may_is_given_no_more():
    memory = replace(ISLAND, throttles={"car": Throttle(6, 0.0)}, filled=True)
    assert current(decide(memory, at(60.0, -2500, car(0), soc=95.0, sun=2800), SETTINGS)) == 6


def test_once_the_grid_is_good_nobody_throttles():
    memory = replace(ISLAND, mode=HomeMode.RESTORING, throttles={"car": Throttle(6, 0.0)})
    assert decide(memory, at(60.0, 0, car(1380)), SETTINGS).memory.throttles == {}
    waiting = replace(memory, mode=HomeMode.RETURNING)
    assert current(decide(waiting, at(60.0, 0, car(1380)), SETTINGS)) == 6


def test_a_restart_keeps_what_is_off_and_finds_the_currents_anew():
    memory = replace(ISLAND, throttles={"car": Throttle(9, 5.0, 100.0)}, filled=True)
    assert Memory.from_json(memory.to_json()) == memory
    assert memory.moved(100.0).throttles == {}
