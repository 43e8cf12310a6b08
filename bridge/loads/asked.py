"""Loads in the question that a plan answers, and in its answer: plain values that travel as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.loads.wish import Hours, LoadKind
from optimizer.reason import ReasonCode


@dataclass(frozen=True, slots=True)
class AskedLoad:
    """Something that a load is to get. Times are UTC, seconds since 1970.

    :ivar key: of the module; several that are wanted one after the other have the same
    :ivar title: what people call it
    :ivar start: it may run from then on
    :ivar by: when it is to be done
    :ivar need_wh: what it is to get on the whole; None for what is usual for it
    :ivar taken_wh: what it has got of that
    :ivar run_s: how long a machine runs; None for what is usual for it
    :ivar power_w: what it takes while it runs; None for what is usual for it
    :ivar least_w: with less than this it is off; None for `power_w`: it is on or off
    :ivar from_battery: batteries may feed it
    :ivar takes_sun: beyond its need it takes the sun that is left over
    :ivar priority: 0 to 9
    :ivar learns: whether what is usual for it can be learned from its past
    :ivar spare_wh: what it may turn out to need more: so much can still be had before its deadline
    :ivar sessions: of how many sessions the need is known that is only assumed; None when it is said
    """

    key: str
    title: str
    kind: LoadKind
    start: float
    by: float
    need_wh: float | None
    taken_wh: float
    run_s: float | None
    power_w: float | None
    least_w: float | None
    hours: Hours
    from_battery: bool
    takes_sun: bool
    priority: int
    learns: bool
    spare_wh: float = 0.0
    sessions: int | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> AskedLoad:
        """Read plain values. Raise ValueError or TypeError."""
        return cls(**values | {"kind": LoadKind(values["kind"]), "hours": Hours(values["hours"])})


@dataclass(frozen=True, slots=True)
class GivenLoad:
    """A load that runs whatever the plan is: a program that goes on, or what a person has switched on.

    :ivar power_w: what it takes; None for what is usual for it
    :ivar left_s: how long it goes on from the start of the plan
    :ivar why: for a person
    """

    key: str
    power_w: float | None
    left_s: float
    why: str
    learns: bool


@dataclass(frozen=True, slots=True)
class LoadStep:
    """What a load does in a step.

    :ivar power_w: what it is expected to take
    :ivar on: whether the plan lets it run
    :ivar code: why
    :ivar sentence: why, for a person
    """

    power_w: float
    on: bool
    code: ReasonCode
    sentence: str

    @classmethod
    def of(cls, values: dict[str, Any]) -> LoadStep:
        """Read plain values. Raise ValueError or TypeError."""
        step = cls(**values | {"code": ReasonCode(values["code"])})
        if not isinstance(step.on, bool) or not isinstance(step.sentence, str):
            raise ValueError("a load is on or off, and a sentence says why")  # noqa: TRY004 - bad input
        return step


@dataclass(frozen=True, slots=True)
class LoadProgram:
    """What a plan takes a load for.

    :ivar need_wh: what it is to get, or a run takes
    :ivar run_s: how long a run takes
    :ivar power_w: what it takes while it runs
    :ivar learned_from: how many runs or days of its past say so; 0 if people do
    """

    need_wh: float
    run_s: float
    power_w: float
    learned_from: int
