"""What a device plans: stages of about constant power, one after the other (Application Clusters 9.2.7.13).

Powers in W and energies in Wh, positive into the device. Times are whole seconds, UTC since 1970.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import ForecastUpdateReasonEnum
from matter_node.clock import MATTER_EPOCH_OFFSET

if TYPE_CHECKING:
    from clusters.definitions.device_energy_management import CostStruct

MOST_SLOTS = 10
_LONGEST_S = 0xFFFF_FFFF
_LATEST = MATTER_EPOCH_OFFSET + 0xFFFF_FFFF
_MOST_W = 1e9
_MOST_WH = 2e15
"""Far more than anything has, and less than what Matter can say."""


@dataclass(frozen=True, slots=True)
class ForecastSlot:
    """One stage.

    :ivar duration_s: how long it is expected to last
    :ivar nominal_w: the power that it is expected to have on average
    :ivar min_w: the least power expected in it; None for `nominal_w`
    :ivar max_w: the most; None for `nominal_w`
    :ivar energy_wh: the energy expected in it; None for `nominal_w` all the time
    :ivar shortest_s: the least that it may last; None for `duration_s`
    :ivar longest_s: the most; None for `duration_s`
    :ivar pause_s: the shortest and the longest pause that may be asked for in it; None if there may be none
    :ivar adjust_w: between which powers its power may be set; None if it may not
    :ivar adjust_s: between which durations it may be set to last; None if it may not
    :ivar costs: what it costs, five at most
    :raises ValueError: the numbers contradict one another, or are beyond what Matter can say
    """

    duration_s: int
    nominal_w: float
    min_w: float | None = None
    max_w: float | None = None
    energy_wh: float | None = None
    shortest_s: int | None = None
    longest_s: int | None = None
    pause_s: tuple[int, int] | None = None
    adjust_w: tuple[float, float] | None = None
    adjust_s: tuple[int, int] | None = None
    costs: tuple[CostStruct, ...] = ()

    def __post_init__(self) -> None:
        shortest, longest = self.durations_s
        low, high = self.powers_w
        _check_ascending("duration", 1, shortest, self.duration_s, longest, _LONGEST_S)
        _check_ascending("power", -_MOST_W, low, self.nominal_w, high, _MOST_W)
        _check_ascending("energy", -_MOST_WH, self.energy, _MOST_WH)
        if self.adjust_w is not None:
            _check_ascending("adjustable power", -_MOST_W, *self.adjust_w, _MOST_W)
        for what, bounds in (("adjustable duration", self.adjust_s), ("pause", self.pause_s)):
            if bounds is not None:
                _check_ascending(what, 1, *bounds, _LONGEST_S)
        if len(self.costs) > 5:
            raise ValueError(f"{len(self.costs)} costs of a slot")

    @property
    def powers_w(self) -> tuple[float, float]:
        """The least and the most power expected."""
        return (
            self.nominal_w if self.min_w is None else self.min_w,
            self.nominal_w if self.max_w is None else self.max_w,
        )

    @property
    def durations_s(self) -> tuple[int, int]:
        """The least and the most that it may last."""
        return (
            self.duration_s if self.shortest_s is None else self.shortest_s,
            self.duration_s if self.longest_s is None else self.longest_s,
        )

    @property
    def energy(self) -> float:
        """The energy expected, in Wh."""
        return self.nominal_w * self.duration_s / 3600 if self.energy_wh is None else self.energy_wh

    @property
    def adjustable_w(self) -> tuple[float, float]:
        """The least and the most that its power may be set to."""
        return (self.nominal_w, self.nominal_w) if self.adjust_w is None else self.adjust_w

    @property
    def adjustable_s(self) -> tuple[int, int]:
        """The least and the most that its duration may be set to."""
        return (self.duration_s, self.duration_s) if self.adjust_s is None else self.adjust_s

    def adjusted(self, power_w: float, duration_s: int) -> ForecastSlot:
        """Return the slot with another power and duration; what it may be adjusted to stays."""
        (low, high), (shortest, longest) = self.powers_w, self.durations_s
        return replace(
            self,
            duration_s=duration_s,
            nominal_w=power_w,
            min_w=min(low, power_w),
            max_w=max(high, power_w),
            energy_wh=None,
            shortest_s=min(shortest, duration_s),
            longest_s=max(longest, duration_s),
        )


@dataclass(frozen=True, slots=True)
class PowerForecast:
    """A plan of one to ten slots.

    :ivar start: when the first slot begins or has begun
    :ivar slots: the stages, none of them left out that are over
    :ivar earliest_start: the earliest that it could start; None for not earlier than planned
    :ivar latest_end: the latest that it may end; None if there is no such time, but it is not put off either
    :ivar reason: why it is as it is, unless an energy manager's adjustment of the forecast or a pause holds,
        whose cause is the reason then
    :raises ValueError: there are too many slots or none, or the times contradict one another
    """

    start: int
    slots: tuple[ForecastSlot, ...]
    earliest_start: int | None = None
    latest_end: int | None = None
    reason: ForecastUpdateReasonEnum = ForecastUpdateReasonEnum.INTERNAL_OPTIMIZATION

    def __post_init__(self) -> None:
        if not 1 <= len(self.slots) <= MOST_SLOTS:
            raise ValueError(f"a forecast of {len(self.slots)} slots")
        _check_ascending("time", MATTER_EPOCH_OFFSET, self.earliest, self.start)
        _check_ascending("time", self.end, self.latest, _LATEST)

    @property
    def duration_s(self) -> int:
        """How long all of it takes."""
        return sum(slot.duration_s for slot in self.slots)

    @property
    def end(self) -> int:
        """When the last slot is over, if nothing holds it up."""
        return self.start + self.duration_s

    @property
    def earliest(self) -> int:
        """The earliest that it could start."""
        return self.start if self.earliest_start is None else self.earliest_start

    @property
    def latest(self) -> int:
        """The latest that it could be put off to end."""
        return self.end if self.latest_end is None else self.latest_end

    def moved_to(self, start: int) -> PowerForecast:
        """Return it with another start; its limits give way if they must."""
        return replace(
            self,
            start=start,
            earliest_start=min(self.earliest, start),
            latest_end=self._latest_for(start + self.duration_s),
        )

    def with_slots(self, slots: tuple[ForecastSlot, ...]) -> PowerForecast:
        """Return it with other slots; its latest end gives way if it must."""
        end = self.start + sum(slot.duration_s for slot in slots)
        return replace(self, slots=slots, latest_end=self._latest_for(end))

    def _latest_for(self, end: int) -> int | None:
        return None if self.latest_end is None else max(self.latest_end, end)


def _check_ascending(what: str, *values: float) -> None:
    """Raise ValueError unless each value is a number and none is less than the one before."""
    if not all(math.isfinite(value) for value in values) or list(values) != sorted(values):
        raise ValueError(f"{what} out of order: {', '.join(map(str, values))}")
