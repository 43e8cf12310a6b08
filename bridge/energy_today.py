"""What each producer has produced today: from where the store of telemetry left off, counted on."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bridge.energy_figures import energy_figures
from bridge.events import ModuleRemoved, ReadingTaken
from bridge.telemetry.database import StoreError
from bridge.telemetry.metrics import known_metric
from bridge.telemetry.rollups import increases, last_reading
from bridge.time_zone import local_day
from hw.module import ModuleKind
from hw.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo

    from bridge.events import EventBus
    from bridge.registry import Registry
    from bridge.telemetry.energy import EnergyTotal
    from matter_node.clock import Clock

AGAIN: Final = 60.0
"""Seconds after which the store is asked again about a module that does not count, or is unknown to it."""
_ATTEMPTS: Final = 3

_log = logging.getLogger(__name__)


class Counted(Protocol):
    """The store of telemetry, as far as it is needed here."""

    async def energy(self, module: str) -> Sequence[EnergyTotal]:
        """Return today's and the lifetime figure of each energy counter. Raise StoreError."""


@dataclass(slots=True)
class _Count:
    day: date
    readings: int = 0
    counter: int | None = None
    """What the device's counter showed last, in steps of the metric."""
    today_wh: float | None = None
    """None while the store has not been asked, or knows nothing."""
    asked: float = float("-inf")


class EnergyToday:
    """Counts on while modules are read, so that the store is read once for each module."""

    def __init__(self, registry: Registry, bus: EventBus, clock: Clock, zone: tzinfo) -> None:
        """Take the parts.

        :param zone: the home's, where its days begin
        """
        self._registry = registry
        self._bus = bus
        self._clock = clock
        self._zone = zone
        metric = known_metric("energy_exported_wh")
        assert metric is not None
        self._metric = metric
        self._counts: dict[str, _Count] = {}
        self._to_ask: asyncio.Queue[str] = asyncio.Queue()
        self._asking: asyncio.Task[None] | None = None
        self._ends: list[Callable[[], None]] = []

    def start(self, store: Counted) -> None:
        """Begin to count."""
        self._asking = asyncio.create_task(self._ask(store), name="energy today")
        self._ends = [
            self._bus.subscribe(ReadingTaken, self._reading_taken),
            self._bus.subscribe(ModuleRemoved, self._module_removed),
        ]

    async def stop(self) -> None:
        """Count no more."""
        for end in self._ends:
            end()
        self._ends = []
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def of(self, module: str) -> float | None:
        """Return what a module has produced since midnight, in Wh, a magnitude; None when it is not known."""
        count, now = self._counts.get(module), self._clock.utc()
        if count is None or count.today_wh is None or now is None:
            return None
        return count.today_wh if local_day(now, self._zone) == count.day else 0.0

    def _reading_taken(self, event: ReadingTaken) -> None:
        reading = event.reading
        key = reading.module
        producer = key in self._registry and self._registry[key].record.kind is ModuleKind.MICROINVERTER
        if not producer or reading.quality is Quality.STALE:
            return
        day = local_day(reading.time.timestamp(), self._zone)
        count = self._counts.setdefault(key, _Count(day))
        count.readings += 1
        if day != count.day:
            count.day = day
            count.today_wh = None if count.today_wh is None else 0.0
        if reading.energy_exported_wh is not None:
            shown = self._metric.quantity(reading.energy_exported_wh)
            if count.today_wh is not None:
                count.today_wh += self._metric.value(increases([shown], count.counter)[0])
            count.counter = last_reading([shown], count.counter)
        counts = count.counter is not None and count.today_wh is not None
        if not counts and self._clock.monotonic() - count.asked >= AGAIN:
            count.asked = self._clock.monotonic()
            self._to_ask.put_nowait(key)

    def _module_removed(self, event: ModuleRemoved) -> None:
        self._counts.pop(event.record.key, None)

    async def _ask(self, store: Counted) -> None:
        while True:
            key = await self._to_ask.get()
            for _ in range(_ATTEMPTS):
                count = self._counts.get(key)
                if count is None:
                    break
                readings = count.readings
                try:
                    found = energy_figures(await store.energy(key)).exported_today_wh
                except StoreError as error:
                    _log.warning("what %s produced today is not known: %s", key, error)
                    break
                if count.readings == readings:  # else it may be in there or not
                    count.today_wh = found
                    break
