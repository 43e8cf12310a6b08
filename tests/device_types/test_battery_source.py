"""A battery as a power source: what it holds, how long that lasts, and what it says of itself."""

import pytest

from clusters.definitions.power_source import (
    BatChargeFaultEnum,
    BatChargeLevelEnum,
    BatChargeStateEnum,
    BatFaultEnum,
    PowerSourceStatusEnum,
)
from device_types.battery_source import BatteryRating, BatterySource, BatteryState
from matter_node.model import DeviceType, Endpoint


def source(tree=None, **rating):
    made = BatterySource(BatteryRating(3000, 3000, **{"capacity_wh": 10_240, **rating}))
    if tree is not None:
        tree.add(Endpoint(2, [DeviceType(0x11, 1)], [made.cluster]))
    return made


@pytest.mark.parametrize(
    ("rating", "milliampere_hours"),
    [
        ({"capacity_ah": 198.0}, 198_000),
        ({}, 200_000),  # 10,240 Wh at 51.2 V
        ({"dc_voltage_v": 102.4}, 100_000),
        ({"capacity_wh": None}, 0),
        ({"capacity_wh": float("nan")}, 0),
    ],
)
def test_its_capacity_is_what_the_plate_says_and_never_made_up(rating, milliampere_hours):
    assert source(**rating).cluster.bat_capacity == milliampere_hours


def test_the_reserve_is_not_for_the_taking():
    battery = source()
    battery.show(-1000, BatteryState(percent=60, reserve_percent=20))
    assert battery.cluster.bat_time_remaining == pytest.approx(10_240 * 0.4 / 1000 * 3600, abs=30)
    battery.show(-1000, BatteryState(percent=15, reserve_percent=20))
    assert battery.cluster.bat_time_remaining == 0
    assert battery.cluster.bat_charge_level is BatChargeLevelEnum.WARNING


def test_at_rest_nobody_knows_how_long_it_lasts():
    battery = source()
    battery.show(3.0, BatteryState(percent=60))
    assert (battery.cluster.bat_time_remaining, battery.cluster.bat_time_to_full_charge) == (None, None)


def test_of_an_unknown_capacity_no_time_is_made_up():
    battery = source(capacity_wh=None)
    battery.show(-1000, BatteryState(percent=60))
    assert battery.cluster.bat_time_remaining is None
    battery.show(-1000, BatteryState(percent=60, available_wh=2000))
    assert battery.cluster.bat_time_remaining == 7200
    battery.show(1000, BatteryState(percent=60, available_wh=2000))
    assert battery.cluster.bat_time_to_full_charge is None


def test_what_it_says_of_itself_counts_more_than_its_power():
    battery = source()
    battery.show(4.0, BatteryState(percent=98, charge_state=BatChargeStateEnum.IS_AT_FULL_CHARGE))
    assert battery.cluster.bat_charge_state is BatChargeStateEnum.IS_AT_FULL_CHARGE
    battery.show(4.0, BatteryState(percent=98))
    assert battery.cluster.bat_charge_state is BatChargeStateEnum.IS_NOT_CHARGING


@pytest.mark.parametrize(
    ("power", "state", "failed", "status"),
    [
        (-500, BatteryState(), False, PowerSourceStatusEnum.ACTIVE),
        (500, BatteryState(), False, PowerSourceStatusEnum.STANDBY),
        (0, BatteryState(ready=False), False, PowerSourceStatusEnum.UNAVAILABLE),
        (0, BatteryState(), True, PowerSourceStatusEnum.UNAVAILABLE),
    ],
)
def test_what_it_can_supply(power, state, failed, status):
    battery = source()
    battery.show(power, state, failed=failed)
    assert battery.cluster.status is status


@pytest.mark.parametrize(("health", "worn"), [(98.5, False), (60.0, True), (None, False)])
def test_a_worn_battery_is_to_be_replaced(health, worn):
    battery = source()
    battery.show(0, BatteryState(health_percent=health))
    assert battery.cluster.bat_replacement_needed is worn


def test_faults_of_the_battery_and_of_its_charger(tree):
    battery = source(tree)
    cells = BatteryState(faults=frozenset({"OVER_VOLT_ALARM", "UNDER_TEMP_ALARM"}))
    battery.show(0, cells, charger_faults=["AC_UNDER_VOLT"])
    assert battery.cluster.active_bat_faults == (BatFaultEnum.UNSPECIFIED, BatFaultEnum.UNDER_TEMP)
    assert battery.cluster.active_bat_charge_faults == (
        BatChargeFaultEnum.BATTERY_TOO_COLD,
        BatChargeFaultEnum.BATTERY_OVER_VOLTAGE,
        BatChargeFaultEnum.CHARGER_UNDER_VOLTAGE,
    )
    battery.show(0, BatteryState())
    assert battery.cluster.active_bat_faults == battery.cluster.active_bat_charge_faults == ()
    assert [record.event.name for record in tree.events.since(0)] == [
        "bat_fault_change",
        "bat_charge_fault_change",
    ] * 2
