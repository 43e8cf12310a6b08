"""What was foreseen a day ahead, and how good it was: kept for some weeks, so that people can judge it.

At noon the forecasts of the next day are written down, before its prices are published; when the day is over
they are scored against what was measured.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from bridge.planner.news import PlanChanged
from bridge.planner.solving import SolveError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.home import Home
    from bridge.planner.market_tariff import MarketTariff
    from bridge.planner.plan import HomePlan
    from bridge.planner.question import Recorded
    from bridge.planner.tariff import Tariff
    from matter_node.clock import Timer

NOON: Final = time(12)
"""From when on, on the clocks of the home, the next day's forecasts are written down."""
QUARTER: Final = 900
LOOK: Final = 900.0
"""Seconds from one look for days that are over to the next."""
SETTLED: Final = 1200.0
"""Seconds after the end of a day until what was measured of it is all on the disk."""
DAYS_KEPT: Final = 60
"""Days whose scores are remembered."""
_FORECAST: Final = "forecast/"
_SCORE: Final = "forecast-score/"
_WAITS: Final = 7
"""Days for which a forecast waits to be scored."""
_PATIENCE: Final = 120.0
_ROWS: Final = ("load_w", "load_low_w", "load_high_w", "solar_w", "solar_low_w", "solar_high_w")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DayForecast:
    """What was foreseen of a day, in quarters of an hour; magnitudes, P10 and P90 beside what was expected.

    :ivar day: in the home's time zone, such as `2026-11-27`
    :ivar issued: when it was written down, UTC in seconds since 1970
    :ivar start: of the day, the same
    :ivar sun_from: what the sun was foreseen from: `weather` or `history`
    :ivar recorded: where what is measured is, and which loads are none of what was foreseen; plain values of
        `bridge.planner.question.Recorded`
    """

    day: str
    issued: int
    start: int
    load_w: tuple[float, ...]
    load_low_w: tuple[float, ...]
    load_high_w: tuple[float, ...]
    solar_w: tuple[float, ...]
    solar_low_w: tuple[float, ...]
    solar_high_w: tuple[float, ...]
    price: tuple[float, ...]
    sun_from: str
    recorded: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class DayScore:
    """How good the forecasts of a day were.

    :ivar load: members of `optimizer.forecast.score.Score`; `solar` and `price` the same
    """

    day: str
    issued: int
    sun_from: str
    load: dict[str, float | None]
    solar: dict[str, float | None]
    price: dict[str, float | None]


class ForecastBook:
    """Writes forecasts down and scores them."""

    def __init__(
        self,
        home: Home,
        tariff: Callable[[], Tariff | MarketTariff | None],
        recorded: Callable[[], Recorded | None],
        *,
        reckon: Callable[[str, dict[str, Any], float], Awaitable[Any]],
    ) -> None:
        """Keep them with the home's state.

        :param tariff: returns the tariff
        :param recorded: returns what the last plan was made from of what was measured
        :param reckon: has the planning process reckon something, or raises SolveError
        """
        self._home = home
        self._tariff = tariff
        self._recorded = recorded
        self._reckon = reckon
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Follow the plans."""
        self._unsubscribe = self._home.bus.subscribe(PlanChanged, lambda event: self._planned(event.plan))
        self._look()

    async def stop(self) -> None:
        """Follow them no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def scores(self) -> list[DayScore]:
        """Return what is remembered, the newest day first."""
        found = []
        for key, value in self._home.storage.scan(_SCORE):
            try:
                found.append(DayScore(**json.loads(value)))
            except (ValueError, TypeError) as error:
                _log.warning("the score %s cannot be read and is dropped: %r", key, error)
                self._home.storage.delete(key)
        return sorted(found, key=lambda each: each.day, reverse=True)

    # ------------------------------------------------------------------ inside

    def _now(self) -> float:
        return self._home.clock.utc() or 0.0

    def _planned(self, plan: HomePlan | None) -> None:
        now = datetime.fromtimestamp(self._now(), self._home.zone)
        if plan is None or now.time() < NOON:
            return
        day = now.date() + timedelta(days=1)
        key = f"{_FORECAST}{day.isoformat()}"
        if self._home.storage.get(key) is not None:
            return
        found = self._of_day(plan, day)
        if found is None:
            return
        try:
            self._home.storage.put(key, json.dumps(asdict(found), separators=(",", ":")).encode())
        except OSError as error:
            _log.error("the forecasts of %s cannot be kept: %s", day, error)

    def _of_day(self, plan: HomePlan, day: date) -> DayForecast | None:
        """Return what a plan foresees of a day, None where it does not reach to its end."""
        start, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        if plan.foreseen is None or plan.steps[0].start > start or plan.end < end:
            return None
        rows: dict[str, list[float]] = {name: [] for name in (*_ROWS, "price")}
        index = 0
        for quarter in range(start, end, QUARTER):
            while plan.steps[index].start + plan.steps[index].duration <= quarter:
                index += 1
            for name in _ROWS:
                rows[name].append(round(getattr(plan.foreseen, name)[index], 1))
            rows["price"].append(plan.steps[index].import_price)
        return DayForecast(
            day.isoformat(),
            int(self._now()),
            start,
            **{name: tuple(row) for name, row in rows.items()},
            sun_from=plan.foreseen.sun_from,
            recorded=None if (recorded := self._recorded()) is None else asdict(recorded),
        )

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self._home.zone).timestamp())

    def _look(self) -> None:
        self._timer = self._home.clock.call_later(LOOK, self._look)
        if self._task is None and (due := self._due()):
            self._task = asyncio.get_running_loop().create_task(self._score(due), name="forecast scores")

    def _due(self) -> list[DayForecast]:
        """Return the forecasts of days that are over."""
        found = []
        for key, value in list(self._home.storage.scan(_FORECAST)):
            try:
                values: dict[str, Any] = json.loads(value)
                values |= {name: tuple(values[name]) for name in (*_ROWS, "price")}
                forecast = DayForecast(**values)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the forecast %s cannot be read and is dropped: %r", key, error)
                self._home.storage.delete(key)
                continue
            if forecast.start + len(forecast.load_w) * QUARTER + SETTLED <= self._now():
                found.append(forecast)
        return found

    async def _score(self, forecasts: list[DayForecast]) -> None:
        try:
            for forecast in forecasts:
                await self._score_day(forecast)
        except OSError as error:
            _log.error("scores of forecasts cannot be kept: %s", error)
        except Exception:  # noqa: BLE001 - it is tried again, and nothing depends on it
            _log.exception("scoring forecasts went wrong")
        finally:
            self._task = None

    async def _score_day(self, forecast: DayForecast) -> None:
        count = len(forecast.load_w)
        tariff = self._tariff()
        price: list[float | None] = [None] * count
        if tariff is not None:
            price = list(tariff.charged(forecast.start, (QUARTER,) * count))
        question = {"forecast": asdict(forecast), "price": price}
        try:
            found = await self._reckon("score", question, _PATIENCE)
            score = DayScore(forecast.day, forecast.issued, forecast.sun_from, **found)
        except (SolveError, TypeError) as error:
            _log.warning("the forecasts of %s could not be scored: %s", forecast.day, error)
            if self._now() - forecast.start > _WAITS * 86_400:
                self._home.storage.delete(f"{_FORECAST}{forecast.day}")
            return
        with self._home.storage.transaction():
            self._home.storage.put(
                f"{_SCORE}{forecast.day}", json.dumps(asdict(_rounded(score)), separators=(",", ":")).encode()
            )
            self._home.storage.delete(f"{_FORECAST}{forecast.day}")
            for key in sorted(key for key, _ in self._home.storage.scan(_SCORE))[:-DAYS_KEPT]:
                self._home.storage.delete(key)


def _rounded(score: DayScore) -> DayScore:
    def row(found: dict[str, float | None]) -> dict[str, float | None]:
        return {name: None if value is None else round(value, 4) for name, value in found.items()}

    return replace(score, load=row(score.load), solar=row(score.solar), price=row(score.price))
