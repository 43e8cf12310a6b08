"""The test event triggers of charging points (Matter test plan of EEVSE)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.energy_evse import FaultStateEnum, StateEnum
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.energy_evse import EnergyEvseServer

_CIRCUIT = 32_000
_CABLE = 63_000
_HAPPENS: Mapping[int, Mapping[str, object]] = {
    0x02: {"state": StateEnum.PLUGGED_IN_NO_DEMAND, "limit": _CABLE},
    0x03: {"state": StateEnum.NOT_PLUGGED_IN, "limit": None},
    0x04: {"state": StateEnum.PLUGGED_IN_DEMAND},
    0x05: {"state": StateEnum.PLUGGED_IN_NO_DEMAND},
    0x10: {"fault": FaultStateEnum.GROUND_FAULT},
    0x11: {"fault": FaultStateEnum.OVER_TEMPERATURE},
    0x12: {"fault": FaultStateEnum.NO_ERROR},
}
"""What a trigger lets happen to the pretended charging point; mA."""


class EvseTest:
    """Pretends to be a charging point of 32 A, with cars and faults as a test wants them."""

    __slots__ = ("_evse",)

    def __init__(self, evse: EnergyEvseServer) -> None:
        self._evse = evse

    def trigger(self, code: int) -> None:
        """Run a test; StatusError(INVALID_COMMAND) for a code that there is none of."""
        match code:
            case 0x00:
                self._evse.pretend(_CIRCUIT)
            case 0x01:
                self._evse.end_pretence()
            case 0x06 | 0x21:
                self._evse.pretend_scheduled(code == 0x06)
            case 0x20:
                self._evse.end_diagnosis()
            case _ if code in _HAPPENS:
                self._evse.happen(**_HAPPENS[code])
            case _:
                raise StatusError(Status.INVALID_COMMAND, f"no charging test {code:#x}")
