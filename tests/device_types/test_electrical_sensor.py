"""What an electrical sensor makes of a reading: which attributes there are, signs, and how good they are."""

import itertools

import pytest

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.measurement_accuracy import Accuracy
from device_types.aggregator import aggregator
from device_types.bridged_node import BridgedDevice, Place
from device_types.electrical_sensor import USUAL, ElectricalRating, ElectricalReading, ElectricalSensor
from device_types.on_off_plug import on_off_plug
from device_types.solar_power import solar_power
from matter_node.commissioning.fabrics import FabricTable
from matter_node.commissioning.group_keys import GroupKeys
from matter_node.commissioning.group_table import GroupTable
from matter_node.model import DeviceType, Endpoint

KIND = MeasurementTypeEnum
EVERYTHING = {
    **USUAL,
    KIND.REACTIVE_POWER: Accuracy(3, 5000),
    KIND.APPARENT_POWER: Accuracy(3, 5000),
    KIND.RMS_VOLTAGE: Accuracy(1, 100),
    KIND.RMS_CURRENT: Accuracy(1, 10),
    KIND.POWER_FACTOR: Accuracy(0, 200),
}
SENSOR = DeviceType(0x510, 1)


@pytest.fixture
def make(tree):
    numbers = itertools.count(2)

    def make(mode=PowerModeEnum.AC, **rating):
        sensor = ElectricalSensor(mode, ElectricalRating(5000, **rating))
        tree.add(Endpoint(next(numbers), [SENSOR], sensor.clusters))
        return sensor

    return make


@pytest.fixture
def place(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    bridge = aggregator(root)
    tree.add(root, bridge)
    numbers = itertools.count(2)
    return Place(bridge, lambda _: next(numbers))


@pytest.mark.parametrize("said", [-0.95, 0.95])
def test_a_power_factor_and_an_apparent_power_go_the_way_of_the_power(make, said):
    """Devices give a power factor a sign by several conventions; Matter knows import and export alone."""
    power = make(accuracies=EVERYTHING).power
    sensor = make(accuracies=EVERYTHING)
    sensor.measure(
        ElectricalReading(
            power_w=-950,
            voltage_v=230,
            current_a=4.35,
            apparent_power_va=1000,
            reactive_power_var=312,
            power_factor=said,
            active_current_a=-4.13,
        )
    )
    power = sensor.power
    assert (power.active_power, power.apparent_power, power.reactive_power) == (-950_000, -1_000_000, 312_000)
    assert power.power_factor == -9_500
    assert (power.rms_voltage, power.voltage) == (230_000, 230_000)
    assert (power.rms_current, power.active_current) == (4_350, -4_130)
    sensor.measure(ElectricalReading(power_w=950, apparent_power_va=1000, power_factor=said))
    assert (power.apparent_power, power.power_factor) == (1_000_000, 9_500)
    assert (power.rms_current, power.reactive_power) == (None, None)


@pytest.mark.parametrize("factor", [1.2, -7.0, float("nan"), float("inf")])
def test_a_power_factor_beyond_one_is_none(make, factor):
    sensor = make(accuracies=EVERYTHING)
    sensor.measure(ElectricalReading(power_w=100, power_factor=factor))
    assert sensor.power.power_factor is None


def test_several_phases_are_told_to_be_several(make):
    assert make(phases=3).power.features == 0b110
    assert make().power.features == 0b010
    assert make(PowerModeEnum.DC, phases=3).power.features == 0b001


def test_energy_that_is_worked_out_is_known_worse_than_the_power(make):
    counted = make()
    worked_out = make(metered=False)
    assert counted.energy.accuracy.measured
    assert not worked_out.energy.accuracy.measured
    (good,), (bad,) = counted.energy.accuracy.accuracy_ranges, worked_out.energy.accuracy.accuracy_ranges
    # 5 % of the power, 10 W of a quarter of 5000 W, and 5 % for what happens between two readings.
    assert (good.percent_max, bad.percent_max) == (500, 500 + 80 + 500)


@pytest.mark.parametrize("reading", [float("nan"), float("inf"), -5.0, 1e300])
def test_what_no_counter_reads_is_no_reading(make, reading):
    sensor = make()
    sensor.measure(ElectricalReading(energy_imported_wh=reading))
    sensor.measure(ElectricalReading(energy_imported_wh=1000.0))
    assert sensor.energy.cumulative_energy_imported.energy == 1_000_000


def test_what_a_device_type_demands_is_there_though_nobody_measures_it(tree, place):
    rating = ElectricalRating(400, accuracies={KIND.ACTIVE_POWER: Accuracy(5)})
    face = solar_power(BridgedDevice("a", "Roof"), rating, place)
    face.join(tree)
    power = face.sensor.power
    assert [entry.measurement_type for entry in power.accuracy] == [
        KIND.VOLTAGE,
        KIND.ACTIVE_CURRENT,
        KIND.ACTIVE_POWER,
    ]
    face.update(ElectricalReading(-100.0))
    assert (power.active_power, power.voltage, power.active_current) == (-100_000, None, None)


class TestPlug:
    class Relay:
        async def switch(self, on):
            pass

    @pytest.fixture
    def make(self, tree, place):
        def make(**rating):
            grouping = Grouping(GroupTable(tree.storage), GroupKeys(tree.storage, FabricTable(tree.storage)))
            rating = ElectricalRating(2500, imported=False, exported=False, **rating)
            face = on_off_plug(BridgedDevice("p", "Heater"), rating, place, self.Relay(), grouping)
            face.join(tree)
            return face

        return make

    def test_a_relay_without_a_meter_is_no_sensor(self, make):
        face = make(accuracies={})
        assert 0x510 not in {kind.id for kind in face.endpoint.device_types}
        assert not {0x90, 0x91, 0x9C} & face.endpoint.clusters.keys()
        face.update(ElectricalReading(), on=True)
        face.lost()
        assert not face.reachable

    def test_the_mains_are_assessed_as_the_plug_sees_them(self, make):
        face = make(accuracies=EVERYTHING, current_a=10.9)
        source = face.source
        assert source.wired_maximum_current == 10_900
        assert not source.has(type(source).wired_nominal_voltage), "nobody says what the label says"
        face.update(ElectricalReading(1000, 231.2, 4.35, 49.97), on=True)
        assert source.wired_assessed_input_voltage == 231_200
        assert source.wired_assessed_input_frequency == 50
        assert source.wired_assessed_current == 4_350
        face.update(ElectricalReading(-10, 1e300, float("nan"), -3.0), on=True)
        assert source.wired_assessed_input_frequency is None
        assert source.wired_assessed_current == 0
        face.lost()
        assert source.wired_assessed_input_voltage is None
