"""A device's plan: which there can be, how it passes with time, and how it looks on Matter."""

import math

import pytest
from energy_lab import charging
from hypothesis import given
from hypothesis import strategies as st

from clusters.definitions.device_energy_management import (
    CostStruct,
    CostTypeEnum,
    DeviceEnergyManagement,
    ForecastUpdateReasonEnum,
)
from clusters.forecast_run import ForecastRun
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.clock import MATTER_EPOCH_OFFSET

NOON = 1_800_000_000
REASON = ForecastUpdateReasonEnum.INTERNAL_OPTIMIZATION
Feature = DeviceEnergyManagement.Feature
EVERYTHING = Feature.PFR | Feature.STA | Feature.PAU | Feature.FA


def shown(run, now, features=EVERYTHING):
    return run.shown(now, 7, REASON, features)


def times(run, now):
    return [(slot.elapsed_slot_time, slot.remaining_slot_time) for slot in shown(run, now).slots]


class TestWhatThereCanBe:
    def test_a_slot_is_expected_to_be_as_it_is_said_to_be(self):
        slot = ForecastSlot(900, 2000)
        assert slot.powers_w == slot.adjustable_w == (2000, 2000)
        assert slot.durations_s == slot.adjustable_s == (900, 900)
        assert slot.energy == 500

    @pytest.mark.parametrize(
        "wrong",
        [
            {"duration_s": 0},
            {"duration_s": 2**32},
            {"shortest_s": 901},
            {"longest_s": 899},
            {"nominal_w": math.nan},
            {"nominal_w": math.inf},
            {"min_w": 2001},
            {"max_w": 1999},
            {"energy_wh": math.inf},
            {"pause_s": (0, 10)},
            {"pause_s": (20, 10)},
            {"adjust_w": (2, 1)},
            {"adjust_s": (0, 1)},
            {"costs": (CostStruct(cost_type=CostTypeEnum.COMFORT, value=1, decimal_points=0),) * 6},
        ],
        ids=str,
    )
    def test_a_slot_that_cannot_be_is_refused(self, wrong):
        with pytest.raises(ValueError, match=r"out of order|costs"):
            ForecastSlot(**{"duration_s": 900, "nominal_w": 2000, **wrong})

    @pytest.mark.parametrize(
        "wrong",
        [
            {"slots": ()},
            {"slots": (ForecastSlot(1, 1),) * 11},
            {"start": MATTER_EPOCH_OFFSET - 1},
            {"start": MATTER_EPOCH_OFFSET + 2**32 - 1},
            {"earliest_start": NOON + 1},
            {"latest_end": NOON + 899},
        ],
        ids=str,
    )
    def test_a_forecast_that_cannot_be_is_refused(self, wrong):
        with pytest.raises(ValueError, match=r"slots|out of order"):
            PowerForecast(**{"start": NOON, "slots": (ForecastSlot(900, 2000),), **wrong})


class TestTime:
    def test_slots_pass_one_after_the_other(self):
        run = ForecastRun(charging(NOON))
        assert [run.active(NOON + s) for s in (-1, 0, 1799, 1800, 5399, 5400)] == [None, 0, 0, 1, 1, None]
        assert [run.over(NOON + s) for s in (-1, 5399, 5400)] == [False, False, True]
        assert times(run, NOON - 60) == [(0, 1800), (0, 3600)]
        assert times(run, NOON + 100.9) == [(100, 1700), (0, 3600)]
        assert times(run, NOON + 2000) == [(1800, 0), (200, 3400)]
        assert times(run, NOON + 9000) == [(1800, 0), (3600, 0)]
        assert run.next_change_s(NOON - 60) == pytest.approx(60)
        assert run.next_change_s(NOON + 100) == pytest.approx(1700)
        assert run.next_change_s(NOON + 9000) is None

    def test_a_pause_holds_it_up(self):
        run = ForecastRun(charging(NOON, latest_end=NOON + 5500))
        run.pause(NOON + 100, NOON + 400)
        assert times(run, NOON + 300) == times(run, NOON + 100)
        assert run.next_change_s(NOON + 300) is None
        assert shown(run, NOON + 300).end_time == NOON + 5700 - MATTER_EPOCH_OFFSET
        assert shown(run, NOON + 300).latest_end_time == NOON + 5700 - MATTER_EPOCH_OFFSET
        run.resume(NOON + 200)
        assert shown(run, NOON + 300).end_time == NOON + 5500 - MATTER_EPOCH_OFFSET
        assert times(run, NOON + 300) == [(200, 1600), (0, 3600)]

    def test_the_next_slot_can_begin_at_once(self):
        run = ForecastRun(charging(NOON))
        run.skip(NOON + 100)
        assert run.active(NOON + 100) == 1
        assert shown(run, NOON + 100).end_time == NOON + 3700 - MATTER_EPOCH_OFFSET
        run.skip(NOON + 100)
        assert run.over(NOON + 100)
        run.skip(NOON + 100)
        assert run.over(NOON + 100)


class TestLooks:
    def test_everything_is_in_thousandths_and_seconds_since_2000(self):
        forecast = charging(NOON, earliest_start=NOON - 60, latest_end=NOON + 6000)
        struct = shown(ForecastRun(forecast), NOON + 1)
        assert struct.forecast_id == 7
        assert struct.start_time == NOON - MATTER_EPOCH_OFFSET
        assert struct.end_time == struct.start_time + 5400
        assert struct.earliest_start_time == struct.start_time - 60
        assert struct.latest_end_time == struct.start_time + 6000
        assert struct.is_pausable
        first, second = struct.slots
        assert (first.nominal_power, first.min_power, first.max_power) == (2_000_000, 1_800_000, 2_200_000)
        assert first.nominal_energy == second.nominal_energy == 1_000_000
        assert (first.slot_is_pausable, first.min_pause_duration, first.max_pause_duration) == (True, 60, 600)
        assert (second.slot_is_pausable, second.min_pause_duration) == (False, 0)
        assert (first.min_power_adjustment, first.max_power_adjustment) == (1_000_000, 3_000_000)
        assert (first.min_duration_adjustment, first.max_duration_adjustment) == (900, 3600)
        assert second.min_power_adjustment == second.max_power_adjustment == 1_000_000
        assert second.min_duration_adjustment == second.max_duration_adjustment == 3600
        assert first.costs is None

    def test_fields_are_there_as_the_features_go(self):
        struct = shown(ForecastRun(charging(NOON)), NOON, Feature.PFR | Feature.PA)
        assert (struct.earliest_start_time, struct.latest_end_time) == (None, None)
        assert not struct.is_pausable
        assert {struct.slots[0].slot_is_pausable, struct.slots[0].min_power_adjustment} == {None}
        assert struct.slots[0].nominal_power == 2_000_000

    def test_a_plan_without_limits_can_be_put_off_to_no_other_time(self):
        struct = shown(ForecastRun(charging(NOON)), NOON)
        assert (struct.earliest_start_time, struct.latest_end_time) == (struct.start_time, struct.end_time)

    def test_costs_are_shown(self):
        cost = CostStruct(cost_type=CostTypeEnum.FINANCIAL, value=302, decimal_points=2, currency=978)
        forecast = PowerForecast(NOON, (ForecastSlot(900, 2000, costs=(cost,)),))
        assert shown(ForecastRun(forecast), NOON).slots[0].costs == (cost,)


SLOTS = st.lists(
    st.builds(
        ForecastSlot,
        duration_s=st.integers(1, 2**31) | st.integers(1, 900),
        nominal_w=st.floats(-1e9, 1e9),
        pause_s=st.none() | st.just((1, 2**32 - 1)),
    ),
    min_size=1,
    max_size=10,
)
LATEST = MATTER_EPOCH_OFFSET + 2**32 - 1


@given(
    slots=SLOTS,
    start=st.integers(MATTER_EPOCH_OFFSET, LATEST),
    after=st.floats(-1e9, 1e9),
    pause=st.none() | st.tuples(st.floats(0, 1e6), st.floats(0, 2**32)),
)
def test_whatever_it_is_at_the_attribute_takes_it(slots, start, after, pause):
    try:
        forecast = PowerForecast(start, tuple(slots))
    except ValueError:
        assert start + sum(slot.duration_s for slot in slots) > LATEST
        return
    run, now = ForecastRun(forecast), start + after
    if pause is not None and run.active(now) is not None:
        run.pause(now, now + pause[1])
        now += pause[0]
    struct = shown(run, now)
    struct.DATATYPE.check(struct)
    assert struct.start_time <= struct.end_time <= struct.latest_end_time
    active = struct.active_slot_number
    for index, (slot, planned) in enumerate(zip(struct.slots, slots, strict=True)):
        assert slot.elapsed_slot_time + slot.remaining_slot_time == planned.duration_s
        if active is not None:
            assert (slot.remaining_slot_time == 0) == (index < active)
            assert index <= active or slot.elapsed_slot_time == 0
