"""The tariff: what a kWh costs at any time, by the clock on the home's wall."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.planner.outlook import KnownPrices
    from bridge.planner.settings import TariffSettings

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SAMPLE_S: Final = 300
"""How finely prices are looked up within a step."""
_DAY: Final = timedelta(days=1)


def minutes(text: str) -> int:
    """Return a time of day such as 22:30 in minutes; 24:00 is the end of the day. Raise ValueError."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > 1440:
        raise ValueError(f"{text!r} is no time of day; write one such as 22:30")
    return int(found[1]) * 60 + int(found[2])


@dataclass(frozen=True, slots=True)
class PriceWindow:
    """A time of the day with prices of its own.

    :ivar days: on which it begins
    :ivar start: in minutes after midnight
    :ivar end: in minutes after midnight; at or before the start, it is on the next day
    """

    days: frozenset[str]
    start: int
    end: int
    import_price: float
    export_price: float | None

    def holds(self, local: datetime) -> bool:
        """Tell whether a local time lies in the window."""
        minute = local.hour * 60 + local.minute
        today = DAYS[local.weekday()] in self.days
        if self.start < self.end:
            return today and self.start <= minute < self.end
        since_yesterday = DAYS[(local - _DAY).weekday()] in self.days
        return (today and minute >= self.start) or (since_yesterday and minute < self.end)


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

    def known(self, now: int, end: int) -> KnownPrices | None:  # noqa: ARG002 - as for tariffs of the market
        """Return what is known of market prices: there are none."""
        return None

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
