"""The highest power of the month: what was reached, and when it counts."""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from bridge.events import ReadingTaken
from bridge.planner.outlook import AskedDemand
from bridge.planner.window import DAYS, minutes
from bridge.telemetry.database import StoreError
from hw.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import tzinfo

    from bridge.home import Home
    from bridge.planner.settings import DemandSettings
    from bridge.telemetry.telemetry import HistoryStream
    from hw.reading import Reading

    Recall = Callable[[str, Sequence[str], int, int, str], Awaitable[HistoryStream]]

_KEPT: Final = "demand/"
_SILENCE: Final = 120.0
"""Seconds after a reading for which its power is taken to last; then nothing is known."""
_COVERAGE: Final = 0.5
"""Share of an interval that must be measured for its mean to count."""
_MINUTE: Final = 60
_FEWEST: Final = 10
"""Recorded readings of an interval, at least, whose mean counts."""

_log = logging.getLogger(__name__)


class DemandPeak:
    """Follows the meter at the supply; the month's highest mean is kept with the state."""

    def __init__(self, settings: DemandSettings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._zone = home.zone
        self._length = settings.minutes * _MINUTE
        self._interval: int | None = None
        self._energy = 0.0
        self._covered = 0.0
        self._last: tuple[float, float] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Follow the meter."""
        self._unsubscribe = self._home.bus.subscribe(ReadingTaken, lambda event: self._taken(event.reading))

    def stop(self) -> None:
        """Follow it no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def reached_w(self, month: date) -> float:
        """Return the highest mean of a month so far."""
        stored = self._home.storage.get(_key(month))
        try:
            return 0.0 if stored is None else float(stored)
        except ValueError:
            return 0.0

    def measured(self, start: int, mean_w: float) -> None:
        """Take note of the mean power of an interval, as it was measured or recorded."""
        if mean_w <= 0 or not any(begin <= start < end for begin, end in self.windows(start, start + 1)):
            return
        month = datetime.fromtimestamp(start, self._zone).date().replace(day=1)
        if mean_w <= self.reached_w(month):
            return
        try:
            with self._home.storage.transaction():
                self._home.storage.put(_key(month), repr(round(mean_w, 1)).encode())
                for key, _ in list(self._home.storage.scan(_KEPT)):
                    if key < _key(_next(month, -2)):
                        self._home.storage.delete(key)
        except OSError as error:
            _log.error("the month's highest power cannot be kept: %s", error)

    async def recall(self, history: Recall, now: float) -> None:
        """Take note of what was recorded of this month, such as by a run before there was such a price.

        :param history: `Telemetry.history`
        """
        meter = self._home.grid.meter()
        if meter is None:
            return
        month = datetime.fromtimestamp(now, self._zone).date().replace(day=1)
        name = "1h" if self._settings.minutes == 60 else f"{self._settings.minutes}m"
        try:
            stream = await history(meter, ("power_w",), _midnight(month, self._zone), int(now), name)
            async for rows in stream:
                for row in rows:
                    (point,) = row.points
                    if point is not None and point.n >= _FEWEST and row.end <= now:
                        self.measured(row.start, point.mean)
        except StoreError as error:
            _log.info("what was drawn this month is not recorded: %s", error)

    def asked(self, start: int, end: int) -> tuple[AskedDemand, ...]:
        """Return what the highest powers of a time cost, by month."""
        if not self._settings.price:
            return ()
        windows = list(self.windows(start, end))
        found = []
        month = datetime.fromtimestamp(start, self._zone).date().replace(day=1)
        while _midnight(month, self._zone) < end:
            first, last = _midnight(month, self._zone), _midnight(_next(month, 1), self._zone)
            held = tuple((max(b, first), min(e, last)) for b, e in windows if b < last and e > first)
            if held:
                found.append(AskedDemand(f"{month:%Y-%m}", self._settings.price, self.reached_w(month), held))
            month = _next(month, 1)
        return tuple(found)

    def windows(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield when it counts, within a time: begin and end in seconds since 1970, in order."""
        settings = self._settings
        opens, closes = minutes(settings.start), minutes(settings.end)
        day = datetime.fromtimestamp(start, self._zone).date() - timedelta(days=1)
        while _midnight(day, self._zone) < end:
            if DAYS[day.weekday()] in settings.days:
                begin = self._instant(day, opens)
                until = self._instant(day if closes > opens else day + timedelta(days=1), closes)
                begin, until = max(begin, start), min(until, end)
                if begin < until:
                    yield begin, until
            day += timedelta(days=1)

    def _instant(self, day: date, minute: int) -> int:
        if minute == 24 * 60:
            return _midnight(day + timedelta(days=1), self._zone)
        return int(datetime.combine(day, time(minute // 60, minute % 60), self._zone).timestamp())

    def _taken(self, reading: Reading) -> None:
        if reading.module != self._home.grid.meter() or reading.power_w is None:
            return
        if reading.quality is Quality.STALE:
            return
        now = reading.time.timestamp()
        if self._last is not None:
            self._add(*self._last, now)
        self._last = (now, reading.power_w)

    def _add(self, since: float, power_w: float, now: float) -> None:
        """Add a power that lasted, interval by interval."""
        if not 0 < now - since <= _SILENCE:
            self._close(int(now) // self._length * self._length)
            return
        while since < now:
            interval = int(since) // self._length * self._length
            self._close(interval)
            until = min(now, interval + self._length)
            self._energy += power_w * (until - since)
            self._covered += until - since
            since = until
        self._close(int(now) // self._length * self._length)

    def _close(self, interval: int) -> None:
        """Go over to an interval, and judge the one before."""
        if interval == self._interval:
            return
        if self._interval is not None and self._covered >= _COVERAGE * self._length:
            self.measured(self._interval, self._energy / self._covered)
        self._interval, self._energy, self._covered = interval, 0.0, 0.0


def _key(month: date) -> str:
    return f"{_KEPT}{month:%Y-%m}"


def _next(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def _midnight(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())
