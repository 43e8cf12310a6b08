"""What somebody weightier than the plan has a battery do for a while: the plan foresees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, Origin
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.command import Command

_SIGNS: Final = {SetpointKind.CHARGE_W: 1.0, SetpointKind.DISCHARGE_W: -1.0, SetpointKind.HOLD: 0.0}


@dataclass(frozen=True, slots=True)
class Held:
    """What a battery is told until a known end.

    :ivar power_w: charging positive
    :ivar left_s: how long it goes on
    :ivar target_percent: state of charge with which it ends sooner; None for none
    """

    power_w: float
    left_s: float
    target_percent: float | None


def held(commands: Iterable[Command], now: float) -> Held | None:
    """Return what a battery is told by others than the plan; None if nothing is, or nobody knows until when.

    :param commands: its live ones, the weightiest first
    :param now: UTC, seconds since 1970
    """
    for command in commands:
        if command.aspect is not Aspect.STORAGE or command.origin >= Origin.PLAN:
            continue
        if command.kind not in _SIGNS or command.expires is None or command.expires <= now:
            return None
        power = _SIGNS[command.kind] * (command.value or 0.0)
        return Held(power, command.expires - now, command.target_percent)
    return None
