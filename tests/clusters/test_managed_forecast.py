"""What energy managers make of a device's plan: start time, slots, constraints, pauses, and how each ends."""

import asyncio
from dataclasses import replace

import pytest
from energy_lab import GRID, LOCAL, Device, Manager, charging, events, managed, place

from clusters.definitions.device_energy_management import (
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    ESATypeEnum,
    ForecastUpdateReasonEnum,
)
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.energy_adjusters import ForecastAdjusters, PowerConstraint
from clusters.power_forecast import ForecastSlot, PowerForecast
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import Urgency
from matter_node.status import Status, StatusError

OWN, LOCALLY, GRIDWISE = ForecastUpdateReasonEnum
HOUR = 3600


@pytest.fixture
def now(turned_clock):
    return int(turned_clock.utc())


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def management(tree, device):
    server = managed(device)
    place(tree, server)
    return server


@pytest.fixture
def manager(management, context):
    return Manager(management, context)


@pytest.fixture
def planned(management, now):
    """A plan for in an hour; it could begin half an hour earlier, or be over two hours later."""
    forecast = charging(now + HOUR, earliest_start=now + HOUR // 2, latest_end=now + HOUR + 5400 + 2 * HOUR)
    management.set_forecast(forecast)
    return forecast


@pytest.fixture
def running(management, now):
    """A plan that has begun now."""
    forecast = charging(now, latest_end=now + 5400 + 2 * HOUR)
    management.set_forecast(forecast)
    return forecast


async def refused(request, status):
    with pytest.raises(StatusError) as error:
        await request
    assert error.value.status is status


def epoch(seconds):
    return seconds - MATTER_EPOCH_OFFSET


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
        management.set_forecast(charging(now + 1))
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


class TestPause:
    async def test_a_pause_runs_out(self, tree, management, manager, device, running, now, turned_clock):
        turned_clock.advance(100)
        await manager.pause(300)
        assert management.esa_state is ESAStateEnum.PAUSED
        assert manager.forecast.forecast_update_reason is LOCALLY
        assert manager.forecast.end_time == epoch(now + 5700)
        turned_clock.advance(200)
        assert manager.forecast.slots[0].remaining_slot_time == 1700
        turned_clock.advance(100)
        assert management.esa_state is ESAStateEnum.ONLINE
        assert manager.forecast.forecast_update_reason is OWN
        assert device.calls == [("pause", 300, False), "pause released"]
        assert [name for name, _ in events(tree)] == ["paused", "resumed"]
        assert events(tree)[-1][1].cause is CauseEnum.NORMAL_COMPLETION
        turned_clock.advance(1700)
        assert manager.forecast.active_slot_number == 1

    async def test_a_manager_ends_it_early(self, tree, manager, running, now, turned_clock):
        await manager.pause(300)
        turned_clock.advance(100)
        await manager.resume()
        assert events(tree)[-1][1].cause is CauseEnum.CANCELLED
        assert manager.forecast.end_time == epoch(now + 5500)
        await refused(manager.resume(), Status.INVALID_IN_STATE)

    async def test_it_can_last_longer_as_long_as_the_slot_allows(
        self, tree, management, manager, running, turned_clock
    ):
        await manager.pause(300)
        turned_clock.advance(200)
        await refused(manager.pause(401), Status.CONSTRAINT_ERROR)
        await manager.pause(400, GRID)
        assert manager.forecast.forecast_update_reason is GRIDWISE
        turned_clock.advance(399)
        assert management.esa_state is ESAStateEnum.PAUSED
        turned_clock.advance(1)
        assert [name for name, _ in events(tree)] == ["paused", "resumed"]

    @pytest.mark.parametrize("duration", [59, 601])
    async def test_the_slot_says_how_long(self, manager, device, running, duration):
        await refused(manager.pause(duration), Status.CONSTRAINT_ERROR)
        assert device.calls == []

    async def test_it_has_to_be_over_in_time(self, management, manager, now):
        management.set_forecast(charging(now, latest_end=now + 5400 + 60))
        await refused(manager.pause(61), Status.CONSTRAINT_ERROR)
        await manager.pause(60)

    async def test_only_a_pausable_slot_can_be_paused(self, manager, running, turned_clock):
        turned_clock.advance(1800)
        await refused(manager.pause(1), Status.FAILURE)

    async def test_what_has_not_begun_cannot_be_paused(self, manager, planned):
        await refused(manager.pause(), Status.FAILURE)

    async def test_it_ends_a_power_adjustment(self, tree, management, manager, device, running):
        await manager.adjust_power()
        await manager.pause()
        assert device.held == {"pause"}
        assert [name for name, _ in events(tree)] == ["power_adjust_start", "power_adjust_end", "paused"]
        assert events(tree)[1][1].cause is CauseEnum.CANCELLED
        await refused(manager.adjust_power(), Status.INVALID_IN_STATE)

    async def test_a_plan_that_has_no_slot_for_it_ends_it(self, tree, management, manager, running, now):
        await manager.pause()
        management.set_forecast(charging(now + 60))
        assert management.esa_state is ESAStateEnum.ONLINE
        assert events(tree)[-1][1].cause is CauseEnum.CANCELLED

    async def test_it_goes_on_in_another_plan(self, management, manager, running, now, turned_clock):
        await manager.pause()
        management.set_forecast(charging(now - 10))
        turned_clock.advance(59)
        assert management.esa_state is ESAStateEnum.PAUSED
        assert manager.forecast.slots[0].elapsed_slot_time == 10
        turned_clock.advance(2)
        assert manager.forecast.slots[0].elapsed_slot_time == 11

    @pytest.mark.parametrize(("failed", "cause"), [(True, CauseEnum.FAULT), (False, CauseEnum.CANCELLED)])
    async def test_the_device_may_give_it_up(self, tree, management, manager, running, failed, cause):
        await manager.pause()
        management.abandon_pause(cause)
        assert events(tree)[-1][1].cause is cause

    async def test_slots_can_be_changed_meanwhile(self, manager, running, turned_clock):
        turned_clock.advance(100)
        await manager.pause(300)
        await manager.modify((0, 1_000_000, 900), cause=GRID)
        assert manager.forecast.slots[0].remaining_slot_time == 800
        assert manager.forecast.forecast_update_reason is LOCALLY
        await manager.resume()
        assert manager.forecast.forecast_update_reason is GRIDWISE


class TestEndings:
    @pytest.mark.parametrize(
        ("state", "cause"),
        [(ESAStateEnum.OFFLINE, CauseEnum.OFFLINE), (ESAStateEnum.FAULT, CauseEnum.FAULT)],
    )
    async def test_a_device_that_drops_out_ends_it_all(
        self, tree, management, manager, device, running, state, cause
    ):
        await manager.modify((0, 1_000_000, 900))
        await manager.pause()
        management.set_state(state)
        assert management.esa_state is state
        assert manager.forecast is management.forecast is None
        assert device.held == set()
        assert events(tree)[-1][1].cause is cause
        management.set_state(ESAStateEnum.ONLINE)
        assert manager.forecast.slots[0].default_duration == 1800
        assert manager.forecast.forecast_update_reason is OWN

    async def test_opting_out_ends_what_has_that_cause(
        self, tree, management, manager, device, running, turned_clock
    ):
        await manager.modify((0, 1_000_000, 900), cause=GRID)
        await manager.pause(cause=LOCAL)
        management.set_opt_out(local=True, grid=False)
        assert device.held == {"forecast"}
        assert events(tree)[-1][1].cause is CauseEnum.USER_OPT_OUT
        assert manager.forecast.forecast_update_reason is GRIDWISE
        management.set_opt_out(local=True, grid=True)
        assert device.held == set()
        assert manager.forecast.forecast_update_reason is OWN

    async def test_opting_out_comes_first(self, management, manager, device, now):
        management.set_opt_out(local=True, grid=True)
        for request in (
            manager.start_at(now),
            manager.pause(1, GRID),
            manager.modify((9, 0, 0)),
            manager.constrain((now - 9, 1, 1, 1), cause=GRID),
        ):
            await refused(request, Status.CONSTRAINT_ERROR)
        assert device.calls == []

    async def test_removing_the_endpoint_lets_go_without_a_word(
        self, tree, manager, device, running, turned_clock
    ):
        await manager.modify((0, 1_000_000, 900))
        await manager.pause()
        tree.remove(2)
        assert device.held == set()
        turned_clock.advance(10_000)

    async def test_what_the_device_refuses_changes_nothing(self, manager, device, running, planned, now):
        before = manager.forecast
        device.error = StatusError(Status.BUSY, "the car is being updated")
        for request in (
            manager.start_at(now + HOUR),
            manager.modify((0, 2_000_000, 1800)),
            manager.constrain((now, 1, 1, 1)),
        ):
            await refused(request, Status.BUSY)
        assert manager.forecast == before

    async def test_a_pause_that_the_device_refuses_is_none(self, tree, manager, device, running):
        device.error = StatusError(Status.BUSY, "the car is being updated")
        await refused(manager.pause(), Status.BUSY)
        assert events(tree) == []

    @pytest.mark.parametrize("failure", [asyncio.CancelledError, ZeroDivisionError])
    async def test_what_nobody_knows_the_end_of_is_let_go(self, manager, device, running, failure):
        def fail():
            raise failure

        device.meanwhile = fail
        for request in (manager.pause(), manager.modify((0, 2_000_000, 1800)), manager.adjust_power()):
            with pytest.raises(failure):
                await request
            assert device.held == set()

    async def test_opting_out_while_the_device_is_asked_wins(self, management, manager, device, running):
        device.meanwhile = lambda: management.set_opt_out(local=True, grid=False)
        await refused(manager.pause(), Status.CONSTRAINT_ERROR)
        assert device.held == set()
        management.set_opt_out(local=False, grid=False)
        await refused(manager.modify((0, 2_000_000, 1800)), Status.CONSTRAINT_ERROR)
        assert device.held == set()

    async def test_a_later_request_that_comes_to_nothing_ends_the_earlier_one(
        self, tree, management, manager, device, running
    ):
        await manager.pause(cause=GRID)
        await manager.modify((0, 2_000_000, 1800), cause=GRID)
        device.meanwhile = lambda: management.set_opt_out(local=True, grid=False)
        await refused(manager.pause(cause=LOCAL), Status.CONSTRAINT_ERROR)
        assert device.held == {"forecast"}
        assert [name for name, _ in events(tree)] == ["paused", "resumed"]
        management.set_opt_out(local=False, grid=False)
        await refused(manager.modify((0, 2_000_000, 1800), cause=LOCAL), Status.CONSTRAINT_ERROR)
        assert device.held == set()
        assert manager.forecast.forecast_update_reason is OWN

    async def test_a_device_that_is_removed_while_it_is_asked_is_let_go(self, tree, manager, device, running):
        device.meanwhile = lambda: tree.remove(2)
        await refused(manager.pause(), Status.FAILURE)
        assert device.held == set()

    async def test_requests_come_one_after_the_other(self, management, context, device, running):
        turns = []

        class Slow(Device):
            async def pause(self, duration_s, *, grid):
                turns.append(f"begins {duration_s}")
                await asyncio.sleep(0)
                turns.append(f"ends {duration_s}")

        management.pretend(Slow(), ForecastAdjusters(pause=Slow()), forecast=running)
        manager = Manager(management, context)
        await asyncio.gather(manager.pause(60), manager.pause(70))
        assert turns == ["begins 60", "ends 60", "begins 70", "ends 70"]


class TestPretence:
    async def test_what_is_real_is_kept_and_shows_again(
        self, tree, management, manager, device, running, planned, now
    ):
        management.set_forecast(running)
        await manager.pause()
        stand_in = Device()
        pretended = charging(now, latest_end=now + 6000)
        management.pretend(stand_in, ForecastAdjusters(pause=stand_in, slots=stand_in), forecast=pretended)
        assert device.held == set()
        assert management.esa_state is ESAStateEnum.ONLINE
        assert management.power_adjustment_capability is None
        await manager.pause()
        management.set_forecast(planned)
        management.set_state(ESAStateEnum.FAULT)
        management.abandon_pause(CauseEnum.FAULT)
        assert management.esa_state is ESAStateEnum.PAUSED
        management.skip_slot()
        assert manager.forecast.active_slot_number == 0  # nothing passes in a pause
        management.stop_pretending()
        assert stand_in.held == set()
        assert (management.esa_state, manager.forecast) == (ESAStateEnum.FAULT, None)
        management.set_state(ESAStateEnum.ONLINE)
        assert manager.forecast.start_time == epoch(planned.start)

    async def test_a_test_that_starts_while_the_device_is_asked_wins(
        self, management, manager, device, running
    ):
        device.meanwhile = lambda: management.pretend(Device(), ForecastAdjusters(), forecast=running)
        await refused(manager.pause(), Status.FAILURE)
        assert device.held == set()
        assert management.esa_state is ESAStateEnum.ONLINE

    def test_only_what_is_pretended_skips_slots(self, management, manager, device, running):
        management.skip_slot()
        assert manager.forecast.active_slot_number == 0
        management.stop_pretending()
        management.pretend(device, ForecastAdjusters(), forecast=running)
        number = manager.forecast.forecast_id
        management.skip_slot()
        assert management.forecast.active_slot_number == 1
        assert manager.forecast.forecast_id == number
