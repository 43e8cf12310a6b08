"""All feeds of the home: made from the settings, and made anew when these change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.feeds.news import CARBON, PRICE, SUN, FeedAlert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from pathlib import Path

    from bridge.events import EventBus
    from bridge.feeds.cache import Cache
    from bridge.feeds.feed import Feed, FeedState
    from bridge.feeds.settings import CarbonSettings, WeatherSettings
    from bridge.feeds.source import Source
    from bridge.planner.settings import TariffSettings
    from matter_node.clock import Clock

NAMES = (PRICE, CARBON, SUN)


class Feeds:
    """The feeds that the settings name."""

    def __init__(
        self,
        directory: Path,
        bus: EventBus,
        clock: Clock,
        zone: tzinfo,
        *,
        make: Callable[[Source, Cache, EventBus, Clock, tzinfo], Feed] | None = None,
    ) -> None:
        """Keep what they say in a directory.

        :param zone: of the home
        """
        self._directory = directory
        self._bus = bus
        self._clock = clock
        self._zone = zone
        self._make = make
        self._feeds: dict[str, Feed] = {}
        self._running = False
        self._ending: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Feed]:
        return iter(self._feeds.values())

    def get(self, name: str) -> Feed | None:
        """Return the feed of a name, None if there is none."""
        return self._feeds.get(name)

    def states(self) -> list[FeedState]:
        """Return how they are."""
        return [feed.state for feed in self]

    def use(
        self,
        tariff: TariffSettings,
        carbon: CarbonSettings,
        weather: WeatherSettings,
        *,
        place: tuple[float, float] | None = None,
        peak_w: float = 0.0,
    ) -> None:
        """Feed from what the settings name; what stays the same goes on.

        :param peak_w: what the home's inverters are rated for
        """
        wanted: tuple[Source | None, ...] = (None,) * len(NAMES)
        if self._feeds or tariff.source.format or carbon.source.format or weather.service:
            from bridge.feeds import sources  # a hub without any has no use for it

            zone = getattr(self._zone, "key", "UTC")
            wanted = (
                sources.price_source(tariff.source, zone, tariff.currency),
                sources.carbon_source(carbon, zone),
                sources.sun_source(weather, zone, place, peak_w),
            )
        for name, source in zip(NAMES, wanted, strict=True):
            known = self._feeds.get(name)
            if known is not None and known.source == source:
                continue
            if known is not None:
                del self._feeds[name]
                self._end(known)
            if source is not None:
                feed = self._feeds[name] = self._made(source)
                if self._running:
                    feed.start()
            elif self._running:
                # Nobody waits for what is not wanted any more.
                self._bus.publish(FeedAlert(name, ""))

    def start(self) -> None:
        """Begin to ask."""
        self._running = True
        for name in NAMES:
            if name in self._feeds:
                self._feeds[name].start()
            else:
                self._bus.publish(FeedAlert(name, ""))

    async def stop(self) -> None:
        """Ask no more."""
        self._running = False
        await asyncio.gather(*(feed.stop() for feed in self), *self._ending)

    def _made(self, source: Source) -> Feed:
        from bridge.feeds.cache import Cache
        from bridge.feeds.feed import Feed

        cache = Cache(self._directory / f"{source.name}.json")
        return (self._make or Feed)(source, cache, self._bus, self._clock, self._zone)

    def _end(self, feed: Feed) -> None:
        if not self._running:
            return
        task = asyncio.get_running_loop().create_task(feed.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
