"""What can be set of where prices, weather and emissions come from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - pydantic resolves the field's type
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Interval, MaxLen

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRICT = {"extra": "forbid"}
_Text = Annotated[str, MaxLen(500)]
Problems = list[tuple[tuple[str | int, ...], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSourceSettings:
    """Where prices come from that change from hour to hour. None by default."""

    __pydantic_config__ = _STRICT

    format: Literal["", "table", "awattar", "energy-charts"] = ""
    """What is spoken there; `table` is our own CSV or JSON."""
    url: _Text = ""
    """Where it is asked; that of the service by default."""
    file: Path | None = None
    """A file in place of a service, read again when it changes."""
    token: _Text = ""
    """Sent as bearer token where a server wants one."""
    area: Annotated[str, MaxLen(32)] = ""
    """Bidding zone such as `DE-LU`, for Energy-Charts."""
    highest: Annotated[float, Interval(gt=0, le=10_000)] = 10.0
    """Per kWh: a price beyond this magnitude is taken for a mistake and refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonSourceSettings:
    """Where it comes from how clean the grid's energy is. None by default."""

    __pydantic_config__ = _STRICT

    format: Literal["", "table", "energy-charts", "electricity-maps"] = ""
    url: _Text = ""
    file: Path | None = None
    token: _Text = ""
    area: Annotated[str, MaxLen(32)] = ""
    """Country or zone such as `de`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonSettings:
    """How much carbon dioxide the grid's energy stands for: what the policy `green` goes by."""

    __pydantic_config__ = _STRICT

    kg_per_kwh: Annotated[float, Interval(ge=0, le=5)] | None = None
    """Of every kWh that is drawn, where no source says otherwise."""
    source: CarbonSourceSettings = field(default_factory=CarbonSourceSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherSettings:
    """Where forecasts of the sun come from. Off by default: the hub asks nobody."""

    __pydantic_config__ = _STRICT

    service: Literal["", "open-meteo", "solcast", "forecast-solar"] = ""
    url: _Text = ""
    """Where it is asked; that of the service by default."""
    token: _Text = ""
    """Key of the service; Solcast wants one."""
    site: Annotated[str, MaxLen(64)] = ""
    """Resource id of a rooftop site at Solcast."""
    declination: Annotated[float, Interval(ge=0, le=90)] = 30.0
    """How steep the panels are, for Forecast.Solar: 0 lies flat, 90 stands upright."""
    azimuth: Annotated[float, Interval(ge=-180, le=180)] = 0.0
    """Where they look, for Forecast.Solar: 0 is south, -90 east, 90 west."""
    peak_kw: Annotated[float, Interval(gt=0, le=1000)] | None = None
    """What they are rated for, for Forecast.Solar; by default what the inverters are rated for."""
    fresh_h: Annotated[float, Interval(ge=1, le=48)] = 12.0
    """Hours for which a forecast is gone by, if none comes after it."""


def judge_feeds(
    prices: PriceSourceSettings, carbon: CarbonSettings, weather: WeatherSettings, *, placed: bool
) -> Problems:
    """Return what types and ranges cannot say: the path of each bad value, and what to do about it.

    :param placed: the home's latitude and longitude are given
    """
    problems = list(_judge_source(("tariff", "source"), prices))
    problems += _judge_source(("carbon", "source"), carbon.source)
    problems += _judge_url(("weather", "url"), weather.url)
    if weather.url and not weather.service:
        problems.append((("weather", "service"), "is missing: say what is spoken at the url"))
    if weather.service == "solcast":
        problems += [
            (("weather", name), "is missing: Solcast wants it")
            for name in ("token", "site")
            if not getattr(weather, name)
        ]
        if weather.site and not re.fullmatch(r"[A-Za-z0-9-]+", weather.site):
            problems.append((("weather", "site"), "is like 1234-5678-9abc-def0"))
    elif weather.service and not placed:
        problems.append((("planner", "latitude"), "is missing: a weather service wants to know the place"))
    if weather.service == "forecast-solar" and not re.fullmatch(r"[A-Za-z0-9_-]*", weather.token):
        problems.append((("weather", "token"), "has letters and digits only"))
    return problems


def _judge_source(
    where: tuple[str, ...], source: PriceSourceSettings | CarbonSourceSettings
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if not source.format:
        for name in ("url", "file", "token", "area"):
            if getattr(source, name):
                yield (*where, "format"), f"is missing: say in which format the {name} is"
                return
        return
    if source.file is not None:
        if source.url:
            yield (*where, "file"), "does not go with url: a source is either of them"
        elif source.format != "table":
            yield (*where, "format"), "is table for a file"
    elif source.format == "table" and not source.url:
        yield (*where, "url"), "is missing: a table is in a file or at a url"
    yield from _judge_url((*where, "url"), source.url)
    if source.format in {"energy-charts", "electricity-maps"} and not source.area:
        yield (*where, "area"), "is missing: say which bidding zone or country is meant"
    if source.format == "electricity-maps" and not source.token:
        yield (*where, "token"), "is missing: Electricity Maps wants one"
    if not re.fullmatch(r"[A-Za-z0-9_-]*", source.area):
        yield (*where, "area"), "is like DE-LU"
    if not re.fullmatch(r"[!-~]*", source.token):
        yield (*where, "token"), "has a character that no token has"


def _judge_url(where: tuple[str, ...], url: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if url and not re.fullmatch(r"https?://[!-?A-~]+", url):
        yield where, "is like https://prices.example.org/today, without user and password"
