"""Modules as a controller sees them: endpoints, watts and signs, and what happens when one is lost."""

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.bridged_device_basic_information import BridgedDeviceBasicInformationServer
from clusters.definitions.device_energy_management import AdjustmentCauseEnum, PowerAdjustRequest
from clusters.definitions.power_source import BatChargeStateEnum, PowerSourceStatusEnum, WiredFaultEnum
from clusters.descriptor import DescriptorServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.battery_storage import BatteryRating, BatteryState, battery_storage
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.electrical_sensor import ElectricalRating, ElectricalReading, grid_meter
from device_types.energy_integral import EnergyIntegral
from device_types.faults import battery_faults, charge_faults, wired_faults
from device_types.milli import milli, milli_unsigned
from device_types.solar_power import solar_power
from matter_node.codec import tlv
from matter_node.model import DeviceType, Endpoint, ListOf, Nullable, StructOf
from matter_node.status import Status, StatusError

ROOF = BridgedDevice("0123456789abcdef", "Roof", "ORES", "M-400", "SN1", "1.2")
CELLAR = BridgedDevice("fedcba9876543210", "Cellar", "ORES", "B-10", "SN2")
GRID = BridgedDevice("aaaabbbbccccdddd", "Grid", "Meters", "M3", "SN3")


class Adjuster:
    def __init__(self):
        self.calls = []

    async def adjust_power(self, power_w, duration_s, *, grid):
        self.calls.append((power_w, duration_s, grid))

    def release_power(self):
        self.calls.append("released")


@pytest.fixture
def adjuster():
    return Adjuster()


@pytest.fixture
def triggers():
    return EventTriggers()


@pytest.fixture
def place(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    bridge = aggregator(root, blink=lambda _: None)
    tree.add(bridge)
    numbers = itertools.count(2)
    return Place(bridge, lambda _: next(numbers))


@pytest.fixture
def solar(tree, place, adjuster, triggers):
    face = solar_power(ROOF, ElectricalRating(400), place, Delegates(adjuster=adjuster), temperature=True)
    face.join(tree, triggers)
    return face


@pytest.fixture
def battery(tree, place, adjuster, triggers):
    face = battery_storage(
        CELLAR, BatteryRating(3000, 3500, 10_240), place, Delegates(adjuster=adjuster), temperature=True
    )
    face.join(tree, triggers)
    return face


@pytest.fixture
def meter(tree, place, triggers):
    face = grid_meter(GRID, ElectricalRating(17_000), place)
    face.join(tree, triggers)
    return face


class TestSolar:
    def test_a_producing_panel_reads_negative(self, solar):
        solar.update(ElectricalReading(-250.5, 231.2, 1.08, 50.01, 12, 1234.5), temperature_c=41.3)
        power = solar.sensor.power
        assert power.active_power == -250_500
        assert power.voltage == 231_200
        assert power.active_current == -1_080
        assert power.frequency == 50_010
        assert solar.sensor.energy.cumulative_energy_exported.energy == 1_234_500
        assert solar.source.status is PowerSourceStatusEnum.ACTIVE
        assert solar.temperature.measured_value == 4_130
        assert solar.reachable

    def test_at_night_it_produces_nothing_rather_than_something_unknown(self, solar):
        solar.update(ElectricalReading(power_w=0.0, energy_exported_wh=1234.5))
        assert (solar.sensor.power.active_power, solar.sensor.power.active_current) == (0, 0)
        assert solar.sensor.power.voltage is None
        assert solar.source.status is PowerSourceStatusEnum.STANDBY

    def test_an_inverter_that_tells_no_power_by_day_is_not_taken_for_one_at_rest(self, solar):
        solar.update(ElectricalReading(-250, 231, 1, 50))
        solar.update(ElectricalReading(voltage_v=231))
        assert (solar.sensor.power.active_power, solar.sensor.power.active_current) == (None, None)
        assert solar.source.status is PowerSourceStatusEnum.STANDBY

    def test_an_inverter_that_failed_supplies_nothing(self, solar):
        solar.update(ElectricalReading(0), faults=["GROUND_FAULT"], failed=True)
        assert solar.source.status is PowerSourceStatusEnum.UNAVAILABLE
        assert solar.source.wired_present

    def test_before_its_first_reading_it_is_there_and_unreachable(self, solar):
        assert not solar.reachable
        assert solar.sensor.power.active_power == 0
        assert solar.management.cluster.esa_state.name == "OFFLINE"

    def test_a_lost_module_is_unreachable_with_unknown_power_and_known_energy(self, tree, solar):
        solar.update(ElectricalReading(-250, 231, 1, 50, 0, 1234.5))
        solar.lost()
        power = solar.sensor.power
        assert not solar.reachable
        assert [power.active_power, power.voltage, power.active_current, power.frequency] == [None] * 4
        assert solar.sensor.energy.cumulative_energy_exported.energy == 1_234_500
        assert solar.source.status is PowerSourceStatusEnum.UNAVAILABLE
        assert [r.event.name for r in tree.events.since(0)].count("reachable_changed") == 2

    async def test_a_manager_limits_it_and_the_arbiter_hears_of_it(self, solar, adjuster, context):
        solar.update(ElectricalReading(-250, 231, 1))
        management = solar.management.cluster
        request = PowerAdjustRequest(power=-100_000, duration=60, cause=AdjustmentCauseEnum.GRID_OPTIMIZATION)
        await management.invoke(management.COMMANDS[0], context, request)
        assert adjuster.calls == [(-100.0, 60, True)]
        solar.lost()
        assert adjuster.calls[-1] == "released"

    def test_without_an_adjuster_there_is_no_management(self, tree, place):
        face = solar_power(ROOF, ElectricalRating(400), place)
        face.join(tree)
        assert face.management is None
        assert len(face.endpoints) == 1
        face.update(ElectricalReading(-1), faults=["GROUND_FAULT", "AC_OVER_VOLT"], failed=True)
        assert face.source.active_wired_faults == (WiredFaultEnum.UNSPECIFIED, WiredFaultEnum.OVER_VOLTAGE)

    def test_leaving_takes_all_parts_and_triggers_along(self, tree, solar, triggers):
        solar.leave(tree, triggers)
        assert list(tree.endpoints) == [0, 1]
        with pytest.raises(StatusError):
            triggers(0x0091_0002_0000_0001)


class TestBattery:
    def test_charging_is_positive_on_both_sides(self, battery):
        battery.update(
            ElectricalReading(1000, 230, 4.4, 50, 500, 400),
            BatteryState(55.5, 52.1, 18.5, 5_683.2, 2500, 3500),
            temperature_c=24,
        )
        assert battery.sensor.power.active_power == 1_000_000
        assert battery.dc_sensor.power.active_power == 963_850
        assert battery.dc_sensor.power.active_current == 18_500
        source = battery.battery
        assert source.bat_percent_remaining == 111
        assert source.bat_charge_state is BatChargeStateEnum.IS_CHARGING
        assert source.bat_charging_current == 18_500
        assert source.bat_time_to_full_charge == pytest.approx((10_240 - 5_683.2) / 1000 * 3600, abs=30)
        assert source.bat_time_remaining is None
        assert source.bat_capacity == 200_000  # mAh at 51.2 V
        (fit,) = battery.management.cluster.power_adjustment_capability.power_adjust_capability
        assert (fit.min_power, fit.max_power) == (-3_500_000, 2_500_000)

    def test_discharging_is_negative_and_lasts_a_while(self, battery):
        battery.update(ElectricalReading(-2000, 230, 8.7), BatteryState(50, 51, -40))
        assert battery.sensor.power.active_current == -8_700
        assert battery.battery.bat_time_remaining == pytest.approx(5120 / 2000 * 3600, abs=30)
        assert battery.battery.status is PowerSourceStatusEnum.ACTIVE
        assert battery.battery.bat_charging_current == 0

    def test_energy_of_the_direct_current_is_worked_out(self, battery, turned_clock):
        for _ in range(61):
            battery.update(ElectricalReading(1000), BatteryState(50, 50, 20))
            turned_clock.advance(1)
        assert battery.dc_sensor.energy.cumulative_energy_imported.energy == pytest.approx(16_667, abs=280)

    def test_sources_supply_what_they_should(self, battery):
        main, dc, temperature = battery.endpoints
        assert battery.source.endpoint_list == (main.number, dc.number, temperature.number)
        assert battery.battery.endpoint_list == (dc.number,)

    def test_a_lost_battery_knows_nothing(self, battery):
        battery.update(ElectricalReading(1000), BatteryState(50, 50, 20))
        battery.lost()
        source = battery.battery
        assert source.bat_percent_remaining is None
        assert source.bat_voltage is None
        assert source.bat_charge_state is BatChargeStateEnum.UNKNOWN
        assert source.status is PowerSourceStatusEnum.UNAVAILABLE

    def test_one_that_takes_no_orders_offers_none(self, tree, place):
        face = battery_storage(CELLAR, BatteryRating(3000, 3500, 10_240), place)
        face.join(tree)
        face.update(ElectricalReading(0), BatteryState(50))
        assert face.management.cluster.power_adjustment_capability is None
        assert face.management.cluster.abs_min_power == -3_500_000


def test_energy_that_a_module_does_not_count_is_worked_out_and_says_so(tree, place, turned_clock):
    solar = solar_power(ROOF, ElectricalRating(400, imported=False, exported=False), place)
    meter = grid_meter(GRID, ElectricalRating(17_000, imported=False, exported=False), place)
    battery = battery_storage(CELLAR, BatteryRating(3000, 3500, 10_240, metered=False), place)
    for face in (solar, meter, battery):
        face.join(tree)
    for _ in range(61):
        solar.update(ElectricalReading(-360))
        meter.update(ElectricalReading(-360))
        battery.update(ElectricalReading(720), BatteryState())
        turned_clock.advance(1)
    for face in (solar, meter, battery):
        assert not face.sensor.energy.accuracy.measured
    for face in (solar, meter):
        assert face.sensor.energy.cumulative_energy_exported.energy == pytest.approx(6_000, abs=110)
    assert battery.sensor.energy.cumulative_energy_imported.energy == pytest.approx(12_000, abs=210)
    assert not solar.sensor.energy.has(type(solar.sensor.energy).cumulative_energy_imported)


def test_the_meter_follows_the_grid(meter):
    meter.update(ElectricalReading(-4200, 229, 18.2, 49.98, 100, 200))
    assert meter.sensor.power.active_power == -4_200_000
    meter.lost()
    assert meter.sensor.power.active_power is None


def test_names_fit_in_bytes_and_renaming_sticks(tree, place):
    face = grid_meter(
        BridgedDevice("u" * 40, "Zähler " + "ü" * 20, serial="x" * 99), ElectricalRating(1), place
    )
    face.join(tree)
    info = face.endpoint.cluster(BridgedDeviceBasicInformationServer)
    assert info.node_label == "Zähler " + "ü" * 12
    assert (len(info.unique_id), len(info.serial_number)) == (32, 32)
    assert not info.has(BridgedDeviceBasicInformationServer.software_version_string)
    face.rename("Main meter")
    assert info.node_label == "Main meter"


class TestTriggers:
    """What the certification tests EPM-2.2, EEM-2.2 to 2.5 and DEM-2.2 want of a device."""

    def test_a_load_of_one_kilowatt(self, meter, triggers, turned_clock):
        meter.update(ElectricalReading(-4200, 229, 18.2, 50, 100, 200))
        number = meter.endpoint.number
        triggers(0x0091 << 48 | number << 32 | 1)
        seen = []
        for _ in range(4):
            turned_clock.advance(3)
            meter.update(ElectricalReading(-4200, 229, 18.2, 50, 100, 200))
            power, energy = meter.sensor.power, meter.sensor.energy
            assert 980_000 <= power.active_power <= 1_020_000
            assert 229_000 <= power.voltage <= 231_000
            assert 3_848 <= power.active_current <= 4_848
            seen.append(
                (
                    power.active_power,
                    power.voltage,
                    power.active_current,
                    energy.cumulative_energy_imported.energy,
                    energy.periodic_energy_imported.energy,
                )
            )
        for first, second in itertools.pairwise(seen):
            assert all(a != b for a, b in zip(first, second, strict=True))
            assert second[3] > first[3]
        triggers(0x0091 << 48 | number << 32)
        assert meter.sensor.power.active_power == -4_200_000
        assert meter.sensor.energy.cumulative_energy_imported.energy == 100_000

    def test_a_generator_of_three_kilowatts(self, solar, triggers, turned_clock):
        solar.update(ElectricalReading(-1, energy_exported_wh=7))
        triggers(0x0091 << 48 | solar.endpoint.number << 32 | 2)
        totals = []
        for _ in range(2):
            turned_clock.advance(6)
            totals.append(solar.sensor.energy.cumulative_energy_exported.energy)
        assert solar.sensor.power.active_power == pytest.approx(-3_000_000, abs=20_000)
        assert 7_000 < totals[0] < totals[1]

    async def test_a_power_adjustment_that_no_device_sees(
        self, solar, adjuster, triggers, turned_clock, tree, context
    ):
        base = 0x0098 << 48 | solar.endpoint.number << 32
        triggers(base)
        management = solar.management.cluster
        assert management.esa_state.name == "ONLINE"
        first = management.power_adjustment_capability.power_adjust_capability[0]
        request = PowerAdjustRequest(
            power=first.max_power,
            duration=first.min_duration,
            cause=AdjustmentCauseEnum.LOCAL_OPTIMIZATION,
        )
        await management.invoke(management.COMMANDS[0], context, request)
        triggers(base | 3)
        assert management.esa_state.name == "POWER_ADJUST_ACTIVE"
        turned_clock.advance(first.min_duration)
        (_, end) = (r for r in tree.events.since(0) if r.event.name.startswith("power_adjust"))
        payload = tlv.decode(b"\x15" + end.data[2:])
        assert payload[0] == 0
        assert payload[1] == first.min_duration == 10
        assert payload[2] > 0
        triggers(base | 2)
        assert management.opt_out_state.name == "OPT_OUT"
        triggers(base | 4)
        assert management.opt_out_state.name == "NO_OPT_OUT"
        triggers(base | 1)
        assert management.esa_state.name == "OFFLINE"
        assert management.power_adjustment_capability is None
        assert adjuster.calls == []

    def test_an_unknown_code_is_refused(self, solar, triggers):
        for cluster in (0x0091, 0x0098):
            with pytest.raises(StatusError) as error:
                triggers(cluster << 48 | solar.endpoint.number << 32 | 0x77)
            assert error.value.status is Status.INVALID_COMMAND


# ---------------------------------------------------------------- properties

NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(-20_000, 20_000)
READINGS = st.builds(ElectricalReading, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
STATES = st.builds(BatteryState, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


def check(face):
    """Every value that is shown is one that its data type allows, and comes back from its TLV."""
    for endpoint in face.endpoints:
        for cluster in endpoint.clusters.values():
            for id_, attribute in cluster.shape.attributes.items():
                value = cluster.value(id_)
                attribute.datatype.check(value)
                assert attribute.datatype.take(tlv.decode(attribute.datatype.encode(value))) == value


def energies(face):
    return [
        cluster.value(attribute.id).energy
        for endpoint in face.endpoints
        for cluster in endpoint.clusters.values()
        for attribute in cluster.shape.attributes.values()
        if attribute.name in {"cumulative_energy_imported", "cumulative_energy_exported"}
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(READINGS, STATES, NUMBERS, st.sampled_from([0.0, 0.5, 1.0, 40.0]), st.booleans()),
        max_size=12,
    )
)
def test_no_sequence_of_readings_breaks_a_constraint_or_turns_a_counter_back(
    solar, battery, meter, turned_clock, steps
):
    before = [energies(face) for face in (solar, battery, meter)]
    for reading, state, temperature, seconds, lost in steps:
        solar.update(reading, temperature_c=temperature, faults=["X"] if lost else [])
        battery.update(reading, state, temperature_c=temperature, failed=lost)
        meter.update(reading)
        if lost:
            for face in (solar, battery, meter):
                face.lost()
        turned_clock.advance(seconds)
        now = [energies(face) for face in (solar, battery, meter)]
        for old, new in zip(before, now, strict=True):
            assert all(a <= b for a, b in zip(old, new, strict=True))
        before = now
    for face in (solar, battery, meter):
        check(face)


@given(st.none() | st.floats())
def test_thousandths_are_integers_within_what_matter_can_say(value):
    for thousandths in (milli(value), milli_unsigned(value)):
        assert thousandths is None or -(2**62) <= thousandths <= 2**62
    if value is not None and math.isfinite(value) and abs(value) < 1e9:
        assert milli(value) == pytest.approx(value * 1000, abs=0.51)


@given(st.lists(st.tuples(st.floats(-5000, 5000), st.floats(0.1, 10))))
def test_worked_out_energy_only_grows(steps):
    integral, time = EnergyIntegral(), 0.0
    for power, seconds in steps:
        time += seconds
        assert min(integral.add(power, time)) >= 0


def test_a_gap_is_not_guessed():
    integral = EnergyIntegral()
    counted = [integral.add(1000, seconds).imported_wh for seconds in (0, 36, 3600)]
    assert counted == pytest.approx([0, 10, 0])


def test_a_power_that_turns_round_counts_in_both_directions():
    integral = EnergyIntegral()
    integral.add(3000, 0)
    assert integral.add(-1000, 36) == pytest.approx((3000 * 0.75 / 2 / 100, 1000 * 0.25 / 2 / 100))


def test_fault_codes_get_the_words_there_are():
    codes = ["AC_OVER_VOLT", "DC_UNDER_VOLT", "OVER_TEMP", "GROUND_FAULT"]
    assert [fault.name for fault in wired_faults(codes)] == ["UNSPECIFIED", "OVER_VOLTAGE"]
    assert [fault.name for fault in wired_faults(["AC_UNDER_VOLT"])] == ["UNDER_VOLTAGE"]
    assert wired_faults([]) == battery_faults([]) == charge_faults([]) == ()


def test_a_batterys_faults_and_its_chargers_are_told_apart():
    """By the codes of SunSpec's model 802, and by those of the inverter models."""
    bank = ["OVER_TEMP_ALARM", "UNDER_VOLT_ALARM", "OVER_DISCHARGE_CURRENT_ALARM"]
    assert [fault.name for fault in battery_faults(bank)] == ["UNSPECIFIED", "OVER_TEMP"]
    assert [fault.name for fault in charge_faults(bank)] == ["BATTERY_TOO_HOT", "BATTERY_UNDER_VOLTAGE"]
    charger = ["AC_OVER_VOLT", "DC_OVER_VOLT", "OVER_TEMP"]
    assert [fault.name for fault in charge_faults([], charger)] == ["CHARGER_OVER_VOLTAGE"]
    assert [fault.name for fault in charge_faults(["OVER_CHARGE_CURRENT_ALARM"])] == ["UNSPECIFIED"]


def test_every_list_and_struct_of_a_face_is_typed(solar):
    """A guard for the check above: it looks into structs, lists and nulls."""
    kinds = {
        type(attribute.datatype)
        for endpoint in solar.endpoints
        for cluster in endpoint.clusters.values()
        for attribute in cluster.shape.attributes.values()
    }
    assert {ListOf, Nullable, StructOf} <= kinds
