"""What managers make of a device's plan: start time, slots and constraints, and how each is cancelled."""

from dataclasses import replace

import pytest
from energy_lab import GRID, charging, epoch, managed, place, refused

from clusters.definitions.device_energy_management import (
    DeviceEnergyManagement,
    ESAStateEnum,
    ESATypeEnum,
    ForecastUpdateReasonEnum,
)
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.energy_adjusters import ForecastAdjusters, PowerConstraint
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.model import Urgency
from matter_node.status import Status

OWN, LOCALLY, GRIDWISE = ForecastUpdateReasonEnum
HOUR = 3600


class TestForecast:
    def test_there_is_none_until_the_device_has_one_and_is_online(self, management, manager, now):
        assert manager.forecast is None
        management.set_state(ESAStateEnum.OFFLINE)
        management.set_forecast(charging(now))
        assert management.forecast is manager.forecast is None
        management.set_state(ESAStateEnum.ONLINE)
        assert management.forecast.start_time == epoch(now)

    def test_one_given_before_the_endpoint_is_there_shows_when_it_is(self, tree, device, now):
        server = managed(device)
        server.set_forecast(charging(now))
        place(tree, server)
        assert server.forecast.active_slot_number == 0

    def test_it_passes_with_time_and_is_none_when_it_is_over(
        self, management, manager, planned, turned_clock
    ):
        assert manager.forecast.active_slot_number is None
        turned_clock.advance(HOUR + 100)
        assert management.forecast.active_slot_number == 0
        assert manager.forecast.slots[0].elapsed_slot_time == 100
        assert manager.forecast.slots[0].remaining_slot_time == 1700
        turned_clock.advance(1700)
        assert management.forecast.active_slot_number == 1
        assert manager.forecast.forecast_id == management.forecast.forecast_id
        turned_clock.advance(HOUR)
        assert management.forecast is manager.forecast is None

    def test_only_another_one_has_another_id(self, management, planned):
        first = management.forecast.forecast_id
        management.set_forecast(charging(planned.start, earliest_start=planned.earliest_start))
        second = management.forecast.forecast_id
        management.set_forecast(charging(planned.start, earliest_start=planned.earliest_start))
        assert (second, management.forecast.forecast_id) == (first + 1, first + 1)

    def test_its_own_reason_shows(self, management, now):
        management.set_forecast(replace(charging(now), reason=GRIDWISE))
        assert management.forecast.forecast_update_reason is GRIDWISE

    def test_while_the_time_is_not_known_there_is_none(self, management, turned_clock, now):
        turned_clock.epoch, epoch = None, turned_clock.epoch
        management.set_forecast(charging(now))
        assert management.forecast is None
        turned_clock.epoch = epoch
        management.set_forecast(charging(now))
        assert management.forecast is not None

    async def test_it_is_reported_quietly_unless_a_manager_or_a_user_changes_it(
        self, management, manager, reports, now, turned_clock
    ):
        management.set_forecast(charging(now))
        management.set_forecast(charging(now - 1))
        turned_clock.advance(1800)
        assert reports.of("forecast") == [Urgency.NOW, Urgency.QUIET, Urgency.QUIET]
        management.set_forecast(charging(now + 1800))
        reports.seen.clear()
        await manager.pause()
        await manager.resume()
        await manager.pause()
        management.set_opt_out(local=True, grid=False)
        assert set(reports.of("forecast")) == {Urgency.NOW}
        management.set_forecast(None)
        assert reports.of("forecast")[-1] is Urgency.NOW

    def test_features_are_what_the_device_has_somebody_for(self, device):
        server = DeviceEnergyManagementServer(
            ESATypeEnum.EVSE,
            can_generate=False,
            minimum=0,
            maximum=1,
            forecast=ForecastAdjusters(start=device, pause=device),
        )
        feature = DeviceEnergyManagement.Feature
        assert server.features == feature.PFR | feature.STA | feature.PAU
        assert [command.name for command in server.shape.commands.values()] == [
            "start_time_adjust_request",
            "pause_request",
            "resume_request",
            "cancel_request",
        ]
        assert not server.has(DeviceEnergyManagement.power_adjustment_capability)

    def test_a_forecast_alone_can_be_shown(self, tree, now):
        server = DeviceEnergyManagementServer(
            ESATypeEnum.OTHER, can_generate=False, minimum=0, maximum=1, forecast=ForecastAdjusters()
        )
        place(tree, server)
        server.set_opt_out(local=True, grid=True)
        server.set_forecast(charging(now))
        assert server.forecast.slots[0].slot_is_pausable is None
        assert list(server.shape.commands) == []
        assert not server.has(DeviceEnergyManagement.opt_out_state)


class TestStartTime:
    async def test_a_plan_is_put_off_and_begins_then(self, manager, device, planned, now, turned_clock):
        before = manager.forecast.forecast_id
        await manager.start_at(now + 2 * HOUR)
        forecast = manager.forecast
        assert device.calls == [("forecast", "start", now + 2 * HOUR, False)]
        assert (forecast.start_time, forecast.end_time) == (
            epoch(now + 2 * HOUR),
            epoch(now + 2 * HOUR + 5400),
        )
        assert forecast.forecast_update_reason is LOCALLY
        assert forecast.forecast_id == before + 1
        turned_clock.advance(2 * HOUR - 1)
        assert manager.forecast.active_slot_number is None
        turned_clock.advance(1)
        assert manager.forecast.active_slot_number == 0

    async def test_both_limits_can_be_reached_and_no_further(self, manager, planned):
        earliest, latest = planned.earliest, planned.latest - planned.duration_s
        for start in (earliest, latest):
            await manager.start_at(start, GRID)
            assert manager.forecast.start_time == epoch(start)
        assert manager.forecast.end_time == manager.forecast.latest_end_time
        for start in (earliest - 1, latest + 1):
            await refused(manager.start_at(start), Status.CONSTRAINT_ERROR)

    async def test_nothing_begins_in_the_past(self, management, manager, now):
        management.set_forecast(charging(now + 60, earliest_start=now - HOUR, latest_end=now + 2 * HOUR))
        await refused(manager.start_at(now - 1), Status.CONSTRAINT_ERROR)
        await manager.start_at(now)
        assert manager.forecast.active_slot_number == 0

    async def test_what_has_begun_cannot_be_put_off(self, manager, running, now):
        await refused(manager.start_at(now + 60), Status.FAILURE)

    async def test_without_a_forecast_there_is_nothing_to_put_off(self, manager, now):
        await refused(manager.start_at(now + 60), Status.FAILURE)

    async def test_cancelling_brings_the_own_plan_back(self, manager, device, planned, now):
        await manager.start_at(now + 2 * HOUR)
        await manager.start_at(now + 3 * HOUR, GRID)
        await manager.cancel()
        assert manager.forecast.start_time == epoch(planned.start)
        assert manager.forecast.forecast_update_reason is OWN
        assert device.held == set()
        await refused(manager.cancel(), Status.INVALID_IN_STATE)

    async def test_a_plan_whose_own_time_has_passed_begins_at_once(self, manager, planned, now, turned_clock):
        await manager.start_at(now + 2 * HOUR)
        turned_clock.advance(1.5 * HOUR)
        await manager.cancel()
        assert manager.forecast.start_time == epoch(now + int(1.5 * HOUR))
        assert manager.forecast.active_slot_number == 0

    async def test_what_has_begun_goes_on_when_it_is_cancelled(self, manager, planned, now, turned_clock):
        await manager.start_at(planned.earliest)
        turned_clock.advance(HOUR // 2 + 100)
        await manager.cancel()
        assert manager.forecast.active_slot_number == 0
        assert manager.forecast.slots[0].elapsed_slot_time == 100

    async def test_it_is_over_with_the_forecast(self, manager, device, planned, now, turned_clock):
        await manager.start_at(now + 2 * HOUR)
        turned_clock.advance(2 * HOUR + 5400)
        assert manager.forecast is None
        assert device.held == set()

    async def test_the_owner_may_give_the_plan_while_it_is_asked(
        self, management, manager, device, planned, now
    ):
        moved = charging(now + 2 * HOUR, latest_end=now + 9 * HOUR)
        device.meanwhile = lambda: management.set_forecast(moved)
        await manager.start_at(now + 2 * HOUR)
        assert manager.forecast.latest_end_time == epoch(now + 9 * HOUR)
        assert manager.forecast.forecast_update_reason is LOCALLY
        await manager.cancel()
        assert manager.forecast.start_time == epoch(planned.start)

    async def test_the_owners_old_plan_says_nothing_new_and_its_next_one_shows(
        self, management, manager, planned, now
    ):
        await manager.start_at(now + 2 * HOUR)
        management.set_forecast(planned)
        assert manager.forecast.start_time == epoch(now + 2 * HOUR)
        management.set_forecast(charging(now + 2 * HOUR + 60))
        assert manager.forecast.start_time == epoch(now + 2 * HOUR + 60)
        assert manager.forecast.forecast_update_reason is LOCALLY

    async def test_the_owner_may_plan_anew_when_it_is_let_go(self, management, manager, device, planned, now):
        await manager.start_at(now + 2 * HOUR)
        device.released = lambda: management.set_forecast(charging(now + 4 * HOUR))
        await manager.cancel()
        assert manager.forecast.start_time == epoch(now + 4 * HOUR)
        assert manager.forecast.forecast_update_reason is OWN

    async def test_a_plan_given_up_ends_it(self, management, manager, device, planned, now):
        await manager.start_at(now + 2 * HOUR)
        management.set_forecast(None)
        assert manager.forecast is None
        assert device.held == set()
        await refused(manager.cancel(), Status.INVALID_IN_STATE)

    async def test_the_device_may_give_it_up(self, management, manager, device, planned, now):
        await manager.start_at(now + 2 * HOUR)
        management.abandon_forecast()
        assert manager.forecast.start_time == epoch(planned.start)
        assert device.held == set()


class TestSlots:
    async def test_power_and_duration_change_and_the_rest_follows(self, manager, device, running, now):
        await manager.modify((0, 1_500_000, 2700), cause=GRID)
        forecast = manager.forecast
        slot = forecast.slots[0]
        assert (slot.nominal_power, slot.default_duration) == (1_500_000, 2700)
        assert (slot.min_power, slot.max_power) == (1_500_000, 2_200_000)
        assert (slot.min_duration, slot.max_duration) == (1800, 2700)
        assert slot.nominal_energy == 1_125_000
        assert (slot.min_power_adjustment, slot.max_power_adjustment) == (1_000_000, 3_000_000)
        assert forecast.end_time == epoch(now + 6300)
        assert forecast.forecast_update_reason is GRIDWISE
        ((what, how, told, grid),) = device.calls
        assert (what, how, grid) == ("forecast", "follow", True)
        assert (told.slots[0].nominal_w, told.slots[0].duration_s) == (1500, 2700)

    @pytest.mark.parametrize(
        ("adjustment", "status"),
        [
            ((0, None, 1800), Status.CONSTRAINT_ERROR),
            ((0, 999_999, 1800), Status.CONSTRAINT_ERROR),
            ((0, 3_000_001, 1800), Status.CONSTRAINT_ERROR),
            ((0, 2_000_000, 899), Status.CONSTRAINT_ERROR),
            ((0, 2_000_000, 3601), Status.CONSTRAINT_ERROR),
            ((1, 1_000_001, 3600), Status.CONSTRAINT_ERROR),
            ((2, 2_000_000, 1800), Status.FAILURE),
        ],
        ids=str,
    )
    async def test_what_does_not_fit_is_refused(self, manager, device, running, adjustment, status):
        before = manager.forecast
        await refused(manager.modify(adjustment), status)
        await refused(manager.modify((0, 2_000_000, 1800), adjustment), status)
        assert manager.forecast == before
        assert device.calls == []

    async def test_each_slot_once_and_one_at_least(self, manager, running):
        await refused(manager.modify(), Status.CONSTRAINT_ERROR)
        good = (0, 2_000_000, 1800)
        await refused(manager.modify(good, good), Status.CONSTRAINT_ERROR)

    async def test_the_device_cannot_have_more_power_than_it_has(self, management, manager, now):
        management.set_forecast(PowerForecast(now, (ForecastSlot(900, 0, adjust_w=(-9000, 9000)),)))
        await refused(manager.modify((0, 3_000_001, 900)), Status.CONSTRAINT_ERROR)
        await manager.modify((0, -3_000_000, 900))
        assert manager.forecast.slots[0].nominal_energy == -750_000

    async def test_only_the_present_forecast_can_be_changed(self, management, manager, running):
        number = manager.forecast.forecast_id
        await refused(manager.modify((0, 2_000_000, 1800), forecast_id=number + 1), Status.FAILURE)
        await manager.modify((0, 2_000_000, 1800), forecast_id=number)
        await refused(manager.modify((0, 2_000_000, 1800), forecast_id=number), Status.FAILURE)

    async def test_what_is_over_stays_as_it_was(self, manager, running, turned_clock):
        turned_clock.advance(901)
        await refused(manager.modify((0, 2_000_000, 900)), Status.CONSTRAINT_ERROR)
        turned_clock.advance(899)
        await refused(manager.modify((0, 2_000_000, 1800)), Status.CONSTRAINT_ERROR)

    async def test_it_has_to_be_over_in_time(self, management, manager, now):
        management.set_forecast(charging(now, latest_end=now + 5400 + 60))
        await refused(manager.modify((0, 2_000_000, 1861)), Status.CONSTRAINT_ERROR)
        await manager.modify((0, 2_000_000, 1860))

    async def test_cancelling_changes_what_is_not_over(self, manager, running, now, turned_clock):
        await manager.modify((0, 3_000_000, 900))
        turned_clock.advance(1000)
        await manager.cancel()
        first, second = manager.forecast.slots
        assert (first.default_duration, first.nominal_power) == (900, 3_000_000)
        assert (second.elapsed_slot_time, second.default_duration) == (100, 3600)
        assert manager.forecast.forecast_update_reason is OWN

    async def test_cancelling_before_that_brings_all_of_it_back(self, manager, running, turned_clock):
        await manager.modify((0, 3_000_000, 900))
        turned_clock.advance(100)
        await manager.cancel()
        assert manager.forecast.slots[0].default_duration == 1800
        assert manager.forecast.slots[0].remaining_slot_time == 1700


class TestConstraints:
    async def test_another_plan_is_made(self, management, manager, device, running, now):
        device.plan = PowerForecast(now + 60, (ForecastSlot(600, 500),))
        await manager.constrain((now + 60, 600, 500_000, 100_000), (now + 660, 60, -1_000_000, -2))
        assert device.calls == [
            (
                "forecast",
                "plan",
                (PowerConstraint(now + 60, 600, 500, 100), PowerConstraint(now + 660, 60, -1000, -0.002)),
                False,
            )
        ]
        assert manager.forecast.start_time == epoch(now + 60)
        assert manager.forecast.forecast_update_reason is LOCALLY
        await manager.cancel()
        assert manager.forecast.start_time == epoch(now)
        assert device.held == set()

    @pytest.mark.parametrize(
        ("constraints", "status"),
        [
            ([(-10, 20, 1, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, 1, 1), (20, 20, 1, 1), (40, 20, 1, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, 1, 1), (30, 20, 1, 1), (40, 20, 1, 1)], Status.CONSTRAINT_ERROR),
            ([(30, 20, 1, 1), (10, 20, 1, 1), (50, 20, 1, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, 1, 1), (50, 20, 1, 1), (30, 20, 1, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, 3_000_001, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, -3_000_001, 1)], Status.CONSTRAINT_ERROR),
            ([(10, 20, 1, None)], Status.INVALID_COMMAND),
            ([(10, 20, None, 1)], Status.INVALID_COMMAND),
            ([], Status.CONSTRAINT_ERROR),
        ],
        ids=str,
    )
    async def test_what_contradicts_itself_is_refused(
        self, manager, device, running, now, constraints, status
    ):
        await refused(manager.constrain(*((now + start, *rest) for start, *rest in constraints)), status)
        assert device.calls == []

    async def test_a_plan_that_is_over_at_once_is_none(self, manager, device, running, now):
        device.plan = PowerForecast(now - 600, (ForecastSlot(600, 500),))
        await manager.constrain((now, 600, 500_000, 100_000))
        assert manager.forecast is None
        assert device.held == set()

    async def test_without_a_forecast_there_is_nothing_to_constrain(self, manager, now):
        await refused(manager.constrain((now, 600, 1, 1)), Status.FAILURE)
