"""Production as Forecast.Solar expects it (`GET /estimate/...`): energy of the time before each instant."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from bridge.feeds.formats.strict import FormatError, instant, loaded, member, number, series
from bridge.feeds.series import SHORTEST

if TYPE_CHECKING:
    from bridge.feeds.formats.asked import Asked
    from bridge.feeds.series import Series, Span

_MOST_W: Final = 1e6
_LONGEST: Final = 2 * 3600
"""A longer time between two instants is the night."""


def parse(body: bytes, asked: Asked) -> dict[str, Series]:
    """Return `production` in W. Raise FormatError."""
    found = member(loaded(body), "result", dict)
    energies = member(found, "watt_hours_period", dict)
    rows = sorted(
        (instant("a time", time, asked.zone), number("an energy", energy, 0.0, _MOST_W))
        for time, energy in energies.items()
    )
    spans: list[Span] = []
    for (start, _), (end, energy) in pairwise(rows):
        length = end - start
        if length <= 0:
            raise FormatError("there are two energies for one time")
        if length < SHORTEST:
            continue  # the sun rises some seconds before a full hour
        if length > _LONGEST:
            # Nothing comes between the last instant of a day and the first one of the next.
            spans += [(each, min(each + 3600, end), 0.0) for each in _hours(start, end)]
            continue
        spans.append((start, end, energy * 3600 / length))
    return {"production": series(spans)}


def _hours(start: int, end: int) -> list[int]:
    """Return when hours begin that fill a time, none of them shorter than a value may be."""
    begins = list(range(start, end, 3600))
    return begins[:-1] if end - begins[-1] < SHORTEST else begins


def query(_: Asked) -> dict[str, str]:
    """Return what is asked for: times with an offset."""
    return {"time": "utc"}


def path(asked: Asked) -> str:
    """Return the part of the address that says where the panels are and how they lie."""
    latitude, longitude = asked.place or (0.0, 0.0)
    declination, azimuth, peak_kw = asked.plane or (0.0, 0.0, 0.0)
    return f"/estimate/{latitude:.4f}/{longitude:.4f}/{declination:.0f}/{azimuth:.0f}/{peak_kw:g}"
