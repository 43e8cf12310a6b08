"""What an energy manager sees of a device: Device Energy Management (Matter Device Library 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import (
    CauseEnum,
    ESAStateEnum,
    ESATypeEnum,
    PowerAdjustStruct,
)
from clusters.device_energy_management import DeviceEnergyManagementServer
from clusters.device_energy_management_mode import DeviceEnergyManagementModeServer
from clusters.energy_adjusters import ForecastAdjusters, PowerAdjuster
from device_types.energy_management_test import EnergyManagementTest
from device_types.milli import milli
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.power_forecast import PowerForecast
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

SHORTEST_S = 10
"""An adjustment takes some seconds to reach the device and show in its readings."""
LONGEST_S = 86_400


class _Unadjustable:
    """Stands for a device that takes no orders; nothing is offered, so nothing is asked of it."""

    async def adjust_power(self, power_w: float, duration_s: float, *, grid: bool) -> None:
        raise StatusError(Status.FAILURE, f"nobody brings it to {power_w} W for {duration_s} s ({grid=})")

    def release_power(self) -> None:
        """Nothing is held."""


class EnergyManagement:
    """The clusters of a device that energy managers may adjust, or at least see the plans of.

    :param low_w: the least power that it can have, negative for one that can generate
    :param high_w: the most
    :param adjuster: carries power adjustments out; None if the device takes none, and none is offered
    :param forecast: carry out adjustments of its forecast; None if it takes none, but may have one to show
    """

    def __init__(
        self,
        kind: ESATypeEnum,
        low_w: float,
        high_w: float,
        adjuster: PowerAdjuster | None,
        forecast: ForecastAdjusters | None = None,
    ) -> None:
        low, high = milli(low_w) or 0, milli(high_w) or 0
        self.cluster = DeviceEnergyManagementServer(
            kind,
            can_generate=low < 0,
            minimum=low,
            maximum=high,
            adjuster=_Unadjustable() if adjuster is None else adjuster,
            forecast=forecast or ForecastAdjusters(),
        )
        self.mode = DeviceEnergyManagementModeServer(self._chosen)
        self._limits = (0, 0) if adjuster is None else (low, high)
        self._opted_out = (False, False)
        self._test = EnergyManagementTest(self.cluster, self._opt_out)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """What the endpoint gets."""
        return (self.cluster, self.mode)

    def update(self, power_w: float | None, *, failed: bool, limits_w: tuple[float, float] | None) -> None:
        """Follow a reading.

        :param failed: the device has stopped because of a fault
        :param limits_w: what its power can be set to now, None for all that it is rated for
        """
        low, high = self._limits
        if limits_w is not None:
            low, high = (min(max(milli(limit) or 0, low), high) for limit in sorted(limits_w))
        self.cluster.set_state(ESAStateEnum.FAULT if failed else ESAStateEnum.ONLINE)
        self.cluster.set_capability(
            (
                PowerAdjustStruct(
                    min_power=low, max_power=high, min_duration=SHORTEST_S, max_duration=LONGEST_S
                ),
            )
            if low < high
            else ()
        )
        self.cluster.measure(milli(power_w))

    def plan(self, forecast: PowerForecast | None) -> None:
        """Show what the device plans; None if it plans nothing, or that is not known.

        It shows while the device is online. See `DeviceEnergyManagementServer.set_forecast`.
        """
        self.cluster.set_forecast(forecast)

    def lost(self) -> None:
        """Say that the device does not answer."""
        self.cluster.set_state(ESAStateEnum.OFFLINE)

    def abandon(self, *, failed: bool) -> None:
        """End a power adjustment that the device does not carry out any more.

        :param failed: it could not; else somebody commanded something else
        """
        self.cluster.abandon_power(_ending(failed=failed))

    def abandon_pause(self, *, failed: bool) -> None:
        """End a pause that the device does not keep any more.

        :param failed: it could not; else somebody commanded something else
        """
        self.cluster.abandon_pause(_ending(failed=failed))

    def abandon_forecast(self) -> None:
        """End an adjustment of the forecast that the device does not follow any more."""
        self.cluster.abandon_forecast()

    def register(self, triggers: EventTriggers) -> None:
        """Let the energy management tests reach the endpoint."""
        endpoint = self.cluster.endpoint
        assert endpoint is not None
        triggers.register(self.cluster.ID, endpoint.number, self._test.trigger)

    def _chosen(self, local: bool, grid: bool) -> None:  # noqa: FBT001 - as the mode cluster tells it
        self._opted_out = (not local, not grid)
        self._opt_out(None)

    def _opt_out(self, pretended: tuple[bool, bool] | None) -> None:
        local, grid = self._opted_out if pretended is None else pretended
        self.cluster.set_opt_out(local=local, grid=grid)


def _ending(*, failed: bool) -> CauseEnum:
    return CauseEnum.FAULT if failed else CauseEnum.CANCELLED
