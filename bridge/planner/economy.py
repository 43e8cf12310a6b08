"""What plans are made by, as the settings have it now: tariff, feeds, the month's highest power, limits."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bridge.command import Origin
from bridge.events import ModulesRegistered
from bridge.feeds.feeds import Feeds
from bridge.feeds.news import CARBON, PRICE
from bridge.planner.tariff import Tariff
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from bridge.export_limit import ExportLimit
    from bridge.home import Home
    from bridge.planner.demand import DemandPeak, Recall
    from bridge.planner.forecast_book import ForecastBook
    from bridge.planner.market_tariff import MarketTariff
    from bridge.planner.posing import Posing
    from bridge.planner.settings import EnergySettings


class Economy:
    """Holds them together, and makes them anew when the settings change.

    :ivar feeds: prices, weather, emissions
    :ivar export_limit: keeps the limit on what is fed in; None while there was never one
    :ivar tariff: None if nobody says what energy costs
    :ivar posing: what asks for plans; None while there was never a tariff, or planning is switched off
    """

    def __init__(
        self,
        settings: EnergySettings,
        home: Home,
        directory: Path,
        telemetry: Path | None,
        *,
        reckon: Callable[[str, dict[str, Any], float], Awaitable[Any]],
        recall: Recall | None = None,
        feeds: Feeds | None = None,
    ) -> None:
        """Begin with some settings.

        :param directory: where what feeds say is kept
        :param telemetry: where the home's history is, None if nothing is recorded
        :param recall: what was recorded (`Telemetry.history`), None if nothing is
        :param reckon: has the planning process reckon something (`PlanningProcess.ask`)
        """
        self._home = home
        self._telemetry = telemetry
        self._recall = recall
        self._recalling: asyncio.Task[None] | None = None
        self.feeds = Feeds(directory, home.bus, home.clock, home.zone) if feeds is None else feeds
        self.export_limit: ExportLimit | None = None
        self.tariff: Tariff | MarketTariff | None = None
        self.posing: Posing | None = None
        self.demand: DemandPeak | None = None
        self._reckon = reckon
        self._running = False
        self._unsubscribe: list[Callable[[], None]] = []
        self.settings = settings
        self.use(settings)

    def use(self, settings: EnergySettings) -> None:
        """Go by other settings from now on."""
        before, self.settings = self.settings, settings
        self._feed()
        self._limit_export()
        if self.demand is None or before.tariff.demand != settings.tariff.demand:
            self._measure_demand()
        self.tariff = self._tariff()
        looking_out = None
        if self.tariff is not None:
            # A home without a tariff has no use for them.
            from bridge.planner.looking_out import LookingOut
            from bridge.planner.posing import Posing

            looking_out = LookingOut(
                self._home,
                self.feeds,
                self.tariff,
                settings.grid,
                settings.carbon,
                settings.weather,
                self.demand,
            )
        if self.posing is not None:
            self.posing.use(settings.planner, self.tariff, looking_out)
        elif looking_out is not None and settings.planner.enabled:
            self.posing = Posing(settings.planner, self.tariff, self._home, self._telemetry, looking_out)
            if self._running:
                self.forecasts.start()

    @cached_property
    def forecasts(self) -> ForecastBook:
        """What was foreseen, and how good it was."""
        from bridge.planner.forecast_book import ForecastBook  # a home without a tariff foresees nothing

        return ForecastBook(
            self._home,
            lambda: self.tariff,
            lambda: None if self.posing is None else self.posing.recorded,
            reckon=self._reckon,
        )

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._running

    def start(self) -> None:
        """Ask, measure and keep limits from now on."""
        self._running = True
        self._unsubscribe = [self._home.bus.subscribe(ModulesRegistered, lambda _: self._feed())]
        self._follow_demand()
        if self.export_limit is None:
            self._free_panels()
        else:
            self.export_limit.start()
        self.feeds.start()
        if self.posing is not None:
            self.forecasts.start()

    async def stop(self) -> None:
        """Ask no more."""
        self._running = False
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self.demand is not None:
            self.demand.stop()
        if self._recalling is not None:
            self._recalling.cancel()
            await asyncio.gather(self._recalling, return_exceptions=True)
        if self.export_limit is not None:
            self.export_limit.stop()
        await self.feeds.stop()
        if self.posing is not None:
            await self.forecasts.stop()

    def emissions(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the kg of carbon dioxide of a kWh that is drawn in each step, None where nobody says.

        :param start: of the first, UTC, seconds since 1970
        """
        feed, constant = self.feeds.get(CARBON), self.settings.carbon.kg_per_kwh
        known = (None,) * len(steps_s) if feed is None else feed.row(CARBON).over(start, steps_s)
        return tuple(constant if each is None else each for each in known)

    # ------------------------------------------------------------------ inside

    def _feed(self) -> None:
        rating = sum(
            module.record.nameplate.power_w or 0.0
            for module in self._home.registry
            if module.record.kind is ModuleKind.MICROINVERTER
        )
        settings = self.settings
        self.feeds.use(
            settings.tariff, settings.carbon, settings.weather, place=settings.place, peak_w=rating
        )

    def _limit_export(self) -> None:
        limit = self.settings.grid.export_limit_w
        if self.export_limit is None:
            if limit is None:
                return
            from bridge.export_limit import ExportLimit  # for homes with a limit

            self.export_limit = ExportLimit(self._home)
            if self._running:
                self.export_limit.start()
        self.export_limit.use(limit)

    def _free_panels(self) -> None:
        """Take back the limit that a former run has left, if the settings have none any more."""
        live = (each for module in self._home.registry for each in self._home.arbiter.live(module.key))
        if any(each.origin is Origin.GRID_OPERATOR for each in live):
            from bridge.export_limit import SOURCE  # for homes with a limit

            self._home.arbiter.vanish(Origin.GRID_OPERATOR, SOURCE, "there is no limit any more")

    def _measure_demand(self) -> None:
        if self.demand is not None:
            self.demand.stop()
        demand = self.settings.tariff.demand
        self.demand = None
        if demand.price:
            from bridge.planner.demand import DemandPeak  # few homes pay for their highest power

            self.demand = DemandPeak(demand, self._home)
        if self._running:
            self._follow_demand()

    def _follow_demand(self) -> None:
        if self.demand is None:
            return
        self.demand.start()
        if self._recall is not None:
            remembering = self.demand.recall(self._recall, self._home.clock.utc() or 0.0)
            self._recalling = asyncio.get_running_loop().create_task(remembering, name="demand")

    def _tariff(self) -> Tariff | MarketTariff | None:
        tariff = self.settings.tariff
        if tariff.source.format:
            from bridge.planner.market_tariff import MarketTariff  # for homes with such a tariff

            return MarketTariff.of(tariff, self._home.zone, lambda: self.feeds.get(PRICE))
        return Tariff.of(tariff, self._home.zone)
