"""Let an energy manager adjust a device: Device Energy Management (Matter Application Clusters 9.2).

The power adjustment feature is served: a manager asks for a power and a duration, and takes it back or lets
it run out. The users' choice to opt out of either kind of optimization comes first.

Powers and energies are positive into the device, negative out of it, as everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    ESATypeEnum,
    OptOutStateEnum,
    PowerAdjustCapabilityStruct,
    PowerAdjustEndEvent,
    PowerAdjustReasonEnum,
    PowerAdjustRequest,
    PowerAdjustStruct,
)
from matter_node.model import Urgency
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.clock import Clock, Timer
    from matter_node.model import Attribute, Context

_REASON = {
    AdjustmentCauseEnum.LOCAL_OPTIMIZATION: PowerAdjustReasonEnum.LOCAL_OPTIMIZATION_ADJUSTMENT,
    AdjustmentCauseEnum.GRID_OPTIMIZATION: PowerAdjustReasonEnum.GRID_OPTIMIZATION_ADJUSTMENT,
}
_SECONDS_PER_HOUR = 3600.0
"""mW times s, divided by this, are mWh."""

_MOST_ENERGY = 2**62
"""What an event can say, in mWh, whatever a garbled reading adds up to."""


class PowerAdjuster(Protocol):
    """Who carries an adjustment out: the arbiter of the module's setpoints."""

    async def adjust_power(self, power_w: float, duration_s: float, *, grid: bool) -> None:
        """Bring the device to a power for a time.

        It returns when the device took it, or soon when it will; a later call replaces an earlier one.

        :param power_w: watts, positive into the device
        :param duration_s: after this the adjustment ends by itself, and `release_power` is called
        :param grid: the grid's operator asks, else the home's own optimizer
        :raises StatusError: it cannot be done now
        """

    def release_power(self) -> None:
        """Let go: the adjustment ran out, was cancelled, or the device is gone."""


class _Adjustment:
    """The running adjustment, and the energy used in it."""

    __slots__ = ("cause", "energy", "power", "since", "started", "timer")

    def __init__(self, now: float, power: float) -> None:
        self.started = now
        self.since = now
        self.power = power
        self.energy = 0.0
        self.cause = AdjustmentCauseEnum.LOCAL_OPTIMIZATION
        self.timer: Timer | None = None

    def follow(self, now: float, power: float) -> None:
        """Count the energy until now, and go on with another power, in mW."""
        self.energy += self.power * (now - self.since) / _SECONDS_PER_HOUR
        self.since, self.power = now, power

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class DeviceEnergyManagementServer(DeviceEnergyManagement):
    """Takes power adjustments within what the device can do now and its users allow.

    :param kind: what the device is
    :param can_generate: it can send energy out
    :param minimum: the least power it can have, in mW; negative if and only if it can generate
    :param maximum: the most, in mW
    :param adjuster: carries adjustments out
    :raises ValueError: the limits contradict one another
    """

    QUIET_SECONDS = 10.0

    def __init__(
        self, kind: ESATypeEnum, *, can_generate: bool, minimum: int, maximum: int, adjuster: PowerAdjuster
    ) -> None:
        if minimum > maximum or (minimum < 0) != can_generate:
            raise ValueError(f"power of {minimum}..{maximum} mW with can_generate={can_generate}")
        super().__init__(
            features=DeviceEnergyManagement.Feature.PA,
            esa_type=kind,
            esa_can_generate=can_generate,
            esa_state=ESAStateEnum.OFFLINE,
            abs_min_power=minimum,
            abs_max_power=maximum,
            power_adjustment_capability=None,
            opt_out_state=OptOutStateEnum.NO_OPT_OUT,
        )
        self._adjuster = adjuster
        self._adjustment: _Adjustment | None = None
        self._resting = ESAStateEnum.OFFLINE
        self._power = 0.0
        self._capability: tuple[PowerAdjustStruct, ...] = ()
        self._test = False

    # ------------------------------------------------------------------ what the device's owner says

    def set_state(self, state: ESAStateEnum) -> None:
        """Say that the device is online, offline or faulty; the latter two end an adjustment."""
        self._resting = state
        if self._test:
            return
        if state is ESAStateEnum.ONLINE:
            if self._adjustment is None:
                self.esa_state = state
            return
        cause = CauseEnum.OFFLINE if state is ESAStateEnum.OFFLINE else CauseEnum.FAULT
        self._end(cause)
        self.esa_state = state

    def set_capability(self, ranges: tuple[PowerAdjustStruct, ...]) -> None:
        """Say what the device could be adjusted to now; an empty tuple for nothing."""
        self._capability = ranges
        if not self._test:
            self._show_capability(ranges)

    def measure(self, power: int | None) -> None:
        """Take the device's power, in mW, so that the energy used in an adjustment is known."""
        self._power = float(power or 0)
        if self._adjustment is not None and not self._test:
            self._adjustment.follow(self._clock.monotonic(), self._power)

    def set_opt_out(self, *, local: bool, grid: bool) -> None:
        """Say what the users opted out of; an adjustment of that kind ends."""
        self.opt_out_state = OptOutStateEnum(
            (OptOutStateEnum.LOCAL_OPT_OUT if local else 0) | (OptOutStateEnum.GRID_OPT_OUT if grid else 0)
        )
        if self._adjustment is not None and self._opted_out(self._adjustment.cause):
            self._end(CauseEnum.USER_OPT_OUT)

    def abandon(self, cause: CauseEnum) -> None:
        """End an adjustment that the device does not carry out any more."""
        if not self._test:
            self._end(cause)

    # ------------------------------------------------------------------ commands

    async def handle_power_adjust_request(self, _: Context, request: PowerAdjustRequest) -> None:
        """Start an adjustment, or go on with another one."""
        self._judge(request)
        if not self._test:
            await self._adjuster.adjust_power(
                request.power / 1000,
                request.duration,
                grid=request.cause is AdjustmentCauseEnum.GRID_OPTIMIZATION,
            )
            self._judge_again(request)
        clock = self._clock
        adjustment, fresh = self._adjustment, self._adjustment is None
        if adjustment is None:
            adjustment = self._adjustment = _Adjustment(clock.monotonic(), self._power)
        adjustment.follow(clock.monotonic(), float(request.power) if self._test else self._power)
        adjustment.stop_timer()
        adjustment.cause = request.cause
        adjustment.timer = clock.call_later(request.duration, lambda: self._end(CauseEnum.NORMAL_COMPLETION))
        self.esa_state = ESAStateEnum.POWER_ADJUST_ACTIVE
        self._show_capability(self._ranges())
        if fresh:
            self.emit(self.power_adjust_start)

    def handle_cancel_power_adjust_request(self, _: Context) -> None:
        """End the adjustment."""
        if self._adjustment is None:
            raise StatusError(Status.INVALID_IN_STATE, "no power adjustment is active")
        self._end(CauseEnum.CANCELLED)

    def detached(self) -> None:
        """End an adjustment without a word."""
        if self._adjustment is not None:
            self._adjustment.stop_timer()
            self._adjustment = None
            self._adjuster.release_power()

    # ------------------------------------------------------------------ tests

    def override(self, ranges: tuple[PowerAdjustStruct, ...] | None) -> None:
        """Pretend to be online and adjustable, for a test; None ends that.

        Adjustments do not reach the device meanwhile, and the energy used is the one asked for.
        """
        self._end(CauseEnum.CANCELLED)
        self._test = ranges is not None
        self.esa_state = ESAStateEnum.ONLINE if ranges is not None else self._resting
        self._show_capability(self._capability if ranges is None else ranges)

    # ------------------------------------------------------------------ the rest

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Report a capability at once when an adjustment starts or ends, else quietly."""
        if attribute.id == DeviceEnergyManagement.power_adjustment_capability.id and old and new:
            return Urgency.NOW if old.cause is not new.cause else Urgency.QUIET
        return super().urgency(attribute, old, new)

    def _judge(self, request: PowerAdjustRequest) -> None:
        """Refuse what the users opted out of, what does not fit, and what cannot be now, in this order."""
        if self._opted_out(request.cause):
            raise StatusError(Status.CONSTRAINT_ERROR, f"opted out: {self.opt_out_state.name}")
        if not any(
            fit.min_power <= request.power <= fit.max_power
            and fit.min_duration <= request.duration <= fit.max_duration
            for fit in self._ranges()
        ):
            raise StatusError(
                Status.CONSTRAINT_ERROR, f"{request.power} mW for {request.duration} s is not possible"
            )
        if self.esa_state not in {ESAStateEnum.ONLINE, ESAStateEnum.POWER_ADJUST_ACTIVE}:
            raise StatusError(Status.INVALID_IN_STATE, self.esa_state.name)

    def _judge_again(self, request: PowerAdjustRequest) -> None:
        """Judge what may have changed while the device was told; let go of it if it must not be."""
        if self.endpoint is None or self.endpoint.tree is None:
            self._adjuster.release_power()
            raise StatusError(Status.FAILURE, "the device is no longer bridged")
        try:
            self._judge(request)
        except StatusError:
            if self._adjustment is None:
                self._adjuster.release_power()
            raise

    def _opted_out(self, cause: AdjustmentCauseEnum) -> bool:
        flag = (
            OptOutStateEnum.LOCAL_OPT_OUT
            if cause is AdjustmentCauseEnum.LOCAL_OPTIMIZATION
            else OptOutStateEnum.GRID_OPT_OUT
        )
        return bool(self.opt_out_state & flag)

    def _end(self, cause: CauseEnum) -> None:
        """End the adjustment, if there is one."""
        adjustment = self._adjustment
        if adjustment is None:
            return
        adjustment.stop_timer()
        now = self._clock.monotonic()
        adjustment.follow(now, 0)
        self._adjustment = None
        if not self._test:
            self._adjuster.release_power()
        self.esa_state = ESAStateEnum.ONLINE
        self._show_capability(self._ranges())
        self.emit(
            self.power_adjust_end,
            PowerAdjustEndEvent(
                cause=cause,
                duration=round(now - adjustment.started),
                energy_use=round(min(max(adjustment.energy, -_MOST_ENERGY), _MOST_ENERGY)),
            ),
        )

    def _ranges(self) -> tuple[PowerAdjustStruct, ...]:
        shown = self.power_adjustment_capability
        return () if shown is None else shown.power_adjust_capability or ()

    def _show_capability(self, ranges: tuple[PowerAdjustStruct, ...]) -> None:
        reason = PowerAdjustReasonEnum.NO_ADJUSTMENT
        if self._adjustment is not None:
            reason = _REASON[self._adjustment.cause]
        self.power_adjustment_capability = (
            PowerAdjustCapabilityStruct(power_adjust_capability=ranges, cause=reason) if ranges else None
        )

    @property
    def _clock(self) -> Clock:
        if self.endpoint is None or self.endpoint.tree is None:
            raise RuntimeError("a device is managed on an endpoint of a node")
        return self.endpoint.tree.clock
