"""What can be set of the tariff and of the planner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen, MinLen

from bridge.planner.tariff import minutes

_STRICT = {"extra": "forbid"}
_Price = Annotated[float, Interval(ge=-100, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindowSettings:
    """A time of the day at which energy has another price."""

    __pydantic_config__ = _STRICT

    start: Annotated[str, MaxLen(5)]
    """Local time such as `22:00`."""
    end: Annotated[str, MaxLen(5)]
    """Local time; at or before `start`, it is on the next day."""
    import_price: _Price
    export_price: _Price | None = None
    """That of the table above by default."""
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    )
    """On which it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSettings:
    """What energy costs, per kWh. Without a price there is no plan."""

    __pydantic_config__ = _STRICT

    import_price: _Price | None = None
    """Of a kWh that is drawn, outside the windows."""
    export_price: _Price = 0.0
    """For a kWh that is fed in, outside the windows."""
    currency: Annotated[str, MinLen(3), MaxLen(3)] = "EUR"
    """ISO 4217 code."""
    windows: tuple[PriceWindowSettings, ...] = ()
    """The first that holds a time tells its prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerSettings:
    """How the hub plans ahead."""

    __pydantic_config__ = _STRICT

    enabled: bool = True
    """Whether it plans, if there is a tariff."""
    latitude: Annotated[float, Interval(ge=-90, le=90)] | None = None
    """Degrees, north positive; how the sun stands is guessed from the time zone without a place."""
    longitude: Annotated[float, Interval(ge=-180, le=180)] | None = None
    """Degrees, east positive."""
    grid_charging: bool = True
    """Whether batteries may charge from the grid."""
    sell_stored: bool = False
    """Whether what batteries hold may be fed into the grid."""
    efficiency: Annotated[float, Interval(ge=0.3, le=1)] = 0.9
    """Share of what a battery draws that comes out again."""
    wear: Annotated[float, Interval(ge=0, le=10)] = 0.02
    """What a kWh costs that goes into a battery and out again."""
    backup_hours: Annotated[float, Interval(ge=0, le=48)] = 12.0
    """How long the home should last without the grid under the policy `backup`."""
    resident: bool = True
    """Whether the process that plans stays (some 100 MB), so that the next plan is there within a second of
    an event; else each plan has one of its own."""
    time_limit: Annotated[float, Interval(ge=1, le=300)] = 60.0
    """Seconds after which making a plan is given up."""


def judge_plan(tariff: TariffSettings, planner: PlannerSettings) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what types and ranges cannot say: the path of each bad value, and what to do about it."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    if tariff.windows and tariff.import_price is None:
        problems.append((("tariff", "import_price"), "is missing: it holds outside the windows"))
    for index, window in enumerate(tariff.windows):
        for name in ("start", "end"):
            try:
                minutes(getattr(window, name))
            except ValueError as error:
                problems.append((("tariff", "windows", index, name), str(error)))
    if (planner.latitude is None) != (planner.longitude is None):
        missing = "latitude" if planner.latitude is None else "longitude"
        problems.append((("planner", missing), "is missing: a place is a latitude and a longitude"))
    return problems
