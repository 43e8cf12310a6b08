"""What is known of the time to come, beside a tariff of the clock: what questions and plans carry of it.

Everything is plain values that travel as JSON between the hub and the planning process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS = ("load_w", "load_low_w", "load_high_w", "solar_w", "solar_low_w", "solar_high_w")
_MOST = 1e12


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """Prices of equal spans, past and to come.

    :ivar start: of the first, UTC in seconds since 1970
    :ivar step_s: how long each is
    :ivar import_price: per kWh without fees, None where it is not known
    :ivar fees: what is added to it in each step of the question
    :ivar export_price: per kWh, None where it is not known
    :ivar until: up to when all is known from now on, UTC in seconds since 1970; None when not even that is
    :ivar failure: why the feed is lost, empty if it is not
    """

    start: int
    step_s: int
    import_price: tuple[float | None, ...]
    fees: tuple[float, ...]
    export_price: tuple[float | None, ...]
    until: int | None
    failure: str


@dataclass(frozen=True, slots=True)
class KnownSun:
    """What a weather service says, one value a step, None where it says nothing.

    :ivar came: when it said so, UTC in seconds since 1970
    :ivar irradiance: in W/m2, None if the service tells production
    :ivar production: of all panels in W, None if the service tells irradiance; `low` and `high` are its P10
        and P90
    """

    came: float
    irradiance: tuple[float | None, ...] | None
    production: tuple[float | None, ...] | None
    low: tuple[float | None, ...] | None
    high: tuple[float | None, ...] | None


@dataclass(frozen=True, slots=True)
class AskedDemand:
    """A price on the highest power drawn in a month.

    :ivar name: of the month
    :ivar price: for each kW
    :ivar reached_w: highest of the month so far
    :ivar windows: when it counts, begin and end in seconds since 1970
    """

    name: str
    price: float
    reached_w: float
    windows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan is made from besides.

    :ivar prices: of the market, None for a tariff of the clock
    :ivar sun: a weather forecast, None without one
    :ivar co2: kg for each kWh drawn in each step, None where it is not known; None if nobody says
    :ivar clean: the plan is to emit as little as possible
    :ivar demand: what the highest powers cost, by month
    :ivar import_limit_w: most that is to be drawn; `export_limit_w` most that may be fed in
    :ivar curtailable: the panels can be told to give less
    :ivar curtailed: they are told so now
    :ivar notes: what people are told of it
    """

    prices: KnownPrices | None = None
    sun: KnownSun | None = None
    co2: tuple[float | None, ...] | None = None
    clean: bool = False
    demand: tuple[AskedDemand, ...] = ()
    import_limit_w: float | None = None
    export_limit_w: float | None = None
    curtailable: bool = True
    curtailed: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def from_values(cls, found: Mapping[str, Any]) -> Self:
        """Read it from plain values. Raise KeyError or TypeError."""
        prices, sun, co2 = found["prices"], found["sun"], found["co2"]
        return cls(
            **{
                **found,
                "prices": None if prices is None else KnownPrices(**_tuples(prices)),
                "sun": None if sun is None else KnownSun(**_tuples(sun)),
                "co2": None if co2 is None else tuple(co2),
                "demand": tuple(
                    AskedDemand(**{**each, "windows": tuple((begin, end) for begin, end in each["windows"])})
                    for each in found["demand"]
                ),
                "notes": tuple(found["notes"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a plan expects, one value a step; magnitudes in W, P10 and P90 beside what is expected.

    :ivar co2: kg for each kWh drawn, None if nobody says
    :ivar sun_from: what the sun is foreseen from: `weather` or `history`
    """

    load_w: tuple[float, ...]
    load_low_w: tuple[float, ...]
    load_high_w: tuple[float, ...]
    solar_w: tuple[float, ...]
    solar_low_w: tuple[float, ...]
    solar_high_w: tuple[float, ...]
    co2: tuple[float, ...] | None = None
    sun_from: str = "history"

    @classmethod
    def from_values(cls, found: Mapping[str, Any], count: int) -> Self:
        """Read it from plain values, one a step. Raise ValueError, KeyError or TypeError."""
        said = cls(**_tuples(found))
        rows = [getattr(said, name) for name in _ROWS] + ([] if said.co2 is None else [said.co2])
        for row in rows:
            if len(row) != count:
                raise ValueError(f"{len(row)} values are foreseen for {count} steps")
            for value in row:
                if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
                    raise ValueError(f"a value that is foreseen is {value!r}")
        return said


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
