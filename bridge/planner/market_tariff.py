"""A tariff that follows the market: prices that a feed brings, by the supplier's formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from bridge.feeds.news import PRICE
from bridge.feeds.series import EMPTY
from bridge.planner.fees import Fees
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
    """Prices per kWh in one currency: market price times a factor, and a fee that may depend on the time.

    :ivar factor: of what is drawn, value-added tax in it; `fees` the same
    :ivar export_factor: of what is fed in; `export_fee` the same
    :ivar otherwise: price while nothing was ever known, None if nobody says
    """

    feed: Callable[[], Feed | None]
    currency: str
    zone: tzinfo
    factor: float
    fees: Fees
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
            Fees.of(settings, zone),
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
        """Return the prices of drawing without fees."""
        return self._market.mapped(self.factor)

    def _feeding(self) -> Series:
        feed = self.feed()
        own = EMPTY if feed is None else feed.row("export_price")
        return own if len(own) else self._market.mapped(self.export_factor, self.export_fee)

    def at(self, time: float) -> tuple[float, float]:
        """Return the prices of drawing and of feeding in at an instant (UTC, seconds since 1970).

        Where they are not known, they are the mean of all that are.
        """
        drawn, fed = self._drawing(), self._feeding()
        brings = fed.at(time)
        return (
            self._price(drawn.at(time), self.fees.at(time), drawn),
            _mean_of(fed, self.export_fee) if brings is None else brings,
        )

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the mean prices of drawing and of feeding in of consecutive steps, as `at` does.

        :param start: of the first, UTC in seconds since 1970
        """
        drawn, fed = self._drawing(), self._feeding()
        usually = _mean_of(fed, self.export_fee)
        return (
            tuple(
                self._price(each, fee, drawn)
                for each, fee in zip(drawn.over(start, steps_s), self.added(start, steps_s), strict=True)
            ),
            tuple(usually if each is None else each for each in fed.over(start, steps_s)),
        )

    def charged(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the prices of drawing in consecutive steps, None where they are not known.

        :param start: of the first, UTC in seconds since 1970
        """
        drawn = self._drawing()
        return tuple(
            None if each is None else self._price(each, fee, drawn)
            for each, fee in zip(drawn.over(start, steps_s), self.added(start, steps_s), strict=True)
        )

    def added(self, start: int, steps_s: Sequence[int]) -> tuple[float, ...]:
        """Return the mean fees in consecutive steps, as `charged` does."""
        return self.fees.over(start, steps_s)

    def known(self, now: int, start: int, steps_s: Sequence[int]) -> KnownPrices | None:
        """Return what is known of the last days and up to the end of a plan's steps, None when nothing is.

        :param start: of the first step, UTC in seconds since 1970
        """
        end = start + sum(steps_s)
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
            self.added(start, steps_s),
            fed.over(begin, steps),
            drawn.until(now),
            "" if state is None or not state.lost else state.failure or "it says nothing about now",
        )

    def _price(self, market: float | None, fee: float, drawn: Series) -> float:
        """Return the price of drawing.

        :param market: without the fee, None if it is not known
        :param drawn: all that are
        """
        if market is None:
            if not len(drawn):
                return _NOBODY_KNOWS if self.otherwise is None else self.otherwise
            market = _mean_of(drawn, 0.0)
        # Rounded, so that equal prices stay equal.
        return round(market + fee, 9)


def _mean_of(series: Series, otherwise: float) -> float:
    return round(sum(series.values) / len(series), 9) if len(series) else otherwise
