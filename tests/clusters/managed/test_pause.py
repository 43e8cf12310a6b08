"""A device is held up: for how long, and what ends it."""

import pytest
from energy_lab import GRID, charging, epoch, events, refused

from clusters.definitions.device_energy_management import (
    CauseEnum,
    ESAStateEnum,
    ForecastUpdateReasonEnum,
)
from matter_node.status import Status

OWN, LOCALLY, GRIDWISE = ForecastUpdateReasonEnum


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
