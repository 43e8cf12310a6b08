"""The EnergyStorage cluster: what a battery says, and what it is told to do."""

import math

import pytest

from clusters.ores.energy_storage import (
    CellVoltagesStruct,
    ChargeRequest,
    DischargeRequest,
    EnergyStorage,
    HoldRequest,
    SetReserveRequest,
    StorageModeEnum,
    StorageSetpointStruct,
)
from clusters.ores.energy_storage_server import EnergyStorageServer, StorageValues
from matter_node.model import DeviceType, Endpoint, Urgency
from matter_node.status import Status, StatusError


class Arbiter:
    """Takes wishes."""

    def __init__(self):
        self.calls = []
        self.error = None

    def __getattr__(self, name):
        async def call(*arguments, **more):
            if self.error is not None:
                raise self.error
            self.calls.append((name, *arguments, *more.values()))

        return call

    def fabric_removed(self, fabric_index):
        self.calls.append(("gone", fabric_index))


@pytest.fixture
def arbiter():
    return Arbiter()


@pytest.fixture
def make_battery(tree):
    def make(**more):
        server = EnergyStorageServer(charge_power=3_000_000, discharge_power=3_500_000, **more)
        tree.add(Endpoint(4, [DeviceType(0x0018, 1)], [server]))
        return server

    return make


@pytest.fixture
def battery(make_battery, arbiter):
    server = make_battery(control=arbiter, reserve=arbiter, health=True)
    server.measure(StorageValues(state_of_charge=60.0, reserve=20.0))
    return server


@pytest.fixture
def tell(battery, context):
    async def tell(request, command):
        await battery.invoke(command, context, request)

    return tell


async def refused(request, status):
    with pytest.raises(StatusError) as error:
        await request
    assert error.value.status is status


class TestWhatItSays:
    def test_a_reading(self, battery):
        battery.measure(
            StorageValues(
                state_of_charge=55.55,
                state_of_health=98.0,
                temperature=-3.25,
                charge_limit=2_000_000,
                discharge_limit=3_000_000,
                capacity=10_000_000,
                available=5_555_000,
                cycles=321,
                lowest_cell=3210,
                highest_cell=3240,
                reserve=20.0,
            )
        )
        assert (battery.state_of_charge, battery.state_of_health, battery.temperature) == (5555, 9800, -325)
        assert (battery.charge_power_limit, battery.discharge_power_limit) == (2_000_000, 3_000_000)
        assert (battery.capacity, battery.available_energy) == (10_000_000, 5_555_000)
        assert (battery.cycles, battery.reserve) == (321, 20)
        assert battery.cell_voltages == CellVoltagesStruct(lowest=3210, highest=3240)

    def test_one_that_can_do_nothing(self, make_battery):
        battery = make_battery()
        battery.measure(StorageValues(state_of_charge=50.0, cycles=3, reserve=10.0))
        battery.show_mode(StorageModeEnum.CHARGING, power=1000)
        assert (battery.features, battery.shape.commands) == (0, {})
        assert battery.state_of_charge == 5000
        for attribute in (EnergyStorage.cycles, EnergyStorage.reserve, EnergyStorage.setpoint):
            assert not battery.has(attribute)

    def test_what_it_does_not_know_is_null(self, battery):
        battery.measure(StorageValues(state_of_charge=math.nan))
        assert battery.state_of_charge is None
        assert battery.cell_voltages is None
        assert battery.temperature is None

    def test_garbage_is_brought_within_bounds(self, battery):
        battery.measure(StorageValues(state_of_charge=120.0, temperature=math.inf, capacity=-1, reserve=1e9))
        assert (battery.state_of_charge, battery.temperature) == (10_000, 32_767)
        assert (battery.capacity, battery.reserve) == (0, 100)

    def test_lost_only_what_does_not_change_stays(self, battery):
        battery.measure(
            StorageValues(state_of_charge=50.0, capacity=10_000_000, cycles=3, reserve=20.0, available=1)
        )
        battery.lost()
        assert (battery.state_of_charge, battery.available_energy) == (None, None)
        assert (battery.capacity, battery.cycles, battery.reserve) == (10_000_000, 3, 20)

    def test_what_it_is_told(self, battery, turned_clock):
        assert (battery.mode, battery.setpoint) == (StorageModeEnum.AUTO, None)
        end = turned_clock.utc() + 3600
        battery.show_mode(StorageModeEnum.DISCHARGING, power=-1_500_000, target_soc=30, end=end)
        assert battery.mode is StorageModeEnum.DISCHARGING
        assert battery.setpoint == StorageSetpointStruct(
            power=-1_500_000, target_soc=30, end=int(end) - 946_684_800
        )
        battery.show_mode(StorageModeEnum.AUTO)
        assert battery.setpoint is None

    def test_small_steps_wait_and_add_up(self, battery, reports):
        for percent in (60.2, 60.4, 60.6, 60.8):
            battery.measure(StorageValues(state_of_charge=percent))
        assert reports.of("state_of_charge") == [Urgency.LAZY, Urgency.LAZY, Urgency.QUIET, Urgency.LAZY]
        for lowest in (3200, 3205, 3210, None):
            battery.measure(StorageValues(lowest_cell=lowest, highest_cell=3300))
        assert reports.of("cell_voltages") == [Urgency.NOW, Urgency.LAZY, Urgency.QUIET, Urgency.NOW]


class TestWhatItTakes:
    async def test_charging(self, tell, arbiter):
        await tell(ChargeRequest(power=1_500_000, target_soc=80, duration=1800), EnergyStorage.charge)
        await tell(ChargeRequest(), EnergyStorage.charge)
        assert arbiter.calls == [
            ("charge", 1500.0, 80, 1800, 1),
            ("charge", None, None, None, 1),
        ]

    async def test_discharging(self, tell, arbiter):
        await tell(DischargeRequest(power=3_500_000, target_soc=20, duration=0), EnergyStorage.discharge)
        assert arbiter.calls == [("discharge", 3500.0, 20, None, 1)]

    async def test_holding_and_letting_go(self, tell, arbiter):
        await tell(HoldRequest(duration=60), EnergyStorage.hold)
        await tell(HoldRequest(), EnergyStorage.hold)
        await tell(None, EnergyStorage.auto)
        assert arbiter.calls == [("hold", 60, 1), ("hold", None, 1), ("auto", 1)]

    async def test_a_reserve(self, tell, arbiter):
        await tell(SetReserveRequest(percent=35), EnergyStorage.set_reserve)
        assert arbiter.calls == [("set_reserve", 35, 1)]

    async def test_more_than_it_can(self, tell, arbiter):
        await refused(tell(ChargeRequest(power=3_000_001), EnergyStorage.charge), Status.CONSTRAINT_ERROR)
        await refused(
            tell(DischargeRequest(power=3_500_001), EnergyStorage.discharge), Status.CONSTRAINT_ERROR
        )
        assert arbiter.calls == []

    async def test_a_target_that_is_met_already(self, tell, arbiter):
        await refused(tell(ChargeRequest(target_soc=60), EnergyStorage.charge), Status.INVALID_IN_STATE)
        await refused(tell(DischargeRequest(target_soc=60), EnergyStorage.discharge), Status.INVALID_IN_STATE)
        assert arbiter.calls == []
        await tell(ChargeRequest(target_soc=61), EnergyStorage.charge)
        await tell(DischargeRequest(target_soc=59), EnergyStorage.discharge)

    async def test_the_reserve_is_not_to_be_used(self, tell, arbiter):
        await refused(tell(DischargeRequest(target_soc=19), EnergyStorage.discharge), Status.CONSTRAINT_ERROR)
        assert arbiter.calls == []

    async def test_without_a_reading_the_arbiter_judges_alone(self, battery, tell, arbiter):
        battery.measure(StorageValues())
        await tell(ChargeRequest(target_soc=10), EnergyStorage.charge)
        await tell(DischargeRequest(target_soc=90), EnergyStorage.discharge)
        assert len(arbiter.calls) == 2

    async def test_what_cannot_be_now_is_refused_as_the_arbiter_says(self, tell, arbiter):
        arbiter.error = StatusError(Status.BUSY, "another one is being written")
        await refused(tell(HoldRequest(), EnergyStorage.hold), Status.BUSY)

    @pytest.mark.parametrize(
        ("request_type", "fields"),
        [
            (ChargeRequest, {0: 0}),
            (ChargeRequest, {0: -1000}),
            (ChargeRequest, {1: 101}),
            (DischargeRequest, {2: 30 * 86_400 + 1}),
            (HoldRequest, {0: 2**32 - 1}),
            (SetReserveRequest, {0: 101}),
        ],
    )
    def test_what_cannot_be_meant(self, request_type, fields):
        with pytest.raises(StatusError) as error:
            request_type.from_tlv(fields)
        assert error.value.status is Status.CONSTRAINT_ERROR

    def test_a_reserve_has_to_be_said(self):
        with pytest.raises(StatusError) as error:
            SetReserveRequest.from_tlv({})
        assert error.value.status is Status.INVALID_COMMAND

    def test_a_fabric_that_is_gone_is_told_once(self, tree, battery, arbiter):
        tree.fabric_removed(2)
        assert arbiter.calls == [("gone", 2)]
