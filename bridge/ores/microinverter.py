"""The Microinverter cluster of every solar module: its limit, its strings, its day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.command import CommandState, Origin
from bridge.ores.requests import ModuleRequests, requester
from clusters.ores.microinverter import DcStringStruct, InverterStateEnum
from clusters.ores.microinverter_server import MicroinverterServer, MicroinverterValues
from device_types.milli import milli, milli_unsigned
from hw.reading import OperatingState
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.command import Command
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from hw.reading import DcString, Reading

_STATES: Final = {
    OperatingState.UNKNOWN: InverterStateEnum.UNKNOWN,
    OperatingState.OFF: InverterStateEnum.OFF,
    OperatingState.SLEEPING: InverterStateEnum.SLEEPING,
    OperatingState.STARTING: InverterStateEnum.STARTING,
    OperatingState.RUNNING: InverterStateEnum.PRODUCING,
    OperatingState.THROTTLED: InverterStateEnum.THROTTLED,
    OperatingState.STANDBY: InverterStateEnum.STANDBY,
    OperatingState.STOPPING: InverterStateEnum.STOPPING,
    OperatingState.FAULT: InverterStateEnum.FAULT,
}
_LIMITS: Final = {SetpointKind.POWER_LIMIT_W, SetpointKind.POWER_LIMIT_PERCENT}


class MicroinverterCluster(ModuleRequests):
    """One solar module's Microinverter cluster (`PowerLimiter`, `ProductionSwitch`)."""

    def __init__(self, module: RegisteredModule, home: Home) -> None:
        super().__init__(module.key, home)
        self._module = module
        plate, told = module.record.nameplate, module.record.capabilities.setpoints
        self.server = MicroinverterServer(
            milli_unsigned(plate.power_w),
            limiter=self if told >= _LIMITS else None,
            switch=self if SetpointKind.CONNECT in told else None,
            strings=plate.dc_strings > 0,
        )

    # ------------------------------------------------------------------ what is shown

    def show(self, reading: Reading) -> None:
        """Show a reading."""
        server = self.server
        server.measure(
            MicroinverterValues(
                state=_STATES[reading.state],
                energy_today=milli_unsigned(self._home.energy_today.of(self._key)),
                energy_lifetime=milli_unsigned(reading.energy_exported_wh),
                strings=tuple(_string(each) for each in reading.strings),
            )
        )
        if server.has(type(server).power_limit):
            limited = reading.power_limit_percent is not None and reading.power_limit_percent < 100
            server.show_power_limit(
                milli_unsigned(reading.power_limit_w) if limited else None,
                reading.power_limit_percent if limited else None,
                self._limit_ends(),
            )
        if server.has(type(server).enabled):
            server.show_enabled(reading.connected)

    def lost(self) -> None:
        """Show that it does not answer."""
        self.server.lost()

    def _limit_ends(self) -> float | None:
        """Return when the limit that is in force ends by itself."""
        for command in self._home.arbiter.live(self._key):
            if command.kind in _LIMITS and command.state is CommandState.APPLIED:
                return command.expires
        return None

    # ------------------------------------------------------------------ what is asked for

    async def limit_power(
        self, *, power_w: float | None, percent: float | None, duration_s: float | None, fabric_index: int
    ) -> None:
        """Limit what it produces."""
        by = requester(fabric_index)
        if power_w is not None:
            self._take(lambda: self._actions.limit_power(self._key, power_w, by, duration=duration_s))
        elif percent is not None:
            self._take(lambda: self._actions.limit_share(self._key, percent, by, duration=duration_s))

    async def withdraw_power_limit(self, *, fabric_index: int) -> None:  # noqa: ARG002 - people share one wish
        """Take back the limit that a person set."""
        for command in self._live(_LIMITS):
            self._actions.withdraw(command, "the limit was withdrawn")

    async def set_enabled(self, enabled: bool, *, fabric_index: int) -> None:  # noqa: FBT001 - on or off is what it is told
        """Let it produce or not. On takes back an off, and leaves it to the plan."""
        if not enabled:
            by = requester(fabric_index)
            self._take(lambda: self._actions.connect(self._key, by, on=False))
            return
        for command in self._live({SetpointKind.CONNECT}):
            self._actions.withdraw(command, "it was switched on")

    def _live(self, kinds: set[SetpointKind]) -> list[Command]:
        return [each for each in self._actions.live(self._key, Origin.USER) if each.kind in kinds]


def _string(string: DcString) -> DcStringStruct:
    return DcStringStruct(
        name=string.name[:16],
        power=milli(string.power_w),
        voltage=milli(string.voltage_v),
        current=milli(string.current_a),
        energy=milli_unsigned(string.energy_wh),
    )
