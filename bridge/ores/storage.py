"""The EnergyStorage cluster of every battery: how full it is, what it is told, what it keeps back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, CommandState, Origin
from bridge.ores.requests import ModuleRequests, requester
from clusters.ores.energy_storage import StorageModeEnum
from clusters.ores.energy_storage_server import EnergyStorageServer, StorageValues
from device_types.milli import milli, milli_unsigned
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.command import Command
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from hw.reading import Reading

_CONTROLS: Final = {SetpointKind.CHARGE_W, SetpointKind.DISCHARGE_W, SetpointKind.HOLD}
_MODES: Final = {
    SetpointKind.CHARGE_W: StorageModeEnum.CHARGING,
    SetpointKind.DISCHARGE_W: StorageModeEnum.DISCHARGING,
    SetpointKind.HOLD: StorageModeEnum.HOLDING,
}
_UNRATED_W: Final = 10_000.0
"""What "as fast as it can" is for a battery that does not tell its rating; it takes what it can."""


class EnergyStorageCluster(ModuleRequests):
    """One battery's EnergyStorage cluster (`StorageControl`, `ReserveKeeper`)."""

    def __init__(self, module: RegisteredModule, home: Home) -> None:
        super().__init__(module.key, home)
        self._module = module
        plate, told = module.record.nameplate, module.record.capabilities.setpoints
        self._charge_w = plate.charge_power_w or plate.power_w
        self._discharge_w = plate.discharge_power_w or plate.power_w
        self.server = EnergyStorageServer(
            charge_power=milli_unsigned(self._charge_w),
            discharge_power=milli_unsigned(self._discharge_w),
            control=self if told >= _CONTROLS else None,
            reserve=self if SetpointKind.RESERVE_PERCENT in told else None,
            health=True,
        )

    # ------------------------------------------------------------------ what is shown

    def show(self, reading: Reading) -> None:
        """Show a reading."""
        battery = reading.battery
        if battery is None:
            return
        self.server.measure(
            StorageValues(
                state_of_charge=battery.soc_percent,
                state_of_health=battery.soh_percent,
                temperature=reading.temperature_c,
                charge_limit=milli_unsigned(battery.charge_limit_w),
                discharge_limit=milli_unsigned(battery.discharge_limit_w),
                capacity=milli_unsigned(battery.capacity_wh),
                available=milli_unsigned(battery.available_wh),
                cycles=battery.cycles,
                lowest_cell=milli_unsigned(battery.cell_voltage_min_v),
                highest_cell=milli_unsigned(battery.cell_voltage_max_v),
                reserve=battery.reserve_percent,
            )
        )
        self.show_mode()

    def lost(self) -> None:
        """Show that it does not answer."""
        self.server.lost()

    def show_mode(self) -> None:
        """Show which command is in force, whoever gave it."""
        command = self._in_force()
        if command is None:
            self.server.show_mode(StorageModeEnum.AUTO)
            return
        sign = -1 if command.kind is SetpointKind.DISCHARGE_W else 1
        self.server.show_mode(
            _MODES[command.kind],
            power=None if command.value is None else milli(sign * command.value),
            target_soc=None if command.target_percent is None else round(command.target_percent),
            end=command.expires,
        )

    def _in_force(self) -> Command | None:
        for command in self._home.arbiter.live(self._key):
            if command.kind in _MODES and command.state is CommandState.APPLIED:
                return command
        return None

    # ------------------------------------------------------------------ what is asked for

    async def charge(
        self,
        *,
        power_w: float | None,
        target_percent: float | None,
        duration_s: float | None,
        fabric_index: int,
    ) -> None:
        """Charge it."""
        power = power_w or self._charge_w or _UNRATED_W
        by = requester(fabric_index)
        self._take(
            lambda: self._actions.charge(
                self._key, power, by, duration=duration_s, target_percent=target_percent
            )
        )

    async def discharge(
        self,
        *,
        power_w: float | None,
        target_percent: float | None,
        duration_s: float | None,
        fabric_index: int,
    ) -> None:
        """Discharge it."""
        power = power_w or self._discharge_w or _UNRATED_W
        by = requester(fabric_index)
        self._take(
            lambda: self._actions.discharge(
                self._key, power, by, duration=duration_s, target_percent=target_percent
            )
        )

    async def hold(self, *, duration_s: float | None, fabric_index: int) -> None:
        """Let it neither charge nor discharge."""
        by = requester(fabric_index)
        self._take(lambda: self._actions.hold(self._key, by, duration=duration_s))

    async def auto(self, *, fabric_index: int) -> None:  # noqa: ARG002 - people share one wish
        """Take back what a person told it to do with its energy; the reserve stays."""
        for command in self._actions.live(self._key, Origin.USER):
            if command.aspect is Aspect.STORAGE:
                self._actions.withdraw(command, "the battery was left to itself")

    async def set_reserve(self, percent: float, *, fabric_index: int) -> None:
        """Keep so much back."""
        by = requester(fabric_index)
        self._take(lambda: self._actions.reserve(self._key, percent, by))
