"""Which voice faces a module can have, which of them it has, and what they are called.

A voice face says one thing about a module in a way that every assistant has words for: "turn off battery
charging". Each is a bridged device of its own, so each can be switched on and off without touching another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.record import shortened
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.record import ModuleRecord
    from bridge.settings import FacesSettings


class VoiceFace(StrEnum):
    """What a voice face is about."""

    CHARGING = "charging"
    """A plug: whether a battery or a car may charge."""
    RESERVE = "reserve"
    """A level: how much a battery keeps back."""
    FULL = "full"
    """A contact: open when a battery is full."""
    OUTAGE = "outage"
    """A contact: open when the grid is gone."""
    PRODUCTION = "production"
    """A plug: whether a solar module may produce."""
    SWITCH = "switch"
    """A plug without measurements: a load, for assistants that stumble over plugs that measure."""


_LABELS: Final = {
    (ModuleKind.BATTERY, VoiceFace.CHARGING): "Battery charging",
    (ModuleKind.EVSE, VoiceFace.CHARGING): "Car charging",
    (ModuleKind.BATTERY, VoiceFace.RESERVE): "Battery reserve",
    (ModuleKind.BATTERY, VoiceFace.FULL): "Battery full",
    (ModuleKind.METER, VoiceFace.OUTAGE): "Grid outage",
    (ModuleKind.MICROINVERTER, VoiceFace.PRODUCTION): "Solar",
}
"""How people speak of the only module of a kind."""
_MARKS: Final = {
    VoiceFace.CHARGING: "charging",
    VoiceFace.RESERVE: "reserve",
    VoiceFace.FULL: "full",
    VoiceFace.OUTAGE: "grid outage",
    VoiceFace.PRODUCTION: "production",
    VoiceFace.SWITCH: "switch",
}
"""What is said behind the module's name when there are several."""
_LONGEST: Final = 32
"""Bytes of a NodeLabel (Matter Core 9.13.4)."""


def possible(record: ModuleRecord) -> frozenset[VoiceFace]:
    """Return the voice faces that a module can have."""
    told = record.capabilities.setpoints
    match record.kind:
        case ModuleKind.BATTERY:
            faces = {VoiceFace.FULL}
            if told & {SetpointKind.CHARGE_LIMIT_W, SetpointKind.HOLD}:
                faces.add(VoiceFace.CHARGING)
            if SetpointKind.RESERVE_PERCENT in told:
                faces.add(VoiceFace.RESERVE)
            return frozenset(faces)
        case ModuleKind.METER:
            return frozenset({VoiceFace.OUTAGE})
        case ModuleKind.EVSE if SetpointKind.CONNECT in told:
            return frozenset({VoiceFace.CHARGING})
        case ModuleKind.LOAD if SetpointKind.CONNECT in told:
            return frozenset({VoiceFace.SWITCH})
        case ModuleKind.MICROINVERTER if told & {SetpointKind.CONNECT, SetpointKind.POWER_LIMIT_PERCENT}:
            return frozenset({VoiceFace.PRODUCTION})
        case _:
            return frozenset()


def wanted(record: ModuleRecord, defaults: FacesSettings) -> tuple[VoiceFace, ...]:
    """Return the voice faces that a module has: a person's choice comes before the settings."""
    can = possible(record)
    return tuple(
        face
        for face in VoiceFace
        if face in can and record.faces.get(face.value, getattr(defaults, face.value))
    )


def usual_label(face: VoiceFace, record: ModuleRecord, taken: Collection[str]) -> str:
    """Return what a voice face is called until somebody renames it.

    :param taken: what others are called already
    """
    plain = _LABELS.get((record.kind, face))
    if plain is not None and plain not in taken:
        return plain
    mark = f" {_MARKS[face]}"
    return shortened(record.name, _LONGEST - len(mark)) + mark
