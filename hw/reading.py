"""What a module says about itself at one instant: the value that travels from a driver to the hub.

Signs: import and charge are positive, export and discharge negative, at the module's AC terminals. A
producing solar panel reads a negative power, a charging battery a positive one, and the grid meter a positive
one while the home draws from the grid. Drivers convert their device's signs where they read it.

A value is None when the device does not have it or does not know it now (a sleeping inverter has no power).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Quality(StrEnum):
    """How far a reading can be trusted."""

    MEASURED = "measured"
    """The device measured it just now."""
    ESTIMATED = "estimated"
    """Worked out from something else, such as energy integrated from power."""
    STALE = "stale"
    """The last known values of a module that does not answer."""


class OperatingState(StrEnum):
    """What the module is doing, in the words of SunSpec's inverter models (101-113 `St`, 701 `InvSt`)."""

    UNKNOWN = "unknown"
    OFF = "off"
    SLEEPING = "sleeping"
    """Night, or too little light: healthy, and many values are absent."""
    STARTING = "starting"
    RUNNING = "running"
    THROTTLED = "throttled"
    """Running below what it could, because of a limit or heat."""
    STANDBY = "standby"
    """Ready, not converting; also an energy store that is neither charging nor discharging."""
    STOPPING = "stopping"
    FAULT = "fault"


class ChargeState(StrEnum):
    """What an energy store is doing (SunSpec 124 `ChaSt`, 802 `ChaSt`)."""

    UNKNOWN = "unknown"
    OFF = "off"
    EMPTY = "empty"
    DISCHARGING = "discharging"
    CHARGING = "charging"
    FULL = "full"
    HOLDING = "holding"
    TESTING = "testing"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing the device says is wrong."""

    code: str
    """Short and stable, such as `GROUND_FAULT`; vendor bits are `VENDOR_1_07`."""
    source: str
    """Where it was read, such as `103.Evt1`."""
    battery: bool = False
    """It is the battery's own, and not its inverter's."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One AC phase, signs as for the module."""

    name: str
    """`A`, `B` or `C`."""
    power_w: float | None = None
    voltage_v: float | None = None
    """To neutral."""
    current_a: float | None = None
    """RMS, never negative."""


@dataclass(frozen=True, slots=True)
class DcString:
    """One DC input of an inverter. Powers here are magnitudes: a string can only produce."""

    name: str
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    energy_wh: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class BatteryReading:
    """What only an energy store knows."""

    soc_percent: float | None = None
    soh_percent: float | None = None
    capacity_wh: float | None = None
    """Usable energy when full, as rated."""
    available_wh: float | None = None
    """Energy that can be taken out now."""
    charge_state: ChargeState = ChargeState.UNKNOWN
    voltage_v: float | None = None
    """At the DC terminals."""
    current_a: float | None = None
    """At the DC terminals, charging positive."""
    cell_voltage_min_v: float | None = None
    cell_voltage_max_v: float | None = None
    cycles: int | None = None
    reserve_percent: float | None = None
    """State of charge that the store keeps back, None when it has no such setting."""
    charge_limit_w: float | None = None
    """Most that may be charged under the limits in force."""
    discharge_limit_w: float | None = None
    """Most that may be discharged under the limits in force, as a magnitude."""


class PlugState(StrEnum):
    """What the car at an EVSE does, after the states of the control pilot (IEC 61851-1, annex A)."""

    UNKNOWN = "unknown"
    NOT_CONNECTED = "not_connected"
    """State A."""
    NO_DEMAND = "no_demand"
    """A car is connected and takes nothing although it may: it is full, or its own timer holds it back."""
    DEMAND = "demand"
    """A car is connected and kept from charging. It is taken to want to: as long as no current is offered to
    it, it has no way of saying that it wants none."""
    CHARGING = "charging"
    """State C or D."""
    FAULT = "fault"
    """State E or F, or the EVSE itself is faulty."""


@dataclass(frozen=True, slots=True)
class EvseReading:
    """What only an EVSE knows. Currents are per phase, RMS."""

    plug: PlugState = PlugState.UNKNOWN
    session_energy_wh: float | None = None
    """Energy charged since the car was connected; of the last session when there is no car."""
    current_offered_a: float | None = None
    """What the car may take now, 0 while it is kept from charging."""
    current_min_a: float | None = None
    """Least that can be offered."""
    current_max_a: float | None = None
    """Most that the EVSE, its supply and the cable in it carry, limits by command left out."""
    phases: int | None = None
    """How many phases carry current; None while none does."""
    car_soc_percent: float | None = None
    """State of charge of the car's battery; None when the car does not tell."""
    car_capacity_wh: float | None = None
    """Energy of the car's battery when it is full."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One module at one instant."""

    module: str
    """The module's `Identity.key`."""
    time: datetime
    """UTC, aware."""
    quality: Quality = Quality.MEASURED
    state: OperatingState = OperatingState.UNKNOWN
    power_w: float | None = None
    """Active power at the AC terminals, import positive."""
    voltage_v: float | None = None
    """Line to neutral; the mean of the phases when there are several."""
    current_a: float | None = None
    """RMS, never negative; the sum of the phases when there are several."""
    frequency_hz: float | None = None
    apparent_power_va: float | None = None
    reactive_power_var: float | None = None
    """Import positive."""
    power_factor: float | None = None
    """-1 to 1, with the device's sign (conventions differ between vendors)."""
    phases: tuple[Phase, ...] = ()
    """Filled for split-phase and three-phase modules only."""
    energy_imported_wh: float | None = None
    """Lifetime counter of the device; it may jump back when the device is replaced or reset."""
    energy_exported_wh: float | None = None
    """Lifetime counter of the device, as a magnitude."""
    temperature_c: float | None = None
    dc_power_w: float | None = None
    """Power on the DC side, same sign as `power_w`."""
    strings: tuple[DcString, ...] = ()
    isolation_ohm: float | None = None
    """Between the DC inputs and earth, as last measured: most inverters measure it before each start."""
    battery: BatteryReading | None = None
    evse: EvseReading | None = None
    connected: bool | None = None
    """Whether the module is commanded on (of an EVSE: not off); None when it cannot be commanded."""
    power_limit_percent: float | None = None
    """Output limit in force in percent of the rating; 100 when none is; None when the module has no limit."""
    power_limit_w: float | None = None
    """The same in watts, when the rating is known."""
    faults: tuple[Fault, ...] = ()
    grid_forming: bool | None = None
    """Whether the module makes the home's voltage itself, without the grid; None when it does not say."""
