"""Choose what charging follows: Energy EVSE Mode (Matter Application Clusters 9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.common import ModeChangeStatus, ModeOptionStruct, ModeTagStruct
from clusters.definitions.energy_evse_mode import ChangeToModeRequest, ChangeToModeResponse, EnergyEvseMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.model import Context

MANUAL, TIME_OF_USE, SOLAR_CHARGING = range(0x4000, 0x4003)
"""Mode tags of this cluster (9.4.7.1)."""


def _mode(number: int, label: str, *tags: int) -> ModeOptionStruct:
    return ModeOptionStruct(
        label=label, mode=number, mode_tags=tuple(ModeTagStruct(value=tag) for tag in tags)
    )


MODES = (
    _mode(0, "Manual", MANUAL),
    _mode(1, "Schedule", TIME_OF_USE),
    _mode(2, "Solar", SOLAR_CHARGING),
    _mode(3, "Schedule and solar", TIME_OF_USE, SOLAR_CHARGING),
)
"""Numbered from 0 without gaps: some controllers take a mode's place in the list for its number.

No mode has the manual tag beside another one (9.4.6.1).
"""


class EnergyEvseModeServer(EnergyEvseMode):
    """Lets users say what charging follows once it is enabled; the choice survives a restart.

    :param chosen: told the choice, now and whenever it changes: ``chosen(time_of_use, solar)``
    """

    def __init__(self, chosen: Callable[[bool, bool], None]) -> None:
        super().__init__(supported_modes=MODES)
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
        self._chosen(TIME_OF_USE in tags, SOLAR_CHARGING in tags)
