"""A feed: asks its source when it is time, keeps what it says, and knows when it is lost."""

from __future__ import annotations

import asyncio
import logging
import math
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from bridge.feeds.asking import FeedError, ask
from bridge.feeds.cache import Kept
from bridge.feeds.news import PRICE, FeedAlert, FeedChanged
from bridge.feeds.series import EMPTY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import tzinfo
    from typing import Any

    from bridge.events import EventBus
    from bridge.feeds.asking import Answer
    from bridge.feeds.cache import Cache
    from bridge.feeds.series import Series
    from bridge.feeds.source import Source
    from matter_node.clock import Clock, Timer

LOOK: Final = 60.0
"""Seconds from one look to the next: whether it is time to ask, whether a file is another."""
FIRST_PAUSE: Final = 60.0
"""Seconds after a failure before it is tried again; each further pause is twice as long."""
LONGEST_PAUSE: Final = 3600.0
LOST_AFTER: Final = 1800.0
"""Seconds of failures after which a feed is lost, though what is known may still reach far."""
DAYS_KEPT: Final = 35
"""Days for which what is past is kept: what is usual is learned from it."""
SOON: Final = 900.0
"""Seconds from one request to the next while tomorrow's prices are due."""
PUBLISHED: Final = time(12, 45)
"""When the auction's results of the next day are published, or somewhat later, on the clocks of the home."""
_AHEAD: Final = timedelta(days=2)
_SPREAD: Final = 0.1
"""Share of a pause by which it is longer at random, so that not every home asks at the same second."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedState:
    """How a feed is. Times are UTC, seconds since 1970.

    :ivar source: what a person calls it
    :ivar came: when it last said something, None if never
    :ivar until: up to when everything is known from now on, None when not even that is
    :ivar failure: why the last attempt brought nothing, empty if it did
    :ivar lost: whether people are to be told
    """

    name: str
    source: str
    came: float | None
    until: int | None
    failure: str
    lost: bool


class Feed:
    """One feed. What it says is in `rows`; `FeedChanged` tells of news, `FeedAlert` of loss and return."""

    def __init__(
        self,
        source: Source,
        cache: Cache,
        bus: EventBus,
        clock: Clock,
        zone: tzinfo,
        *,
        asking: Callable[[dict[str, Any]], Awaitable[Answer]] = ask,
    ) -> None:
        """Take up what is kept of the same source.

        :param zone: of the home, whose days begin and end at its midnights
        """
        self.source = source
        self._cache = cache
        self._bus = bus
        self._clock = clock
        self._zone = zone
        self._asking = asking
        kept = cache.read()
        self._kept = kept if kept.mark == source.mark else Kept(source.mark)
        self._failures = 0
        self._failing_since: float | None = None
        self._failure = ""
        self._not_before = 0.0
        self._file_seen: tuple[int, int] | None = None
        self._lost = False
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """What it is a feed of."""
        return self.source.name

    @property
    def rows(self) -> Mapping[str, Series]:
        """What it says, by name."""
        return self._kept.rows

    def row(self, name: str) -> Series:
        """Return one of the rows; an empty one if there is none."""
        return self._kept.rows.get(name, EMPTY)

    @property
    def came(self) -> float:
        """When it last said something, UTC in seconds since 1970; 0 for never."""
        return self._kept.came

    @property
    def state(self) -> FeedState:
        """How it is."""
        return FeedState(
            self.name,
            self.source.pictured,
            self._kept.came or None,
            self._until(),
            self._failure,
            self._lost,
        )

    def start(self) -> None:
        """Ask as soon as that may be, and from then on."""
        self._look()

    async def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    # ------------------------------------------------------------------ inside

    def _now(self) -> float:
        return self._clock.utc() or 0.0

    def _until(self) -> int | None:
        main = next(iter(self._kept.rows.values()), EMPTY)
        return main.until(self._now())

    def _look(self) -> None:
        self._timer = self._clock.call_later(LOOK, self._look)
        if self._task is None and self._now() >= self._due():
            self._task = asyncio.get_running_loop().create_task(self._ask(), name=f"feed {self.name}")
        else:
            self._judge()

    def _due(self) -> float:
        """Return when it is time to ask."""
        if self.source.file is not None and self._file() != self._file_seen:
            return 0.0
        if self._failures:
            return self._not_before
        if self.source.file is not None:
            return math.inf
        if not self._kept.tried:
            return 0.0
        service = self.source.service
        wanted = SOON if self._tomorrow_is_due() else service.period
        return self._kept.tried + max(wanted, service.least) * (1 + _SPREAD * self._chance())

    def _chance(self) -> float:
        # The same until the next request, so that looking often brings it no nearer.
        return zlib.crc32(f"{self.source.mark} {self._kept.tried}".encode()) / 2**32

    def _tomorrow_is_due(self) -> bool:
        """Whether the prices of tomorrow are published by now, and not known."""
        if self.name != PRICE:
            return False
        now = datetime.fromtimestamp(self._now(), self._zone)
        end = datetime.combine(now.date() + _AHEAD, time(), self._zone).timestamp()
        return now.time() >= PUBLISHED and (self._until() or 0) < end - 3600

    def _file(self) -> tuple[int, int] | None:
        assert self.source.file is not None, "only a file can be looked at"
        try:
            found = self.source.file.stat()
        except OSError:
            return (0, 0)
        return found.st_mtime_ns, found.st_size

    async def _ask(self) -> None:
        now = self._now()
        if self.source.file is not None:
            self._file_seen = self._file()
        # Noted first: a hub that is killed again and again must not ask again and again.
        self._kept = replace(self._kept, tried=now)
        if self.source.file is None:
            self._keep()
        whole = not self._kept.rows
        begin = self._midnight(now, -self.source.days_back if whole else 0)
        try:
            answer = await self._asking(
                self.source.request(begin, self._midnight(now, 2), {} if whole else dict(self._kept.seen))
            )
        except FeedError as error:
            self._failed(str(error), error.wait)
        except Exception as error:  # noqa: BLE001 - what is known still holds, whatever went wrong
            _log.exception("asking for %s went wrong", self.name)
            self._failed(repr(error), None)
        else:
            self._took(answer)
        finally:
            self._task = None
        self._judge()

    def _midnight(self, now: float, days: int) -> int:
        """Return when a day of the home begins, counted from today."""
        today = datetime.fromtimestamp(now, self._zone).date()
        return int(datetime.combine(today + timedelta(days=days), time(), self._zone).timestamp())

    def _failed(self, reason: str, wait: float | None) -> None:
        now = self._now()
        self._failures += 1
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._failure = reason
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        pause = max(pause * (1 + _SPREAD * self._chance()), wait or 0.0)
        if self.source.file is None:
            pause = max(pause, self.source.service.least)
        self._not_before = now + pause
        _log.warning("no %s came from %s: %s", self.name, self.source.pictured, reason)

    def _took(self, answer: Answer) -> None:
        self._failures, self._failing_since, self._failure = 0, None, ""
        now = self._now()
        before = self._kept.rows
        rows = dict(before)
        for name, series in answer.rows.items():
            rows[name] = rows.get(name, EMPTY).updated(series).since(now - DAYS_KEPT * 86_400)
        self._kept = replace(self._kept, came=now, rows=rows, seen=answer.seen)
        self._keep()
        if {name: each.since(now) for name, each in rows.items()} != {
            name: each.since(now) for name, each in before.items()
        }:
            _log.info("%s came from %s", self.name, self.source.pictured)
            self._bus.publish(FeedChanged(self.name))

    def _keep(self) -> None:
        try:
            self._cache.write(self._kept)
        except OSError as error:
            _log.error("what is known of %s cannot be kept: %s", self.name, error)

    def _judge(self) -> None:
        """See whether the feed is lost, and tell people once."""
        now = self._now()
        failing = self._failing_since is not None and now - self._failing_since >= LOST_AFTER
        unknown = self._until() is None and (self._failures > 0 or self._kept.came > 0)
        lost = failing or unknown
        if lost == self._lost:
            return
        self._lost = lost
        self._bus.publish(FeedAlert(self.name, self._detail() if lost else ""))
        self._bus.publish(FeedChanged(self.name))

    def _detail(self) -> str:
        until = self._until()
        known = (
            "nothing is known of now"
            if until is None
            else f"known until {datetime.fromtimestamp(until, self._zone):%a %H:%M}"
        )
        why = self._failure or "it says nothing about now"
        return f"{self.source.pictured}: {why}; {known}."
