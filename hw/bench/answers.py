"""What a bench module answers, judged."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from hw.firmware import FirmwareInfo, Slot, SlotState
from hw.module import Identity, ModuleKind
from hw.reading import BatteryReading, Fault, OperatingState, Reading

if TYPE_CHECKING:
    from datetime import datetime


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer. Raise ValueError."""
    try:
        values = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - what a device sends is a value, not a bug
    return values


def parse_identity(values: dict[str, Any]) -> tuple[Identity, ModuleKind]:
    """Return who the module is and what it does. Raise ValueError."""
    identity = Identity(
        vendor=_text(values, "vendor"),
        model=_text(values, "model"),
        serial=_text(values, "serial"),
        firmware=_text(values, "firmware"),
    )
    return identity, ModuleKind(_text(values, "kind"))


def parse_reading(module: str, values: dict[str, Any], now: datetime) -> Reading:
    """Return how the module is. Raise ValueError."""
    faults = values.get("faults", [])
    if not isinstance(faults, list) or not all(isinstance(code, str) and code for code in faults):
        raise ValueError("faults are no codes")
    charge = _number(values, "soc_percent")
    return Reading(
        module=module,
        time=now,
        state=OperatingState.FAULT if faults else OperatingState.RUNNING,
        power_w=_number(values, "power_w"),
        battery=None if charge is None else BatteryReading(soc_percent=charge),
        faults=tuple(Fault(code, "bench") for code in faults),
    )


def parse_info(values: dict[str, Any]) -> FirmwareInfo:
    """Return what it runs and holds. Raise ValueError."""
    slots = values.get("slots")
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        raise ValueError("slots are no list of objects")
    found = tuple(
        Slot(
            _text(slot, "name"),
            _text(slot, "version"),
            SlotState(_text(slot, "state")),
            _text(slot, "sha256"),
        )
        for slot in slots
    )
    info = FirmwareInfo(_text(values, "hardware"), _text(values, "running"), found)
    if info.running not in {slot.name for slot in found}:
        raise ValueError("the slot that runs is none")
    return info


def parse_offset(values: dict[str, Any], length: int) -> int:
    """Return how much of an image the module holds. Raise ValueError."""
    offset = values.get("offset")
    if type(offset) is not int or not 0 <= offset <= length:
        raise ValueError("the offset is outside the image")
    return offset


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or len(value) > 128:
        raise ValueError(f"{name} is no short text")
    return value


def _number(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is no number")
    return float(value)
