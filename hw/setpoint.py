"""What a module can be told, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class SetpointKind(StrEnum):
    """What is commanded, and the unit of the setpoint's value."""

    POWER_LIMIT_PERCENT = "power_limit_percent"
    """Output at most `value` percent of the rating, 0 to 100."""
    POWER_LIMIT_W = "power_limit_w"
    """Output at most `value` watts."""
    CONNECT = "connect"
    """Convert (`value` 1) or disconnect from the grid (`value` 0); of an EVSE, let the car charge or not."""
    CHARGE_W = "charge_w"
    """Charge with `value` watts, as far as the battery takes them."""
    CHARGE_LIMIT_W = "charge_limit_w"
    """Charge with at most `value` watts, 0 for not at all; discharging is the module's own business."""
    DISCHARGE_W = "discharge_w"
    """Discharge with `value` watts (a magnitude), as far as the battery gives them."""
    HOLD = "hold"
    """Neither charge nor discharge."""
    AUTO = "auto"
    """Take back limits, powers and disconnection: the module follows its own logic again."""
    RESERVE_PERCENT = "reserve_percent"
    """Do not discharge below a state of charge of `value` percent, 0 to 100."""
    CHARGE_CURRENT_A = "charge_current_a"
    """Charge an electric vehicle with at most `value` amperes per phase."""
    TEMPERATURE_C = "temperature_c"
    """Heat to `value` °C, or cool to it, whichever the thermostat does now. It stays so until it is told
    otherwise: nothing takes it back by itself."""


_WITHOUT_VALUE = frozenset({SetpointKind.HOLD, SetpointKind.AUTO})
_PERCENT = frozenset({SetpointKind.POWER_LIMIT_PERCENT, SetpointKind.RESERVE_PERCENT})


@dataclass(frozen=True, slots=True)
class Setpoint:
    """One command to one module. Raises ValueError when the value cannot be meant.

    The module itself falls back to its own logic `expires_in` seconds after the command unless it is
    repeated, so that a hub that dies leaves nothing behind. None asks for no expiry.
    """

    kind: SetpointKind
    value: float | None = None
    expires_in: float | None = 60.0

    def __post_init__(self) -> None:
        if self.kind in _WITHOUT_VALUE:
            if self.value is not None:
                raise ValueError(f"{self.kind} takes no value, got {self.value}")
        elif self.value is None or not math.isfinite(self.value) or self.value < 0:
            raise ValueError(f"{self.kind} needs a value of 0 or more, got {self.value}")
        elif self.kind in _PERCENT and self.value > 100:
            raise ValueError(f"{self.kind} is 0 to 100 percent, got {self.value}")
        elif self.kind is SetpointKind.CONNECT and self.value not in (0, 1):
            raise ValueError(f"{self.kind} is 0 or 1, got {self.value}")
        if self.expires_in is not None and not 1 <= self.expires_in <= 65535:
            raise ValueError(f"expires_in is 1 to 65535 seconds, got {self.expires_in}")


class AppliedState(StrEnum):
    """What came of a setpoint."""

    APPLIED = "applied"
    """Written, and read back as written."""
    REFUSED = "refused"
    """The module has no such command; nothing was written."""
    FAILED = "failed"
    """The module did not answer, answered with an error, or read back something else."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to a setpoint, after the read-back."""

    setpoint: Setpoint
    state: AppliedState
    value: float | None = None
    """What the module says is now in force, in the unit of the setpoint's kind; None when it was not read."""
    expires_in: float | None = None
    """Seconds after which the module reverts by itself; None when it never does."""
    detail: str = ""
    """Why it was refused or failed, for a person."""
