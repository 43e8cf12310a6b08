"""What is wanted of a load: what can be meant, and when it is to be done."""

import dataclasses
import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.changing import changed
from bridge.loads.times import next_time, periods
from bridge.loads.wish import LoadKind, LoadWish, WishError
from bridge.record import ModuleRecord
from bridge.time_zone import time_zone
from hw.module import Capabilities, Identity, ModuleKind
from hw.setpoint import SetpointKind

BERLIN = time_zone("Europe/Berlin")
DAY = 86_400


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


NOW = at("2026-05-29T20:00+02:00")


def record(kind=ModuleKind.LOAD, kinds=(SetpointKind.CONNECT,)):
    return ModuleRecord(
        Identity("Shelly", "Plug", "A1"), kind, "shelly", "10.0.0.1", "Dishwasher",
        capabilities=Capabilities(frozenset(kinds)),
    )  # fmt: skip


def spans(wish, now=NOW, until=NOW + 3 * DAY):
    return [(period.start, period.by) for period in periods(wish, now, BERLIN, until)]


def test_weekdays_are_those_of_the_home_and_each_has_its_own_time():
    wish = LoadWish(LoadKind.INTERRUPTIBLE, done_by="07:00", days=("sat", "mon"), earliest="22:00")
    assert spans(wish) == [
        (at("2026-05-29T22:00+02:00"), at("2026-05-30T07:00+02:00")),
        (at("2026-05-31T22:00+02:00"), at("2026-06-01T07:00+02:00")),
    ]


def test_without_an_earliest_time_a_day_is_there_for_it():
    daily = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    wish = LoadWish(LoadKind.INTERRUPTIBLE, done_by="18:00", days=daily)
    first, second, *_ = spans(wish)
    assert first == (at("2026-05-29T18:00+02:00"), at("2026-05-30T18:00+02:00"))
    assert second[0] == first[1]


def test_what_is_wanted_once_comes_first_and_takes_its_time_from_the_week():
    wish = LoadWish(LoadKind.MACHINE, done_by="07:00", days=("sat",)).once(NOW, at("2026-05-30T05:00+02:00"))
    assert spans(wish) == [
        (NOW, at("2026-05-30T05:00+02:00")),
        (at("2026-05-30T05:00+02:00"), at("2026-05-30T07:00+02:00")),
    ]


def test_a_night_in_which_clocks_are_put_back_is_an_hour_longer():
    now = at("2026-10-24T20:00+02:00")
    wish = LoadWish(LoadKind.INTERRUPTIBLE, done_by="07:00", days=("sun",), earliest="22:00")
    ((start, by),) = spans(wish, now, now + DAY)
    assert by - start == 10 * 3600
    assert next_time("07:00", now, BERLIN) == by


@given(
    st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
    st.integers(0, 1440),
    st.none() | st.integers(0, 1439),
    st.integers(0, 400 * DAY),
    st.none() | st.integers(1, 7 * DAY),
)
def test_periods_follow_one_another(days, last, first, ahead, once):
    def clock(minute):
        return f"{minute // 60:02}:{minute % 60:02}"

    now = NOW + ahead
    wish = LoadWish(
        LoadKind.INTERRUPTIBLE,
        done_by=clock(last),
        days=tuple(days),
        earliest=None if first is None else clock(first),
    )
    if once is not None:
        wish = wish.once(now, now + once)
    found = spans(wish, now, now + 2 * DAY)
    assert all(start < by and by > now and by - start <= 7 * DAY for start, by in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "toaster"}, "kind: is fixed or interruptible or machine"),
        ({"kind": "machine", "energy_wh": -1}, "energy_wh: is 1 to 200000"),
        ({"kind": "machine", "energy_wh": "much"}, "energy_wh: is a number"),
        ({"kind": "machine", "energy_wh": True}, "energy_wh: is a number"),
        ({"kind": "machine", "power_w": float("nan")}, "power_w: is a number"),
        ({"kind": "machine", "days": ["mon"]}, "done_by: is missing"),
        ({"kind": "machine", "days": ["monday"], "done_by": "07:00"}, "days: 'monday' is no day"),
        ({"kind": "machine", "days": "mon"}, "days: is a list"),
        ({"kind": "machine", "done_by": "7 o'clock"}, "done_by: "),
        ({"kind": "machine", "hours": "cheap"}, "hours: is any or off_peak or not_peak"),
        ({"kind": "machine", "min_on_minutes": 500}, "min_on_minutes: is 0 to 240"),
        ({"kind": "machine", "planned": "yes"}, "planned: is true or false"),
        ({"kind": "machine", "once_by": "7"}, "once_by: "),
        ({"kind": "machine", "once_by": NOW - 1}, "once_by: is within"),
        ({"once_by": "07:00"}, "kind: say first"),
        ({"kind": "machine", "planned": False, "once_by": "07:00"}, "planned: the plan must not"),
        ({"colour": "red"}, "colour: is nothing that is wanted"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(changes, complaint):
    with pytest.raises(WishError) as refused:
        changed(record(), changes, NOW, BERLIN)
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize(
    ("kind", "kinds", "changes", "field"),
    [
        (ModuleKind.BATTERY, tuple(SetpointKind), {"kind": "interruptible"}, "kind"),
        (ModuleKind.LOAD, (), {"kind": "interruptible"}, "kind"),
        (ModuleKind.EVSE, tuple(SetpointKind), {"kind": "machine"}, "kind"),
    ],
)
def test_only_what_can_wait_is_planned(kind, kinds, changes, field):
    with pytest.raises(WishError) as refused:
        changed(record(kind, kinds), changes, NOW, BERLIN)
    assert refused.value.field == field


def test_a_car_may_be_wanted_full_without_saying_how_much_that_is():
    daily = {"kind": "interruptible", "days": ["mon"], "done_by": "07:00"}
    wish = changed(record(ModuleKind.EVSE, tuple(SetpointKind)), daily, NOW, BERLIN)
    assert (wish.is_planned, wish.need_wh) == (True, None)


def test_a_wish_is_changed_in_parts_and_survives_a_restart():
    said = record()
    for changes in (
        {"kind": "machine", "energy_wh": 1100, "run_minutes": 120},
        {"once_by": "07:00"},
        {"energy_wh": None, "min_on_minutes": None},
    ):
        said = dataclasses.replace(said, wish=changed(said, changes, NOW, BERLIN))
    assert said.wish == LoadWish(
        LoadKind.MACHINE, run_minutes=120, once_from=NOW, once_by=at("2026-05-30T07:00+02:00")
    )
    assert ModuleRecord.from_json(said.to_json()) == said


def test_a_record_of_an_older_hub_has_no_wish():
    values = json.loads(record().to_json())
    del values["wish"]
    assert ModuleRecord.from_json(json.dumps(values).encode()).wish == LoadWish()
