"""A command: who wants a module to do what, until when, and what became of it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from hw.setpoint import Setpoint, SetpointKind


class Origin(IntEnum):
    """Who may command, the weightiest first: the smaller number wins."""

    SAFETY = 0
    """The hub's own protection: too hot, too full, not plausible."""
    ISLAND = 1
    """The grid is gone: what keeps the home alive."""
    GRID_OPERATOR = 2
    """A limit that the law or the contract asks for."""
    USER = 3
    """A person, by app, voice, web page or command line."""
    DEMAND_RESPONSE = 4
    """A utility's or an aggregator's wish that the user agreed to."""
    PLAN = 5
    """The optimizer."""
    DEFAULT = 6
    """What holds while nobody wants anything."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """How commands of an origin are treated."""

    spacing: float
    """Seconds after the last write to the device before which it is not written: some wear out flash memory,
    some take that long to settle. A person gets an answer sooner, and does not ask a thousand times a day."""
    exact: bool
    """However small the change, it is worth a write."""
    persists: bool
    """Tried again for as long as it lives; otherwise it fails after some attempts."""
    outlives_restart: bool
    """Still meant after the hub was restarted. The others' origins judge anew and command anew."""
    revert: float | None = 60.0
    """Seconds after which a device falls back by itself when the hub is gone; repeated at half of it. None:
    it does not."""


PRIVILEGES: Final = {
    #                                spacing  exact  persists  outlives restart
    Origin.SAFETY: Privilege(0.0, True, True, False),
    # Loads that all come back at once because the hub is restarted could be more than the batteries carry.
    Origin.ISLAND: Privilege(0.0, True, True, False, revert=600.0),
    # What the law asks for holds without a hub too.
    Origin.GRID_OPERATOR: Privilege(5.0, False, True, True, revert=None),
    Origin.USER: Privilege(1.0, False, False, True),
    Origin.DEMAND_RESPONSE: Privilege(5.0, False, False, True),
    Origin.PLAN: Privilege(5.0, False, False, False),
    Origin.DEFAULT: Privilege(5.0, False, True, False),
}


class Aspect(StrEnum):
    """What of a module is commanded. Commands of one aspect exclude each other; others stand beside them."""

    OUTPUT = "output"
    CONNECTION = "connection"
    STORAGE = "storage"
    RESERVE = "reserve"
    CURRENT = "current"


ASPECTS: Final = {
    SetpointKind.POWER_LIMIT_PERCENT: Aspect.OUTPUT,
    SetpointKind.POWER_LIMIT_W: Aspect.OUTPUT,
    SetpointKind.CONNECT: Aspect.CONNECTION,
    SetpointKind.CHARGE_W: Aspect.STORAGE,
    SetpointKind.CHARGE_LIMIT_W: Aspect.STORAGE,
    SetpointKind.DISCHARGE_W: Aspect.STORAGE,
    SetpointKind.HOLD: Aspect.STORAGE,
    SetpointKind.RESERVE_PERCENT: Aspect.RESERVE,
    SetpointKind.CHARGE_CURRENT_A: Aspect.CURRENT,
}
"""`AUTO` is of no aspect: it takes back everything that its origin has commanded."""


class CommandState(StrEnum):
    """What became of a command. Queued, applied and superseded ones live; the others are history."""

    QUEUED = "queued"
    """Accepted; its turn to be written comes."""
    APPLIED = "applied"
    """In force: written, and read back as written."""
    DONE = "done"
    """Written, read back, and over: the module stays so by itself."""
    SUPERSEDED = "superseded"
    """Another one is in force in its place; it comes back when that one ends, if it still lives."""
    REPLACED = "replaced"
    """Its own origin commanded something else."""
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Its origin took it back or vanished."""
    REFUSED = "refused"
    """The module cannot do it; nothing was written."""
    FAILED = "failed"
    """The module did not answer or did not do it."""

    @property
    def final(self) -> bool:
        """Whether nothing can come of it any more (an applied `AUTO` is done, too)."""
        return self not in {CommandState.QUEUED, CommandState.APPLIED, CommandState.SUPERSEDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command to one module, as it stands."""

    id: str
    """Sorts by the time of the command."""
    module: str
    kind: SetpointKind
    value: float | None
    origin: Origin
    source: str
    """Which of that origin: `cli`, a fabric, a plan's id. When it vanishes, its commands do."""
    created: float
    """UTC, seconds since 1970."""
    expires: float | None = None
    """UTC, seconds since 1970; None: until withdrawn."""
    target_percent: float | None = None
    """State of charge at which a battery has done it; None: it goes on."""
    state: CommandState = CommandState.QUEUED
    reason: str = ""
    """Why it is in its state, for a person."""
    by: str = ""
    """Id of the command that superseded or replaced it."""
    applied_value: float | None = None
    """What the module said was in force after the write."""
    permits: bool = False
    """It lets a plan choose within it: whatever plans and programmes want of the same goes first."""

    @property
    def aspect(self) -> Aspect | None:
        """What of the module it commands; None for everything."""
        return ASPECTS.get(self.kind)

    @property
    def weight(self) -> tuple[int, float, str]:
        """Sorts the command that wins to the front: by origin, then the newer one; permissions come last."""
        return (Origin.DEFAULT if self.permits else self.origin, -self.created, self.id)

    def reached(self, soc_percent: float) -> bool:
        """Tell whether a battery that holds so much has done it."""
        if self.target_percent is None:
            return False
        if self.kind is SetpointKind.DISCHARGE_W:
            return soc_percent <= self.target_percent
        return soc_percent >= self.target_percent

    def setpoint(self, now: float, longest: float | None) -> Setpoint:
        """Return what is written: the command's value, for what is left of its life but at most `longest`.

        :param longest: None: the device does not fall back by itself
        """
        if longest is None:
            return Setpoint(self.kind, self.value, None)
        left = longest if self.expires is None else min(longest, self.expires - now)
        return Setpoint(self.kind, self.value, max(1.0, left))

    def to_json(self) -> bytes:
        """Return the command as it is stored."""
        return json.dumps(self.values(), separators=(",", ":")).encode()

    def values(self) -> dict[str, object]:
        """Return the command in plain values, as people and programs are shown it."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"origin": self.origin.name.lower()}

    @classmethod
    def from_json(cls, data: bytes) -> Command:
        """Read a stored command. Raise ValueError or KeyError."""
        values = json.loads(data)
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(
            **known
            | {
                "kind": SetpointKind(values["kind"]),
                "origin": Origin[values["origin"].upper()],
                "state": CommandState(values["state"]),
            }
        )


def command_id(now: float) -> str:
    """Return a new id; ids sort by time."""
    return f"{int(now * 1000):012x}{secrets.token_hex(3)}"
