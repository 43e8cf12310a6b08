"""What a device plans and does, with what managers make of it: an adjustment of its forecast, and a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import AdjustmentCauseEnum, ForecastUpdateReasonEnum
from clusters.forecast_run import ForecastRun, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.definitions.device_energy_management import DeviceEnergyManagement, ForecastStruct
    from clusters.power_forecast import PowerForecast
    from matter_node.clock import Clock, Timer

_REASON = {
    AdjustmentCauseEnum.LOCAL_OPTIMIZATION: ForecastUpdateReasonEnum.LOCAL_OPTIMIZATION,
    AdjustmentCauseEnum.GRID_OPTIMIZATION: ForecastUpdateReasonEnum.GRID_OPTIMIZATION,
}


_SHORTEST_WAIT_S = 0.001
"""A wait that is too short for a float does not end."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An adjustment of a forecast.

    :ivar cause: why it was asked for
    :ivar own: the device's own forecast from before it
    """

    cause: AdjustmentCauseEnum
    own: PowerForecast


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause.

    :ivar cause: why it was asked for
    :ivar since: monotonic seconds
    :ivar ends: UTC in seconds since 1970
    """

    cause: AdjustmentCauseEnum
    since: float
    ends: float


class PlannedOperation:
    """Follows a forecast by the clock.

    :param clock: gives the node's clock
    :param advanced: called when a slot begins, and when the last one is over

    :ivar run: the forecast on its way; None if there is none, or the time is not known
    :ivar adjustment: the adjustment of it that holds
    :ivar paused: the pause that holds
    :ivar number: the ForecastID: it counts the changes of the forecast, but not the slots that pass
    """

    __slots__ = ("_advanced", "_clock", "_pause_timer", "_timer", "adjustment", "number", "paused", "run")

    def __init__(self, clock: Callable[[], Clock], advanced: Callable[[], None]) -> None:
        self.run: ForecastRun | None = None
        self.adjustment: Adjustment | None = None
        self.paused: Pause | None = None
        self._clock = clock
        self._advanced = advanced
        self.number = 0
        self._timer: Timer | None = None
        self._pause_timer: Timer | None = None

    @property
    def now(self) -> float | None:
        """UTC in seconds since 1970; None while it is not known."""
        return self._clock().utc()

    @property
    def active(self) -> int | None:
        """The index of the slot that it is in."""
        now = self.now
        return None if self.run is None or now is None else self.run.active(now)

    @property
    def paused_s(self) -> float:
        """How long the pause has lasted; 0 if there is none."""
        return 0.0 if self.paused is None else self._clock().monotonic() - self.paused.since

    def shown(self, features: DeviceEnergyManagement.Feature) -> ForecastStruct | None:
        """Return the forecast as the attribute; None if there is none."""
        now = self.now
        if self.run is None or now is None:
            return None
        reason = self.run.forecast.reason
        if self.paused is not None:
            reason = _REASON[self.paused.cause]
        elif self.adjustment is not None:
            reason = _REASON[self.adjustment.cause]
        return self.run.shown(now, self.number, reason, features)

    # ------------------------------------------------------------------ what happens to it

    def take(self, forecast: PowerForecast | None) -> None:
        """Follow another forecast, or none; a pause goes on in it."""
        now = self.now
        self._follow(None if forecast is None or now is None else ForecastRun(forecast))
        if self.run is not None and now is not None and self.paused is not None:
            self.run.pause(now, self.paused.ends)
            self._wait()

    def change_slots(self, forecast: PowerForecast) -> None:
        """Go on with other slots from where it is."""
        self._follow(ForecastRun(forecast, self.run))

    def restore(self) -> None:
        """End the adjustment.

        What has begun goes on with its own slots; else it begins in its own time, or now if that is past.
        """
        adjustment, run, now = self.adjustment, self.run, self.now
        self.adjustment = None
        if adjustment is None or run is None or now is None:
            return
        own, active = adjustment.own, run.active(now)
        if active is None:
            self.take(own if own.start > now else own.moved_to(whole_seconds(now)))
            return
        if len(own.slots) == len(run.forecast.slots):
            own = own.with_slots(run.forecast.slots[:active] + own.slots[active:])
        self.change_slots(own.moved_to(run.forecast.start))

    def pause(self, cause: AdjustmentCauseEnum, duration: int, over: Callable[[], None]) -> bool:
        """Stand still for a time; tell whether that is a new pause.

        :param over: called when it has run out
        """
        now, fresh = self.now, self.paused is None
        if self.run is None or now is None:
            raise RuntimeError("there is nothing to pause")
        clock = self._clock()
        since = clock.monotonic() if self.paused is None else self.paused.since
        self.paused = Pause(cause, since, now + duration)
        self._stop_pause_timer()
        self._pause_timer = clock.call_later(duration, over)
        self.run.pause(now, self.paused.ends)
        self._renumber()
        self._wait()
        return fresh

    def resume(self) -> None:
        """Go on."""
        now = self.now
        self.paused = None
        self._stop_pause_timer()
        if self.run is not None and now is not None:
            self.run.resume(now)
        self._renumber()
        self._wait()

    def skip(self) -> None:
        """Go on to the next slot at once; the forecast is the same one."""
        now = self.now
        if self.run is not None and now is not None:
            self.run.skip(now)
            self._wait()

    def stop(self) -> None:
        """Follow no more."""
        self._stop_pause_timer()
        self.run = self.adjustment = self.paused = None
        self._wait()

    # ------------------------------------------------------------------ time

    def _follow(self, run: ForecastRun | None) -> None:
        if run is not None or self.run is not None:
            self._renumber()
        self.run = run
        self._wait()

    def _renumber(self) -> None:
        self.number = (self.number + 1) & 0xFFFF_FFFF

    def _wait(self) -> None:
        """Wait for the next slot; a forecast that is over is none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.run is None or self.paused is not None:
            return
        now = self.now
        if now is None or self.run.over(now):
            self.run = None
            return
        delay = self.run.next_change_s(now)
        if delay is not None:
            self._timer = self._clock().call_later(max(delay, _SHORTEST_WAIT_S), self._advance)

    def _advance(self) -> None:
        self._wait()
        self._advanced()

    def _stop_pause_timer(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._pause_timer = None
