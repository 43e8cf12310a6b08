"""Choose who may optimize a device: Device Energy Management Mode (Matter Application Clusters 9.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.common import ModeChangeStatus, ModeOptionStruct, ModeTagStruct
from clusters.definitions.device_energy_management_mode import (
    ChangeToModeRequest,
    ChangeToModeResponse,
    DeviceEnergyManagementMode,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.model import Context

NO_OPTIMIZATION, DEVICE_OPTIMIZATION, LOCAL_OPTIMIZATION, GRID_OPTIMIZATION = range(0x4000, 0x4004)
"""Mode tags of this cluster (9.8.7.1)."""


def _mode(number: int, label: str, *tags: int) -> ModeOptionStruct:
    return ModeOptionStruct(
        label=label, mode=number, mode_tags=tuple(ModeTagStruct(value=tag) for tag in tags)
    )


MODES = (
    _mode(0, "No optimization", NO_OPTIMIZATION),
    _mode(1, "Home", DEVICE_OPTIMIZATION, LOCAL_OPTIMIZATION),
    _mode(2, "Grid", DEVICE_OPTIMIZATION, GRID_OPTIMIZATION),
    _mode(3, "Home and grid", DEVICE_OPTIMIZATION, LOCAL_OPTIMIZATION, GRID_OPTIMIZATION),
)
"""Numbered from 0 without gaps: some controllers take a mode's place in the list for its number."""
EVERYTHING = 3


class DeviceEnergyManagementModeServer(DeviceEnergyManagementMode):
    """Lets users say which optimization they want; the choice survives a restart.

    :param chosen: told the choice, now and whenever it changes: ``chosen(local, grid)``
    """

    def __init__(self, chosen: Callable[[bool, bool], None]) -> None:
        super().__init__(supported_modes=MODES)
        self.restore(DeviceEnergyManagementMode.current_mode.id, EVERYTHING)
        self._chosen = chosen

    def attached(self) -> None:
        """Tell the stored choice."""
        self._tell()

    def handle_change_to_mode(self, _: Context, request: ChangeToModeRequest) -> ChangeToModeResponse:
        """Take another choice."""
        if all(mode.mode != request.new_mode for mode in MODES):
            return ChangeToModeResponse(
                status=ModeChangeStatus.UNSUPPORTED_MODE, status_text=f"there is no mode {request.new_mode}"
            )
        self.current_mode = request.new_mode
        self._tell()
        return ChangeToModeResponse(status=ModeChangeStatus.SUCCESS)

    def _tell(self) -> None:
        tags = {tag.value for mode in MODES if mode.mode == self.current_mode for tag in mode.mode_tags}
        self._chosen(LOCAL_OPTIMIZATION in tags, GRID_OPTIMIZATION in tags)
