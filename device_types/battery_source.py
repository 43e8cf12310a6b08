"""A battery as a power source (Matter Core 11.7): how full it is, how long that lasts, what is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clusters.definitions.power_source import BatChargeStateEnum, PowerSourceStatusEnum
from clusters.power_source import BatteryPowerSourceServer
from device_types.electrical_sensor import USUAL, ElectricalRating
from device_types.faults import battery_faults, charge_faults
from device_types.milli import milli_unsigned

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from clusters.definitions.common import MeasurementTypeEnum
    from clusters.measurement_accuracy import Accuracy

NOMINAL_VOLTAGE_V: Final = 51.2
"""Of sixteen lithium iron phosphate cells in series, the usual home battery."""
WORN_OUT_PERCENT: Final = 60.0
"""State of health at which makers' warranties end: a battery with less is to be replaced."""
_FULL_PERCENT = 99.5
_IDLE_W = 10.0
"""A battery with less power neither charges nor discharges."""
_LONGEST_S = 0xFFFF_FFFE


@dataclass(frozen=True, slots=True)
class BatteryRating:
    """What a battery is rated for, and how it measures.

    :ivar charge_w: most that it charges with
    :ivar discharge_w: most that it discharges with, as a magnitude
    :ivar capacity_wh: usable energy, None if it is not known
    :ivar voltage_v: nominal voltage of the AC side, None if it is not known
    :ivar dc_voltage_v: nominal voltage of the battery
    :ivar metered: it counts the energy at its AC terminals itself; else that is worked out from the power
    :ivar capacity_ah: charge that it holds, None if it is not known
    :ivar current_a: the most current of the AC side, None if it is not known
    :ivar phases: of the AC side
    :ivar accuracies: of the AC side, in Matter's units
    :ivar dc_accuracies: of the DC side
    :ivar energy_modulus_wh: what its counters begin anew at, None if they never do
    """

    charge_w: float
    discharge_w: float
    capacity_wh: float | None
    voltage_v: float | None = None
    dc_voltage_v: float = NOMINAL_VOLTAGE_V
    metered: bool = True
    capacity_ah: float | None = None
    current_a: float | None = None
    phases: int = 1
    accuracies: Mapping[MeasurementTypeEnum, Accuracy] = field(default_factory=lambda: USUAL, hash=False)
    dc_accuracies: Mapping[MeasurementTypeEnum, Accuracy] = field(default_factory=lambda: USUAL, hash=False)
    energy_modulus_wh: float | None = None

    @property
    def alternating(self) -> ElectricalRating:
        """The rating of the AC side."""
        return ElectricalRating(
            max(self.charge_w, self.discharge_w),
            self.voltage_v,
            metered=self.metered,
            current_a=self.current_a,
            phases=self.phases,
            accuracies=self.accuracies,
            energy_modulus_wh=self.energy_modulus_wh,
        )

    @property
    def direct(self) -> ElectricalRating:
        """The rating of the DC side; batteries meter the AC side alone."""
        return ElectricalRating(
            max(self.charge_w, self.discharge_w),
            self.dc_voltage_v,
            metered=False,
            accuracies=self.dc_accuracies,
        )

    @property
    def capacity_mah(self) -> int:
        """The charge that it holds; 0 if that is not known."""
        if self.capacity_ah is not None:
            return milli_unsigned(self.capacity_ah) or 0
        if self.capacity_wh is None:
            return 0
        return milli_unsigned(self.capacity_wh / max(self.dc_voltage_v, 1.0)) or 0


@dataclass(frozen=True, slots=True)
class BatteryState:
    """What only the battery knows. None for what is not known.

    :ivar percent: state of charge, 0 to 100
    :ivar voltage_v: at the DC terminals
    :ivar current_a: at the DC terminals, charging positive
    :ivar available_wh: energy that can be taken out now
    :ivar charge_limit_w: most that it may charge with now
    :ivar discharge_limit_w: most that it may discharge with now, as a magnitude
    :ivar power_w: at the DC terminals, charging positive
    :ivar reserve_percent: state of charge that it keeps back
    :ivar health_percent: capacity of what it had when new
    :ivar charge_state: what it says of itself; None if that follows from the power
    :ivar ready: it can supply power
    :ivar faults: codes of what is wrong with it, and not with its inverter, such as ``OVER_TEMP_ALARM``
    """

    percent: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    available_wh: float | None = None
    charge_limit_w: float | None = None
    discharge_limit_w: float | None = None
    power_w: float | None = None
    reserve_percent: float | None = None
    health_percent: float | None = None
    charge_state: BatChargeStateEnum | None = None
    ready: bool = True
    faults: frozenset[str] = frozenset()


class BatterySource:
    """The battery's Power Source cluster, fed with plain values."""

    def __init__(self, rating: BatteryRating) -> None:
        self.cluster = BatteryPowerSourceServer("Battery", capacity=rating.capacity_mah, order=1)
        self._rating = rating

    def show(
        self,
        power_w: float | None,
        state: BatteryState,
        *,
        charger_faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading.

        :param power_w: at the AC terminals, charging positive
        :param charger_faults: codes of what is wrong with its inverter
        :param failed: it does not work because of a fault
        """
        battery = self.cluster
        percent, health = _finite(state.percent), _finite(state.health_percent)
        power = _finite(power_w) or 0.0
        charging, discharging = power > _IDLE_W, power < -_IDLE_W
        if failed or not state.ready:
            battery.status = PowerSourceStatusEnum.UNAVAILABLE
        else:
            battery.status = PowerSourceStatusEnum.ACTIVE if discharging else PowerSourceStatusEnum.STANDBY
        battery.set_charge(percent, _finite(state.reserve_percent))
        battery.bat_replacement_needed = health is not None and health <= WORN_OUT_PERCENT
        battery.bat_voltage = milli_unsigned(state.voltage_v)
        battery.bat_charging_current = milli_unsigned(state.current_a) if charging else 0
        if state.charge_state is not None:
            battery.bat_charge_state = state.charge_state
        elif charging:
            battery.bat_charge_state = BatChargeStateEnum.IS_CHARGING
        elif percent is not None and percent >= _FULL_PERCENT:
            battery.bat_charge_state = BatChargeStateEnum.IS_AT_FULL_CHARGE
        else:
            battery.bat_charge_state = BatChargeStateEnum.IS_NOT_CHARGING
        battery.set_faults(battery_faults(state.faults), charge_faults(state.faults, charger_faults))
        self._show_times(power, percent, state)

    def lost(self) -> None:
        """Say that the battery does not answer."""
        battery = self.cluster
        battery.status = PowerSourceStatusEnum.UNAVAILABLE
        battery.set_charge(None)
        battery.bat_charge_state = BatChargeStateEnum.UNKNOWN
        battery.bat_voltage = battery.bat_charging_current = None
        battery.bat_time_remaining = battery.bat_time_to_full_charge = None

    def _show_times(self, power: float, percent: float | None, state: BatteryState) -> None:
        """Show how long the charge lasts or the charging takes at this power; null while it does neither.

        What the battery keeps in reserve is not for the taking.
        """
        capacity, available = _finite(self._rating.capacity_wh), _finite(state.available_wh)
        if available is None and percent is not None and capacity is not None:
            available = capacity * percent / 100
        reserve = (capacity or 0.0) * (_finite(state.reserve_percent) or 0.0) / 100
        usable = None if available is None else available - reserve
        missing = None if available is None or capacity is None else capacity - available
        self.cluster.bat_time_remaining = _seconds(usable, -power) if power < -_IDLE_W else None
        self.cluster.bat_time_to_full_charge = _seconds(missing, power) if power > _IDLE_W else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _seconds(energy_wh: float | None, power_w: float) -> int | None:
    """Return how long an energy lasts at a power, to the minute."""
    if energy_wh is None or not math.isfinite(energy_wh):
        return None
    return round(min(max(energy_wh, 0) / power_w * 60, _LONGEST_S // 60)) * 60
