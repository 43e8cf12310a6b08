"""What ends everything that managers asked for: loss, opting out, refusals, removal, and tests."""

import asyncio

import pytest
from energy_lab import GRID, LOCAL, Device, Manager, charging, epoch, events, refused

from clusters.definitions.device_energy_management import (
    CauseEnum,
    ESAStateEnum,
    ForecastUpdateReasonEnum,
)
from clusters.energy_adjusters import ForecastAdjusters
from matter_node.status import Status, StatusError

OWN, LOCALLY, GRIDWISE = ForecastUpdateReasonEnum
HOUR = 3600


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
