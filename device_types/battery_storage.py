"""Battery Storage (Matter Device Library 14.4): a battery with its inverter as a bridged device.

The main endpoint holds the AC side: sensor, wired power source and energy management. A part holds the DC
side: the battery as a power source, and a DC sensor. A charging battery reads a positive power.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.device_energy_management import ESATypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import PowerSourceStatusEnum
from clusters.identify import IdentifyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from device_types.battery_source import BatteryRating, BatterySource, BatteryState
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import (
    ALTERNATING_CURRENT,
    BATTERY_STORAGE,
    BATTERY_SUPPLY,
    BRIDGED_NODE,
    DEVICE_ENERGY_MANAGEMENT,
    DIRECT_CURRENT,
    ELECTRICAL_SENSOR,
    POWER_SOURCE,
    compose,
)
from device_types.electrical_sensor import ElectricalReading, ElectricalSensor
from device_types.faults import wired_faults
from device_types.managed import EnergyManagement
from device_types.temperature_sensor import temperature_sensor
from device_types.wired_source import assess, wired_source

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.power_forecast import PowerForecast
    from clusters.power_source import BatteryPowerSourceServer
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster, Endpoint


class BatteryStorageFace(Face):
    """A battery on the node. `battery_storage` makes one."""

    def __init__(
        self,
        device: BridgedDevice,
        rating: BatteryRating,
        place: Place,
        delegates: Delegates,
        *,
        temperature: bool,
    ) -> None:
        who = information(device, delegates)
        self.sensor = ElectricalSensor(
            PowerModeEnum.AC,
            rating.alternating.having(MeasurementTypeEnum.VOLTAGE, MeasurementTypeEnum.ACTIVE_CURRENT),
        )
        self.dc_sensor = ElectricalSensor(PowerModeEnum.DC, rating.direct) if rating.dc_accuracies else None
        self.source = wired_source("Grid", rating.alternating)
        self.bank = BatterySource(rating)
        self.management = EnergyManagement(
            ESATypeEnum.BATTERY_STORAGE,
            -abs(rating.discharge_w),
            abs(rating.charge_w),
            delegates.adjuster,
            delegates.forecast,
        )
        kinds = [BATTERY_STORAGE, BRIDGED_NODE, ELECTRICAL_SENSOR, POWER_SOURCE, DEVICE_ENERGY_MANAGEMENT]
        clusters: list[Cluster] = [
            who,
            IdentifyServer(delegates.blink),
            *self.sensor.clusters,
            self.source,
            *self.management.clusters,
        ]
        main = compose(
            place.number("energy"),
            kinds,
            [*clusters, *place.clusters],
            parent=place.parent,
            # Not also the tag of a grid supply: it has the number of alternating current in another
            # namespace, which the certification scripts take for the same tag twice.
            tags=[ALTERNATING_CURRENT],
        )
        parts = [main, self._bank(place, main)]
        self.temperature: TemperatureMeasurementServer | None = None
        if temperature:
            part = temperature_sensor(place.number("energy-temperature"), main, blink=delegates.blink)
            self.temperature = part.cluster(TemperatureMeasurementServer)
            parts.append(part)
        super().__init__(who, *parts)

    def _bank(self, place: Place, main: Endpoint) -> Endpoint:
        """Return the part of the DC side; a battery that measures nothing there is a power source alone."""
        number, tags = place.number("energy-battery"), [DIRECT_CURRENT, BATTERY_SUPPLY]
        if self.dc_sensor is None:
            return compose(number, [POWER_SOURCE], [self.bank.cluster], parent=main, tags=tags)
        clusters = [*self.dc_sensor.clusters, self.bank.cluster]
        return compose(number, [ELECTRICAL_SENSOR, POWER_SOURCE], clusters, parent=main, tags=tags)

    @property
    def battery(self) -> BatteryPowerSourceServer:
        """The battery as a power source."""
        return self.bank.cluster

    def update(
        self,
        reading: ElectricalReading,
        state: BatteryState,
        *,
        temperature_c: float | None = None,
        faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading; the battery is reachable.

        :param reading: at the AC terminals, charging positive
        :param faults: codes of what is wrong with its inverter, such as ``AC_OVER_VOLT``
        :param failed: it does not work because of a fault
        """
        self.information.set_reachable(True)
        self.sensor.measure(reading)
        self._show_dc(state)
        self.bank.show(reading.power_w, state, charger_faults=faults, failed=failed)
        self.source.set_status(PowerSourceStatusEnum.ACTIVE)
        self.source.set_faults(wired_faults(faults))
        assess(self.source, reading)
        limits = None
        if state.discharge_limit_w is not None and state.charge_limit_w is not None:
            limits = (-abs(state.discharge_limit_w), abs(state.charge_limit_w))
        self.management.update(reading.power_w, failed=failed, limits_w=limits)
        if self.temperature is not None:
            self.temperature.measure(temperature_c)

    def plan(self, forecast: PowerForecast | None) -> None:
        """Show what the battery plans to do; see `EnergyManagement.plan`."""
        self.management.plan(forecast)

    def lost(self) -> None:
        """Say that the battery does not answer."""
        super().lost()
        self.sensor.lost()
        if self.dc_sensor is not None:
            self.dc_sensor.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        self.source.assess()
        self.bank.lost()
        self.management.lost()
        if self.temperature is not None:
            self.temperature.measure(None)

    def register(self, triggers: EventTriggers) -> None:
        """Let the tests of its clusters reach the battery."""
        self.sensor.register(triggers)
        if self.dc_sensor is not None:
            self.dc_sensor.register(triggers)
        self.management.register(triggers)

    def _show_dc(self, state: BatteryState) -> None:
        """Show the DC side; its energy is worked out."""
        if self.dc_sensor is None:
            return
        power = state.power_w
        if power is None and state.voltage_v is not None and state.current_a is not None:
            power = state.voltage_v * state.current_a
        self.dc_sensor.measure(
            ElectricalReading(power_w=power, voltage_v=state.voltage_v, current_a=state.current_a)
        )


def battery_storage(
    device: BridgedDevice,
    rating: BatteryRating,
    place: Place,
    delegates: Delegates | None = None,
    *,
    temperature: bool = False,
) -> BatteryStorageFace:
    """Return the face of a battery.

    :param temperature: it measures its temperature, which gets a part of its own
    """
    return BatteryStorageFace(device, rating, place, delegates or Delegates(), temperature=temperature)
