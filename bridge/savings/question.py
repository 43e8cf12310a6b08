"""What the hub asks its planning process about a day: plain values that travel as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.planner.question import AskedBattery, Recorded
from bridge.savings.moves import Move
from bridge.savings.prices_paid import PricePaid

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AskedDay:
    """A day, or as much as there is of it.

    :ivar start: UTC, seconds since 1970; `end` the same
    :ivar paid: prices in order, with gaps where nobody noted them
    :ivar batteries: what they hold at the start is looked up
    :ivar moves: loads of the day that would have run as soon as they were wanted
    """

    start: int
    end: int
    recorded: Recorded
    paid: tuple[PricePaid, ...]
    batteries: tuple[AskedBattery, ...]
    moves: tuple[Move, ...] = ()

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> AskedDay:
        """Read plain values. Raise ValueError, KeyError or TypeError."""
        recorded = values["recorded"]
        return cls(
            values["start"],
            values["end"],
            Recorded(recorded["path"], *(tuple(recorded[name]) for name in ("grid", "solar", "storage"))),
            tuple(PricePaid(**each) for each in values["paid"]),
            tuple(AskedBattery.of(each) for each in values["batteries"]),
            tuple(Move(**each) for each in values["moves"]),
        )
