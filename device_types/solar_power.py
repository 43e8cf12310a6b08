"""Solar Power (Matter Device Library 14.3): a microinverter with its panel as a bridged device.

The main endpoint holds the AC side, since a controller looks for the watts on the endpoint that says "solar".
A part holds the DC side of an inverter that measures it: what the panels give, all of them together. A
producing panel reads a negative power on both sides: it exports.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.device_energy_management import ESATypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import PowerSourceStatusEnum
from clusters.identify import IdentifyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import (
    ALTERNATING_CURRENT,
    BRIDGED_NODE,
    DEVICE_ENERGY_MANAGEMENT,
    DIRECT_CURRENT,
    ELECTRICAL_SENSOR,
    POWER_SOURCE,
    SOLAR_POWER,
    SOLAR_SUPPLY,
    compose,
)
from device_types.electrical_sensor import ElectricalRating, ElectricalReading, ElectricalSensor
from device_types.faults import wired_faults
from device_types.managed import EnergyManagement
from device_types.temperature_sensor import temperature_sensor
from device_types.wired_source import assess, wired_source

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
        panel: ElectricalRating | None,
        temperature: bool,
    ) -> None:
        who = information(device, delegates)
        self.sensor = ElectricalSensor(
            PowerModeEnum.AC, rating.having(MeasurementTypeEnum.VOLTAGE, MeasurementTypeEnum.ACTIVE_CURRENT)
        )
        self.source = wired_source("Solar", rating)
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
        self.panel: ElectricalSensor | None = None
        if panel is not None:
            self.panel = ElectricalSensor(PowerModeEnum.DC, panel)
            parts.append(
                compose(
                    place.number("energy-panel"),
                    [ELECTRICAL_SENSOR],
                    self.panel.clusters,
                    parent=main,
                    tags=[DIRECT_CURRENT, SOLAR_SUPPLY],
                )
            )
        self.temperature: TemperatureMeasurementServer | None = None
        if temperature:
            part = temperature_sensor(place.number("energy-temperature"), main, blink=delegates.blink)
            self.temperature = part.cluster(TemperatureMeasurementServer)
            parts.append(part)
        super().__init__(who, *parts)

    def update(
        self,
        reading: ElectricalReading,
        panel: ElectricalReading | None = None,
        *,
        temperature_c: float | None = None,
        faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading; the module is reachable.

        An inverter without light reads no power, and knows no current: it has none.

        :param panel: the same of the panels; None if nothing is known of them
        :param faults: codes of what is wrong, such as ``AC_OVER_VOLT``
        :param failed: it does not work because of that
        """
        power = reading.power_w
        self.information.set_reachable(True)
        self.sensor.measure(_dark(reading))
        if self.panel is not None:
            dark = ElectricalReading(power_w=0.0) if power == 0 else ElectricalReading()
            self.panel.measure(_dark(panel or dark))
        if failed:
            status = PowerSourceStatusEnum.UNAVAILABLE
        else:
            producing = power is not None and power < 0
            status = PowerSourceStatusEnum.ACTIVE if producing else PowerSourceStatusEnum.STANDBY
        self.source.set_status(status, present=True)
        self.source.set_faults(wired_faults(faults))
        assess(self.source, reading)
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
        if self.panel is not None:
            self.panel.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        self.source.assess()
        if self.management is not None:
            self.management.lost()
        if self.temperature is not None:
            self.temperature.measure(None)

    def register(self, triggers: EventTriggers) -> None:
        """Let the tests of its clusters reach the module."""
        self.sensor.register(triggers)
        if self.panel is not None:
            self.panel.register(triggers)
        if self.management is not None:
            self.management.register(triggers)


def _dark(reading: ElectricalReading) -> ElectricalReading:
    """Return a reading whose current is 0 if that of no power is not known."""
    return replace(reading, current_a=0.0) if reading.power_w == 0 and reading.current_a is None else reading


def solar_power(
    device: BridgedDevice,
    rating: ElectricalRating,
    place: Place,
    delegates: Delegates | None = None,
    *,
    panel: ElectricalRating | None = None,
    temperature: bool = False,
) -> SolarPowerFace:
    """Return the face of a solar module.

    :param rating: at the AC terminals; the device type demands the exported energy, so that of a module that
        does not count it is worked out
    :param panel: the same at the DC terminals, which get a part of their own; None if nothing is measured
        there
    :param temperature: it measures its temperature, which gets a part of its own
    """
    return SolarPowerFace(
        device,
        _exporting(rating),
        place,
        delegates or Delegates(),
        panel=None if panel is None else _exporting(replace(panel, imported=False)),
        temperature=temperature,
    )


def _exporting(rating: ElectricalRating) -> ElectricalRating:
    return replace(rating, exported=True, metered=rating.metered and rating.exported)
