"""A market whose prices change from hour to hour, and a service that publishes them a day ahead."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from bridge.feeds.asking import Answer, FeedError
from bridge.feeds.cache import Cache, Kept
from bridge.feeds.feed import PUBLISHED
from bridge.feeds.series import Series

if TYPE_CHECKING:
    from datetime import tzinfo

    from matter_node.clock import Clock

HOUR: Final = 3600
_MEAN, _SPREAD = 0.09, 0.02
_MORNING, _NOON, _EVENING = 0.05, -0.07, 0.09
"""How dear or cheap these hours are beside the mean: people get up, the sun is on every roof, people cook."""


class Forgetful(Cache):
    """Keeps nothing: there is no disk in virtual time."""

    def __init__(self) -> None:
        """Keep nothing."""

    def read(self) -> Kept:
        """Return nothing."""
        return Kept()

    def write(self, kept: Kept) -> None:
        """Forget it."""


class VirtualMarket:
    """What is asked for prices.

    :ivar lost: whether it does not answer
    """

    def __init__(self, clock: Clock, zone: tzinfo, seed: int) -> None:
        """Publish the prices of a seed, in the time zone of its days."""
        self._clock = clock
        self._zone = zone
        self._seed = seed
        self.lost = False

    def price(self, start: int) -> float:
        """Return the price of a kWh in the hour that begins then, UTC in seconds since 1970."""
        hour = datetime.fromtimestamp(start, UTC).astimezone(self._zone).hour
        chance = Random(f"{self._seed} price {start}")  # noqa: S311 - a repeatable market is the point
        shape = sum(
            height * math.exp(-((hour - peak) ** 2) / (2 * width**2))
            for peak, height, width in ((8, _MORNING, 1.5), (13, _NOON, 2.0), (19, _EVENING, 2.0))
        )
        return round(_MEAN + shape + chance.gauss(0.0, _SPREAD), 5)

    async def ask(self, request: dict[str, Any]) -> Answer:
        """Answer as the asking process does. Raise FeedError while it is lost."""
        if self.lost:
            raise FeedError("the service does not answer")
        begin, end = int(request["asked"]["begin"]), int(request["asked"]["end"])
        first = begin // HOUR * HOUR
        hours = range(first, min(end, self._published()), HOUR)
        return Answer({"price": Series.of((start, start + HOUR, self.price(start)) for start in hours)}, {})

    def _published(self) -> int:
        """Return up to when prices are published now."""
        now = datetime.fromtimestamp(self._clock.utc() or 0.0, self._zone)
        days = 2 if now.time() >= PUBLISHED else 1
        return int(datetime.combine(now.date() + timedelta(days=days), time(), self._zone).timestamp())
