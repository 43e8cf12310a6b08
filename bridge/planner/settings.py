"""What can be set of the tariff and of the planner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Interval, MaxLen, MinLen

from bridge.feeds.settings import CarbonSettings, PriceSourceSettings, WeatherSettings, judge_feeds
from bridge.planner.window import MONTHS, minutes

_STRICT = {"extra": "forbid"}
_Price = Annotated[float, Interval(ge=-100, le=100)]
_Power = Annotated[float, Interval(ge=0, le=1e6)]
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Month = Annotated[int, Interval(ge=1, le=12)]


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
    days: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which it begins."""
    months: tuple[_Month, ...] = MONTHS
    """In which it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeWindowSettings:
    """A time of the day at which something else is added to the market's price."""

    __pydantic_config__ = _STRICT

    start: Annotated[str, MaxLen(5)]
    """Local time such as `22:00`."""
    end: Annotated[str, MaxLen(5)]
    """Local time; at or before `start`, it is on the next day."""
    fee: _Price
    """In place of that of the table above."""
    days: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which it begins."""
    months: tuple[_Month, ...] = MONTHS
    """In which it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSettings:
    """A price on the highest power that is drawn in a month. None by default."""

    __pydantic_config__ = _STRICT

    price: Annotated[float, Interval(ge=0, le=10_000)] = 0.0
    """For each kW of the month's highest mean power."""
    minutes: Literal[5, 15, 30, 60] = 15
    """Over which the power is averaged."""
    start: Annotated[str, MaxLen(5)] = "00:00"
    """Local time from which on it counts."""
    end: Annotated[str, MaxLen(5)] = "24:00"
    """Local time up to which it counts; at or before `start`, it is on the next day."""
    days: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which it begins to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSettings:
    """What energy costs, per kWh. Without a price or a source of prices there is no plan."""

    __pydantic_config__ = _STRICT

    import_price: _Price | None = None
    """Of a kWh that is drawn, outside the windows; with a source, while it has never said anything."""
    export_price: _Price = 0.0
    """For a kWh that is fed in, outside the windows."""
    currency: Annotated[str, MinLen(3), MaxLen(3)] = "EUR"
    """ISO 4217 code."""
    windows: tuple[PriceWindowSettings, ...] = ()
    """The first that holds a time tells its prices."""
    source: PriceSourceSettings = field(default_factory=PriceSourceSettings)
    """Where market prices come from, from which those below follow."""
    factor: Annotated[float, Interval(ge=-100, le=100)] = 1.0
    """A kWh that is drawn costs (market price * factor + fee) * (1 + vat_percent / 100)."""
    fee: _Price = 0.0
    fees: tuple[FeeWindowSettings, ...] = ()
    """The first that holds a time tells the fee in place of `fee`."""
    vat_percent: Annotated[float, Interval(ge=0, le=100)] = 0.0
    export_factor: Annotated[float, Interval(ge=-100, le=100)] = 0.0
    """A kWh that is fed in brings market price * export_factor + export_price."""
    demand: DemandSettings = field(default_factory=DemandSettings)

    @property
    def known(self) -> bool:
        """Whether it says what energy costs."""
        return self.import_price is not None or bool(self.source.format)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """What the connection to the grid allows."""

    __pydantic_config__ = _STRICT

    import_limit_w: _Power | None = None
    """Most that is to be drawn; none by default. Plans keep it where they can."""
    export_limit_w: _Power | None = None
    """Most that may be fed in; none by default. The panels are limited so that it is kept."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySettings:
    """What plans are made by: these tables of the settings can be changed while the hub runs."""

    __pydantic_config__ = _STRICT

    tariff: TariffSettings = field(default_factory=TariffSettings)
    grid: GridSettings = field(default_factory=GridSettings)
    weather: WeatherSettings = field(default_factory=WeatherSettings)
    carbon: CarbonSettings = field(default_factory=CarbonSettings)
    planner: PlannerSettings = field(default_factory=PlannerSettings)

    @property
    def place(self) -> tuple[float, float] | None:
        """Where the home is, None if nobody says."""
        if self.planner.latitude is None or self.planner.longitude is None:
            return None
        return self.planner.latitude, self.planner.longitude


def judge_plan(
    tariff: TariffSettings,
    planner: PlannerSettings,
    carbon: CarbonSettings | None = None,
    weather: WeatherSettings | None = None,
) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what types and ranges cannot say: the path of each bad value, and what to do about it."""
    problems: list[tuple[tuple[str | int, ...], str]] = []
    if tariff.windows and tariff.source.format:
        problems.append((("tariff", "windows"), "do not go with a source: its prices change by themselves"))
    elif tariff.windows and tariff.import_price is None:
        problems.append((("tariff", "import_price"), "is missing: it holds outside the windows"))
    problems += _judge_times(tariff)
    if not tariff.source.format:
        problems += [
            (("tariff", name), "is for market prices: there is no [tariff.source]")
            for name, usual in (
                ("factor", 1.0),
                ("fee", 0.0),
                ("fees", ()),
                ("vat_percent", 0.0),
                ("export_factor", 0.0),
            )
            if getattr(tariff, name) != usual
        ]
    placed = planner.latitude is not None and planner.longitude is not None
    problems += judge_feeds(
        tariff.source, carbon or CarbonSettings(), weather or WeatherSettings(), placed=placed
    )
    if (planner.latitude is None) != (planner.longitude is None):
        missing = "latitude" if planner.latitude is None else "longitude"
        problems.append((("planner", missing), "is missing: a place is a latitude and a longitude"))
    return problems


def _judge_times(tariff: TariffSettings) -> list[tuple[tuple[str | int, ...], str]]:
    timed = [
        *((("windows", index), each) for index, each in enumerate(tariff.windows)),
        *((("fees", index), each) for index, each in enumerate(tariff.fees)),
        (("demand",), tariff.demand),
    ]
    problems: list[tuple[tuple[str | int, ...], str]] = []
    for path, each in timed:
        for name in ("start", "end"):
            try:
                minutes(getattr(each, name))
            except ValueError as error:
                problems.append((("tariff", *path, name), str(error)))
    return problems
