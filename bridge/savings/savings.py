"""Savings: each day is reckoned while it goes on, when it is over, and once more when it is a day past."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from bridge.planner.question import AskedBattery, Recorded
from bridge.planner.solving import SolveError
from bridge.savings.book import ReckonedDay, SavingsBook
from bridge.savings.day import Reckoned, together
from bridge.savings.moves import MoveBook
from bridge.savings.question import AskedDay
from bridge.state import StateError
from bridge.time_zone import local_day, midnight
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import date
    from pathlib import Path
    from typing import Any

    from bridge.home import Home
    from bridge.planner.settings import PlannerSettings
    from bridge.registry import RegisteredModule
    from bridge.savings.prices_paid import PriceBook
    from matter_node.clock import Timer

TICK: Final = 60.0
"""Seconds from one look at the clock to the next."""
FIRST: Final = 300.0
"""Seconds after the start until the first reckoning that nobody asked for."""
PERIOD: Final = 900.0
"""Seconds after which today is reckoned anew."""
WRITTEN: Final = 120
"""Seconds after which what was measured is in the file, at the latest."""
LATE: Final = 86_400
"""Seconds after a day's end at which it is reckoned for the last time: modules deliver what they logged."""
LIMIT: Final = 120.0
"""Seconds that reckoning a day may take."""
PATIENCE: Final = 20.0
"""Seconds that whoever asks waits for a reckoning."""
FRESH: Final = 60.0
"""Seconds for which what was reckoned is good enough for whoever asks."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavingsNow:
    """What today, this month and this year came to; None where nothing is known.

    :ivar reckoned: when, UTC, seconds since 1970
    """

    today: Reckoned | None = None
    month: Reckoned | None = None
    year: Reckoned | None = None
    reckoned: float | None = None


@dataclass(frozen=True, slots=True)
class SavingsChanged:
    """Today was reckoned anew."""

    now: SavingsNow


class Savings:
    """Has days reckoned by the planning process, and adds them up."""

    def __init__(
        self,
        home: Home,
        settings: Callable[[], PlannerSettings],
        telemetry: Path | None,
        prices: PriceBook,
        ask: Callable[[str, dict[str, Any], float], Awaitable[Any]],
    ) -> None:
        """Reckon for a home.

        :param settings: returns those that say how well batteries work
        :param telemetry: where its history is; None if nothing is recorded: then nothing can be reckoned
        :param ask: asks the planning process, or raises SolveError
        """
        self._home = home
        self._settings = settings
        self._telemetry = telemetry
        self._prices = prices
        self._ask = ask
        self._clock = home.clock
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = -math.inf
        self._next = -math.inf
        self._moves = MoveBook(home)
        self.book = SavingsBook(home.storage)
        self.now = self._sums(self._clock.utc() or 0.0)

    def start(self) -> None:
        """Tell what is known, note prices, and reckon days as they come."""
        self._home.bus.publish(SavingsChanged(self.now))
        self._next = self._clock.monotonic() + FIRST
        self._tick()

    async def stop(self) -> None:
        """Reckon no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def fresh(self) -> SavingsNow:
        """Return what is known now, reckoned anew when that is a while ago."""
        if self._clock.monotonic() - self._tried >= FRESH:
            self._begin()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE)
        return self.now

    # Inside

    def _tick(self) -> None:
        self._timer = self._clock.call_later(TICK, self._tick)
        try:
            self._prices.note(self._clock.utc() or 0.0)
            self._moves.note(self._clock.utc() or 0.0)
        except StateError as error:
            _log.error("prices in force and loads that wait cannot be noted: %s", error)
        if self._clock.monotonic() >= self._next:
            self._begin()

    def _begin(self) -> None:
        if self._task is None and self._telemetry is not None:
            self._tried = self._clock.monotonic()
            self._next = self._tried + PERIOD
            self._task = asyncio.get_running_loop().create_task(self._reckon_all(), name="savings")

    async def _reckon_all(self) -> None:
        try:
            now = self._clock.utc() or 0.0
            for day in self._due(now):
                await self._reckon(day, now)
            self.now = self._sums(now)
            self._home.bus.publish(SavingsChanged(self.now))
        except (SolveError, StateError) as error:
            _log.warning("what was saved cannot be reckoned now: %s", error)
        finally:
            self._task = None

    def _due(self, now: float) -> Iterator[date]:
        """Yield the days that are to be reckoned, today last."""
        today = local_day(now, self._home.zone)
        for day in self._prices.days():
            if day > today:
                continue  # of a clock that was ahead
            end = self._end(day)
            known = self.book.get(day)
            since = -math.inf if known is None else known.reckoned
            if (
                day == today
                or since < min(end + WRITTEN, now)
                or since < end + LATE <= now
                or since < self._moved(day, now)
            ):
                yield day

    async def _reckon(self, day: date, now: float) -> None:
        start = midnight(day, self._home.zone)
        end = min(self._end(day), (int(now) - WRITTEN) // 60 * 60)
        meter = self._home.grid.meter()
        if end <= start or meter is None or self._telemetry is None:
            return
        solar, storage = (
            tuple(each.key for each in self._home.registry if each.record.kind is kind)
            for kind in (ModuleKind.MICROINVERTER, ModuleKind.BATTERY)
        )
        asked = AskedDay(
            start,
            end,
            Recorded(str(self._telemetry), (meter,), solar, storage),
            tuple(self._prices.paid(day)),
            tuple(self._batteries()),
            tuple(self._moves.over(start, end, now - WRITTEN)),
        )
        try:
            figures = Reckoned.from_values(await self._ask("savings", asdict(asked), LIMIT))
        except ValueError as error:
            raise SolveError(f"the planning process said something else: {error}") from error
        before = self.book.get(day)
        if before is not None and figures.known_s < before.figures.known_s:
            # What was measured has been removed since: what it came to stays.
            figures = before.figures
        self.book.put(ReckonedDay(day, now, figures))

    def _batteries(self) -> Iterator[AskedBattery]:
        for module in self._home.registry:
            if module.record.kind is ModuleKind.BATTERY:
                asked = _asked(module, self._settings())
                if asked is not None:
                    yield asked

    def _moved(self, day: date, now: float) -> float:
        """Return when the last load was done, and written, that was wanted on a day; 0 for none."""
        moves = self._moves.over(midnight(day, self._home.zone), self._end(day), now - WRITTEN)
        return max((each.until + WRITTEN for each in moves), default=0)

    def _end(self, day: date) -> int:
        return midnight(type(day).fromordinal(day.toordinal() + 1), self._home.zone)

    def _sums(self, now: float) -> SavingsNow:
        today = local_day(now, self._home.zone)
        year = self.book.days(f"{today.year:04}-")
        month = [each for each in year if each.day.month == today.month]
        last = [each for each in month if each.day == today]
        return SavingsNow(
            together(each.figures for each in last),
            together(each.figures for each in month),
            together(each.figures for each in year),
            max((each.reckoned for each in year), default=None),
        )


def _asked(module: RegisteredModule, settings: PlannerSettings) -> AskedBattery | None:
    """Return a battery as it works by its own logic; None when it does not tell its figures."""
    plate = module.record.nameplate
    said = None if module.reading is None else module.reading.battery
    capacity = (None if said is None else said.capacity_wh) or plate.capacity_wh
    charge = plate.charge_power_w or plate.power_w
    discharge = plate.discharge_power_w or plate.power_w
    if capacity is None or charge is None or discharge is None:
        return None
    if not all(map(math.isfinite, (capacity, charge, discharge))) or min(capacity, charge, discharge) <= 0:
        return None
    reserve = (None if said is None else said.reserve_percent) or 0.0
    one_way = math.sqrt(settings.efficiency)
    return AskedBattery(
        module.key,
        capacity,
        0.0,
        charge,
        discharge,
        capacity * min(max(reserve, 0.0), 100.0) / 100 if math.isfinite(reserve) else 0.0,
        one_way,
        one_way,
        settings.wear,
        grid_charging=False,
        feed_in=False,
    )
