"""What energy managers see of modules, and the tests that pretend it, step by step as certification asks."""

import itertools

import pytest
from energy_lab import GRID, LOCAL, Device, Manager, charging, events, refused

from clusters.definitions.device_energy_management import (
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    ESATypeEnum,
    ForecastUpdateReasonEnum,
    OptOutStateEnum,
)
from clusters.definitions.device_energy_management_mode import ChangeToModeRequest
from clusters.descriptor import DescriptorServer
from clusters.energy_adjusters import ForecastAdjusters
from clusters.power_forecast import ForecastSlot, PowerForecast
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.battery_storage import BatteryRating, BatteryState, battery_storage
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.electrical_sensor import ElectricalRating, ElectricalReading
from device_types.managed import EnergyManagement
from device_types.solar_power import solar_power
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import DeviceType, Endpoint
from matter_node.status import Status, StatusError

OWN, LOCALLY, GRIDWISE = ForecastUpdateReasonEnum
Feature = DeviceEnergyManagement.Feature


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def place(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    bridge = aggregator(root, blink=lambda _: None)
    tree.add(bridge)
    numbers = itertools.count(2)
    return Place(bridge, lambda _: next(numbers))


@pytest.fixture
def now(turned_clock):
    return int(turned_clock.utc())


class Charger:
    """A charge point's management on endpoint 9, with all there is, and its test triggers."""

    def __init__(self, tree, device, context):
        self.management = EnergyManagement(
            ESATypeEnum.EVSE, 1380, 7360, device, ForecastAdjusters(device, device, device, device)
        )
        tree.add(Endpoint(9, [DeviceType(0x50D, 2)], self.management.clusters))
        self.triggers = EventTriggers()
        self.management.register(self.triggers)
        self.cluster = self.management.cluster
        self.manager = Manager(self.cluster, context)

    def trigger(self, code):
        self.triggers(0x0098_0009 << 32 | code)

    @property
    def forecast(self):
        return self.manager.forecast

    @property
    def reason(self):
        return self.manager.forecast.forecast_update_reason


@pytest.fixture
def charger(tree, device, context):
    return Charger(tree, device, context)


class TestFaces:
    def test_a_battery_shows_what_it_plans_while_it_answers(self, tree, place, device, now):
        face = battery_storage(
            BridgedDevice("b", "Cellar"), BatteryRating(3000, 3500, 10_240), place, Delegates(adjuster=device)
        )
        face.join(tree)
        cluster = face.management.cluster
        assert cluster.features == Feature.PA | Feature.PFR
        face.plan(PowerForecast(now, (ForecastSlot(3600, 1500), ForecastSlot(7200, -2500))))
        assert cluster.forecast is None
        face.update(ElectricalReading(0), BatteryState(50))
        assert [slot.nominal_power for slot in cluster.forecast.slots] == [1_500_000, -2_500_000]
        assert cluster.forecast.slots[1].nominal_energy == -5_000_000
        face.lost()
        assert cluster.forecast is None

    def test_the_sun_is_forecast_as_power_out(self, tree, place, device, now):
        face = solar_power(
            BridgedDevice("s", "Roof"), ElectricalRating(400), place, Delegates(adjuster=device)
        )
        face.join(tree)
        face.update(ElectricalReading(-250))
        face.plan(PowerForecast(now, (ForecastSlot(3600, -250, -300, 0, energy_wh=-200),)))
        (slot,) = face.management.cluster.forecast.slots
        assert (slot.min_power, slot.max_power, slot.nominal_energy) == (-300_000, 0, -200_000)

    def test_a_panel_that_nobody_limits_shows_no_forecast(self, tree, place, now):
        face = solar_power(BridgedDevice("s", "Roof"), ElectricalRating(400), place)
        face.join(tree)
        face.plan(PowerForecast(now, (ForecastSlot(3600, -250),)))
        assert face.management is None

    def test_a_device_with_somebody_for_it_takes_more(self, tree, place, device):
        face = battery_storage(
            BridgedDevice("b", "Cellar"),
            BatteryRating(3000, 3500, 10_240),
            place,
            Delegates(adjuster=device, forecast=ForecastAdjusters(start=device, pause=device)),
        )
        assert face.management.cluster.features == Feature.PA | Feature.PFR | Feature.STA | Feature.PAU

    async def test_what_the_device_gives_up_is_over(self, tree, charger, device, now):
        management, manager = charger.management, charger.manager
        management.update(0, failed=False, limits_w=None)
        management.plan(charging(now))
        await manager.adjust_power(2_000_000)
        management.abandon(failed=True)
        await manager.pause()
        management.abandon_pause(failed=False)
        await manager.modify((0, 2_000_000, 1800))
        management.abandon_forecast()
        assert device.held == set()
        assert [payload.cause for _, payload in events(tree) if payload] == [
            CauseEnum.FAULT,
            CauseEnum.CANCELLED,
        ]


class TestTriggers:
    """The tests DEM-2.3, 2.4, 2.5, 2.7 and 2.9."""

    async def test_start_time_adjustment(self, charger, device):
        manager, trigger = charger.manager, charger.trigger
        trigger(5)
        first = charger.forecast
        assert charger.cluster.esa_state is ESAStateEnum.ONLINE
        assert first.earliest_start_time <= first.start_time
        assert first.latest_end_time >= first.end_time
        assert charger.reason is OWN
        earliest = first.earliest_start_time + MATTER_EPOCH_OFFSET
        trigger(2)
        assert charger.cluster.opt_out_state is OptOutStateEnum.LOCAL_OPT_OUT
        await refused(manager.start_at(earliest), Status.CONSTRAINT_ERROR)
        assert charger.forecast == first
        trigger(4)
        await manager.start_at(earliest)
        assert charger.forecast.earliest_start_time == charger.forecast.start_time
        assert charger.forecast.latest_end_time >= charger.forecast.end_time
        assert charger.reason is LOCALLY
        trigger(2)
        assert charger.reason is OWN
        forecast = charger.forecast
        latest = forecast.start_time + forecast.latest_end_time - forecast.end_time + MATTER_EPOCH_OFFSET
        await manager.start_at(latest, GRID)
        assert charger.forecast.latest_end_time == charger.forecast.end_time
        assert charger.reason is GRIDWISE
        await manager.cancel()
        assert charger.reason is OWN
        for start in (earliest - 1, latest + 1):
            await refused(manager.start_at(start), Status.CONSTRAINT_ERROR)
            await refused(manager.start_at(start, GRID), Status.CONSTRAINT_ERROR)
        assert charger.forecast.start_time == first.start_time
        await refused(manager.cancel(), Status.INVALID_IN_STATE)
        trigger(6)
        assert charger.forecast is None
        assert charger.cluster.opt_out_state is OptOutStateEnum.NO_OPT_OUT
        assert device.calls == []

    async def test_pausable(self, tree, charger, device, turned_clock):
        manager, trigger, cluster = charger.manager, charger.trigger, charger.cluster
        trigger(7)

        def check_as_at_first():
            forecast = charger.forecast
            assert forecast.is_pausable
            assert [slot.slot_is_pausable for slot in forecast.slots] == [True, False]
            assert forecast.active_slot_number == 0
            assert forecast.earliest_start_time <= forecast.start_time
            assert forecast.latest_end_time >= forecast.end_time
            assert forecast.forecast_update_reason is OWN

        check_as_at_first()
        slot = charger.forecast.slots[0]
        shortest, longest = slot.min_pause_duration, slot.max_pause_duration
        assert 1 < shortest < longest
        await refused(manager.pause(shortest - 1), Status.CONSTRAINT_ERROR)
        await refused(manager.pause(longest + 1), Status.CONSTRAINT_ERROR)
        trigger(3)
        await refused(manager.pause(shortest, GRID), Status.CONSTRAINT_ERROR)
        await manager.pause(shortest, LOCAL)
        assert cluster.esa_state is ESAStateEnum.PAUSED
        trigger(2)
        assert cluster.esa_state is ESAStateEnum.ONLINE
        assert cluster.opt_out_state is OptOutStateEnum.OPT_OUT
        assert charger.reason is OWN
        trigger(4)
        for _ in range(2):
            await manager.pause(shortest)
            assert charger.reason is LOCALLY
            await manager.resume()
            check_as_at_first()
        await manager.pause(shortest)
        turned_clock.advance(shortest)
        assert cluster.esa_state is ESAStateEnum.ONLINE
        trigger(8)
        assert charger.forecast.active_slot_number == 1
        await refused(manager.pause(shortest), Status.FAILURE)
        await refused(manager.resume(), Status.INVALID_IN_STATE)
        assert [payload.cause if payload else name for name, payload in events(tree)] == [
            "paused",
            CauseEnum.USER_OPT_OUT,
            "paused",
            CauseEnum.CANCELLED,
            "paused",
            CauseEnum.CANCELLED,
            "paused",
            CauseEnum.NORMAL_COMPLETION,
        ]
        trigger(9)
        assert charger.forecast is None
        assert device.calls == []

    async def test_forecast_adjustment(self, charger, device):
        manager, trigger = charger.manager, charger.trigger
        trigger(0x0A)
        forecast = charger.forecast
        slot, number = forecast.slots[0], forecast.forecast_id
        low, high = slot.min_power_adjustment, slot.max_power_adjustment
        shortest, longest = slot.min_duration_adjustment, slot.max_duration_adjustment
        for adjustments, number_, status in (
            ([(0, None, shortest)], number, Status.CONSTRAINT_ERROR),
            ([(0, low, longest)], number + 1, Status.FAILURE),
            ([(len(forecast.slots), low, longest)], number, Status.FAILURE),
            ([(0, low - 1, longest)], number, Status.CONSTRAINT_ERROR),
            ([(0, high + 1, shortest)], number, Status.CONSTRAINT_ERROR),
            ([(0, low, longest + 1)], number, Status.CONSTRAINT_ERROR),
            ([(0, high, shortest - 1)], number, Status.CONSTRAINT_ERROR),
            ([(0, low, longest), (4, low, longest)], number, Status.FAILURE),
        ):
            await refused(manager.modify(*adjustments, cause=GRID, forecast_id=number_), status)
        trigger(2)
        await refused(manager.modify((0, low, longest)), Status.CONSTRAINT_ERROR)
        await manager.modify((0, low, longest), cause=GRID)
        assert charger.reason is GRIDWISE
        await manager.cancel()
        assert charger.reason is OWN
        await manager.modify((0, low, longest), cause=GRID)
        trigger(3)
        assert charger.reason is OWN
        await refused(manager.modify((0, low, longest), cause=GRID), Status.CONSTRAINT_ERROR)
        trigger(4)
        await manager.modify((0, low, shortest))
        assert charger.reason is LOCALLY
        await manager.cancel()
        number = charger.forecast.forecast_id
        trigger(0x0B)
        assert charger.forecast.active_slot_number == 1
        await refused(manager.modify((0, low, shortest), forecast_id=number), Status.CONSTRAINT_ERROR)
        await refused(manager.cancel(), Status.INVALID_IN_STATE)
        trigger(0x0C)
        assert charger.forecast is None
        assert device.calls == []

    async def test_constraint_based_adjustment(self, charger, device, now):
        manager, trigger = charger.manager, charger.trigger
        trigger(0x0D)
        forecast = charger.forecast
        slot, start = forecast.slots[0], forecast.start_time + MATTER_EPOCH_OFFSET
        power, energy = slot.nominal_power, slot.nominal_energy
        assert min(power, slot.min_power, slot.max_power, energy) > 0
        good = (start, slot.default_duration, power, energy)
        for after in ((-10,), (10, 20, 40), (10, 30, 40), (30, 10, 50), (10, 50, 30)):
            await refused(
                manager.constrain(*((now + seconds, 20, power, energy) for seconds in after)),
                Status.CONSTRAINT_ERROR,
            )
        for beyond in (charger.cluster.abs_max_power + 1, charger.cluster.abs_min_power - 1):
            await refused(manager.constrain((*good[:2], beyond, energy)), Status.CONSTRAINT_ERROR)
        await refused(manager.constrain((*good[:3], None)), Status.INVALID_COMMAND)
        await refused(manager.constrain((*good[:2], None, energy)), Status.INVALID_COMMAND)
        trigger(2)
        await refused(manager.constrain(good), Status.CONSTRAINT_ERROR)
        await manager.constrain(good, cause=GRID)
        assert charger.reason is GRIDWISE
        await manager.cancel()
        assert charger.reason is OWN
        await manager.constrain(good, cause=GRID)
        trigger(3)
        assert charger.reason is OWN
        trigger(4)
        await manager.constrain(good)
        await manager.cancel()
        await refused(manager.cancel(), Status.INVALID_IN_STATE)
        trigger(0x0E)
        assert charger.forecast is None
        assert device.calls == []

    @pytest.mark.parametrize(("low", "high"), [(1380, 7360), (-3500, 3000), (-400, 0)])
    def test_forecast_reporting(self, tree, device, turned_clock, low, high):
        management = EnergyManagement(ESATypeEnum.OTHER, low, high, device)
        tree.add(Endpoint(9, [DeviceType(0x50D, 2)], management.clusters))
        triggers = EventTriggers()
        management.register(triggers)
        triggers(0x0098_0009_0000_000F)
        for slot in management.cluster.forecast.slots:
            assert low * 1000 <= slot.min_power < slot.nominal_power < slot.max_power <= high * 1000
            assert slot.nominal_energy == slot.nominal_power * slot.default_duration // 3600
        turned_clock.advance(100)
        triggers(0x0098_0009_0000_0010)
        assert management.cluster.forecast is None

    def test_triggers_are_those_of_the_features(self, tree, device):
        management = EnergyManagement(ESATypeEnum.BATTERY_STORAGE, -1, 1, device)
        tree.add(Endpoint(9, [DeviceType(0x50D, 2)], management.clusters))
        triggers = EventTriggers()
        management.register(triggers)
        there = {0, 1, 2, 3, 4, 0x0F, 0x10}
        for code in there:
            triggers(0x0098_0009 << 32 | code)
        for code in set(range(0x20)) - there:
            with pytest.raises(StatusError) as error:
                triggers(0x0098_0009 << 32 | code)
            assert error.value.status is Status.INVALID_COMMAND

    def test_no_forecast_is_pretended_while_the_time_is_not_known(self, charger, turned_clock):
        turned_clock.epoch = None
        with pytest.raises(StatusError) as error:
            charger.trigger(5)
        assert error.value.status is Status.INVALID_COMMAND

    async def test_the_users_own_choice_shows_again(self, charger, context):
        mode = charger.management.mode
        await mode.invoke(mode.COMMANDS[0], context, ChangeToModeRequest(new_mode=1))
        assert charger.cluster.opt_out_state is OptOutStateEnum.GRID_OPT_OUT
        charger.trigger(7)
        charger.trigger(4)
        assert charger.cluster.opt_out_state is OptOutStateEnum.NO_OPT_OUT
        charger.trigger(9)
        assert charger.cluster.opt_out_state is OptOutStateEnum.GRID_OPT_OUT

    async def test_what_is_real_is_kept_meanwhile(self, charger, device, now):
        charger.management.update(0, failed=False, limits_w=None)
        charger.management.plan(charging(now))
        await charger.manager.pause()
        charger.trigger(7)
        assert device.held == set()
        charger.management.update(1000, failed=False, limits_w=(1380, 3000))
        charger.management.plan(charging(now - 60))
        assert charger.forecast.slots[0].max_pause_duration == 60
        charger.trigger(9)
        assert charger.forecast.start_time == now - 60 - MATTER_EPOCH_OFFSET
        assert charger.cluster.power_adjustment_capability.power_adjust_capability[0].max_power == 3_000_000
