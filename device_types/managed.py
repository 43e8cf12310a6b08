"""What an energy manager sees of a device: Device Energy Management (Matter Device Library 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.device_energy_management import (
    CauseEnum,
    ESAStateEnum,
    ESATypeEnum,
    PowerAdjustStruct,
)
from clusters.device_energy_management import DeviceEnergyManagementServer, PowerAdjuster
from clusters.device_energy_management_mode import DeviceEnergyManagementModeServer
from device_types.milli import milli
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

SHORTEST_S = 10
"""An adjustment takes some seconds to reach the device and show in its readings."""
LONGEST_S = 86_400
_LOCAL, _GRID = 1, 2
_TEST_RANGES = (
    PowerAdjustStruct(min_power=1_000_000, max_power=2_000_000, min_duration=10, max_duration=20),
    PowerAdjustStruct(min_power=500_000, max_power=2_500_000, min_duration=15, max_duration=60),
)
"""What the power adjustment test pretends: 1..2 kW for 10..20 s, or 0.5..2.5 kW for 15..60 s."""


class _Unadjustable:
    """Stands for a device that takes no orders; nothing is offered, so nothing is asked of it."""

    async def adjust_power(self, power_w: float, duration_s: float, *, grid: bool) -> None:
        raise StatusError(Status.FAILURE, f"nobody brings it to {power_w} W for {duration_s} s ({grid=})")

    def release_power(self) -> None:
        """Nothing is held."""


class EnergyManagement:
    """The clusters of a device that energy managers may adjust.

    :param low_w: the least power that it can have, negative for one that can generate
    :param high_w: the most
    :param adjuster: carries adjustments out; None if the device takes none, and none is offered
    """

    def __init__(
        self, kind: ESATypeEnum, low_w: float, high_w: float, adjuster: PowerAdjuster | None
    ) -> None:
        low, high = milli(low_w) or 0, milli(high_w) or 0
        self.cluster = DeviceEnergyManagementServer(
            kind,
            can_generate=low < 0,
            minimum=low,
            maximum=high,
            adjuster=_Unadjustable() if adjuster is None else adjuster,
        )
        self.mode = DeviceEnergyManagementModeServer(self._chosen)
        self._limits = (0, 0) if adjuster is None else (low, high)
        self._test_opt_out = 0

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

    def lost(self) -> None:
        """Say that the device does not answer."""
        self.cluster.set_state(ESAStateEnum.OFFLINE)

    def abandon(self, *, failed: bool) -> None:
        """End an adjustment that the device does not carry out any more.

        :param failed: it could not; else somebody commanded something else
        """
        self.cluster.abandon(CauseEnum.FAULT if failed else CauseEnum.CANCELLED)

    def register(self, triggers: EventTriggers) -> None:
        """Let the energy management tests reach the endpoint."""
        endpoint = self.cluster.endpoint
        assert endpoint is not None
        triggers.register(self.cluster.ID, endpoint.number, self._trigger)

    def _chosen(self, local: bool, grid: bool) -> None:  # noqa: FBT001 - as the mode cluster tells it
        self.cluster.set_opt_out(local=not local, grid=not grid)

    def _trigger(self, code: int) -> None:
        """Run a test of the power adjustment feature (Matter test plan of DEM)."""
        match code:
            case 0x00:
                self.cluster.override(_TEST_RANGES)
            case 0x01:
                self.cluster.override(None)
            case 0x02 | 0x03:
                self._test_opt_out |= _LOCAL if code == 0x02 else _GRID
                self.cluster.set_opt_out(
                    local=bool(self._test_opt_out & _LOCAL), grid=bool(self._test_opt_out & _GRID)
                )
            case 0x04:
                self._test_opt_out = 0
                self.cluster.set_opt_out(local=False, grid=False)
            case _:
                raise StatusError(Status.INVALID_COMMAND, f"no energy management test {code:#x}")
