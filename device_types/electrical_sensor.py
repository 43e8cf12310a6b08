"""An Electrical Sensor (Matter Device Library 2.6): its clusters, and the meter at the grid connection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.electrical_energy_measurement import ElectricalEnergyMeasurementServer
from clusters.electrical_power_measurement import ElectricalPowerMeasurementServer, PowerValues
from clusters.measurement_accuracy import MOST_ENERGY, Accuracy
from clusters.power_topology import PowerTopologyServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, ELECTRICAL_SENSOR, compose
from device_types.energy_integral import EnergyIntegral, worked_out
from device_types.measurement_test import MeasurementTest
from device_types.milli import milli

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

MAINS_VOLTAGE_V: Final = 230.0
"""Taken for the nominal voltage where none is known."""
_KIND = MeasurementTypeEnum
USUAL: Final[Mapping[MeasurementTypeEnum, Accuracy]] = {
    _KIND.VOLTAGE: Accuracy(2, 1000),
    _KIND.ACTIVE_CURRENT: Accuracy(5, 100),
    _KIND.ACTIVE_POWER: Accuracy(5, 10_000),
    _KIND.FREQUENCY: Accuracy(0.5, 100),
    _KIND.ELECTRICAL_ENERGY: Accuracy(5, 1_000_000),
}
"""What is measured if nothing is said of it, and how well."""


@dataclass(frozen=True, slots=True)
class ElectricalRating:
    """What a device is rated for at the terminals that are measured, and how it measures.

    :ivar power_w: the most that it converts, as a magnitude
    :ivar voltage_v: nominal voltage, None if it is not known
    :ivar imported: energy goes in, and is shown
    :ivar exported: energy comes out, and is shown
    :ivar metered: it counts its energy itself; else that is worked out from its power
    :ivar current_a: the most current that it is made for, None if it is not known
    :ivar phases: how many are measured together
    :ivar accuracies: what it measures, and how well, in Matter's units
    :ivar energy_modulus_wh: what its counters begin anew at, None if they never do
    """

    power_w: float
    voltage_v: float | None = None
    imported: bool = True
    exported: bool = True
    metered: bool = True
    current_a: float | None = None
    phases: int = 1
    accuracies: Mapping[MeasurementTypeEnum, Accuracy] = field(default_factory=lambda: USUAL, hash=False)
    energy_modulus_wh: float | None = None

    def having(self, *kinds: MeasurementTypeEnum) -> ElectricalRating:
        """Return a rating with these measured in any case, because the device type demands it."""
        missing = {kind: USUAL[kind] for kind in kinds if kind not in self.accuracies}
        return replace(self, accuracies={**self.accuracies, **missing}) if missing else self


@dataclass(frozen=True, slots=True)
class ElectricalReading:
    """What was measured; positive into the device. None for what is not known.

    :ivar current_a: RMS if it alternates; its sign counts for nothing: that of the power is taken
    :ivar energy_imported_wh: lifetime counter
    :ivar energy_exported_wh: lifetime counter, as a magnitude
    :ivar apparent_power_va: its sign counts for nothing either
    :ivar power_factor: -1 to 1, nor here
    :ivar active_current_a: the part of an alternating current that carries power; None lets the whole of it
        stand for that
    """

    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    frequency_hz: float | None = None
    energy_imported_wh: float | None = None
    energy_exported_wh: float | None = None
    apparent_power_va: float | None = None
    reactive_power_var: float | None = None
    power_factor: float | None = None
    active_current_a: float | None = None


class ElectricalSensor:
    """The clusters of an electrical sensor, fed with plain readings."""

    def __init__(self, mode: PowerModeEnum, rating: ElectricalRating) -> None:
        accuracies = rating.accuracies
        self.power = ElectricalPowerMeasurementServer(
            mode,
            {kind: accuracies[kind] for kind in accuracies if kind is not _KIND.ELECTRICAL_ENERGY},
            polyphase=mode is PowerModeEnum.AC and rating.phases > 1,
        )
        energy = accuracies.get(_KIND.ELECTRICAL_ENERGY, USUAL[_KIND.ELECTRICAL_ENERGY])
        if not rating.metered:
            power = accuracies.get(_KIND.ACTIVE_POWER, USUAL[_KIND.ACTIVE_POWER])
            energy = worked_out(power, milli(rating.power_w) or 0)
        self.energy = ElectricalEnergyMeasurementServer(
            imported=rating.imported,
            exported=rating.exported,
            accuracy=replace(energy, measured=rating.metered),
            modulus=milli(rating.energy_modulus_wh),
        )
        self._integral = None if rating.metered else EnergyIntegral()
        self.topology = PowerTopologyServer()
        self._test = MeasurementTest(self.power, self.energy)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """What the endpoint gets."""
        return (self.power, self.energy, self.topology)

    def measure(self, reading: ElectricalReading) -> None:
        """Show a reading."""
        power, current = reading.power_w, reading.current_a
        active = reading.active_current_a
        voltage, rms_current = milli(reading.voltage_v), milli(current)
        factor = _directed(reading.power_factor, power)
        self.power.measure(
            PowerValues(
                active_power=milli(power),
                voltage=voltage,
                active_current=milli(_directed(current, power) if active is None else active),
                frequency=milli(reading.frequency_hz),
                reactive_power=milli(reading.reactive_power_var),
                apparent_power=milli(_directed(reading.apparent_power_va, power)),
                rms_voltage=voltage,
                rms_current=None if rms_current is None else abs(rms_current),
                power_factor=None if factor is None else milli(factor * 10),
            )
        )
        endpoint, integral = self.power.endpoint, self._integral
        if integral is None:
            self.energy.measure(_counted(reading.energy_imported_wh), _counted(reading.energy_exported_wh))
        elif endpoint is not None and endpoint.tree is not None:
            shown = self.power.measured_power
            watts = None if shown is None else shown / 1000
            imported_wh, exported_wh = integral.add(watts, endpoint.tree.clock.monotonic())
            self.energy.count(imported_wh * 1000, exported_wh * 1000)

    def lost(self) -> None:
        """Say that nothing is measured now; the lifetime energy stays what it was."""
        self.power.measure(PowerValues())

    def register(self, triggers: EventTriggers) -> None:
        """Let the measurement tests reach the endpoint."""
        endpoint = self.power.endpoint
        assert endpoint is not None
        triggers.register(self.energy.ID, endpoint.number, self._test.trigger)


def _directed(value: float | None, power_w: float | None) -> float | None:
    """Return a value as a magnitude with the sign of a power: whatever sign devices give it."""
    if value is None:
        return None
    return -abs(value) if power_w is not None and power_w < 0 else abs(value)


def _counted(energy_wh: float | None) -> int | None:
    """Return the reading of a counter in mWh; None for what none can read."""
    energy = milli(energy_wh)
    return energy if energy is not None and 0 <= energy < MOST_ENERGY else None


class GridMeterFace(Face):
    """The meter between the home and the grid; power is positive while the home draws from the grid."""

    def __init__(
        self, device: BridgedDevice, place: Place, delegates: Delegates, sensor: ElectricalSensor
    ) -> None:
        who = information(device, delegates)
        clusters = [who, *sensor.clusters, *place.clusters]
        super().__init__(
            who,
            compose(place.number("energy"), [BRIDGED_NODE, ELECTRICAL_SENSOR], clusters, parent=place.parent),
        )
        self.sensor = sensor

    def update(self, reading: ElectricalReading) -> None:
        """Show a reading; the meter is reachable."""
        self.information.set_reachable(True)
        self.sensor.measure(reading)

    def lost(self) -> None:
        """Say that the meter does not answer."""
        super().lost()
        self.sensor.lost()

    def register(self, triggers: EventTriggers) -> None:
        """Let the measurement tests reach the meter."""
        self.sensor.register(triggers)


def grid_meter(
    device: BridgedDevice, rating: ElectricalRating, place: Place, delegates: Delegates | None = None
) -> GridMeterFace:
    """Return the face of a meter.

    It has no Identify cluster: neither of its device types has a place for one.

    :param rating: at the grid connection; a meter that counts in neither direction gets both worked out
    """
    if not (rating.imported or rating.exported):
        rating = replace(rating, imported=True, exported=True, metered=False)
    return GridMeterFace(device, place, delegates or Delegates(), ElectricalSensor(PowerModeEnum.AC, rating))
