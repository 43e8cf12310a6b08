"""Emissions as Electricity Maps gives them (`GET /v3/carbon-intensity/forecast`), in grams per kWh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.feeds.formats.energy_charts import HIGHEST_G
from bridge.feeds.formats.strict import FormatError, held, instant, loaded, member, number, series

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series


def parse(body: bytes, asked: Asked) -> dict[str, Series]:
    """Return the emissions in kg per kWh. Raise FormatError."""
    rows = [_value(each) for each in member(loaded(body), "forecast", list)]
    return {asked.row: series(held("the forecast", rows))}


def _value(found: Any) -> tuple[int, float]:
    if not isinstance(found, dict):
        raise FormatError("each of forecast is an object")
    grams = number("carbonIntensity", found.get("carbonIntensity"), 0.0, HIGHEST_G)
    return instant("datetime", found.get("datetime")), grams / 1000


def query(asked: Asked) -> dict[str, str]:
    """Return what is asked for: a zone."""
    return {"zone": asked.area} if asked.area else {}
