"""A time by the home's clocks and calendar at which something holds, such as a price."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS: Final = tuple(range(1, 13))
_DAY: Final = timedelta(days=1)


def minutes(text: str) -> int:
    """Return a time of day such as 22:30 in minutes; 24:00 is the end of the day. Raise ValueError."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > 1440:
        raise ValueError(f"{text!r} is no time of day; write one such as 22:30")
    return int(found[1]) * 60 + int(found[2])


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A time of the day, on some days of some months.

    :ivar days: on which it begins
    :ivar months: in which it begins, 1 to 12
    :ivar start: in minutes after midnight
    :ivar end: in minutes after midnight; at or before the start, it is on the next day
    """

    days: frozenset[str]
    months: frozenset[int]
    start: int
    end: int

    def holds(self, local: datetime) -> bool:
        """Tell whether a local time lies in the window."""
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self._begins(local) and self.start <= minute < self.end
        return (minute >= self.start and self._begins(local)) or (
            minute < self.end and self._begins(local - _DAY)
        )

    def _begins(self, local: datetime) -> bool:
        return DAYS[local.weekday()] in self.days and local.month in self.months
