"""Charging points that take a current, and what an ampere of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule

SMALLEST_A: Final = 6.0
"""The least that a control pilot can offer (IEC 61851-1)."""
MAINS_V: Final = 230.0


def is_charging_point(record: ModuleRecord) -> bool:
    """Tell whether a module is a charging point that can be told to charge, how fast, and not to."""
    needed = {SetpointKind.CONNECT, SetpointKind.CHARGE_CURRENT_A}
    return record.kind is ModuleKind.EVSE and needed <= record.capabilities.setpoints


def watts_per_ampere(module: RegisteredModule) -> float:
    """Return what an ampere per phase is in watts: voltage times the phases that carry current."""
    reading, plate = module.reading, module.record.nameplate
    phases = reading.evse.phases if reading is not None and reading.evse is not None else None
    volts = reading.voltage_v if reading is not None else None
    return (volts or plate.voltage_v or MAINS_V) * (phases or plate.phases)
