"""What is decided on an island, instant by instant: examples."""

from dataclasses import replace

import pytest

from bridge.island.charge import backup_s, needed_percent
from bridge.island.decision import decide
from bridge.island.memory import Back, Cause, Memory, Shed
from bridge.island.mode import HomeMode
from bridge.island.settings import IslandSettings, judge_island
from bridge.island.situation import Load, Situation, Source, Store

SETTINGS = IslandSettings()
ISLAND = Memory(mode=HomeMode.ISLAND, lost_at=0.0)


def store(soc=80.0, power=-500.0, *, time=100.0, **other):
    return Store("battery", time, soc, 10_000.0, power, 3000.0, 3000.0, **other)


def load(key, priority, power=500.0, expected=None, **other):
    return Load(key, priority, power, power if expected is None else expected, **other)


def at(*, now=100.0, stores=None, **other):
    return Situation(now, 0.0, stores=(store(time=now),) if stores is None else stores, **other)


def off(key, since=0.0, power=500.0, **other):
    return Shed(key, since, power, power, Cause.CHARGE, **other)


def names(decision):
    return [each.load for each in decision.shed]


def test_nothing_goes_off_while_the_battery_carries_the_home():
    assert decide(ISLAND, at(loads=(load("car", 0), load("fridge", 9))), SETTINGS).shed == ()


def test_an_overload_sheds_the_lowest_priority_first_and_no_more_than_it_must():
    loads = (load("fridge", 9, 200), load("dryer", 3, 1500), load("car", 2, 2000), load("pump", 5, 300))
    decision = decide(ISLAND, at(stores=(store(power=-4000),), loads=loads), SETTINGS)
    assert names(decision) == ["car"]
    assert decision.shed[0].cause is Cause.OVERLOAD
    worse = decide(ISLAND, at(stores=(store(power=-6000),), loads=loads), SETTINGS)
    assert names(worse) == ["car", "dryer"]


def test_what_the_grid_carried_counts_before_the_battery_was_read():
    situation = at(import_w=4000.0, loads=(load("car", 2, 3600),))
    assert names(decide(ISLAND, situation, SETTINGS)) == ["car"]


def test_what_went_off_since_the_battery_was_read_is_not_shed_twice():
    loads = (load("car", 2, 2000), load("dryer", 3, 1500))
    first = decide(ISLAND, at(stores=(store(power=-4500),), loads=loads), SETTINGS)
    assert names(first) == ["car"]
    again = decide(
        first.memory, at(now=101.0, stores=(store(power=-4500, time=101.0),), loads=loads), SETTINGS
    )
    assert again.shed == ()
    seen = decide(
        first.memory, at(now=104.0, stores=(store(power=-4500, time=104.0),), loads=loads), SETTINGS
    )
    assert names(seen) == ["dryer"]


@pytest.mark.parametrize(("priority", "percent"), [(0, 60), (4, 40), (8, 20), (9, 10)])
def test_each_priority_needs_a_charge_of_its_own(priority, percent):
    assert needed_percent(priority, SETTINGS) == percent


def test_loads_go_off_by_priority_as_the_charge_falls():
    loads = tuple(load(f"load {priority}", priority, 400) for priority in range(10))
    falling = {}
    for soc in (70, 55, 39, 19, 9):
        situation = at(stores=(store(soc, -2900),), loads=loads)
        falling[soc] = len(decide(ISLAND, situation, SETTINGS).shed)
    # 60 % is needed for priority 0, 40 % for 4, 20 % for 8, and 10 % for what is critical.
    assert falling == {70: 0, 55: 1, 39: 5, 19: 9, 9: 10}


def test_a_charge_that_lasts_makes_no_load_go_off():
    loads = (load("car", 0, 100),)
    assert decide(ISLAND, at(stores=(store(50, -300),), loads=loads), SETTINGS).shed == ()
    assert names(decide(ISLAND, at(stores=(store(50, -900),), loads=loads), SETTINGS)) == ["car"]


def test_a_kettle_is_no_reason_to_run_short_of_charge():
    loads = (load("car", 0, 100),)
    quiet = replace(ISLAND, net_w=300.0, net_at=99.0)
    assert decide(quiet, at(stores=(store(50, -2300),), loads=loads), SETTINGS).shed == ()


def test_only_what_is_critical_is_on_while_the_home_is_dark():
    loads = (load("dryer", 8, None, 2000, on=None), load("fridge", 9, None, 150, on=None))
    decision = decide(ISLAND, at(stores=(store(50, 0, dark=True),), loads=loads), SETTINGS)
    assert [(each.load, each.cause, each.was_on) for each in decision.shed] == [("dryer", Cause.DARK, True)]


def test_at_the_floor_even_what_is_critical_goes_off():
    loads = (load("fridge", 9),)
    decision = decide(ISLAND, at(stores=(store(10, -500),), loads=loads), SETTINGS)
    assert [each.cause for each in decision.shed] == [Cause.FLOOR]


def test_a_load_that_is_off_by_itself_is_left_alone():
    assert (
        decide(ISLAND, at(stores=(store(5),), loads=(load("dryer", 3, 0.0, on=False),)), SETTINGS).shed == ()
    )


def test_loads_come_back_one_at_a_time_the_highest_priority_first():
    memory = replace(ISLAND, off=(off("car"), off("dryer"), off("pump")))
    loads = (load("car", 2, 0), load("dryer", 3, 0), load("pump", 3, 0))
    back, now = [], 1000.0
    while memory.off:
        decision = decide(memory, at(now=now, stores=(store(90, -200, time=now),), loads=loads), SETTINGS)
        memory = decision.memory
        if decision.back:
            back.append((now, decision.back.load))
        now += 10
    # Of equal priority, what went last comes first.
    assert back == [(1000.0, "pump"), (1020.0, "dryer"), (1040.0, "car")]


@pytest.mark.parametrize(
    ("change", "comes"),
    [
        ({}, True),
        ({"off": (off("dryer", since=800.0),)}, False),
        ({"off": (off("dryer", since=600.0, times=2),)}, False),
        ({"off": (off("dryer", since=300.0, times=2),)}, True),
        ({"back_at": 990.0}, False),
        ({"off": (off("dryer", power=2000.0),)}, False),
        ({"back": {"car": Back(980.0, 1700.0, 1)}}, False),
        ({"back": {"car": Back(900.0, 1700.0, 1)}}, True),
    ],
)
def test_what_keeps_a_load_from_coming_back(change, comes):
    memory = replace(ISLAND, off=(off("dryer"),))
    loads = (load("dryer", 5, 0), load("car", 2, 0, 1700))
    decision = decide(replace(memory, **change), at(now=1000.0, loads=loads, stores=(store(),)), SETTINGS)
    assert (decision.back is not None) is comes


def test_the_charge_has_to_be_higher_for_a_load_to_come_back_than_to_stay():
    memory = replace(ISLAND, off=(off("dryer"),), net_w=1500.0, net_at=1000.0)
    for soc, comes in ((42, False), (46, True)):
        situation = at(now=1000.0, stores=(store(soc, -1500),), loads=(load("dryer", 4, 0),))
        assert (decide(memory, situation, SETTINGS).back is not None) is comes


def test_half_of_the_sun_may_hide_behind_a_cloud():
    memory = replace(ISLAND, off=(off("dryer", power=1500.0),))
    for sun, comes in ((2000, True), (4000, False)):
        situation = at(
            now=1000.0,
            stores=(store(80, -100),),
            loads=(load("dryer", 4, 0),),
            sources=(Source("roof", -sun, 5000),),
        )
        assert (decide(memory, situation, SETTINGS).back is not None) is comes


def test_nothing_changes_while_the_grid_proves_itself_and_then_all_comes_back():
    memory = replace(ISLAND, mode=HomeMode.RETURNING, off=(off("car"), off("pump")))
    situation = at(now=1000.0, stores=(store(15, 0),), loads=(load("car", 2, 0), load("pump", 8, 0)))
    assert decide(memory, situation, SETTINGS).memory == memory
    memory, back = replace(memory, mode=HomeMode.RESTORING), []
    for now in range(1000, 1060, 5):
        decision = decide(memory, replace(situation, now=float(now)), SETTINGS)
        memory = decision.memory
        back += [(now, decision.back.load)] if decision.back else []
    assert back == [(1000, "pump"), (1020, "car")]


ROOF = (Source("roof", -3000.0, 5000.0),)


def test_a_full_battery_limits_the_sun_to_what_the_home_uses_and_follows_it():
    charging = at(stores=(store(98, 2000),), sources=ROOF)
    memory = decide(ISLAND, charging, SETTINGS).memory
    assert memory.solar_limit_w == 1000
    hungry = at(now=120.0, stores=(store(97, -400),), sources=(Source("roof", -1000.0, 5000.0),))
    memory = decide(memory, hungry, SETTINGS).memory
    assert memory.solar_limit_w == 1400
    emptier = at(now=140.0, stores=(store(93, -10),), sources=(Source("roof", -1400.0, 5000.0),))
    assert decide(memory, emptier, SETTINGS).memory.solar_limit_w is None


def test_where_the_battery_shifts_the_frequency_nothing_is_limited_unless_that_does_not_help():
    shifting = at(stores=(store(99, 200),), sources=ROOF, frequency_off_hz=0.6)
    assert decide(ISLAND, shifting, SETTINGS).memory.solar_limit_w is None
    helpless = replace(shifting, frequency_off_hz=1.4)
    assert decide(ISLAND, helpless, SETTINGS).memory.solar_limit_w == 2800


def test_nothing_is_exported():
    exporting = at(stores=(store(50, 1000),), sources=ROOF, export_w=700.0)
    assert decide(ISLAND, exporting, SETTINGS).memory.solar_limit_w == 2300


def test_the_memory_is_read_as_it_was_stored():
    memory = replace(
        ISLAND, off=(off("car", times=3),), back={"pump": Back(1.0, 2.0, 3)}, solar_limit_w=5.0, back_at=7.0
    )
    assert Memory.from_json(memory.to_json()) == memory


def test_hours_of_backup():
    assert backup_s(5000, 250) == 20 * 3600
    assert backup_s(5000, 0) == float("inf")


def test_settings_that_contradict_each_other_are_named():
    bad = IslandSettings(floor_percent=30, black_start_percent=20, comfort_percent=15, full_percent=50)
    assert [path[1] for path, _ in judge_island(bad)] == ["black_start_percent", "comfort_percent"]
    assert judge_island(SETTINGS) == []
