"""An Electrical Sensor (Matter Device Library 2.6): its clusters, and the meter at the grid connection."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.electrical_energy_measurement import ElectricalEnergyMeasurementServer
from clusters.electrical_power_measurement import ElectricalPowerMeasurementServer, PowerValues
from clusters.power_topology import PowerTopologyServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, ELECTRICAL_SENSOR, compose
from device_types.energy_integral import EnergyIntegral
from device_types.measurement_test import MeasurementTest
from device_types.milli import milli, milli_unsigned

if TYPE_CHECKING:
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

MAINS_VOLTAGE_V = 230.0
_HEADROOM = 1.5
"""How far beyond its rating a device still measures."""
_MAX_FREQUENCY_MHZ = 1_000_000


@dataclass(frozen=True, slots=True)
class ElectricalRating:
    """What a device is rated for at the terminals that are measured.

    :ivar power_w: the most that it converts, as a magnitude
    :ivar voltage_v: nominal voltage
    :ivar imported: energy goes in, and is shown
    :ivar exported: energy comes out, and is shown
    :ivar metered: it counts its energy itself; else that is worked out from its power
    """

    power_w: float
    voltage_v: float = MAINS_VOLTAGE_V
    imported: bool = True
    exported: bool = True
    metered: bool = True


@dataclass(frozen=True, slots=True)
class ElectricalReading:
    """What was measured; positive into the device. None for what is not known.

    :ivar current_a: its sign counts for nothing: that of the power is taken
    :ivar energy_imported_wh: lifetime counter
    :ivar energy_exported_wh: lifetime counter, as a magnitude
    """

    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    frequency_hz: float | None = None
    energy_imported_wh: float | None = None
    energy_exported_wh: float | None = None


class ElectricalSensor:
    """The clusters of an electrical sensor, fed with plain readings."""

    def __init__(self, mode: PowerModeEnum, rating: ElectricalRating) -> None:
        power = max(rating.power_w, 1.0) * _HEADROOM
        voltage = max(rating.voltage_v, 1.0) * _HEADROOM
        self.power = ElectricalPowerMeasurementServer(
            mode,
            maximum=PowerValues(
                active_power=milli(power),
                voltage=milli(voltage),
                active_current=milli(max(power / max(rating.voltage_v, 1.0), 1.0)),
            ),
        )
        self.energy = ElectricalEnergyMeasurementServer(
            imported=rating.imported, exported=rating.exported, measured=rating.metered
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
        power = milli(reading.power_w)
        current = milli(reading.current_a)
        if current is not None:
            current = int(math.copysign(current, power or 1))
        frequency = milli_unsigned(reading.frequency_hz, _MAX_FREQUENCY_MHZ)
        self.power.measure(PowerValues(power, milli_unsigned(reading.voltage_v, 2**62), current, frequency))
        imported_wh, exported_wh = reading.energy_imported_wh, reading.energy_exported_wh
        endpoint, integral = self.power.endpoint, self._integral
        if integral is not None and endpoint is not None and endpoint.tree is not None:
            integral.add(None if power is None else power / 1000, endpoint.tree.clock.monotonic())
            imported_wh, exported_wh = integral.imported_wh, integral.exported_wh
        self.energy.measure(milli(imported_wh), milli(exported_wh))

    def lost(self) -> None:
        """Say that nothing is measured now; the lifetime energy stays what it was."""
        self.power.measure(PowerValues())

    def register(self, triggers: EventTriggers) -> None:
        """Let the measurement tests reach the endpoint."""
        endpoint = self.power.endpoint
        assert endpoint is not None
        triggers.register(self.energy.ID, endpoint.number, self._test.trigger)


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
