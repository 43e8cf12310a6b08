"""Charging targets: how they are kept, and when the next charge is to begin."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_lab.charging_point import AWAY, EVERY_DAY, WANTS, Charger, Point, target

from clusters.charging_targets import DayTargets, SetTargetsFields, judge, merged, next_target
from clusters.definitions.energy_evse import (
    ChargingTargetScheduleStruct,
    EnergyEvse,
    TargetDayOfWeekBitmap,
)
from clusters.energy_evse import EnergyEvseServer
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.status import Status, StatusError

SATURDAY, SUNDAY = TargetDayOfWeekBitmap.SATURDAY, TargetDayOfWeekBitmap.SUNDAY


@pytest.fixture
def charger():
    return Charger()


@pytest.fixture
def point(tree, charger, context):
    return Point(tree, charger, context)


class TestTargets:
    def test_days_that_are_named_get_new_targets_and_others_keep_theirs(self, point):
        point.set_targets((0x7F, [target(1, soc=100)]))
        many = [target(60 * hour, 25_000_000, 100) for hour in range(1, 11)]
        point.set_targets((SATURDAY, many))
        point.set_targets((SUNDAY, []))
        assert point.targets == [
            (TargetDayOfWeekBitmap(0x3E), (target(1, soc=100),)),
            (SATURDAY, tuple(many)),
            (SUNDAY, ()),
        ]
        point.cluster.handle_clear_targets(point.context)
        assert point.targets == []

    @pytest.mark.parametrize(
        ("schedules", "status"),
        [
            pytest.param(
                [(1, [target(60, 1)]), (1, [target(60, 1)])], Status.CONSTRAINT_ERROR, id="a day twice"
            ),
            pytest.param([(0, [target(60, 1)])], Status.CONSTRAINT_ERROR, id="no day"),
            pytest.param([(1, [target(60, 1, 80)])], Status.CONSTRAINT_ERROR, id="a state of charge"),
            pytest.param([(1, [target(60)])], Status.FAILURE, id="nothing"),
            pytest.param([(1, [target(60, 1)] * 11)], Status.RESOURCE_EXHAUSTED, id="eleven on a day"),
            pytest.param(
                [(1 << day, [target(60, 2**60, 100)] * 10) for day in range(7)],
                Status.RESOURCE_EXHAUSTED,
                id="more than a message holds",
            ),
        ],
    )
    def test_what_cannot_be_kept_is_refused_and_changes_nothing(self, point, schedules, status):
        point.set_targets((0x7F, [target(420, 10_000_000)]))
        with pytest.raises(StatusError) as caught:
            point.set_targets(*schedules)
        assert caught.value.status is status
        assert point.targets == [(EVERY_DAY, (target(420, 10_000_000),))]

    def test_seven_days_of_ten_targets_are_told_in_one_message(self, point):
        day = [target(100 * n, 25_000_000, 100) for n in range(10)]
        point.set_targets(*((1 << each, day) for each in range(7)))
        assert len(point.cluster.handle_get_targets(point.context).to_tlv(1)) < 1130

    def test_the_wire_form_takes_eleven_targets_to_refuse_them_in_its_own_words(self):
        fields = {0: [{0: 1, 1: [{0: 60, 2: 1}] * 11}]}
        assert len(SetTargetsFields.DATATYPE.take(fields).charging_target_schedules[0].charging_targets) == 11
        assert EnergyEvseServer.COMMANDS[5].access == EnergyEvse.COMMANDS[5].access


class TestNextCharge:
    """In this node's time it is Friday, 2027-01-15, 08:16:40 UTC."""

    @pytest.fixture
    def scheduled(self, point):
        point.cluster.write(EnergyEvse.randomization_delay_window, point.context, 0)
        point.cluster.set_scheduled(True)
        point.say(WANTS, allowed=True)
        return point

    def at(self, *when):
        return int(datetime(2027, 1, *when, tzinfo=UTC).timestamp() - MATTER_EPOCH_OFFSET)

    def test_it_begins_as_late_as_is_early_enough(self, scheduled, charger):
        scheduled.set_targets((0x7F, [target(1380, 11_040_000)]))
        # An hour with 16 A on three phases, and the leeway.
        assert scheduled.next == (self.at(15, 21, 45), self.at(15, 23), 11_040_000, None)
        (plan,) = charger.plans
        assert (plan.energy_wh, plan.target - plan.start) == (11_040, 75 * 60)

    def test_late_it_begins_now(self, scheduled):
        scheduled.set_targets((0x7F, [target(9 * 60, 11_040_000)]))
        assert scheduled.next == (self.at(15, 8, 16, 40), self.at(15, 9), 11_040_000, None)

    def test_until_the_car_is_full_it_begins_now(self, scheduled, charger):
        scheduled.set_targets((0x7F, [target(1, soc=100)]))
        assert scheduled.next == (self.at(15, 8, 16, 40), self.at(16, 0, 1), None, 100)
        assert charger.plans[-1].energy_wh is None

    def test_the_first_target_that_is_to_come_counts(self, scheduled):
        scheduled.set_targets((0x7F, [target(600, 1), target(540, 2), target(480, 3)]))
        assert scheduled.next[1:3] == (self.at(15, 9), 2)

    def test_a_day_without_targets_is_passed_over(self, scheduled):
        scheduled.set_targets((TargetDayOfWeekBitmap.MONDAY, [target(420, 1_000)]))
        assert scheduled.next[1] == self.at(18, 7)
        scheduled.set_targets(
            (TargetDayOfWeekBitmap.FRIDAY, [target(420, 1_000)]), (TargetDayOfWeekBitmap.MONDAY, [])
        )
        assert scheduled.next[1] == self.at(22, 7)

    def test_what_lies_behind_makes_place_for_the_next(self, scheduled, charger, turned_clock):
        scheduled.set_targets((0x7F, [target(9 * 60, 1_000)]))
        assert scheduled.next[1] == self.at(15, 9)
        turned_clock.advance(3600)
        scheduled.say(WANTS, allowed=True)
        assert scheduled.next[1] == self.at(16, 9)
        assert [plan.target for plan in charger.plans] == [
            self.at(day, 9) + MATTER_EPOCH_OFFSET for day in (15, 16)
        ]

    def test_a_plan_stands_still_while_nothing_changes(self, scheduled, reports, turned_clock):
        scheduled.set_targets((0x7F, [target(1, soc=100)]))
        reports.seen.clear()
        for _ in range(5):
            turned_clock.advance(1)
            scheduled.say(WANTS, allowed=True)
        assert reports.of("next_charge_start_time") == []

    async def test_there_is_none_without_a_car_a_wish_or_a_schedule(self, scheduled, charger):
        scheduled.set_targets((0x7F, [target(1380, 11_040_000)]))
        planned = scheduled.next
        nothing = (None, None, None, None)
        scheduled.say(AWAY, allowed=True)
        assert scheduled.next == nothing
        scheduled.say(WANTS, allowed=True)
        assert scheduled.next == planned
        await scheduled.disable()
        assert scheduled.next == nothing
        await scheduled.enable(high=16_000)
        assert scheduled.next == planned
        scheduled.cluster.set_scheduled(False)
        assert scheduled.next == nothing
        assert charger.plans[-1] is None

    async def test_less_current_begins_earlier(self, scheduled):
        scheduled.set_targets((0x7F, [target(1380, 11_040_000)]))
        await scheduled.enable(high=8_000)
        assert scheduled.next[0] == self.at(15, 20, 45)

    def test_a_random_delay_comes_on_top(self, scheduled):
        scheduled.cluster.write(EnergyEvse.randomization_delay_window, scheduled.context, 600)
        scheduled.set_targets((0x7F, [target(1380, 11_040_000)]))
        delay = scheduled.next[0] - self.at(15, 21, 45)
        assert 0 <= delay < 600
        scheduled.say(WANTS, allowed=True)
        assert scheduled.next[0] - self.at(15, 21, 45) == delay

    def test_targets_are_in_local_time(self, tree, charger, context):
        point = Point(tree, charger, context, local=lambda _: -5 * 3600.0)
        point.cluster.set_scheduled(True)
        point.say(WANTS, allowed=True)
        point.set_targets((TargetDayOfWeekBitmap.FRIDAY, [target(180, soc=100), target(240, soc=100)]))
        # It is a quarter past three in New York.
        assert point.next[1] == self.at(15, 9)


def offset_in(place):
    zone = ZoneInfo(place)
    return lambda utc: datetime.fromtimestamp(utc, zone).utcoffset().total_seconds()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 3, 28, 5, tzinfo=UTC)),
        (datetime(2027, 10, 30, 12, tzinfo=UTC), datetime(2027, 10, 31, 6, tzinfo=UTC)),
    ],
    ids=["clocks go forward", "clocks go back"],
)
def test_seven_in_the_morning_is_seven_in_the_morning(now, expected):
    schedules = judge((DayTargets(day_of_week_for_sequence=EVERY_DAY, charging_targets=(target(420, 1),)),))
    time, _ = next_target(schedules, now.timestamp(), offset_in("Europe/Berlin"))
    assert datetime.fromtimestamp(time, UTC) == expected


DAYS = st.integers(1, 127)
TARGETS = st.lists(
    st.builds(target, st.integers(0, 1439), st.integers(0, 10**8), st.sampled_from([None, 100])), max_size=10
)


@given(st.lists(st.tuples(DAYS, TARGETS), max_size=6), st.integers(0, 2**31), st.integers(-50400, 50400))
def test_each_day_has_one_schedule_and_the_next_target_is_ahead(requests, now, offset):
    kept = ()
    for days, targets in requests:
        new = judge(
            (
                DayTargets(
                    day_of_week_for_sequence=TargetDayOfWeekBitmap(days), charging_targets=tuple(targets)
                ),
            )
        )
        kept = merged(kept, new)
        assert new[0] in kept
    seen = 0
    for schedule in kept:
        assert not seen & schedule.day_of_week_for_sequence
        seen |= schedule.day_of_week_for_sequence
    found = next_target(kept, float(now), lambda _: float(offset))
    assert (found is None) == all(not schedule.charging_targets for schedule in kept)
    if found is not None:
        time, chosen = found
        assert now < time <= now + 8 * 86_400
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time + offset)
        assert local.hour * 60 + local.minute == chosen.target_time_minutes_past_midnight
        weekday = TargetDayOfWeekBitmap(1 << (local.isoweekday() % 7))
        assert any(weekday & s.day_of_week_for_sequence and chosen in s.charging_targets for s in kept)


def test_schedules_travel_as_the_definition_has_them():
    schedule = ChargingTargetScheduleStruct(
        day_of_week_for_sequence=EVERY_DAY, charging_targets=(target(1, 2, 100),)
    )
    sent = DayTargets.from_tlv(tlv.decode(schedule.to_tlv()))
    assert judge((sent,)) == (schedule,)
