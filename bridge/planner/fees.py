"""What is added to the market's price of a kWh: network, levies and taxes, by the home's clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Self

from bridge.planner.window import TimeWindow, minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.planner.settings import TariffSettings

_SAMPLE_S: Final = 300
"""How finely fees are looked up within a step."""


@dataclass(frozen=True, slots=True)
class FeeWindow(TimeWindow):
    """A time with a fee of its own, in place of the usual one."""

    fee: float


@dataclass(frozen=True, slots=True)
class Fees:
    """A fee per kWh at any time, with tax. The first window that holds a time tells; outside them, `usual`.

    Local time counts, as for `Tariff`.
    """

    usual: float
    windows: tuple[FeeWindow, ...]
    zone: tzinfo

    @classmethod
    def of(cls, settings: TariffSettings, zone: tzinfo) -> Self:
        """Return the fees of the settings. Raise ValueError."""
        taxed = 1 + settings.vat_percent / 100
        windows = tuple(
            FeeWindow(
                frozenset(each.days),
                frozenset(each.months),
                minutes(each.start),
                minutes(each.end),
                each.fee * taxed,
            )
            for each in settings.fees
        )
        return cls(settings.fee * taxed, windows, zone)

    def at(self, time: float) -> float:
        """Return the fee at an instant (UTC, seconds since 1970)."""
        if not self.windows:
            return self.usual
        local = datetime.fromtimestamp(time, UTC).astimezone(self.zone)
        return next((each.fee for each in self.windows if each.holds(local)), self.usual)

    def over(self, start: int, steps_s: Sequence[int]) -> tuple[float, ...]:
        """Return the mean fee of each of consecutive steps.

        :param start: of the first, UTC in seconds since 1970
        """
        if not self.windows:
            return (self.usual,) * len(steps_s)
        begins = accumulate(steps_s[:-1], initial=start)
        return tuple(self._mean(begin, seconds) for begin, seconds in zip(begins, steps_s, strict=True))

    def _mean(self, begin: int, seconds: int) -> float:
        found = [self.at(begin + offset) for offset in range(0, seconds, _SAMPLE_S)]
        return sum(found) / len(found)
