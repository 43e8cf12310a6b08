"""Power, energy, temperature and sources: what is shown, and how soon it is told."""

import itertools

import pytest

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import (
    BatChargeFaultEnum,
    BatChargeLevelEnum,
    BatFaultEnum,
    PowerSourceStatusEnum,
    WiredFaultEnum,
)
from clusters.electrical_energy_measurement import SNAPSHOT_SECONDS, ElectricalEnergyMeasurementServer
from clusters.electrical_power_measurement import ElectricalPowerMeasurementServer, PowerValues
from clusters.measurement_accuracy import MOST_POWER, Accuracy
from clusters.power_source import BatteryPowerSourceServer, WiredPowerSourceServer
from clusters.power_topology import PowerTopologyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import DeviceType, Endpoint, NodeTree, Urgency

SENSOR = DeviceType(0x510, 1)
KIND = MeasurementTypeEnum
GOOD = Accuracy(1, 500)
DIRECT = dict.fromkeys((KIND.VOLTAGE, KIND.ACTIVE_CURRENT, KIND.ACTIVE_POWER), GOOD)
USUAL = DIRECT | {KIND.FREQUENCY: Accuracy(0, 10)}
EVERYTHING = USUAL | {
    KIND.REACTIVE_POWER: GOOD,
    KIND.APPARENT_POWER: GOOD,
    KIND.RMS_VOLTAGE: GOOD,
    KIND.RMS_CURRENT: GOOD,
    KIND.POWER_FACTOR: Accuracy(0, 200),
}


def put(tree, *clusters, number=2):
    tree.add(Endpoint(number, [SENSOR], clusters))


@pytest.fixture
def power(tree):
    server = ElectricalPowerMeasurementServer(PowerModeEnum.AC, USUAL)
    put(tree, server)
    return server


def test_power_reads_zero_until_the_first_measurement(power):
    assert (power.active_power, power.voltage, power.active_current, power.frequency) == (0, 0, 0, 0)


def test_every_measured_value_has_an_accuracy_without_gaps(power):
    assert power.number_of_measurement_types == len(power.accuracy) == 4
    for entry in power.accuracy:
        (whole,) = entry.accuracy_ranges
        assert whole.range_min == entry.min_measured_value
        assert whole.range_max == entry.max_measured_value
        assert whole.range_min < whole.range_max


def test_direct_current_has_no_frequency(tree):
    server = ElectricalPowerMeasurementServer(PowerModeEnum.DC, DIRECT)
    put(tree, server)
    server.measure(PowerValues(1, 2, 3, None))
    assert not server.has(ElectricalPowerMeasurementServer.frequency)
    assert server.number_of_measurement_types == 3
    assert server.features == 1


def test_how_well_each_is_measured_is_said_in_percent_and_in_its_unit(tree):
    server = ElectricalPowerMeasurementServer(PowerModeEnum.AC, EVERYTHING)
    put(tree, server)
    assert [entry.measurement_type for entry in server.accuracy] == sorted(EVERYTHING)
    assert server.number_of_measurement_types == 9
    said = {entry.measurement_type: entry.accuracy_ranges[0] for entry in server.accuracy}
    assert (said[KIND.ACTIVE_POWER].percent_max, said[KIND.ACTIVE_POWER].fixed_max) == (100, 500)
    assert (said[KIND.FREQUENCY].percent_max, said[KIND.FREQUENCY].fixed_max) == (0, 10)
    for each in said.values():
        assert each.percent_max is not None or each.fixed_max is not None
        assert (each.percent_min, each.percent_typical, each.fixed_min, each.fixed_typical) == (None,) * 4


def test_everything_that_is_measured_is_shown_and_nothing_else(tree, power):
    server = ElectricalPowerMeasurementServer(PowerModeEnum.AC, EVERYTHING, polyphase=True)
    put(tree, server, number=3)
    assert server.power_factor is None, "before anything is measured"
    server.measure(PowerValues(-900_000, 230_000, -3_913, 50_000, 100_000, -905_000, 230_000, 3_935, -9_945))
    assert (server.reactive_power, server.apparent_power) == (100_000, -905_000)
    assert (server.rms_voltage, server.rms_current, server.power_factor) == (230_000, 3_935, -9_945)
    assert server.features == server.Feature.ALTC | server.Feature.POLY
    assert not power.has(ElectricalPowerMeasurementServer.power_factor)
    assert not power.has(ElectricalPowerMeasurementServer.rms_current)


@pytest.mark.parametrize("absurd", [MOST_POWER + 1, -MOST_POWER - 1, 2**62])
def test_what_nothing_in_a_home_can_measure_was_not_measured(power, absurd):
    power.measure(PowerValues(absurd, -1, 2**61, 2_000_000))
    assert [power.active_power, power.voltage, power.active_current, power.frequency] == [None] * 4
    assert power.measured_power is None
    power.measure(PowerValues(MOST_POWER))
    assert power.active_power == power.measured_power == MOST_POWER


def test_small_changes_of_power_wait_and_nulls_do_not(power, reports):
    for milliwatts in (-300_000, -302_000, -308_000, None, -300_000):
        power.measure(PowerValues(milliwatts, 230_000, 1_300, 50_000))
    assert reports.of("active_power") == [
        Urgency.QUIET,
        Urgency.LAZY,
        Urgency.QUIET,
        Urgency.NOW,
        Urgency.NOW,
    ]
    assert reports.of("voltage") == [Urgency.QUIET]


def test_a_test_overrides_what_is_measured_as_long_as_it_lasts(power):
    power.measure(PowerValues(1_000))
    power.override(PowerValues(5_000))
    power.measure(PowerValues(2_000))
    assert power.active_power == 5_000
    power.override(None)
    assert power.active_power == 2_000


class TestEnergy:
    @pytest.fixture
    def energy(self, tree):
        server = ElectricalEnergyMeasurementServer(imported=True, exported=True)
        put(tree, server)
        return server

    def test_the_first_reading_shows_at_once_and_is_no_period(self, energy):
        assert energy.cumulative_energy_imported.energy == 0
        energy.measure(5_000_000, 7)
        assert energy.cumulative_energy_imported.energy == 5_000_000
        assert energy.cumulative_energy_exported.energy == 7
        assert energy.periodic_energy_imported is None

    def test_snapshots_follow_one_another_without_a_gap(self, tree, energy, turned_clock, reports):
        energy.measure(1_000, 0)
        periods = []
        for step in range(1, 3 * int(SNAPSHOT_SECONDS) + 1):
            turned_clock.advance(1)
            energy.measure(1_000 + step, 0)
            if energy.periodic_energy_imported not in [None, *periods]:
                periods.append(energy.periodic_energy_imported)
        assert [period.energy for period in periods] == [30, 30, 30]
        for first, second in itertools.pairwise(periods):
            assert second.start_timestamp == first.end_timestamp
        now = int(turned_clock.utc()) - MATTER_EPOCH_OFFSET
        assert energy.cumulative_energy_imported.end_timestamp == now
        names = [record.event.name for record in tree.events.since(0)]
        assert names == ["cumulative_energy_measured", "periodic_energy_measured"] * 3
        assert set(reports.of("cumulative_energy_imported")) == {Urgency.QUIET}

    def test_nothing_counted_is_no_snapshot(self, tree, energy, turned_clock):
        energy.measure(1_000, 0)
        turned_clock.advance(600)
        energy.measure(1_000, 0)
        assert list(tree.events.since(0)) == []

    def test_without_the_time_of_day_the_time_since_boot_is_told(self, energy, turned_clock):
        turned_clock.epoch = None
        energy.measure(1_000, 0)
        turned_clock.advance(SNAPSHOT_SECONDS)
        energy.measure(2_000, 0)
        assert energy.cumulative_energy_imported.end_timestamp is None
        assert energy.cumulative_energy_imported.end_systime == int(turned_clock.now * 1000)
        period = energy.periodic_energy_imported
        assert period.end_systime - period.start_systime == SNAPSHOT_SECONDS * 1000
        assert period.start_timestamp is None

    def test_a_time_of_day_that_jumps_back_makes_no_backward_period(self, energy, turned_clock):
        energy.measure(1_000, 0)
        turned_clock.epoch -= 86_400
        turned_clock.advance(SNAPSHOT_SECONDS)
        energy.measure(2_000, 0)
        period = energy.periodic_energy_imported
        assert period.start_timestamp is None
        assert period.end_systime > period.start_systime

    def test_the_lifetime_energy_survives_a_restart(self, tree, memory, energy, turned_clock):
        energy.measure(1_000, 5)
        turned_clock.advance(SNAPSHOT_SECONDS)
        energy.measure(3_000, 6)
        again = NodeTree(memory, turned_clock, tree.entropy)
        server = ElectricalEnergyMeasurementServer(imported=True, exported=True)
        put(again, server)
        assert server.cumulative_energy_imported.energy == 3_000
        server.measure(4_000, 6)
        assert server.cumulative_energy_imported.energy == 4_000

    def test_a_removed_endpoint_leaves_nothing_behind(self, tree, memory, energy):
        energy.measure(1_000, 5)
        assert memory.scan("attribute/2/")
        tree.remove(2)
        assert memory.scan("attribute/2/") == []

    def test_a_test_counts_on_top_and_leaves_no_trace(self, energy, turned_clock):
        energy.measure(1_000, 5)
        energy.override()
        turned_clock.advance(2)
        energy.override(imported=555)
        energy.measure(1_100, 5)
        assert energy.cumulative_energy_imported.energy == 1_555
        assert energy.periodic_energy_imported.energy == 555
        energy.end_override()
        assert energy.cumulative_energy_imported.energy == 1_100

    def test_a_garbled_counter_is_not_believed_at_once(self, energy, turned_clock):
        energy.measure(5_000_000, 7)
        turned_clock.advance(SNAPSHOT_SECONDS)
        energy.measure(50_000_000_000, 8)
        assert energy.cumulative_energy_imported.energy == 5_000_000
        turned_clock.advance(SNAPSHOT_SECONDS)
        energy.measure(5_000_100, 9)
        assert energy.cumulative_energy_imported.energy == 5_000_100

    def test_a_counter_of_32_bits_overflows(self, tree, turned_clock):
        modulus = 2**32 * 1000
        server = ElectricalEnergyMeasurementServer(imported=True, exported=False, modulus=modulus)
        put(tree, server, number=3)
        for reading in (modulus - 1000, modulus - 500, 200, 300, 400):
            server.measure(reading, None)
            turned_clock.advance(1)
        turned_clock.advance(SNAPSHOT_SECONDS)
        server.measure(500, None)
        assert server.cumulative_energy_imported.energy == modulus + 500

    def test_one_direction_alone(self, tree):
        server = ElectricalEnergyMeasurementServer(imported=False, exported=True)
        put(tree, server, number=3)
        server.measure(None, 9)
        assert not server.has(ElectricalEnergyMeasurementServer.cumulative_energy_imported)
        assert server.cumulative_energy_exported.energy == 9


class TestCountedEnergy:
    """Energy that the device does not count: it is worked out, and counted here."""

    @pytest.fixture
    def make(self, tree, memory, turned_clock):
        def make():
            started = NodeTree(memory, turned_clock, tree.entropy)
            server = ElectricalEnergyMeasurementServer(
                imported=True, exported=True, accuracy=Accuracy(12, measured=False)
            )
            put(started, server)
            return server

        return make

    def test_it_says_that_it_is_worked_out_and_since_when(self, make, turned_clock):
        server = make()
        assert not server.accuracy.measured
        assert server.cumulative_energy_reset is None
        turned_clock.epoch = None
        server.count(0.0, 0.0)
        assert server.cumulative_energy_reset is None, "nobody knows what time it is"
        turned_clock.epoch = 1_800_000_000.0
        now = int(turned_clock.utc()) - MATTER_EPOCH_OFFSET
        server.count(1.5, 0.0)
        turned_clock.advance(60)
        server.count(1.5, 0.0)
        reset = server.cumulative_energy_reset
        assert (reset.imported_reset_timestamp, reset.exported_reset_timestamp) == (now, now)
        assert make().cumulative_energy_reset == reset

    def test_a_device_that_counts_itself_does_not_say_when_it_began(self, tree):
        server = ElectricalEnergyMeasurementServer(imported=True, exported=False)
        assert not server.has(ElectricalEnergyMeasurementServer.cumulative_energy_reset)

    def test_a_hub_that_is_killed_loses_no_more_than_a_minute(self, make, turned_clock):
        server, true = make(), 0.0
        for second in range(1, 1001):
            turned_clock.advance(1)
            server.count(10.0, 0.0)
            true += 10.0
            shown = server.cumulative_energy_imported.energy
            if second % 97 == 0:
                server = make()
                again = server.cumulative_energy_imported.energy
                assert shown <= again <= true
                assert true - again <= 60 * 10.0
                true = again

    def test_a_test_that_runs_meanwhile_keeps_nothing_from_being_stored(self, make, turned_clock):
        server = make()
        server.override(imported=7)
        for _ in range(100):
            turned_clock.advance(1)
            server.count(10.0, 0.0)
        assert make().cumulative_energy_imported.energy >= 400


class TestTemperature:
    @pytest.fixture
    def temperature(self, tree):
        server = TemperatureMeasurementServer(low_c=-40, high_c=85)
        put(tree, server)
        return server

    @pytest.mark.parametrize(
        ("celsius", "shown"),
        [(21.456, 2146), (-60.0, -4000), (500.0, 8500), (float("nan"), None), (float("inf"), 8500)],
    )
    def test_it_shows_hundredths_within_its_range(self, temperature, celsius, shown):
        temperature.measure(celsius)
        assert temperature.measured_value == shown

    def test_tenths_wait(self, temperature, reports):
        for celsius in (20.0, 20.1, 20.6):
            temperature.measure(celsius)
        assert reports.of("measured_value") == [Urgency.NOW, Urgency.LAZY, Urgency.QUIET]


class TestPowerSource:
    def test_a_source_supplies_its_endpoint_and_what_is_below(self, tree):
        source = WiredPowerSourceServer("Solar", nominal_voltage=230_000)
        main = Endpoint(2, [SENSOR], [source])
        tree.add(main)
        assert source.endpoint_list == (2,)
        tree.add(Endpoint(9, [SENSOR], [], parent=main))
        assert source.endpoint_list == (2, 9)
        tree.remove(9)
        assert source.endpoint_list == (2,)

    def test_a_wired_source_tells_its_faults(self, tree):
        source = WiredPowerSourceServer("Solar")
        put(tree, source)
        source.set_status(PowerSourceStatusEnum.ACTIVE)
        source.set_faults((WiredFaultEnum.OVER_VOLTAGE,))
        source.set_faults((WiredFaultEnum.OVER_VOLTAGE,))
        source.set_faults(())
        assert source.wired_present
        source.set_status(PowerSourceStatusEnum.UNAVAILABLE, present=True)
        assert source.wired_present
        assert [record.event.name for record in tree.events.since(0)] == ["wired_fault_change"] * 2

    @pytest.mark.parametrize(
        ("percent", "half_percents", "level"),
        [
            (100.0, 200, BatChargeLevelEnum.OK),
            (120.0, 200, BatChargeLevelEnum.OK),
            (20.0, 40, BatChargeLevelEnum.WARNING),
            (4.9, 10, BatChargeLevelEnum.CRITICAL),
            (-3.0, 0, BatChargeLevelEnum.CRITICAL),
            (1e308, 200, BatChargeLevelEnum.OK),
            (float("nan"), None, BatChargeLevelEnum.OK),
        ],
    )
    def test_how_full_a_battery_is(self, tree, percent, half_percents, level):
        battery = BatteryPowerSourceServer("Battery", capacity=195_000)
        put(tree, battery)
        battery.set_charge(percent)
        assert (battery.bat_percent_remaining, battery.bat_charge_level) == (half_percents, level)

    def test_a_wired_source_is_assessed_as_far_as_it_is_measured(self, tree, reports):
        source = WiredPowerSourceServer("Solar", maximum_current=16_000, assesses=["voltage", "frequency"])
        put(tree, source)
        source.assess(voltage=231_000, frequency=50, current=4_000)
        assert (source.wired_assessed_input_voltage, source.wired_assessed_input_frequency) == (231_000, 50)
        assert not source.has(WiredPowerSourceServer.wired_assessed_current)
        assert not source.has(WiredPowerSourceServer.wired_nominal_voltage)
        assert source.wired_maximum_current == 16_000
        assert reports.seen == []  # quality C
        source.assess()
        assert source.wired_assessed_input_voltage is None

    @pytest.mark.parametrize(
        ("percent", "reserve", "level"),
        [
            (10.0, 10.0, BatChargeLevelEnum.OK),  # every night
            (9.6, 10.0, BatChargeLevelEnum.OK),
            (8.5, 10.0, BatChargeLevelEnum.WARNING),
            (4.0, 10.0, BatChargeLevelEnum.CRITICAL),
            (50.0, 50.0, BatChargeLevelEnum.OK),
            (30.0, 50.0, BatChargeLevelEnum.OK),
            (15.0, 50.0, BatChargeLevelEnum.WARNING),
            (3.0, 3.0, BatChargeLevelEnum.OK),
            (0.0, 0.0, BatChargeLevelEnum.CRITICAL),
            (15.0, None, BatChargeLevelEnum.WARNING),
        ],
    )
    def test_a_battery_that_rests_at_its_reserve_needs_nobody(self, tree, percent, reserve, level):
        battery = BatteryPowerSourceServer("Battery", capacity=195_000)
        put(tree, battery)
        battery.set_charge(percent, reserve)
        assert battery.bat_charge_level is level

    def test_a_battery_tells_its_faults_and_changes_of_times_wait(self, tree, reports):
        battery = BatteryPowerSourceServer("Battery", capacity=195_000)
        put(tree, battery)
        battery.set_faults((BatFaultEnum.OVER_TEMP,), (BatChargeFaultEnum.BATTERY_TOO_HOT,))
        names = [record.event.name for record in tree.events.since(0)]
        assert names == ["bat_fault_change", "bat_charge_fault_change"]
        for seconds in (3600, 3590, 3300):
            battery.bat_time_remaining = seconds
        battery.bat_voltage = 52_000
        assert reports.of("bat_time_remaining") == [Urgency.NOW, Urgency.LAZY, Urgency.QUIET]
        assert reports.of("bat_voltage") == []  # quality C
        assert battery.QUIET_SECONDS == 10


def test_a_bridged_measurement_covers_the_tree_below(tree):
    topology = PowerTopologyServer()
    put(tree, topology)
    assert topology.features == PowerTopologyServer.Feature.TREE
    assert not topology.has(PowerTopologyServer.available_endpoints)
