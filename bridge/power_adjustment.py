"""Energy managers' adjustments of a module, as commands to the arbiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.charging_current import is_charging_point, watts_per_ampere
from bridge.command import CommandState, Origin
from bridge.state import StateError
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from bridge.arbiter import Arbiter
    from bridge.command import Command
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule

SOURCE: Final = "device-energy-management"
"""What the arbiter knows these commands by."""
ORIGINS: Final = (Origin.DEMAND_RESPONSE, Origin.USER)
"""Who adjusts: the grid's operator by agreement with the user, or the home's own energy manager."""


class ModulePower:
    """Carries out what DeviceEnergyManagement wants of one module (a `PowerAdjuster`).

    A battery is charged, discharged or held; a solar module is limited, as it can only be held back; a
    charging point offers so much current.
    """

    def __init__(self, module: RegisteredModule, arbiter: Arbiter) -> None:
        self._module = module
        self._key = module.key
        self._kind = module.record.kind
        self._arbiter = arbiter
        self._current = ""

    @staticmethod
    def can_adjust(record: ModuleRecord) -> bool:
        """Tell whether a module takes what an adjustment needs."""
        setpoints = record.capabilities.setpoints
        if record.kind is ModuleKind.BATTERY:
            return {SetpointKind.CHARGE_W, SetpointKind.DISCHARGE_W} <= setpoints
        if record.kind is ModuleKind.EVSE:
            return is_charging_point(record)
        return record.kind is ModuleKind.MICROINVERTER and SetpointKind.POWER_LIMIT_W in setpoints

    async def adjust_power(self, power_w: float, duration_s: float, *, grid: bool) -> None:
        """Command the power for a time; positive into the module.

        :raises StatusError: the module cannot do it
        """
        kind, value = self._command(power_w)
        origin = Origin.DEMAND_RESPONSE if grid else Origin.USER
        # What this one replaces is not the adjustment any more when the arbiter says that it was replaced.
        before, self._current = self._current, ""
        try:
            command = self._arbiter.submit(
                self._key, kind, value, origin=origin, source=SOURCE, duration=max(1.0, duration_s)
            )
        except (ValueError, KeyError, StateError) as error:
            self._current = before
            raise StatusError(Status.FAILURE, str(error)) from error
        if command.state is CommandState.REFUSED:
            self._current = before
            raise StatusError(Status.FAILURE, command.reason)
        self._current = command.id
        # Only now, so that the module goes from one adjustment to the next without its own logic between.
        self._withdraw("the adjustment goes on with another power")

    def release_power(self) -> None:
        """Take back what was commanded."""
        self._current = ""
        self._withdraw("the adjustment is over")

    def is_current(self, command: Command) -> bool:
        """Tell whether a command is the adjustment that holds now."""
        return command.id == self._current

    def _withdraw(self, reason: str) -> None:
        for command in self._arbiter.live(self._key):
            if command.source == SOURCE and command.id != self._current:
                self._arbiter.withdraw(command.id, reason)

    def _command(self, power_w: float) -> tuple[SetpointKind, float | None]:
        if self._kind is ModuleKind.MICROINVERTER:
            return SetpointKind.POWER_LIMIT_W, max(0.0, -power_w)
        if self._kind is ModuleKind.EVSE:
            return SetpointKind.CHARGE_CURRENT_A, max(0.0, power_w) / watts_per_ampere(self._module)
        if power_w > 0:
            return SetpointKind.CHARGE_W, power_w
        if power_w < 0:
            return SetpointKind.DISCHARGE_W, -power_w
        return SetpointKind.HOLD, None


def end_leftovers(arbiter: Arbiter) -> None:
    """Take back what a former run of the hub left: managers see no adjustment active after a restart."""
    for origin in ORIGINS:
        arbiter.vanish(origin, SOURCE, "the hub was restarted, which ended the adjustment")
