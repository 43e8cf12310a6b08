"""When a load is wanted: the span of time in which it is to get what it needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.planner.window import DAYS, minutes

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from bridge.loads.wish import LoadWish

_DAY: Final = timedelta(days=1)
_DAY_S: Final = 86_400.0
_WEEK: Final = 8


class Period(NamedTuple):
    """From when to when; UTC, seconds since 1970."""

    start: float
    by: float


def periods(wish: LoadWish, now: float, zone: tzinfo, until: float) -> list[Period]:
    """Return the periods of a wish that end after now and begin before `until`, the first to end first.

    They do not overlap: one that is wanted once comes before those of the week that it reaches into.
    """
    found = [] if wish.done_by is None else list(_weekly(wish, now, zone))
    if wish.once_by is not None and wish.once_by > now:
        found.append(Period(wish.once_from or now, wish.once_by))
    found.sort(key=lambda period: period.by)
    coming, end = [], 0.0
    for period in found:
        start = max(period.start, end)
        if start < min(period.by, until):
            coming.append(Period(start, period.by))
            end = period.by
    return coming


def next_time(text: str, now: float, zone: tzinfo) -> float:
    """Return when a clock on the wall next shows a time such as 07:00. Raise ValueError."""
    minute = minutes(text)
    today = datetime.fromtimestamp(now, zone).date()
    return next(time for ahead in range(3) if (time := _at(today + ahead * _DAY, minute, zone)) > now)


def _weekly(wish: LoadWish, now: float, zone: tzinfo) -> list[Period]:
    assert wish.done_by is not None
    last = minutes(wish.done_by)
    first = None if wish.earliest is None else minutes(wish.earliest)
    today = datetime.fromtimestamp(now, zone).date()
    found = []
    for ahead in range(-1, _WEEK):
        day = today + ahead * _DAY
        if DAYS[day.weekday()] not in wish.days:
            continue
        by = _at(day, last, zone)
        start = by - _DAY_S
        if first is not None:
            start = max(start, _at(day if first < last else day - _DAY, first, zone))
        if by > now:
            found.append(Period(start, by))
    return found


def _at(day: date, minute: int, zone: tzinfo) -> float:
    """Return when a clock on the wall shows so many minutes after a day's midnight."""
    day, minute = day + minute // 1440 * _DAY, minute % 1440
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone).timestamp()
