"""One measurement as a module sends it. Signs and units are the hub's own: nothing is converted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hw.ores.wire import (
    Current,
    Energy,
    Frequency,
    Magnitude,
    Message,
    Percent,
    Power,
    Resistance,
    Temperature,
    Time,
    Voltage,
)
from hw.reading import (
    BatteryReading,
    ChargeState,
    DcString,
    EvseReading,
    Fault,
    OperatingState,
    Phase,
    PlugState,
    Quality,
    Reading,
)

_CODE = r"^[A-Z0-9_]+$"


class PhaseSample(Message):
    """One AC phase."""

    name: Annotated[str, Field(pattern="^[ABC]$")]
    power_w: Power | None = None
    voltage_v: Voltage | None = None
    current_a: Magnitude | None = None


class StringSample(Message):
    """One DC input; powers are magnitudes."""

    name: Annotated[str, Field(min_length=1, max_length=16)]
    power_w: Magnitude | None = None
    voltage_v: Voltage | None = None
    current_a: Current | None = None
    energy_wh: Energy | None = None
    temperature_c: Temperature | None = None


class BatterySample(Message):
    """What only an energy store knows."""

    soc_percent: Percent | None = None
    soh_percent: Percent | None = None
    capacity_wh: Energy | None = None
    available_wh: Energy | None = None
    charge_state: ChargeState = ChargeState.UNKNOWN
    voltage_v: Voltage | None = None
    current_a: Current | None = None
    """At the DC terminals, charging positive."""
    cell_voltage_min_v: Voltage | None = None
    cell_voltage_max_v: Voltage | None = None
    cycles: Annotated[int, Field(ge=0, le=10**6)] | None = None
    reserve_percent: Percent | None = None
    charge_limit_w: Magnitude | None = None
    discharge_limit_w: Magnitude | None = None


class EvseSample(Message):
    """What only a charging point knows; currents are per phase."""

    plug: PlugState = PlugState.UNKNOWN
    session_energy_wh: Energy | None = None
    current_offered_a: Magnitude | None = None
    current_min_a: Magnitude | None = None
    current_max_a: Magnitude | None = None
    phases: Annotated[int, Field(ge=1, le=3)] | None = None
    car_soc_percent: Percent | None = None
    car_capacity_wh: Energy | None = None


class FaultSample(Message):
    """One thing that is wrong."""

    code: Annotated[str, Field(min_length=1, max_length=32, pattern=_CODE)]
    """Short and stable, such as `GROUND_FAULT`."""
    source: Annotated[str, Field(max_length=32)] = "module"
    battery: bool = False


class Sample(Message):
    """A module at one instant: import and charging are positive, export and discharging negative."""

    time: Time
    """When it was measured, by the module's clock, which follows the hub's."""
    state: OperatingState = OperatingState.UNKNOWN
    estimated: bool = False
    """Whether the values were worked out and not measured."""
    power_w: Power | None = None
    """Active power at the AC terminals."""
    voltage_v: Voltage | None = None
    current_a: Magnitude | None = None
    frequency_hz: Frequency | None = None
    apparent_power_va: Magnitude | None = None
    reactive_power_var: Power | None = None
    power_factor: Annotated[float, Field(ge=-1, le=1)] | None = None
    phases: Annotated[tuple[PhaseSample, ...], Field(max_length=3)] = ()
    energy_imported_wh: Energy | None = None
    """Taken since the module was made."""
    energy_exported_wh: Energy | None = None
    """Given since the module was made, a magnitude."""
    temperature_c: Temperature | None = None
    dc_power_w: Power | None = None
    strings: Annotated[tuple[StringSample, ...], Field(max_length=16)] = ()
    isolation_ohm: Resistance | None = None
    """Between the DC inputs and earth, as last measured."""
    battery: BatterySample | None = None
    evse: EvseSample | None = None
    connected: bool | None = None
    """Whether it is commanded on; left out by a module that cannot be."""
    power_limit_percent: Percent | None = None
    """Limit in force; 100 when there is none."""
    power_limit_w: Magnitude | None = None
    faults: Annotated[tuple[FaultSample, ...], Field(max_length=32)] = ()
    grid_forming: bool | None = None
    """Whether it makes the home's voltage itself, without the grid; left out by a module that cannot tell."""

    def to_reading(self, module: str) -> Reading:
        """Return it as the hub's own value.

        :param module: the module's key
        """
        values = self.model_dump(exclude={"estimated", "phases", "strings", "battery", "evse", "faults"})
        return Reading(
            module=module,
            quality=Quality.ESTIMATED if self.estimated else Quality.MEASURED,
            phases=tuple(Phase(**each.model_dump()) for each in self.phases),
            strings=tuple(DcString(**each.model_dump()) for each in self.strings),
            battery=None if self.battery is None else BatteryReading(**self.battery.model_dump()),
            evse=None if self.evse is None else EvseReading(**self.evse.model_dump()),
            faults=tuple(Fault(**each.model_dump()) for each in self.faults),
            **values,
        )
