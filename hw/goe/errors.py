"""What the numbers of a go-eCharger's `err` mean.

Source: `API_KEYS_FIRMWARE/`: the lists of the firmwares 59.4 to 60.4 number from 11 on otherwise than the
list before them (`apikeys-en.md`) does.
"""

from __future__ import annotations

import re
from typing import Final

_ALWAYS: Final = {
    1: "RESIDUAL_CURRENT_AC",
    2: "RESIDUAL_CURRENT_DC",
    3: "PHASE",
    4: "OVER_VOLT",
    5: "OVER_CURRENT",
    6: "PILOT_DIODE",
    7: "CABLE_RESISTOR",
    8: "GROUND_FAULT",
    9: "CONTACTOR_STUCK",
    10: "CONTACTOR_OPEN",
}
_BEFORE_59: Final = {
    11: "RESIDUAL_CURRENT",
    12: "UNKNOWN",
    13: "OVER_TEMP",
    14: "CONTROLLER_SILENT",
    15: "LOCK_STUCK_OPEN",
    16: "LOCK_STUCK",
}
_SINCE_59: Final = {
    12: "LOCK_STUCK_OPEN",
    13: "LOCK_STUCK",
    14: "RESIDUAL_CURRENT",
    15: "UNKNOWN",
    16: "OVER_TEMP",
    17: "CONTROLLER_SILENT",
    18: "CONTROL_PILOT",
    23: "RESIDUAL_CURRENT_SELF_TEST",
}
CONTROLLER_SILENT: Final = "CONTROLLER_SILENT"
"""The part of the charger that answers has lost the part that charges."""


def fault_code(error: int, firmware: str) -> str:
    """Return the code of a fault for a number that is not 0; `VENDOR_21` for one without a meaning."""
    known = _ALWAYS | (_SINCE_59 if _major(firmware) >= 59 else _BEFORE_59)
    return known.get(error, f"VENDOR_{error}")


def _major(firmware: str) -> int:
    """Return the 53 of `053.1`; a firmware that does not say is taken for a new one."""
    found = re.match(r"0*(\d{1,4})", firmware)
    return int(found[1]) if found else 59
