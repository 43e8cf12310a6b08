"""Looking out: what feeds, settings and the month's highest power have to say to a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bridge.choices import Policy
from bridge.command import Aspect
from bridge.feeds.news import CARBON, PRICE, SUN
from bridge.planner.outlook import KnownSun, Outlook
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.feeds.feeds import Feeds
    from bridge.feeds.settings import CarbonSettings, WeatherSettings
    from bridge.home import Home
    from bridge.planner.demand import DemandPeak
    from bridge.planner.market_tariff import MarketTariff
    from bridge.planner.settings import GridSettings
    from bridge.planner.tariff import Tariff
    from bridge.registry import RegisteredModule

LIMITS: Final = frozenset({SetpointKind.POWER_LIMIT_W, SetpointKind.POWER_LIMIT_PERCENT})
"""What panels must take, one of them, to be curtailed."""
_ENOUGH: Final = 0.25
"""Share of the steps whose emissions must be known for a plan that goes by them."""


def curtailable(home: Home) -> list[RegisteredModule]:
    """Return the inverters that answer and can be told to give less."""
    return [
        module
        for module in home.registry
        if module.record.kind is ModuleKind.MICROINVERTER
        and module.reachable
        and module.record.capabilities.setpoints & LIMITS
        and module.record.nameplate.power_w
    ]


@dataclass(frozen=True, slots=True)
class LookingOut:
    """What there is to look at."""

    home: Home
    feeds: Feeds
    tariff: Tariff | MarketTariff
    grid: GridSettings
    carbon: CarbonSettings
    weather: WeatherSettings
    demand: DemandPeak | None

    def outlook(self, now: float, start: int, steps_s: Sequence[int]) -> Outlook:
        """Return it.

        :param now: UTC, seconds since 1970
        :param start: of the plan, the same
        """
        end = start + sum(steps_s)
        notes: list[str] = []
        prices = self.tariff.known(int(now), start, steps_s)
        if self.feeds.get(PRICE) is not None:
            notes += self._of_prices(None if prices is None else prices.until, end)
        clean = self.home.choices.policy is Policy.GREEN
        co2 = self._co2(start, steps_s)
        if clean and co2 is None:
            notes.append("Nothing tells how clean the grid's energy is: the plan keeps the own sun instead.")
        panels = curtailable(self.home)
        return Outlook(
            prices=prices,
            sun=self._sun(now, start, steps_s, notes),
            co2=co2,
            clean=clean and co2 is not None,
            demand=() if self.demand is None else self.demand.asked(start, end),
            import_limit_w=self.grid.import_limit_w,
            export_limit_w=self.grid.export_limit_w,
            curtailable=bool(panels),
            curtailed=any(
                command.aspect is Aspect.OUTPUT
                for each in panels
                for command in self.home.arbiter.live(each.key)
            ),
            notes=tuple(notes),
        )

    def _of_prices(self, until: int | None, end: int) -> list[str]:
        feed = self.feeds.get(PRICE)
        lost = feed is not None and feed.state.lost
        why = f" ({feed.state.failure})" if feed is not None and feed.state.failure else ""
        if until is None:
            return [f"Nobody says what energy costs now{why}: the plan goes by usual prices."]
        if lost:
            return [
                f"No new prices come{why}: known until {self._clock(until)}, from then on usual ones count."
            ]
        if until < end:
            return [f"Prices are known until {self._clock(until)}; from then on usual ones count."]
        return []

    def _sun(self, now: float, start: int, steps_s: Sequence[int], notes: list[str]) -> KnownSun | None:
        feed = self.feeds.get(SUN)
        if feed is None or not feed.came:
            return None
        age_h = (now - feed.came) / 3600
        if age_h > self.weather.fresh_h:
            notes.append(f"The weather forecast is {age_h:.0f} h old: the sun is foreseen from history.")
            return None

        def row(name: str) -> tuple[float | None, ...] | None:
            series = feed.row(name)
            return series.over(start, steps_s) if len(series) else None

        sun = KnownSun(
            feed.came,
            row("irradiance"),
            row("production"),
            row("production_low"),
            row("production_high"),
        )
        return None if sun.irradiance is None and sun.production is None else sun

    def _co2(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...] | None:
        """Return the emissions in each step, None when too little is known of them."""
        feed, constant = self.feeds.get(CARBON), self.carbon.kg_per_kwh
        if feed is not None:
            known = feed.row(CARBON).over(start, steps_s)
            if sum(each is not None for each in known) >= _ENOUGH * len(known):
                return known
        return None if constant is None else (constant,) * len(steps_s)

    def _clock(self, time: int) -> str:
        return f"{datetime.fromtimestamp(time, self.home.zone):%a %H:%M}"
