"""Power, energy, temperature and sources: what is shown, and how soon it is told."""

import itertools

import pytest

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
from clusters.power_source import BatteryPowerSourceServer, WiredPowerSourceServer
from clusters.power_topology import PowerTopologyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import DeviceType, Endpoint, NodeTree, Urgency

SENSOR = DeviceType(0x510, 1)
LARGEST = PowerValues(active_power=600_000, voltage=345_000, active_current=3_000)


def put(tree, *clusters, number=2):
    tree.add(Endpoint(number, [SENSOR], clusters))


@pytest.fixture
def power(tree):
    server = ElectricalPowerMeasurementServer(PowerModeEnum.AC, maximum=LARGEST)
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
    server = ElectricalPowerMeasurementServer(PowerModeEnum.DC, maximum=LARGEST)
    put(tree, server)
    server.measure(PowerValues(1, 2, 3, None))
    assert not server.has(ElectricalPowerMeasurementServer.frequency)
    assert server.number_of_measurement_types == 3
    assert server.features == 1


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

    def test_one_direction_alone(self, tree):
        server = ElectricalEnergyMeasurementServer(imported=False, exported=True)
        put(tree, server, number=3)
        server.measure(None, 9)
        assert not server.has(ElectricalEnergyMeasurementServer.cumulative_energy_imported)
        assert server.cumulative_energy_exported.energy == 9


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
