"""Production as Solcast expects it of a site (`GET /rooftop_sites/ID/forecasts`), in kW, with P10 and P90."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bridge.feeds.formats.strict import FormatError, instant, loaded, member, number, series

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series, Span

_ROWS: Final = {
    "production": "pv_estimate",
    "production_low": "pv_estimate10",
    "production_high": "pv_estimate90",
}
_MOST_KW: Final = 1_000.0
HOURS: Final = 72


def parse(body: bytes, _: Asked) -> dict[str, Series]:
    """Return `production`, and `production_low` and `production_high` where they are told, in W.

    :raises FormatError: it is something else
    """
    rows = member(loaded(body), "forecasts", list)
    for each in rows:
        if not isinstance(each, dict):
            raise FormatError("each of forecasts is an object")
    return {
        name: series(_span(each, key) for each in rows)
        for name, key in _ROWS.items()
        if name == "production" or (rows and all(key in each for each in rows))
    }


def _span(found: dict[str, Any], key: str) -> Span:
    text = member(found, "period_end", str)
    # Seven digits behind the second, of which a clock has six.
    end = instant("period_end", re.sub(r"(\.\d{6})\d+", r"\1", text))
    period = re.fullmatch(r"PT(\d{1,3})(M|H)", member(found, "period", str), re.ASCII)
    if period is None:
        raise FormatError(f"period is {found['period'][:20]!r}, where one such as PT30M belongs")
    length = int(period[1]) * (60 if period[2] == "M" else 3600)
    return end - length, end, 1000 * number(key, found.get(key), 0.0, _MOST_KW)


def query(_: Asked) -> dict[str, str]:
    """Return what is asked for: the next days."""
    return {"format": "json", "hours": str(HOURS)}
