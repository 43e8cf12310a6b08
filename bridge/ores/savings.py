"""What was saved as the Hub cluster shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.savings.currencies import NUMBERS
from clusters.ores.hub import SavingsStruct

if TYPE_CHECKING:
    from bridge.savings.day import Reckoned
    from bridge.savings.savings import SavingsNow

DECIMALS: Final = 2


def shown_savings(now: SavingsNow) -> SavingsStruct | None:
    """Return what the batteries saved against having none; None without prices."""
    known = now.today or now.month
    number = None if known is None else NUMBERS.get(known.currency)
    if known is None or number is None:
        return None
    return SavingsStruct(
        currency=number,
        decimal_points=DECIMALS,
        today=_amount(now.today, known.currency),
        month=_amount(now.month, known.currency),
    )


def _amount(reckoned: Reckoned | None, currency: str) -> int | None:
    if reckoned is None or reckoned.currency != currency:
        return None
    return round(reckoned.saved_by_battery * 10**DECIMALS)
