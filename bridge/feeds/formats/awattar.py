"""Market prices as aWATTar gives them (`GET /v1/marketdata`): spans with begin, end and price per MWh."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bridge.feeds.formats.strict import FormatError, loaded, member, number, seconds, series

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series, Span

PER_SECOND = 1000


def parse(body: bytes, asked: Asked) -> dict[str, Series]:
    """Return the price per kWh. Raise FormatError."""
    rows = member(loaded(body), "data", list)
    return {"price": series(_span(each, asked) for each in rows)}


def _span(found: Any, asked: Asked) -> Span:
    if not isinstance(found, dict):
        raise FormatError("each of data is an object")
    unit = member(found, "unit", str)
    if not re.fullmatch(r"[A-Za-z]{3}/MWh", unit):
        raise FormatError(f"the unit is {unit[:20]!r}, where Eur/MWh belongs")
    price = number("marketprice", found.get("marketprice")) / 1000
    return (
        seconds("start_timestamp", found.get("start_timestamp"), per=PER_SECOND),
        seconds("end_timestamp", found.get("end_timestamp"), per=PER_SECOND),
        asked.price(price),
    )


def query(asked: Asked) -> dict[str, str]:
    """Return what is asked for: from one instant to another, in milliseconds."""
    return {"start": str(asked.begin * PER_SECOND), "end": str(asked.end * PER_SECOND)}
