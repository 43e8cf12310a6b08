"""A device that energy managers adjust: what it is at, who acts for it, and its power adjustments.

The lowest of three layers that make the server of Device Energy Management; `managed_forecast` is the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from clusters.definitions.device_energy_management import (
    AdjustmentCauseEnum,
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    OptOutStateEnum,
    PowerAdjustCapabilityStruct,
    PowerAdjustReasonEnum,
)
from clusters.energy_adjusters import ForecastAdjusters
from clusters.planned_operation import PlannedOperation
from clusters.power_adjustment import REASONS, PowerAdjustment, judge_power
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clusters.definitions.device_energy_management import (
        ESATypeEnum,
        PowerAdjustRequest,
        PowerAdjustStruct,
    )
    from clusters.energy_adjusters import PowerAdjuster
    from clusters.power_forecast import PowerForecast
    from matter_node.clock import Clock
    from matter_node.model import Context

T = TypeVar("T")
R = TypeVar("R")
_OPT_OUTS = {
    AdjustmentCauseEnum.LOCAL_OPTIMIZATION: OptOutStateEnum.LOCAL_OPT_OUT,
    AdjustmentCauseEnum.GRID_OPTIMIZATION: OptOutStateEnum.GRID_OPT_OUT,
}


@dataclass(slots=True, eq=False)
class Situation:
    """What a device is at, really or for a test, and who acts on what managers ask for.

    :ivar adjuster: carries power adjustments out; None if it takes none
    :ivar adjusters: carry adjustments of its forecast out
    :ivar ranges: what its power can be adjusted to
    :ivar forecast: what it plans
    """

    adjuster: PowerAdjuster | None
    adjusters: ForecastAdjusters
    state: ESAStateEnum = ESAStateEnum.OFFLINE
    ranges: tuple[PowerAdjustStruct, ...] = ()
    forecast: PowerForecast | None = None


def for_grid(cause: AdjustmentCauseEnum) -> bool:
    """Tell whether the grid's operator asks."""
    return cause is AdjustmentCauseEnum.GRID_OPTIMIZATION


class ManagedDevice(DeviceEnergyManagement):
    """Holds what all commands need, and takes power adjustments.

    :param kind: what the device is
    :param can_generate: it can send energy out
    :param minimum: the least power it can have, in mW; negative if and only if it can generate
    :param maximum: the most, in mW
    :param adjuster: carries power adjustments out; without one there are none
    :param forecast: who carries out adjustments of its forecast, perhaps nobody; None for a device without a
        forecast
    :raises ValueError: the limits contradict one another, or there is neither an adjuster nor a forecast
    """

    def __init__(
        self,
        kind: ESATypeEnum,
        *,
        can_generate: bool,
        minimum: int,
        maximum: int,
        adjuster: PowerAdjuster | None = None,
        forecast: ForecastAdjusters | None = None,
    ) -> None:
        if minimum > maximum or (minimum < 0) != can_generate:
            raise ValueError(f"power of {minimum}..{maximum} mW with can_generate={can_generate}")
        features = DeviceEnergyManagement.Feature(0)
        if adjuster is not None:
            features |= DeviceEnergyManagement.Feature.PA
        if forecast is not None:
            features |= DeviceEnergyManagement.Feature.PFR | forecast.features
        if not features:
            raise ValueError("a managed device takes power adjustments or has a forecast")
        super().__init__(
            features=features,
            esa_type=kind,
            esa_can_generate=can_generate,
            esa_state=ESAStateEnum.OFFLINE,
            abs_min_power=minimum,
            abs_max_power=maximum,
        )
        self._real = self._situation = Situation(adjuster, forecast or ForecastAdjusters())
        self._operation = PlannedOperation(lambda: self._clock, self._advanced)
        self._adjustment: PowerAdjustment | None = None
        self._opted_out_of = OptOutStateEnum.NO_OPT_OUT
        self._power = 0.0
        self._turn = asyncio.Lock()
        """One request after the other: what was asked for last is what the device does."""

    # ------------------------------------------------------------------ commands

    async def handle_power_adjust_request(self, _: Context, request: PowerAdjustRequest) -> None:
        """Start a power adjustment, or go on with another one."""
        async with self._turn:
            self._judge_power(request)
            adjuster = self._situation.adjuster
            assert adjuster is not None
            await self._have(
                adjuster.adjust_power(request.power / 1000, request.duration, grid=for_grid(request.cause)),
                lambda _: self._judge_power(request),
                lambda: self._drop_power(adjuster),
            )
            adjustment, fresh = self._adjustment, self._adjustment is None
            if adjustment is None:
                adjustment = self._adjustment = PowerAdjustment(self._clock, self._power)
            adjustment.follow(self._power if self._situation is self._real else float(request.power))
            adjustment.go_on(
                request.cause, request.duration, lambda: self._end_power(CauseEnum.NORMAL_COMPLETION)
            )
            self._settle()
            self._show_capability()
            if fresh:
                self.emit(self.power_adjust_start)

    def handle_cancel_power_adjust_request(self, _: Context) -> None:
        """End the power adjustment."""
        if self._adjustment is None:
            raise StatusError(Status.INVALID_IN_STATE, "no power adjustment is active")
        self._end_power(CauseEnum.CANCELLED)

    # ------------------------------------------------------------------ what is asked, and what comes of it

    async def _have(self, doing: Awaitable[T], judge: Callable[[T], R], let_go: Callable[[], None]) -> R:
        """Have the device do something, and judge again what may have changed meanwhile.

        :param let_go: undoes it if it must not be after all
        :returns: what the judge does
        """
        situation = self._situation
        try:
            done = await doing
        except StatusError:
            raise
        except BaseException:
            let_go()  # nobody knows how far it came
            raise
        try:
            if self._situation is not situation or self.endpoint is None or self.endpoint.tree is None:
                raise StatusError(Status.FAILURE, "the device is not what it was any more")  # noqa: TRY301 - as the judge does
            return judge(done)
        except StatusError:
            let_go()
            raise

    def _judge_power(self, request: PowerAdjustRequest) -> None:
        """Refuse what the users opted out of, what does not fit, and what cannot be now, in this order."""
        self._judge_cause(request.cause)
        judge_power(request, self._situation.ranges)
        if self.esa_state not in {ESAStateEnum.ONLINE, ESAStateEnum.POWER_ADJUST_ACTIVE}:
            raise StatusError(Status.INVALID_IN_STATE, self.esa_state.name)

    def _judge_cause(self, cause: AdjustmentCauseEnum) -> None:
        """Refuse what the users opted out of."""
        if self._opted_out(cause):
            raise StatusError(Status.CONSTRAINT_ERROR, f"opted out: {self._opted_out_of.name}")

    def _opted_out(self, cause: AdjustmentCauseEnum) -> bool:
        return bool(self._opted_out_of & _OPT_OUTS[cause])

    def _drop_power(self, adjuster: PowerAdjuster) -> None:
        """Let go of a power that was taken and must not be, and of the adjustment that it replaced."""
        if self._adjustment is None:
            adjuster.release_power()
        else:
            self._end_power(CauseEnum.CANCELLED)

    def _end_power(self, cause: CauseEnum) -> None:
        """End the power adjustment, if there is one."""
        adjustment = self._adjustment
        if adjustment is None:
            return
        adjustment.stop()
        self._adjustment = None
        if self._situation.adjuster is not None:
            self._situation.adjuster.release_power()
        self._settle()
        self._show_capability()
        self.emit(self.power_adjust_end, adjustment.ended(cause))

    # ------------------------------------------------------------------ what managers see

    def _settle(self) -> None:
        """Show the state that all of it adds up to."""
        state = self._situation.state
        if state is ESAStateEnum.ONLINE:
            if self._operation.paused is not None:
                state = ESAStateEnum.PAUSED
            elif self._adjustment is not None:
                state = ESAStateEnum.POWER_ADJUST_ACTIVE
        self.esa_state = state

    def _show_capability(self) -> None:
        """Show what the power can be adjusted to."""
        if not self.has(DeviceEnergyManagement.power_adjustment_capability):
            return
        reason = PowerAdjustReasonEnum.NO_ADJUSTMENT
        if self._adjustment is not None:
            reason = REASONS[self._adjustment.cause]
        ranges = self._situation.ranges
        self.power_adjustment_capability = (
            PowerAdjustCapabilityStruct(power_adjust_capability=ranges, cause=reason) if ranges else None
        )

    def _advanced(self) -> None:
        """Show what changes when the device comes to another slot of its forecast, or to its end."""
        self._settle()

    @property
    def _clock(self) -> Clock:
        if self.endpoint is None or self.endpoint.tree is None:
            raise RuntimeError("a device is managed on an endpoint of a node")
        return self.endpoint.tree.clock
