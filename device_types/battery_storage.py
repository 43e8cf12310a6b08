"""Battery Storage (Matter Device Library 14.4): a battery with its inverter as a bridged device.

The main endpoint holds the AC side: sensor, wired power source and energy management. A part holds the DC
side: the battery as a power source, and a DC sensor. A charging battery reads a positive power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import ESATypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import BatChargeStateEnum, PowerSourceStatusEnum
from clusters.identify import IdentifyServer
from clusters.power_source import BatteryPowerSourceServer, WiredPowerSourceServer
from clusters.temperature_measurement import TemperatureMeasurementServer
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
from device_types.electrical_sensor import (
    MAINS_VOLTAGE_V,
    ElectricalRating,
    ElectricalReading,
    ElectricalSensor,
)
from device_types.faults import battery_faults, charge_faults, wired_faults
from device_types.managed import EnergyManagement
from device_types.milli import milli_unsigned
from device_types.temperature_sensor import temperature_sensor

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.power_forecast import PowerForecast
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

NOMINAL_VOLTAGE_V = 51.2
"""Of sixteen lithium iron phosphate cells in series, the usual home battery."""
_FULL_PERCENT = 99.5
_IDLE_W = 10.0
"""A battery with less power neither charges nor discharges."""
_LONGEST_S = 0xFFFF_FFFE


@dataclass(frozen=True, slots=True)
class BatteryRating:
    """What a battery is rated for.

    :ivar charge_w: most that it charges with
    :ivar discharge_w: most that it discharges with, as a magnitude
    :ivar capacity_wh: usable energy
    :ivar voltage_v: nominal voltage of the AC side
    :ivar dc_voltage_v: nominal voltage of the battery
    :ivar metered: it counts the energy at its AC terminals itself; else that is worked out from the power
    """

    charge_w: float
    discharge_w: float
    capacity_wh: float
    voltage_v: float = MAINS_VOLTAGE_V
    dc_voltage_v: float = NOMINAL_VOLTAGE_V
    metered: bool = True


@dataclass(frozen=True, slots=True)
class BatteryState:
    """What only the battery knows. None for what is not known.

    :ivar percent: state of charge, 0 to 100
    :ivar voltage_v: at the DC terminals
    :ivar current_a: at the DC terminals, charging positive
    :ivar available_wh: energy that can be taken out now
    :ivar charge_limit_w: most that it may charge with now
    :ivar discharge_limit_w: most that it may discharge with now, as a magnitude
    """

    percent: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    available_wh: float | None = None
    charge_limit_w: float | None = None
    discharge_limit_w: float | None = None


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
        power = max(rating.charge_w, rating.discharge_w)
        who = information(device, delegates)
        self.rating = rating
        self.sensor = ElectricalSensor(
            PowerModeEnum.AC, ElectricalRating(power, rating.voltage_v, metered=rating.metered)
        )
        self.dc_sensor = ElectricalSensor(
            PowerModeEnum.DC, ElectricalRating(power, rating.dc_voltage_v, metered=False)
        )
        self.source = WiredPowerSourceServer(
            "Grid", order=0, nominal_voltage=milli_unsigned(rating.voltage_v)
        )
        self.battery = BatteryPowerSourceServer(
            "Battery",
            capacity=milli_unsigned(rating.capacity_wh / max(rating.dc_voltage_v, 1.0)) or 0,
            order=1,
        )
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
        parts = [main]
        parts.append(
            compose(
                place.number("energy-battery"),
                [ELECTRICAL_SENSOR, POWER_SOURCE],
                [*self.dc_sensor.clusters, self.battery],
                parent=main,
                tags=[DIRECT_CURRENT, BATTERY_SUPPLY],
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
        state: BatteryState,
        *,
        temperature_c: float | None = None,
        faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading; the battery is reachable.

        :param reading: at the AC terminals, charging positive
        :param faults: codes of what is wrong, such as ``OVER_TEMP``
        :param failed: it does not work because of that
        """
        self.information.set_reachable(True)
        self.sensor.measure(reading)
        self._show_dc(state)
        self._show_battery(reading.power_w, state)
        self.source.set_status(PowerSourceStatusEnum.ACTIVE)
        self.source.set_faults(wired_faults(faults))
        self.battery.set_faults(battery_faults(faults), charge_faults(faults))
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
        self.dc_sensor.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        battery = self.battery
        battery.status = PowerSourceStatusEnum.UNAVAILABLE
        battery.set_charge(None)
        battery.bat_charge_state = BatChargeStateEnum.UNKNOWN
        battery.bat_voltage = battery.bat_charging_current = None
        battery.bat_time_remaining = battery.bat_time_to_full_charge = None
        self.management.lost()
        if self.temperature is not None:
            self.temperature.measure(None)

    def register(self, triggers: EventTriggers) -> None:
        """Let the tests of its clusters reach the battery."""
        self.sensor.register(triggers)
        self.dc_sensor.register(triggers)
        self.management.register(triggers)

    def _show_dc(self, state: BatteryState) -> None:
        """Show the DC side; its energy is worked out, since batteries meter the AC side alone."""
        power = None
        if state.voltage_v is not None and state.current_a is not None:
            power = state.voltage_v * state.current_a
        if power is not None and not math.isfinite(power):
            power = None
        self.dc_sensor.measure(
            ElectricalReading(power_w=power, voltage_v=state.voltage_v, current_a=state.current_a)
        )

    def _show_battery(self, power_w: float | None, state: BatteryState) -> None:
        battery = self.battery
        percent = state.percent
        if percent is not None and not math.isfinite(percent):
            percent = None
        power = power_w if power_w is not None and math.isfinite(power_w) else 0.0
        charging, discharging = power > _IDLE_W, power < -_IDLE_W
        battery.status = PowerSourceStatusEnum.ACTIVE if discharging else PowerSourceStatusEnum.STANDBY
        battery.set_charge(percent)
        battery.bat_voltage = milli_unsigned(state.voltage_v)
        battery.bat_charging_current = milli_unsigned(state.current_a) if charging else 0
        if charging:
            battery.bat_charge_state = BatChargeStateEnum.IS_CHARGING
        elif percent is not None and percent >= _FULL_PERCENT:
            battery.bat_charge_state = BatChargeStateEnum.IS_AT_FULL_CHARGE
        else:
            battery.bat_charge_state = BatChargeStateEnum.IS_NOT_CHARGING
        available = state.available_wh
        if available is None and percent is not None:
            available = self.rating.capacity_wh * percent / 100
        battery.bat_time_remaining = _seconds(available, -power) if discharging else None
        missing = None if available is None else self.rating.capacity_wh - available
        battery.bat_time_to_full_charge = _seconds(missing, power) if charging else None


def _seconds(energy_wh: float | None, power_w: float) -> int | None:
    """Return how long an energy lasts at a power, to the minute."""
    if energy_wh is None or not math.isfinite(energy_wh):
        return None
    return round(min(max(energy_wh, 0) / power_w * 60, _LONGEST_S // 60)) * 60


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
