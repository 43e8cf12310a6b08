"""A power adjustment: how long it runs, and the energy used in it (Application Clusters 9.2.9.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    PowerAdjustEndEvent,
    PowerAdjustReasonEnum,
)
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.definitions.device_energy_management import (
        CauseEnum,
        PowerAdjustRequest,
        PowerAdjustStruct,
    )
    from matter_node.clock import Clock, Timer

REASONS = {
    AdjustmentCauseEnum.LOCAL_OPTIMIZATION: PowerAdjustReasonEnum.LOCAL_OPTIMIZATION_ADJUSTMENT,
    AdjustmentCauseEnum.GRID_OPTIMIZATION: PowerAdjustReasonEnum.GRID_OPTIMIZATION_ADJUSTMENT,
}
"""What the capability says of a running adjustment, by its cause."""
_SECONDS_PER_HOUR = 3600.0
"""mW times s, divided by this, are mWh."""
_MOST_ENERGY = 2**62
"""What an event can say, in mWh, whatever a garbled reading adds up to."""


def judge_power(request: PowerAdjustRequest, ranges: Iterable[PowerAdjustStruct]) -> None:
    """Raise StatusError(CONSTRAINT_ERROR) unless power and duration are together in one of the ranges."""
    if not any(
        fit.min_power <= request.power <= fit.max_power
        and fit.min_duration <= request.duration <= fit.max_duration
        for fit in ranges
    ):
        raise StatusError(
            Status.CONSTRAINT_ERROR, f"{request.power} mW for {request.duration} s is not possible"
        )


class PowerAdjustment:
    """The running adjustment, and the energy used in it.

    :param power: the device's power now, in mW
    """

    __slots__ = ("_clock", "_energy", "_power", "_since", "_started", "_timer", "cause")

    def __init__(self, clock: Clock, power: float) -> None:
        self.cause = AdjustmentCauseEnum.LOCAL_OPTIMIZATION
        self._clock = clock
        self._started = self._since = clock.monotonic()
        self._power = power
        self._energy = 0.0
        self._timer: Timer | None = None

    def go_on(self, cause: AdjustmentCauseEnum, duration: float, over: Callable[[], None]) -> None:
        """Run for a time from now on; `over` is called then."""
        self.stop()
        self.cause = cause
        self._timer = self._clock.call_later(duration, over)

    def follow(self, power: float) -> None:
        """Count the energy until now, and go on with another power, in mW."""
        now = self._clock.monotonic()
        self._energy += self._power * (now - self._since) / _SECONDS_PER_HOUR
        self._since, self._power = now, power

    def stop(self) -> None:
        """Stop the time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ended(self, cause: CauseEnum) -> PowerAdjustEndEvent:
        """Return what there is to say of it, now that it is over."""
        self.follow(0)
        return PowerAdjustEndEvent(
            cause=cause,
            duration=round(self._since - self._started),
            energy_use=round(min(max(self._energy, -_MOST_ENERGY), _MOST_ENERGY)),
        )
