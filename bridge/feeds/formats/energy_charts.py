"""Prices and emissions of Energy-Charts (`GET /price`, `GET /co2eq`): rows of values beside one of times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.feeds.formats.strict import FormatError, held, loaded, member, number, seconds, series

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series

HIGHEST_G = 5_000.0
"""More grams of carbon dioxide than a kWh from peat has."""


def parse(body: bytes, asked: Asked) -> dict[str, Series]:
    """Return the price or the emissions per kWh. Raise FormatError."""
    found = loaded(body)
    times = [seconds("a time", each) for each in member(found, "unix_seconds", list)]
    if asked.row == "price":
        unit = member(found, "unit", str).replace(" ", "")
        if not unit.upper().endswith("/MWH"):
            raise FormatError(f"the unit is {unit[:20]!r}, where EUR/MWh belongs")
        prices = _row(found, "price", times)
        rows = [None if each is None else asked.price(number("a price", each) / 1000) for each in prices]
    else:
        measured = _row(found, "co2eq", times)
        expected = _row(found, "co2eq_forecast", times) if "co2eq_forecast" in found else [None] * len(times)
        known = (said if came is None else came for came, said in zip(measured, expected, strict=True))
        rows = [
            None if each is None else number("the emissions", each, 0.0, HIGHEST_G) / 1000 for each in known
        ]
    return {asked.row: series(held("the answer", zip(times, rows, strict=True)))}


def _row(found: dict[str, Any], name: str, times: list[int]) -> list[Any]:
    values: list[Any] = member(found, name, list)
    if len(values) != len(times):
        raise FormatError(f"{name} has {len(values)} values for {len(times)} times")
    return values


def query(asked: Asked) -> dict[str, str]:
    """Return what is asked for: days of a bidding zone, or of a country."""
    first = datetime.fromtimestamp(asked.begin, asked.zone).date()
    # The day on which the time ends belongs to it, unless it ends with the day before.
    last = (datetime.fromtimestamp(asked.end, asked.zone) - timedelta(seconds=1)).date()
    area = {"bzn" if asked.row == "price" else "country": asked.area} if asked.area else {}
    return area | {"start": first.isoformat(), "end": last.isoformat()}
