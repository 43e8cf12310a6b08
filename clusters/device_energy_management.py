"""Let an energy manager adjust a device: Device Energy Management (Matter Application Clusters 9.2).

A manager may set the device's power for a time, and see what the device plans. As far as the device takes
it, a manager may also put the plan off, hold it up, change its stages, or ask for another plan. The users'
choice to opt out of either kind of optimization comes first.

Powers and energies are positive into the device, negative out of it, as everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import (
    CauseEnum,
    DeviceEnergyManagement,
    ESAStateEnum,
    OptOutStateEnum,
)
from clusters.managed_device import Situation
from clusters.managed_forecast import ManagedForecast
from matter_node.model import Urgency

if TYPE_CHECKING:
    from clusters.definitions.device_energy_management import PowerAdjustStruct
    from clusters.energy_adjusters import ForecastAdjusters, PowerAdjuster
    from clusters.power_forecast import PowerForecast

_ENDINGS = {ESAStateEnum.OFFLINE: CauseEnum.OFFLINE, ESAStateEnum.FAULT: CauseEnum.FAULT}


class DeviceEnergyManagementServer(ManagedForecast):
    """Takes adjustments within what the device can do now and its users allow.

    It is made as `ManagedDevice` says: what there is somebody for, it takes.
    """

    QUIET_SECONDS = 10.0

    def attached(self) -> None:
        """Follow the forecast that was given before."""
        self._take_up(Urgency.NOW)

    def detached(self) -> None:
        """End what managers asked for without a word."""
        operation, situation, adjustment = self._operation, self._situation, self._adjustment
        adjusted, paused = operation.adjustment is not None, operation.paused is not None
        operation.stop()
        self._adjustment = None
        if adjustment is not None:
            adjustment.stop()
        if adjustment is not None and situation.adjuster is not None:
            situation.adjuster.release_power()
        if paused and situation.adjusters.pause is not None:
            situation.adjusters.pause.resume()
        if adjusted:
            for adjuster in situation.adjusters.holders():
                adjuster.release_forecast()

    # ------------------------------------------------------------------ what the device's owner says

    def set_state(self, state: ESAStateEnum) -> None:
        """Say that the device is online, offline or faulty; the latter two end what managers asked for."""
        before, self._real.state = self._real.state, state
        if self._situation is self._real and state is not before:
            if state is not ESAStateEnum.ONLINE:
                self._end_all(_ENDINGS[state])
            self._settle()
            self._take_up(Urgency.QUIET)

    def set_capability(self, ranges: tuple[PowerAdjustStruct, ...]) -> None:
        """Say what the device could be adjusted to now; an empty tuple for nothing."""
        self._real.ranges = ranges
        if self._situation is self._real:
            self._show_capability()

    def set_forecast(self, forecast: PowerForecast | None) -> None:
        """Say what the device plans; None if it plans nothing, or that is not known.

        While an adjustment of the forecast holds, it is the plan with the adjustment, and None ends that; the
        plan from before it says nothing new. Managers name the forecast that they want changed, so a new one
        without need gets in their way.
        """
        adjustment = self._operation.adjustment
        if self._situation is not self._real:
            self._real.forecast = forecast
        elif self._operation.run is None or (
            forecast != self._real.forecast and (adjustment is None or forecast != adjustment.own)
        ):
            self._real.forecast = forecast
            self._given += 1
            self._take_up(Urgency.QUIET)

    def measure(self, power: int | None) -> None:
        """Take the device's power, in mW, so that the energy used in an adjustment is known."""
        self._power = float(power or 0)
        if self._adjustment is not None and self._situation is self._real:
            self._adjustment.follow(self._power)

    def set_opt_out(self, *, local: bool, grid: bool) -> None:
        """Say what the users opted out of; what was asked for with that cause ends."""
        self._opted_out_of = OptOutStateEnum(
            (OptOutStateEnum.LOCAL_OPT_OUT if local else 0) | (OptOutStateEnum.GRID_OPT_OUT if grid else 0)
        )
        if self.has(DeviceEnergyManagement.opt_out_state):
            self.opt_out_state = self._opted_out_of
        operation = self._operation
        if operation.paused is not None and self._opted_out(operation.paused.cause):
            self._end_pause(CauseEnum.USER_OPT_OUT)
        if operation.adjustment is not None and self._opted_out(operation.adjustment.cause):
            self._end_forecast_adjustment(CauseEnum.USER_OPT_OUT)
        if self._adjustment is not None and self._opted_out(self._adjustment.cause):
            self._end_power(CauseEnum.USER_OPT_OUT)

    def abandon_power(self, cause: CauseEnum) -> None:
        """End a power adjustment that the device does not carry out any more."""
        if self._situation is self._real:
            self._end_power(cause)

    def abandon_pause(self, cause: CauseEnum) -> None:
        """End a pause that the device does not keep any more."""
        if self._situation is self._real:
            self._end_pause(cause)

    def abandon_forecast(self) -> None:
        """End an adjustment of the forecast that the device does not follow any more."""
        if self._situation is self._real:
            self._end_forecast_adjustment(CauseEnum.CANCELLED)

    # ------------------------------------------------------------------ tests

    def pretend(
        self,
        adjuster: PowerAdjuster,
        adjusters: ForecastAdjusters,
        *,
        ranges: tuple[PowerAdjustStruct, ...] = (),
        forecast: PowerForecast | None = None,
    ) -> None:
        """Pretend to be online, for a test, with other adjusters, ranges and another forecast than the real.

        The energy used in a power adjustment is the one asked for. What is real is kept up meanwhile.
        """
        self._change_to(Situation(adjuster, adjusters, ESAStateEnum.ONLINE, ranges, forecast))

    def stop_pretending(self) -> None:
        """Show what is real again."""
        if self._situation is not self._real:
            self._change_to(self._real)

    def skip_slot(self) -> None:
        """Let a pretended forecast go on to its next slot at once."""
        if self._situation is not self._real:
            self._operation.skip()
            self._advanced()

    # ------------------------------------------------------------------ the rest

    def _change_to(self, situation: Situation) -> None:
        self._end_all(CauseEnum.CANCELLED)
        self._situation = situation
        self._settle()
        self._show_capability()
        self._take_up(Urgency.NOW)

    def _end_all(self, cause: CauseEnum) -> None:
        self._end_pause(cause)
        self._end_forecast_adjustment(cause)
        self._end_power(cause)
