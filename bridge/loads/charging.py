"""What a charging point offers a car: whole amperes, steady enough for the car and its contactor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.loads.switching import LeastTimes, settled
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from bridge.loads.asked import LoadStep

START_S: Final = 60.0
"""Seconds for which there must be sun enough before a car begins with it: clouds have gaps."""
STOP_S: Final = 180.0
"""Seconds for which it must be missing before a car that follows it pauses; until then it has the least."""
LEAST: Final = LeastTimes(300.0, 300.0)
"""A car that is switched more often may take it for a fault."""
_ROUNDING: Final = 0.05
"""Of an ampere that may be missing to a whole one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a charging point can offer per phase.

    :ivar ampere_w: what an ampere is in watts: voltage times phases
    """

    ampere_w: float
    least_a: float
    most_a: float

    def amperes(self, power_w: float) -> int:
        """Return the whole amperes that a power is enough for; 0 when it is too little."""
        amperes = min(math.floor(power_w / self.ampere_w + _ROUNDING), math.floor(self.most_a))
        return amperes if amperes >= self.least_a else 0


@dataclass(frozen=True, slots=True)
class Charging:
    """What a car is offered. Times are UTC, seconds since 1970.

    :ivar current_a: per phase, 0 while charging is paused
    :ivar switched: since when it is offered something, or nothing; None if nobody has seen that
    :ivar doubted: since when sun alone says otherwise; None while it does not
    """

    current_a: int = 0
    switched: float | None = None
    doubted: float | None = None


def wanted_current(step: LoadStep, bounds: Bounds, sun_w: float, *, follows_sun: bool) -> tuple[int, bool]:
    """Return what a car is to be offered, and whether sun alone says so.

    :param sun_w: what it could take without drawing from the grid, or from what batteries are to store
    :param follows_sun: it takes the sun that is left over whatever the plan says
    """
    by_sun = bounds.amperes(sun_w)
    if step.on and step.code is not ReasonCode.RUN_SUN:
        least = math.ceil(bounds.least_a)
        planned = min(max(round(step.power_w / bounds.ampere_w), least), math.floor(bounds.most_a))
        return (max(planned, by_sun), False) if follows_sun else (planned, False)
    return (by_sun, True) if step.on or follows_sun else (0, False)


def steadied(before: Charging, current_a: int, now: float, bounds: Bounds, *, by_sun: bool) -> Charging:
    """Return what a car is offered now, so that clouds and changes of plan do not switch it all the time."""
    on, wanted = before.current_a > 0, current_a > 0
    doubted = None
    if by_sun and wanted is not on:
        doubted = before.doubted or now
        if now - doubted < (START_S if wanted else STOP_S):
            wanted = on
    wanted = settled(wanted, on, before.switched, now, LEAST)
    current = max(current_a, math.ceil(bounds.least_a)) if wanted else 0
    if wanted is on:
        return Charging(current, before.switched, doubted)
    return Charging(current, now)
