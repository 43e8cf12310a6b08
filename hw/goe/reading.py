"""A go-eCharger's status as a reading. Its powers are those of the car, positive, as here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.goe.errors import CONTROLLER_SILENT, fault_code
from hw.goe.status import CarState, ChargerStatus, ForceState
from hw.reading import EvseReading, Fault, OperatingState, Phase, PlugState, Reading

if TYPE_CHECKING:
    from datetime import datetime

SMALLEST_A: Final = 6
"""The least that a control pilot can offer (IEC 61851-1, table A.8)."""
_FLOWING_A = 0.5
_PLUG = {
    CarState.IDLE: PlugState.NOT_CONNECTED,
    CarState.CHARGING: PlugState.CHARGING,
    CarState.WAIT_CAR: PlugState.NO_DEMAND,
    CarState.COMPLETE: PlugState.NO_DEMAND,
    CarState.INITIALIZING: PlugState.UNKNOWN,
}


def reading(module: str, status: ChargerStatus, now: datetime) -> Reading:
    """Return what a status says about the module of that key."""
    faults = _faults(status)
    plug = _plug(status, faults)
    on = status.allowed if status.force is None else status.force != ForceState.OFF
    live = [voltage for voltage in status.voltages_v if voltage > 50]
    currents = [abs(current) for current in status.currents_a]
    return Reading(
        module=module,
        time=now,
        state=_state(plug, on=on),
        power_w=status.power_w,
        voltage_v=sum(live) / len(live) if live else None,
        current_a=sum(currents) if currents else None,
        frequency_hz=status.frequency_hz,
        phases=_phases(status) if status.phases > 1 else (),
        energy_imported_wh=status.total_wh,
        temperature_c=status.temperature_c,
        evse=EvseReading(
            plug=plug,
            session_energy_wh=status.session_wh,
            current_offered_a=_offered(status),
            current_min_a=float(status.minimum_a or SMALLEST_A),
            current_max_a=None if status.maximum_a is None else float(status.maximum_a),
            phases=_flowing(currents) if plug is PlugState.CHARGING else None,
        ),
        connected=on,
        faults=faults,
    )


def _faults(status: ChargerStatus) -> tuple[Fault, ...]:
    if status.car is None:
        return (Fault(CONTROLLER_SILENT, "car"),)
    if status.error:
        return (Fault(fault_code(status.error, status.firmware), "err"),)
    if status.car in {CarState.UNKNOWN, CarState.ERROR}:
        return (Fault("UNKNOWN", "car"),)
    return ()


def _plug(status: ChargerStatus, faults: tuple[Fault, ...]) -> PlugState:
    if faults or status.car is None:
        return PlugState.FAULT
    plug = _PLUG.get(status.car, PlugState.UNKNOWN)
    if plug is PlugState.NO_DEMAND and status.allowed is False:
        return PlugState.DEMAND
    return plug


def _state(plug: PlugState, *, on: bool | None) -> OperatingState:
    match plug:
        case PlugState.FAULT:
            return OperatingState.FAULT
        case PlugState.CHARGING:
            return OperatingState.RUNNING
        case PlugState.UNKNOWN:
            return OperatingState.STARTING
        case _:
            return OperatingState.OFF if on is False else OperatingState.STANDBY


def _offered(status: ChargerStatus) -> float | None:
    if status.allowed is False:
        return 0.0
    limit = status.offered_a or status.limit_a
    return None if limit is None else float(limit)


def _flowing(currents: list[float]) -> int | None:
    return sum(current >= _FLOWING_A for current in currents) or None


def _phases(status: ChargerStatus) -> tuple[Phase, ...]:
    measured = zip("ABC", status.powers_w, status.voltages_v, status.currents_a, strict=False)
    return tuple(Phase(name, power, volts, abs(amperes)) for name, power, volts, amperes in measured)
