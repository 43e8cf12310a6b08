"""Where the range of a setpoint ends: how much a change of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.registry import RegisteredModule

_SWITCHED: Final = frozenset({SetpointKind.CONNECT, SetpointKind.HOLD, SetpointKind.AUTO})
_PERCENT: Final = frozenset({SetpointKind.POWER_LIMIT_PERCENT, SetpointKind.RESERVE_PERCENT})


def full_scale(module: RegisteredModule, kind: SetpointKind) -> float:
    """Return the end of a setpoint's range, in its unit; 0 where every change matters."""
    plate = module.record.nameplate
    if kind in _PERCENT:
        return 100.0
    if kind in _SWITCHED:
        return 0.0
    if kind is SetpointKind.CHARGE_CURRENT_A:
        return plate.current_a or 0.0
    return max(plate.power_w or 0, plate.charge_power_w or 0, plate.discharge_power_w or 0)
