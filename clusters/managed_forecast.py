"""A managed device's forecast: what it plans, and what managers make of that.

The middle one of three layers that make the server of Device Energy Management.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from clusters import forecast_adjustment
from clusters.definitions.device_energy_management import (
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    ResumedEvent,
)
from clusters.managed_device import ManagedDevice, for_grid
from clusters.planned_operation import Adjustment
from matter_node.model import Urgency
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clusters.definitions.device_energy_management import (
        AdjustmentCauseEnum,
        ForecastStruct,
        ModifyForecastRequest,
        PauseRequest,
        RequestConstraintBasedForecastRequest,
        StartTimeAdjustRequest,
    )
    from clusters.energy_adjusters import ForecastAdjuster, Pauser
    from clusters.forecast_run import ForecastRun
    from clusters.power_forecast import PowerForecast
    from matter_node.model import Attribute, Context


T = TypeVar("T")


class ManagedForecast(ManagedDevice):
    """Shows a forecast, and takes adjustments of it and pauses."""

    _forecast_urgency = Urgency.QUIET
    _given = 0
    """How often the device's owner gave another forecast."""

    def read_forecast(self, _: Context) -> ForecastStruct | None:
        """Return the forecast with the slots' times as they are now, which are not reported as they pass."""
        return self._operation.shown(self._features)

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Report quietly, except what commands and opt-outs change (9.2.8.6, 9.2.8.7)."""
        if old is not None and new is not None:
            if attribute.id == DeviceEnergyManagement.power_adjustment_capability.id:
                return Urgency.NOW if old.cause is not new.cause else Urgency.QUIET
            if attribute.id == DeviceEnergyManagement.forecast.id:
                return self._forecast_urgency
        return super().urgency(attribute, old, new)

    # ------------------------------------------------------------------ commands

    async def handle_start_time_adjust_request(self, _: Context, request: StartTimeAdjustRequest) -> None:
        """Put a plan off that has not begun, or bring it forward."""

        def moved() -> PowerForecast:
            run, now = self._judge_forecast(request.cause)
            return forecast_adjustment.moved(run, now, request.requested_start_time)

        async with self._turn:
            start, starter = moved().start, self._situation.adjusters.start
            assert starter is not None
            doing = starter.start_at(start, grid=for_grid(request.cause))
            await self._adjust(request.cause, starter, doing, lambda _: self._operation.take(moved()))

    async def handle_modify_forecast_request(self, _: Context, request: ModifyForecastRequest) -> None:
        """Change powers and durations of slots that are not over."""

        def modified() -> PowerForecast:
            run, now = self._judge_forecast(request.cause)
            return forecast_adjustment.modified(run, now, request.slot_adjustments, self._limits)

        async with self._turn:
            self._judge_forecast(request.cause)
            if request.forecast_id != self._operation.number:
                raise StatusError(Status.FAILURE, f"forecast {request.forecast_id} is not the present one")
            forecast, adjuster = modified(), self._situation.adjusters.slots
            assert adjuster is not None
            doing = adjuster.follow(forecast, grid=for_grid(request.cause))
            await self._adjust(
                request.cause, adjuster, doing, lambda _: self._operation.change_slots(modified())
            )

    async def handle_request_constraint_based_forecast(
        self, _: Context, request: RequestConstraintBasedForecastRequest
    ) -> None:
        """Have another plan made."""
        async with self._turn:
            now = self._judge_forecast(request.cause)[1]
            wanted = forecast_adjustment.constraints(request.constraints, now, self._limits)
            planner = self._situation.adjusters.plan
            assert planner is not None
            doing = planner.plan_within(wanted, grid=for_grid(request.cause))
            await self._adjust(request.cause, planner, doing, self._operation.take)

    def handle_cancel_request(self, _: Context) -> None:
        """Go back to the device's own plan."""
        if self._operation.adjustment is None:
            raise StatusError(Status.INVALID_IN_STATE, "the forecast is not adjusted")
        self._end_forecast_adjustment(CauseEnum.CANCELLED)

    async def handle_pause_request(self, _: Context, request: PauseRequest) -> None:
        """Pause, or go on with the pause that there is; a pause ends a power adjustment."""

        def judge(_: None = None) -> None:
            run, now = self._judge_forecast(request.cause)
            forecast_adjustment.judge_pause(run, now, request.duration, self._operation.paused_s)

        async with self._turn:
            judge()
            pauser = self._situation.adjusters.pause
            assert pauser is not None
            await self._have(
                pauser.pause(request.duration, grid=for_grid(request.cause)),
                judge,
                lambda: self._drop_pause(pauser),
            )
            self._end_power(CauseEnum.CANCELLED)
            fresh = self._operation.pause(
                request.cause, request.duration, lambda: self._end_pause(CauseEnum.NORMAL_COMPLETION)
            )
            self._settle()
            self._show_forecast(Urgency.NOW)
            if fresh:
                self.emit(self.paused)

    def handle_resume_request(self, _: Context) -> None:
        """End the pause."""
        if self._operation.paused is None:
            raise StatusError(Status.INVALID_IN_STATE, "it is not paused")
        self._end_pause(CauseEnum.CANCELLED)

    # ------------------------------------------------------------------ what is asked, and what comes of it

    def _judge_forecast(self, cause: AdjustmentCauseEnum) -> tuple[ForecastRun, float]:
        """Return the forecast and the time; refuse it if the users opted out, or if there is no forecast."""
        self._judge_cause(cause)
        run, now = self._operation.run, self._operation.now
        if run is None or now is None:
            raise StatusError(Status.FAILURE, "there is no forecast")
        return run, now

    async def _adjust(
        self,
        cause: AdjustmentCauseEnum,
        adjuster: ForecastAdjuster,
        doing: Awaitable[T],
        show: Callable[[T], None],
    ) -> None:
        """Have a forecast adjusted.

        :param show: judges the adjustment again and shows what comes of it; not called if the device's owner
            gave a forecast meanwhile, which is with the adjustment
        """
        operation, given = self._operation, self._given
        run, adjustment = operation.run, operation.adjustment
        assert run is not None
        own = run.forecast if adjustment is None else adjustment.own

        def shown(done: T) -> None:
            self._judge_forecast(cause)
            if self._given == given:
                show(done)

        await self._have(doing, shown, lambda: self._drop_forecast(adjuster))
        operation.adjustment = Adjustment(cause, own)
        if operation.run is not None:
            self._situation.forecast = operation.run.forecast
        self._follow_up(Urgency.NOW, CauseEnum.CANCELLED)

    def _drop_forecast(self, adjuster: ForecastAdjuster) -> None:
        """Let go of a plan that was taken and must not be, and of the adjustment that it replaced."""
        if self._operation.adjustment is None:
            adjuster.release_forecast()
        else:
            self._end_forecast_adjustment(CauseEnum.CANCELLED)

    def _drop_pause(self, pauser: Pauser) -> None:
        """Let go of a pause that was made and must not be, and of the one that it replaced."""
        if self._operation.paused is None:
            pauser.resume()
        else:
            self._end_pause(CauseEnum.CANCELLED)

    def _end_pause(self, cause: CauseEnum) -> None:
        """End the pause, if there is one."""
        if self._operation.paused is None:
            return
        self._operation.resume()
        if self._situation.adjusters.pause is not None:
            self._situation.adjusters.pause.resume()
        self._settle()
        self._follow_up(Urgency.NOW, cause)
        self.emit(self.resumed, ResumedEvent(cause=cause))

    def _end_forecast_adjustment(self, cause: CauseEnum) -> None:
        """End the adjustment of the forecast, if there is one.

        :param cause: why a pause ends that there is no slot for any more
        """
        if self._operation.adjustment is None:
            return
        self._operation.restore()
        if self._operation.run is not None:
            self._situation.forecast = self._operation.run.forecast
        for adjuster in self._situation.adjusters.holders():
            adjuster.release_forecast()
        self._follow_up(Urgency.NOW, cause)

    # ------------------------------------------------------------------ what managers see

    def _take_up(self, urgency: Urgency, cause: CauseEnum = CauseEnum.CANCELLED) -> None:
        """Follow what the device plans now; it plans nothing while it is not online.

        :param cause: why what there is no forecast for any more ends
        """
        if self.endpoint is None or self.endpoint.tree is None:
            return
        online = self._situation.state is ESAStateEnum.ONLINE
        self._operation.take(self._situation.forecast if online else None)
        self._follow_up(urgency, cause)

    def _advanced(self) -> None:
        super()._advanced()
        self._follow_up(Urgency.QUIET, CauseEnum.CANCELLED)

    def _follow_up(self, urgency: Urgency, cause: CauseEnum) -> None:
        """Show the forecast; what there is none for any more ends.

        :param cause: why a pause ends
        """
        operation = self._operation
        if operation.run is None:
            self._end_forecast_adjustment(cause)
        if operation.paused is not None and operation.active is None:
            self._end_pause(cause)
        self._show_forecast(urgency)

    def _show_forecast(self, urgency: Urgency) -> None:
        if self.has(DeviceEnergyManagement.forecast):
            self._forecast_urgency = urgency
            self.forecast = self._operation.shown(self._features)

    @property
    def _limits(self) -> tuple[int, int]:
        """The least and the most power of the device, in mW."""
        return self.abs_min_power, self.abs_max_power

    @property
    def _features(self) -> DeviceEnergyManagement.Feature:
        return DeviceEnergyManagement.Feature(self.features)
