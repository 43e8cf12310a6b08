"""What a day came to, and what days come to together."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST: Final = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What some time came to. All figures are of the time that is known in full, which `known_s` tells.

    :ivar seconds: that it lasted
    :ivar known_s: of these, how many are measured and priced in full
    :ivar currency: ISO 4217; empty when there were no prices, and then all amounts are 0
    :ivar bill: what the supplier asks
    :ivar bill_without_battery: for the same load and sun, without any battery
    :ivar bill_with_rule: with the same batteries, storing what is left over and covering what is missing
    :ivar bill_without_sun: for the same load from the grid alone
    :ivar saved_by_battery: against having no battery; wear, and what batteries hold more or less, counted
    :ivar saved_by_plan: against the same batteries without a plan, the same counted
    :ivar bill_at_once: as `bill_with_rule`, and cars and machines of which it is known since when they were
        wanted would have run from then on
    :ivar saved_by_moving: what moving them brought, between the two; it is in none of the other figures
    :ivar co2_kg: of what was drawn; None when nobody says how clean it was
    :ivar co2_saved_kg: against drawing everything
    """

    seconds: float
    known_s: float
    currency: str
    bill: float
    bill_without_battery: float
    bill_with_rule: float
    bill_without_sun: float
    saved_by_battery: float
    saved_by_plan: float
    produced_wh: float
    used_wh: float
    imported_wh: float
    exported_wh: float
    co2_kg: float | None
    co2_saved_kg: float | None
    bill_at_once: float = 0.0
    saved_by_moving: float = 0.0

    @property
    def coverage(self) -> float:
        """Share of the time that the figures are of."""
        return min(self.known_s / self.seconds, 1.0) if self.seconds > 0 else 0.0

    @property
    def self_consumption(self) -> float | None:
        """Share of what the panels produced that stayed in the home; None without sun."""
        return _share(self.exported_wh, self.produced_wh)

    @property
    def self_sufficiency(self) -> float | None:
        """Share of what the home used that did not come from the grid; None without load."""
        return _share(self.imported_wh, self.used_wh)

    @classmethod
    def from_values(cls, values: Any) -> Reckoned:
        """Read the members' plain values. Raise ValueError when they are none."""
        known = {each.name for each in fields(cls)}
        if isinstance(values, dict) and "bill_at_once" not in values:
            # Of a day before moved loads were reckoned.
            values = values | {"bill_at_once": values.get("bill_with_rule"), "saved_by_moving": 0.0}
        if not isinstance(values, dict) or values.keys() != known:
            raise ValueError("that is no reckoning of a day")
        for name, value in values.items():
            if name == "currency":
                good = isinstance(value, str) and len(value) in {0, 3}
            elif value is None:
                good = name in {"co2_kg", "co2_saved_kg"}
            else:
                good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST
            if not good:
                raise ValueError(f"{name} of a reckoning is {value!r}")
        return cls(**values)


def together(days: Iterable[Reckoned]) -> Reckoned | None:
    """Return what some times, the latest last, come to; None for none.

    Amounts are those in the last currency. CO2 is not known when it is not of one of them.
    """
    days = [each for each in days if each.known_s > 0]
    if not days:
        return None
    currency = days[-1].currency
    values: dict[str, Any] = {"currency": currency}
    for each in fields(Reckoned):
        if each.name == "currency":
            continue
        money = each.name.startswith(("bill", "saved"))
        row = [getattr(day, each.name) for day in days if not money or day.currency == currency]
        values[each.name] = None if None in row else math.fsum(row)
    return Reckoned(**values)


def _share(lost: float, whole: float) -> float | None:
    return min(max(1 - lost / whole, 0.0), 1.0) if whole > 0 else None
