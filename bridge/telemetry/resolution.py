"""How finely history is asked for: spans from a second to a month, in the home's time zone.

Spans of up to an hour have a fixed length; days, weeks (from Monday) and months are those of the calendar, so
a day may have 23 or 25 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from bridge.time_zone import local_day, midnight

_SECONDS: Final = {
    "1s": 1,
    "5s": 5,
    "10s": 10,
    "30s": 30,
    "1m": 60,
    "5m": 300,
    "10m": 600,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
}
_CALENDAR: Final = {"1d": 86_400, "1w": 7 * 86_400, "1mo": 28 * 86_400}
"""The shortest that a span of the calendar is called; of a month February counts."""
NAMES: Final = (*_SECONDS, *_CALENDAR)
"""What a resolution is called."""
AUTO: Final = "auto"
"""The finest that gives no more than POINTS spans."""
POINTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Resolution:
    """A division of time into spans. Times are UTC, seconds since 1970."""

    name: str
    zone: tzinfo = UTC
    shift: int = 0
    """Seconds by which hours begin later than in UTC, where the zone has no whole hours."""

    @property
    def seconds(self) -> int:
        """How long a span is; of one of the calendar, about."""
        return _SECONDS.get(self.name) or _CALENDAR[self.name]

    def floor(self, time: int) -> int:
        """Return when the span begins in which a time lies."""
        if self.name in _SECONDS:
            return time - (time - self.shift) % self.seconds
        day = local_day(time, self.zone)
        if self.name == "1w":
            day = date.fromordinal(day.toordinal() - day.weekday())
        elif self.name == "1mo":
            day = day.replace(day=1)
        return midnight(day, self.zone)

    def after(self, start: int) -> int:
        """Return when the span ends, and the next begins, that begins at `start`."""
        if self.name in _SECONDS:
            return start + self.seconds
        day = local_day(start, self.zone)
        if self.name == "1mo":
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        else:
            following = date.fromordinal(day.toordinal() + (7 if self.name == "1w" else 1))
        return midnight(following, self.zone)


def resolution(name: str, start: int, end: int, zone: tzinfo = UTC) -> Resolution:
    """Return the resolution of a name, or for AUTO the one that suits a range. Raise ValueError."""
    if name == AUTO:
        lengths = _SECONDS | _CALENDAR
        name = next((each for each in NAMES if (end - start) / lengths[each] <= POINTS), NAMES[-1])
    if name not in NAMES:
        raise ValueError(f"{name!r} is no resolution; there are {', '.join((AUTO, *NAMES))}")
    offset = datetime.fromtimestamp(start, zone).utcoffset()
    shift = 0 if offset is None else -int(offset.total_seconds()) % 3600
    return Resolution(name, zone, shift if name in {"30m", "1h"} else 0)
