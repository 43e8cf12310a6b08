"""Solar Power (Matter Device Library 14.3): a microinverter with its panel as a bridged device.

One endpoint holds it all, since a controller looks for the watts on the endpoint that says "solar". A
producing panel reads a negative power: it exports.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import ESATypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import PowerSourceStatusEnum
from clusters.identify import IdentifyServer
from clusters.power_source import WiredPowerSourceServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import (
    ALTERNATING_CURRENT,
    BRIDGED_NODE,
    DEVICE_ENERGY_MANAGEMENT,
    ELECTRICAL_SENSOR,
    POWER_SOURCE,
    SOLAR_POWER,
    SOLAR_SUPPLY,
    compose,
)
from device_types.electrical_sensor import ElectricalRating, ElectricalReading, ElectricalSensor
from device_types.faults import wired_faults
from device_types.managed import EnergyManagement
from device_types.milli import milli_unsigned
from device_types.temperature_sensor import temperature_sensor

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.power_forecast import PowerForecast
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster


class SolarPowerFace(Face):
    """A solar module on the node. `solar_power` makes one."""

    def __init__(
        self,
        device: BridgedDevice,
        rating: ElectricalRating,
        place: Place,
        delegates: Delegates,
        *,
        temperature: bool,
    ) -> None:
        who = information(device, delegates)
        self.sensor = ElectricalSensor(PowerModeEnum.AC, rating)
        self.source = WiredPowerSourceServer("Solar", nominal_voltage=milli_unsigned(rating.voltage_v))
        kinds = [SOLAR_POWER, BRIDGED_NODE, ELECTRICAL_SENSOR, POWER_SOURCE]
        clusters: list[Cluster] = [who, IdentifyServer(delegates.blink), *self.sensor.clusters, self.source]
        self.management: EnergyManagement | None = None
        if delegates.adjuster is not None:
            self.management = EnergyManagement(
                ESATypeEnum.SOLAR_PV, -abs(rating.power_w), 0, delegates.adjuster, delegates.forecast
            )
            kinds.append(DEVICE_ENERGY_MANAGEMENT)
            clusters += self.management.clusters
        main = compose(
            place.number("energy"),
            kinds,
            [*clusters, *place.clusters],
            parent=place.parent,
            tags=[ALTERNATING_CURRENT, SOLAR_SUPPLY],
        )
        parts = [main]
        self.temperature: TemperatureMeasurementServer | None = None
        if temperature:
            part = temperature_sensor(place.number("energy-temperature"), main, blink=delegates.blink)
            self.temperature = part.cluster(TemperatureMeasurementServer)
            parts.append(part)
        super().__init__(who, *parts)

    def update(
        self,
        reading: ElectricalReading,
        *,
        temperature_c: float | None = None,
        faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading; the module is reachable.

        An inverter without light knows no power and no current: it has none.

        :param faults: codes of what is wrong, such as ``AC_OVER_VOLT``
        :param failed: it does not work because of that
        """
        power = reading.power_w or 0.0
        self.information.set_reachable(True)
        self.sensor.measure(
            ElectricalReading(
                power_w=power,
                voltage_v=reading.voltage_v,
                current_a=reading.current_a or 0.0,
                frequency_hz=reading.frequency_hz,
                energy_imported_wh=reading.energy_imported_wh,
                energy_exported_wh=reading.energy_exported_wh,
            )
        )
        self.source.set_status(PowerSourceStatusEnum.ACTIVE if power < 0 else PowerSourceStatusEnum.STANDBY)
        self.source.set_faults(wired_faults(faults))
        if self.management is not None:
            self.management.update(power, failed=failed, limits_w=None)
        if self.temperature is not None:
            self.temperature.measure(temperature_c)

    def plan(self, forecast: PowerForecast | None) -> None:
        """Show what the module is expected to produce; one that nobody limits shows no forecast.

        See `EnergyManagement.plan`.
        """
        if self.management is not None:
            self.management.plan(forecast)

    def lost(self) -> None:
        """Say that the module does not answer."""
        super().lost()
        self.sensor.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        if self.management is not None:
            self.management.lost()
        if self.temperature is not None:
            self.temperature.measure(None)

    def register(self, triggers: EventTriggers) -> None:
        """Let the tests of its clusters reach the module."""
        self.sensor.register(triggers)
        if self.management is not None:
            self.management.register(triggers)


def solar_power(
    device: BridgedDevice,
    rating: ElectricalRating,
    place: Place,
    delegates: Delegates | None = None,
    *,
    temperature: bool = False,
) -> SolarPowerFace:
    """Return the face of a solar module.

    :param rating: at the AC terminals; the device type demands the exported energy, so that of a module that
        does not count it is worked out
    :param temperature: it measures its temperature, which gets a part of its own
    """
    rating = replace(rating, exported=True, metered=rating.metered and rating.exported)
    return SolarPowerFace(device, rating, place, delegates or Delegates(), temperature=temperature)
