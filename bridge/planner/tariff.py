"""The tariff: what a kWh costs at any time, by the clock on the home's wall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self

from bridge.planner.window import TimeWindow, minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.planner.outlook import KnownPrices
    from bridge.planner.settings import TariffSettings

_SAMPLE_S: Final = 300
"""How finely prices are looked up within a step."""


@dataclass(frozen=True, slots=True)
class PriceWindow(TimeWindow):
    """A time with prices of its own."""

    import_price: float
    export_price: float | None


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices per kWh in one currency. The first window that holds a time tells; outside them, the usual ones.

    Local time counts: on the day when clocks are put forward a window may be an hour shorter, and on the day
    when they are put back an hour longer.
    """

    import_price: float
    export_price: float
    currency: str
    windows: tuple[PriceWindow, ...]
    zone: tzinfo

    @classmethod
    def of(cls, settings: TariffSettings, zone: tzinfo) -> Self | None:
        """Return the tariff of the settings, None if they have none. Raise ValueError."""
        if settings.import_price is None:
            return None
        windows = tuple(
            PriceWindow(
                frozenset(window.days),
                frozenset(window.months),
                minutes(window.start),
                minutes(window.end),
                window.import_price,
                window.export_price,
            )
            for window in settings.windows
        )
        return cls(settings.import_price, settings.export_price, settings.currency, windows, zone)

    def charged(self, start: int, steps_s: Sequence[int]) -> tuple[float | None, ...]:
        """Return the prices of drawing in consecutive steps, None where they are not known: they all are."""
        return self.over(start, steps_s)[0]

    def known(self, now: int, start: int, steps_s: Sequence[int]) -> KnownPrices | None:  # noqa: ARG002 - as for tariffs of the market
        """Return what is known of market prices: there are none."""
        return None

    def added(self, start: int, steps_s: Sequence[int]) -> tuple[float, ...]:  # noqa: ARG002 - as for tariffs of the market
        """Return what is added to market prices in consecutive steps: there are none."""
        return (0.0,) * len(steps_s)

    @property
    def is_known(self) -> bool:
        """Whether any price is known: the settings say them all."""
        return True

    def at(self, time: float) -> tuple[float, float]:
        """Return the prices of drawing and of feeding in at an instant (UTC, seconds since 1970)."""
        local = datetime.fromtimestamp(time, UTC).astimezone(self.zone)
        for window in self.windows:
            if window.holds(local):
                export = self.export_price if window.export_price is None else window.export_price
                return window.import_price, export
        return self.import_price, self.export_price

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the mean prices of drawing and of feeding in of consecutive steps.

        :param start: of the first, UTC in seconds since 1970
        """
        drawing, feeding = [], []
        begins = accumulate(steps_s[:-1], initial=start)
        for begin, seconds in zip(begins, steps_s, strict=True):
            prices = [self.at(begin + offset) for offset in range(0, seconds, _SAMPLE_S)]
            drawing.append(_mean([price for price, _ in prices]))
            feeding.append(_mean([price for _, price in prices]))
        return tuple(drawing), tuple(feeding)


def _mean(prices: list[float]) -> float:
    # Rounded, so that equal prices stay equal.
    return round(sum(prices) / len(prices), 9)
