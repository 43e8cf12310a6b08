"""The DC side of a solar module: a part that says what the panels give."""

import itertools

import pytest

from clusters.definitions.common import MeasurementTypeEnum
from clusters.descriptor import DescriptorServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.bridged_node import BridgedDevice, Place
from device_types.composition import DIRECT_CURRENT, SOLAR_SUPPLY
from device_types.electrical_sensor import USUAL, ElectricalRating, ElectricalReading
from device_types.solar_power import solar_power
from matter_node.model import DeviceType, Endpoint

KIND = MeasurementTypeEnum
DIRECT = {kind: USUAL[kind] for kind in (KIND.VOLTAGE, KIND.ACTIVE_CURRENT, KIND.ACTIVE_POWER)}


@pytest.fixture
def make(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    bridge = aggregator(root)
    tree.add(root, bridge)
    names = []
    numbers = itertools.count(2)

    def number(name):
        names.append(name)
        return next(numbers)

    def make(*, counted=True, temperature=False):
        panel = ElectricalRating(420, exported=counted, accuracies=DIRECT)
        face = solar_power(
            BridgedDevice("a", "Roof"),
            ElectricalRating(400),
            Place(bridge, number),
            panel=panel,
            temperature=temperature,
        )
        face.join(tree, EventTriggers())
        assert names == ["energy", "energy-panel", *(["energy-temperature"] if temperature else [])]
        return face

    return make


def test_the_panels_have_a_part_of_their_own_with_tags(make):
    main, part, warm = make(temperature=True).endpoints
    assert (part.parent, warm.parent) == (main, main)
    assert [kind.id for kind in part.device_types] == [0x510]
    assert part.tags == (DIRECT_CURRENT, SOLAR_SUPPLY)
    assert part.tags != main.tags
    assert part.clusters.keys() >= {0x90, 0x91, 0x9C}
    assert 0x39 not in part.clusters


def test_what_the_panels_give_is_exported_too(make):
    face = make()
    face.update(
        ElectricalReading(-390, 230, 1.7, energy_exported_wh=1000),
        ElectricalReading(-404, 34.2, 11.8, energy_exported_wh=1040),
    )
    power = face.panel.power
    assert (power.active_power, power.voltage, power.active_current) == (-404_000, 34_200, -11_800)
    assert power.power_mode.name == "DC"
    assert not power.has(type(power).rms_voltage)
    energy = face.panel.energy
    assert energy.cumulative_energy_exported.energy == 1_040_000
    assert not energy.has(type(energy).cumulative_energy_imported)
    assert energy.accuracy.measured


def test_panels_that_do_not_count_have_their_energy_worked_out(make, turned_clock):
    face = make(counted=False)
    for _ in range(61):
        face.update(ElectricalReading(-350), ElectricalReading(-360))
        turned_clock.advance(1)
    assert not face.panel.energy.accuracy.measured
    assert face.panel.energy.cumulative_energy_exported.energy == pytest.approx(6_000, abs=110)


def test_in_the_dark_they_give_nothing_and_without_an_answer_nobody_knows(make):
    face = make()
    power = face.panel.power
    face.update(ElectricalReading(-390), ElectricalReading(-404, 34.2, 11.8))
    face.update(ElectricalReading(0.0))
    assert (power.active_power, power.active_current, power.voltage) == (0, 0, None)
    face.update(ElectricalReading(-390), None)
    assert power.active_power is None
    face.update(ElectricalReading(-390), ElectricalReading(-404))
    face.lost()
    assert power.active_power is None
