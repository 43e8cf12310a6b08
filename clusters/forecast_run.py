"""A forecast on its way: how far it is, what holds it up, and how it looks (Application Clusters 9.2.7.13).

Now is always UTC in seconds since 1970.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clusters.definitions.device_energy_management import DeviceEnergyManagement, ForecastStruct, SlotStruct
from matter_node.clock import MATTER_EPOCH_OFFSET

if TYPE_CHECKING:
    from clusters.definitions.device_energy_management import ForecastUpdateReasonEnum
    from clusters.power_forecast import ForecastSlot, PowerForecast

_ROUNDING_S = 1e-6
"""More than what a time of today as a float is off by."""
_MOST_S = 0xFFFF_FFFF


def whole_seconds(seconds: float) -> int:
    """Return the whole seconds of a time; one that a float missed by a hair counts."""
    return math.floor(seconds + 1e-3)


class ForecastRun:
    """A forecast, and how far it is by the clock; a device that is elsewhere gives a new forecast.

    :param before: it goes on from where that run is, with other slots
    """

    __slots__ = ("_held_s", "_pause_ends", "_stopped_at", "forecast")

    def __init__(self, forecast: PowerForecast, before: ForecastRun | None = None) -> None:
        self.forecast = forecast
        self._held_s: float = 0.0 if before is None else before._held_s  # noqa: SLF001 - its own class
        self._stopped_at: float | None = None if before is None else before._stopped_at  # noqa: SLF001 - its own class
        self._pause_ends: float = 0.0 if before is None else before._pause_ends  # noqa: SLF001 - its own class

    # ------------------------------------------------------------------ how far it is

    def passed_s(self, now: float) -> float:
        """Return how long it has been at work, without pauses; negative before its start."""
        if self._stopped_at is not None:
            return self._stopped_at
        return now - self.forecast.start - self._held_s + _ROUNDING_S

    def active(self, now: float) -> int | None:
        """Return the index of the slot that it is in; None before the start and when it is over."""
        passed = self.passed_s(now)
        if passed < 0:
            return None
        for index, slot in enumerate(self.forecast.slots):
            if passed < slot.duration_s:
                return index
            passed -= slot.duration_s
        return None

    def over(self, now: float) -> bool:
        """Tell whether the last slot is over."""
        return self.passed_s(now) >= self.forecast.duration_s

    def remaining_s(self, now: float) -> float:
        """Return how long there is to do."""
        return self.forecast.duration_s - self.passed_s(now) + _ROUNDING_S

    def elapsed_s(self, now: float) -> float:
        """Return how long it has been in the active slot."""
        active = self.active(now)
        return 0.0 if active is None else self.passed_s(now) - self._before_s(active)

    def next_change_s(self, now: float) -> float | None:
        """Return in how many seconds a slot begins or the last one ends; None if none does by itself."""
        if self._stopped_at is not None or self.over(now):
            return None
        active = self.active(now)
        # A hair later, so that it has begun then, whatever floats are off by.
        return (0.0 if active is None else self._before_s(active + 1)) - self.passed_s(now) + _ROUNDING_S

    @property
    def end(self) -> float:
        """When it will be over, as far as is known."""
        if self._stopped_at is not None:
            return self._pause_ends + self.forecast.duration_s - self._stopped_at
        return self.forecast.end + self._held_s

    def _before_s(self, index: int) -> int:
        return sum(slot.duration_s for slot in self.forecast.slots[:index])

    # ------------------------------------------------------------------ what holds it up and drives it on

    def pause(self, now: float, ends: float) -> None:
        """Stand still until a time that is known so far; again to stand still longer or shorter."""
        if self._stopped_at is None:
            self._stopped_at = self.passed_s(now)
        self._pause_ends = ends

    def resume(self, now: float) -> None:
        """Go on."""
        if self._stopped_at is not None:
            self._held_s = now - self.forecast.start - self._stopped_at + _ROUNDING_S
            self._stopped_at = None

    def skip(self, now: float) -> None:
        """Go on to the next slot at once, if it is in one and not paused."""
        change = self.next_change_s(now)
        if change is not None and self.active(now) is not None:
            self._held_s -= change

    # ------------------------------------------------------------------ how it looks

    def shown(
        self,
        now: float,
        forecast_id: int,
        reason: ForecastUpdateReasonEnum,
        features: DeviceEnergyManagement.Feature,
    ) -> ForecastStruct:
        """Return it as the attribute, with the fields that the features demand."""
        feature = DeviceEnergyManagement.Feature
        active, end = self.active(now), self.end
        times = {}
        if feature.STA & features:
            times = {
                "earliest_start_time": _epoch(self.forecast.earliest),
                "latest_end_time": _epoch(max(self.forecast.latest, end)),
            }
        return ForecastStruct(
            forecast_id=forecast_id,
            active_slot_number=active,
            start_time=_epoch(self.forecast.start),
            end_time=_epoch(end),
            is_pausable=bool(feature.PAU & features)
            and any(slot.pause_s is not None for slot in self.forecast.slots),
            slots=tuple(
                _slot(slot, self._elapsed_s(index, active, now), features)
                for index, slot in enumerate(self.forecast.slots)
            ),
            forecast_update_reason=reason,
            **times,
        )

    def _elapsed_s(self, index: int, active: int | None, now: float) -> int:
        if active is None or index > active:
            return self.forecast.slots[index].duration_s if self.over(now) else 0
        return int(self.elapsed_s(now)) if index == active else self.forecast.slots[index].duration_s


def _slot(slot: ForecastSlot, elapsed_s: int, features: DeviceEnergyManagement.Feature) -> SlotStruct:
    feature = DeviceEnergyManagement.Feature
    fields: dict[str, Any] = {}
    if feature.PAU & features:
        shortest, longest = slot.pause_s or (0, 0)
        fields |= {
            "slot_is_pausable": slot.pause_s is not None,
            "min_pause_duration": shortest,
            "max_pause_duration": longest,
        }
    low, high = slot.powers_w
    fields |= {
        "nominal_power": _milli(slot.nominal_w),
        "min_power": _milli(low),
        "max_power": _milli(high),
        "nominal_energy": _milli(slot.energy),
    }
    if feature.FA & features:
        low, high = slot.adjustable_w
        shortest, longest = slot.adjustable_s
        fields |= {
            "min_power_adjustment": _milli(low),
            "max_power_adjustment": _milli(high),
            "min_duration_adjustment": shortest,
            "max_duration_adjustment": longest,
        }
    shortest, longest = slot.durations_s
    return SlotStruct(
        min_duration=shortest,
        max_duration=longest,
        default_duration=slot.duration_s,
        elapsed_slot_time=elapsed_s,
        remaining_slot_time=slot.duration_s - elapsed_s,
        costs=slot.costs or None,
        **fields,
    )


def _epoch(seconds: float) -> int:
    """Return a time as Matter says it: seconds since 2000, the last one that it can say for later ones."""
    return min(whole_seconds(seconds) - MATTER_EPOCH_OFFSET, _MOST_S)


def _milli(value: float) -> int:
    return round(value * 1000)
