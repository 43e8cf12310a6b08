"""A tariff that follows the market: prices that a feed brings, by the supplier's formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from bridge.feeds.news import PRICE
from bridge.feeds.series import EMPTY
from bridge.planner.outlook import KnownPrices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import tzinfo

    from bridge.feeds.feed import Feed
    from bridge.feeds.series import Series
    from bridge.planner.settings import TariffSettings

HOUR: Final = 3600
QUARTER: Final = 900
DAYS: Final = 14
"""Days of the past that say what is usual: each weekday twice."""
_NOBODY_KNOWS: Final = 0.3


@dataclass(frozen=True, slots=True)
class MarketTariff:
    """Prices per kWh in one currency: market price times a factor, and a fee.

    :ivar factor: of what is drawn, value-added tax in it; `fee` the same
    :ivar export_factor: of what is fed in; `export_fee` the same
    :ivar otherwise: price while nothing was ever known, None if nobody says
    """

    feed: Callable[[], Feed | None]
    currency: str
    zone: tzinfo
    factor: float
    fee: float
    export_factor: float
    export_fee: float
    otherwise: float | None

    @classmethod
    def of(cls, settings: TariffSettings, zone: tzinfo, feed: Callable[[], Feed | None]) -> Self:
        """Return the tariff of the settings.

        :param feed: returns the feed of prices
        """
        taxed = 1 + settings.vat_percent / 100
        return cls(
            feed,
            settings.currency,
            zone,
            settings.factor * taxed,
            settings.fee * taxed,
            settings.export_factor,
            settings.export_price,
            settings.import_price,
        )

    @property
    def is_known(self) -> bool:
        """Whether any price is known at all."""
        return self.otherwise is not None or len(self._market) > 0

    @property
    def _market(self) -> Series:
        feed = self.feed()
        return EMPTY if feed is None else feed.row(PRICE)

    def _drawing(self) -> Series:
        return self._market.mapped(self.factor, self.fee)

    def _feeding(self) -> Series:
        feed = self.feed()
        own = EMPTY if feed is None else feed.row("export_price")
        return own if len(own) else self._market.mapped(self.export_factor, self.export_fee)

    def at(self, time: float) -> tuple[float, float]:
        """Return the prices of drawing and of feeding in at an instant (UTC, seconds since 1970).

        Where they are not known, they are the mean of all that are.
        """
        drawn, fed = self._drawing(), self._feeding()
        found, brings = drawn.at(time), fed.at(time)
        return (
            self._mean(drawn) if found is None else found,
            (_mean_of(fed, self.export_fee)) if brings is None else brings,
        )

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the mean prices of drawing and of feeding in of consecutive steps, as `at` does.

        :param start: of the first, UTC in seconds since 1970
        """
        drawn, fed = self._drawing(), self._feeding()
        usual, usually = self._mean(drawn), _mean_of(fed, self.export_fee)
        return (
            tuple(usual if each is None else each for each in drawn.over(start, steps_s)),
            tuple(usually if each is None else each for each in fed.over(start, steps_s)),
        )

    def charged(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the prices of drawing in consecutive steps, None where they are not known.

        :param start: of the first, UTC in seconds since 1970
        """
        return self._drawing().over(start, steps_s)

    def known(self, now: int, end: int) -> KnownPrices | None:
        """Return what is known of the last days and up to an end, None when nothing is."""
        drawn, fed = self._drawing(), self._feeding()
        begin = now // HOUR * HOUR - DAYS * 86_400
        recent = drawn.since(begin)
        if not len(recent):
            return None
        step = QUARTER if min(e - s for s, e, _ in recent) < HOUR else HOUR
        steps = (step,) * max(-(-(end - begin) // step), 1)
        feed = self.feed()
        state = None if feed is None else feed.state
        return KnownPrices(
            begin,
            step,
            drawn.over(begin, steps),
            fed.over(begin, steps),
            drawn.until(now),
            "" if state is None or not state.lost else state.failure or "it says nothing about now",
        )

    def _mean(self, series: Series) -> float:
        return _mean_of(series, _NOBODY_KNOWS if self.otherwise is None else self.otherwise)


def _mean_of(series: Series, otherwise: float) -> float:
    return round(sum(series.values) / len(series), 9) if len(series) else otherwise
