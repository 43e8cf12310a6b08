"""What is no planning problem, and the checks that say so in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

MOST_POWER_W: Final = 10_000_000.0
"""A home with more is none."""
MOST_ENERGY_WH: Final = 100_000_000.0
MOST_PRICE: Final = 1000.0
"""Per kWh, either sign: some forty times the highest price that a spot market has allowed."""


class ProblemError(ValueError):
    """The input is absurd; the message says what. A wish that cannot be met is no such error."""


def number(what: str, value: float, lowest: float, highest: float) -> float:
    """Return a number within bounds.

    :raises ProblemError: it is not finite or not within them
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProblemError(f"{what} is {value!r}, which is no number")
    if not lowest <= value <= highest:
        raise ProblemError(f"{what} is {value:g}; it must be {lowest:g} to {highest:g}")
    return float(value)


def series(what: str, values: Iterable[float], lowest: float, highest: float) -> tuple[float, ...]:
    """Return numbers within bounds, one a step.

    :raises ProblemError: one of them is not finite or not within the bounds
    """
    return tuple(number(f"{what} of step {step}", each, lowest, highest) for step, each in enumerate(values))


def length(what: str, values: Sequence[object], count: int) -> None:
    """Demand one value a step.

    :raises ProblemError: there are more or fewer
    """
    if len(values) != count:
        raise ProblemError(f"{what} has {len(values)} values for {count} steps")


def in_order(what: str, lower: Sequence[float] | None, higher: Sequence[float] | None) -> None:
    """Demand that a forecast's rows do not cross.

    :raises ProblemError: they do
    """
    for step, (low, high) in enumerate(zip(lower or (), higher or (), strict=False)):
        if low > high + 1e-6:
            raise ProblemError(f"the {what} of step {step} is at least {low:g} and at most {high:g} W")


def name(what: str, value: str) -> str:
    """Return a name.

    :raises ProblemError: it is empty
    """
    if not isinstance(value, str) or not value.strip():
        raise ProblemError(f"the name of {what} is empty")
    return value


def moment(what: str, value: datetime) -> datetime:
    """Return a moment whose time zone is known.

    :raises ProblemError: it is not
    """
    if value.tzinfo is None:
        raise ProblemError(f"{what} is {value}, without a time zone")
    return value
