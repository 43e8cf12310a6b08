"""What modules measure, on its way to their faces: ratings and readings of drivers in Matter's terms.

The units change here: a driver tells the accuracy of its measurements in those of its readings, a face wants
Matter's thousandths.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.power_source import BatChargeStateEnum
from clusters.measurement_accuracy import Accuracy
from device_types.battery_source import BatteryRating, BatteryState
from device_types.electrical_sensor import ElectricalRating, ElectricalReading
from device_types.energy_evse import EvseRating
from hw.accuracy import USUAL, Quantity
from hw.module import ModuleKind
from hw.reading import ChargeState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.record import ModuleRecord
    from hw.reading import DcString, Reading

_UNRATED_W = 10_000.0
"""What a module that does not tell its rating is taken to convert at most."""
_UNRATED_EVSE_A = 16.0
"""What a charging point that does not tell its rating is taken to offer at most."""
_LEAST_VOLTAGE_V = 100.0
"""Of any mains: an error of the power makes the largest one of the current there."""
_MOST_VOLTAGE_V = 1000.0
"""Of any string of panels on a home: an error of the current makes the largest one of the power there."""
_KIND = MeasurementTypeEnum
_ALTERNATING = {
    Quantity.POWER: (_KIND.ACTIVE_POWER,),
    Quantity.APPARENT_POWER: (_KIND.APPARENT_POWER,),
    Quantity.REACTIVE_POWER: (_KIND.REACTIVE_POWER,),
    Quantity.POWER_FACTOR: (_KIND.POWER_FACTOR,),
    Quantity.VOLTAGE: (_KIND.VOLTAGE, _KIND.RMS_VOLTAGE),
    Quantity.CURRENT: (_KIND.RMS_CURRENT,),
    Quantity.FREQUENCY: (_KIND.FREQUENCY,),
    Quantity.ENERGY: (_KIND.ELECTRICAL_ENERGY,),
}
_DIRECT = {
    Quantity.DC_POWER: (_KIND.ACTIVE_POWER,),
    Quantity.DC_VOLTAGE: (_KIND.VOLTAGE,),
    Quantity.DC_CURRENT: (_KIND.ACTIVE_CURRENT,),
    Quantity.DC_ENERGY: (_KIND.ELECTRICAL_ENERGY,),
}
_CHARGE_STATES = {
    ChargeState.CHARGING: BatChargeStateEnum.IS_CHARGING,
    ChargeState.FULL: BatChargeStateEnum.IS_AT_FULL_CHARGE,
    ChargeState.DISCHARGING: BatChargeStateEnum.IS_NOT_CHARGING,
    ChargeState.EMPTY: BatChargeStateEnum.IS_NOT_CHARGING,
    ChargeState.HOLDING: BatChargeStateEnum.IS_NOT_CHARGING,
    ChargeState.OFF: BatChargeStateEnum.IS_NOT_CHARGING,
}
_UNABLE = {ChargeState.OFF, ChargeState.EMPTY}


# ---------------------------------------------------------------------- what modules are


def rating(record: ModuleRecord) -> ElectricalRating:
    """Return what a module is rated for at its AC terminals."""
    plate, capabilities = record.nameplate, record.capabilities
    known = _described(record, _alternating(record))
    return ElectricalRating(
        plate.power_w or _UNRATED_W,
        plate.voltage_v,
        imported=capabilities.imported_energy,
        exported=capabilities.exported_energy,
        current_a=plate.current_a,
        phases=plate.phases,
        energy_modulus_wh=capabilities.energy_modulus_wh,
        **known,
    )


def has_panel(record: ModuleRecord) -> bool:
    """Tell whether a module measures what its panels give."""
    known = record.capabilities.measures == USUAL or MeasurementTypeEnum.ACTIVE_POWER in _direct(record)
    return record.kind is ModuleKind.MICROINVERTER and record.nameplate.dc_strings > 0 and known


def panel_rating(record: ModuleRecord) -> ElectricalRating | None:
    """Return the rating at the DC terminals of a module's panels; None if it measures nothing there."""
    if not has_panel(record):
        return None
    capabilities = record.capabilities
    return ElectricalRating(
        record.nameplate.power_w or _UNRATED_W,
        imported=False,
        exported=Quantity.DC_ENERGY in capabilities.measures,
        energy_modulus_wh=capabilities.dc_energy_modulus_wh,
        **_described(record, _direct(record)),
    )


def battery_rating(record: ModuleRecord) -> BatteryRating:
    """Return what a battery is rated for."""
    plate, capabilities = record.nameplate, record.capabilities
    power = plate.power_w or _UNRATED_W
    known = _described(record, _alternating(record))
    if known:
        known["dc_accuracies"] = _direct(record)
    return BatteryRating(
        charge_w=plate.charge_power_w or power,
        discharge_w=plate.discharge_power_w or power,
        capacity_wh=plate.capacity_wh,
        voltage_v=plate.voltage_v,
        metered=capabilities.imported_energy and capabilities.exported_energy,
        capacity_ah=plate.capacity_ah,
        current_a=plate.current_a,
        phases=plate.phases,
        energy_modulus_wh=capabilities.energy_modulus_wh,
        **known,
    )


def evse_rating(record: ModuleRecord) -> EvseRating:
    """Return what a charging point is rated for."""
    plate = record.nameplate
    usual = EvseRating(current_a=_UNRATED_EVSE_A)
    return EvseRating(
        current_a=plate.current_a or usual.current_a,
        phases=min(max(plate.phases, 1), 3),
        voltage_v=plate.voltage_v or usual.voltage_v,
        metered=record.capabilities.imported_energy,
        **_described(record, _alternating(record)),
    )


def _described(record: ModuleRecord, accuracies: Mapping[MeasurementTypeEnum, Accuracy]) -> dict[str, Any]:
    """Return the accuracies to give; none if the driver did not say: the face has the usual ones."""
    return {} if record.capabilities.measures == USUAL else {"accuracies": accuracies}


def _accuracies(
    record: ModuleRecord, kinds: Mapping[Quantity, tuple[MeasurementTypeEnum, ...]]
) -> dict[MeasurementTypeEnum, Accuracy]:
    found: dict[MeasurementTypeEnum, Accuracy] = {}
    for quantity, known in record.capabilities.measures.items():
        unit = 10_000 if quantity is Quantity.POWER_FACTOR else 1000
        for kind in kinds.get(quantity, ()):
            found[kind] = Accuracy(known.percent, known.fixed * unit, known.measured)
    return found


def _alternating(record: ModuleRecord) -> dict[MeasurementTypeEnum, Accuracy]:
    """Return the accuracies at the AC terminals; the active current is worked out (`_active_current`)."""
    found = _accuracies(record, _ALTERNATING)
    power, voltage = found.get(_KIND.ACTIVE_POWER), found.get(_KIND.VOLTAGE)
    if power is not None and voltage is not None:
        percent = power.percent + voltage.percent + voltage.fixed / _LEAST_VOLTAGE_V / 10
        fixed = power.fixed / _LEAST_VOLTAGE_V
        found[_KIND.ACTIVE_CURRENT] = Accuracy(percent, fixed, measured=False)
    elif _KIND.RMS_CURRENT in found:
        found[_KIND.ACTIVE_CURRENT] = Accuracy(100, measured=False)
    return found


def _direct(record: ModuleRecord) -> dict[MeasurementTypeEnum, Accuracy]:
    """Return the accuracies at the DC terminals, where voltage and current make up for a power (`_power`)."""
    found = _accuracies(record, _DIRECT)
    voltage, current = found.get(_KIND.VOLTAGE), found.get(_KIND.ACTIVE_CURRENT)
    if _KIND.ACTIVE_POWER not in found and voltage is not None and current is not None:
        fixed = current.fixed * _MOST_VOLTAGE_V
        found[_KIND.ACTIVE_POWER] = Accuracy(voltage.percent + current.percent, fixed, measured=False)
    return found


# ---------------------------------------------------------------------- what they read


def electrical(reading: Reading) -> ElectricalReading:
    """Return what a module reads at its AC terminals."""
    return ElectricalReading(
        power_w=reading.power_w,
        voltage_v=reading.voltage_v,
        current_a=reading.current_a,
        frequency_hz=reading.frequency_hz,
        energy_imported_wh=reading.energy_imported_wh,
        energy_exported_wh=reading.energy_exported_wh,
        apparent_power_va=reading.apparent_power_va,
        reactive_power_var=reading.reactive_power_var,
        power_factor=reading.power_factor,
        active_current_a=_active_current(reading),
    )


def phases(reading: Reading) -> tuple[ElectricalReading, ...]:
    """Return what a module reads of each phase at its AC terminals."""
    return tuple(
        ElectricalReading(
            power_w=phase.power_w,
            voltage_v=phase.voltage_v,
            current_a=phase.current_a,
            active_current_a=_quotient(phase.power_w, phase.voltage_v),
        )
        for phase in reading.phases
    )


def _active_current(reading: Reading) -> float | None:
    """Return the part of an alternating current that carries power: P by U (IEEE 1459), of all phases."""
    powers = [(phase.power_w, phase.voltage_v) for phase in reading.phases]
    currents = [_quotient(*phase) for phase in powers or [(reading.power_w, reading.voltage_v)]]
    if powers and any(current is None for current in currents):
        currents = [_quotient(reading.power_w, reading.voltage_v)]
    return _sum(currents)


def _quotient(power_w: float | None, voltage_v: float | None) -> float | None:
    if power_w is None or not voltage_v or voltage_v < 0:
        return None
    current = power_w / voltage_v
    return current if math.isfinite(current) else None


def panel(reading: Reading, inputs: int) -> ElectricalReading | None:
    """Return what a module's panels give together, negative as it goes out; None if that is not known.

    :param inputs: how many there are: of a sum without one of them nobody knows anything
    """
    strings = reading.strings
    if not strings or len(strings) < inputs:
        return None
    voltages = [string.voltage_v for string in strings if string.voltage_v is not None]
    power, current = _sum(map(_power, strings)), _sum(string.current_a for string in strings)
    return ElectricalReading(
        power_w=None if power is None else -power or 0.0,
        voltage_v=sum(voltages) / len(voltages) if voltages else None,
        current_a=current,
        energy_exported_wh=_sum(string.energy_wh for string in strings),
    )


def _power(string: DcString) -> float | None:
    if string.power_w is None and string.voltage_v is not None and string.current_a is not None:
        return string.voltage_v * string.current_a
    return string.power_w


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum, None if one of the values is not known."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def battery(reading: Reading) -> BatteryState:
    """Return what a battery says of itself."""
    known = reading.battery
    if known is None:
        return BatteryState()
    return BatteryState(
        percent=known.soc_percent,
        voltage_v=known.voltage_v,
        current_a=known.current_a,
        available_wh=known.available_wh,
        charge_limit_w=known.charge_limit_w,
        discharge_limit_w=known.discharge_limit_w,
        power_w=reading.dc_power_w,
        reserve_percent=known.reserve_percent,
        health_percent=known.soh_percent,
        charge_state=_CHARGE_STATES.get(known.charge_state),
        ready=known.charge_state not in _UNABLE,
        faults=frozenset(fault.code for fault in reading.faults if fault.battery),
    )
