"""The home's mode in the words of the ORES clusters."""

from __future__ import annotations

from typing import Final

from bridge.island.mode import HomeMode
from clusters.ores.common import OperatingModeEnum

_SHOWN: Final = {
    HomeMode.AUTONOMOUS: OperatingModeEnum.AUTONOMOUS,
    HomeMode.FEDERATED: OperatingModeEnum.FEDERATED,
}


def shown_mode(mode: HomeMode) -> OperatingModeEnum:
    """Return what apps see: an island until every load has power again."""
    return _SHOWN.get(mode, OperatingModeEnum.ISLAND)
