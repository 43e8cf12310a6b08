"""Energy hardware: what a module is, how to find one, read it and command it. Knows no Matter and no HTTP."""

from __future__ import annotations

from hw.accuracy import Accuracy, Quantity
from hw.module import (
    Capabilities,
    Identity,
    Module,
    ModuleError,
    ModuleKind,
    ModuleUnreachable,
    Nameplate,
    NotSupported,
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
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind

__all__ = [
    "Accuracy",
    "Applied",
    "AppliedState",
    "BatteryReading",
    "Capabilities",
    "ChargeState",
    "DcString",
    "EvseReading",
    "Fault",
    "Identity",
    "Module",
    "ModuleError",
    "ModuleKind",
    "ModuleUnreachable",
    "Nameplate",
    "NotSupported",
    "OperatingState",
    "Phase",
    "PlugState",
    "Quality",
    "Quantity",
    "Reading",
    "Setpoint",
    "SetpointKind",
]
