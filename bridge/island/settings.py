"""What can be set of the operation without the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

_STRICT = {"extra": "forbid"}
_Percent = Annotated[float, Interval(ge=0, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandSettings:
    """How the home lives without the grid."""

    __pydantic_config__ = _STRICT

    enabled: bool = True
    """Whether the hub runs the home while the grid is gone; otherwise it only tells that it is."""
    comfort_percent: _Percent = 60.0
    """State of charge below which the loads of priority 0 are off, unless the charge lasts for `hours`."""
    black_start_percent: _Percent = 20.0
    """State of charge below which everything is off but what is critical (priority 9). The loads of the
    priorities 1 to 8 go at states of charge in equal steps between `comfort_percent` and this."""
    floor_percent: _Percent = 10.0
    """State of charge at which the batteries stop, so that they can start the home when the sun is up."""
    soc_margin: Annotated[float, Interval(ge=1, le=50)] = 5.0
    """Percent of charge above what made a load go off that it needs to come back."""
    hours: Annotated[float, Interval(ge=0, le=168)] = 8.0
    """How long the charge above `black_start_percent` has to last; while it does, it makes no load go off."""
    power_w: Annotated[float, Interval(gt=0, le=1e6)] | None = None
    """Most that the batteries carry without the grid; what their plates say by default."""
    power_margin: Annotated[float, Interval(ge=0.05, le=0.9)] = 0.2
    """Share of that power that is left free when a load comes back."""
    off_s: Annotated[float, Interval(ge=1, le=86_400)] = 300.0
    """Seconds for which a load stays off at least; twice as long each time that it goes off again, up to
    eight times."""
    spacing_s: Annotated[float, Interval(ge=1, le=3600)] = 20.0
    """Seconds from one load that comes back to the next, at least."""
    full_percent: Annotated[float, Interval(ge=50, le=100)] = 97.0
    """State of charge from which the batteries are full: the sun is limited to what the home uses."""
    stable_s: Annotated[float, Interval(ge=1, le=3600)] = 300.0
    """Seconds for which the grid has to be within limits before the home returns to it (IEEE 1547-2018,
    clause 4.10.3: 300 s by default)."""


def judge_island(island: IslandSettings) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what ranges cannot say: the path of each bad value, and what to do about it."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    if not island.floor_percent < island.black_start_percent:
        message = f"{island.black_start_percent:g} is not above floor_percent, {island.floor_percent:g}"
        problems.append((("island", "black_start_percent"), message))
    if not island.black_start_percent <= island.comfort_percent:
        message = f"{island.comfort_percent:g} is below black_start_percent, {island.black_start_percent:g}"
        problems.append((("island", "comfort_percent"), message))
    if not island.comfort_percent < island.full_percent:
        message = f"{island.full_percent:g} is not above comfort_percent, {island.comfort_percent:g}"
        problems.append((("island", "full_percent"), message))
    return problems
