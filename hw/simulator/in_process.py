"""The simulated modules without a network between: each is a `hw.module.Module` that asks the physics itself.

What devices do with a setpoint, with its expiry and with its read-back is what their faces on the network do
(`hw.simulator.devices`, `storage_devices`, `shelly`); only the way there is shorter. For homes that live in
virtual time, in which sockets have no place.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hw.module import Capabilities, Identity, ModuleKind, ModuleUnreachable, Nameplate
from hw.reading import BatteryReading, ChargeState, Fault, OperatingState, Reading
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind
from hw.simulator.devices import battery_state
from hw.simulator.physics import Health

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.simulator.loads import WaterHeater
    from hw.simulator.physics import Battery, GridMeter, SolarInverter
    from hw.simulator.supply import Wires
    from hw.simulator.world import World

    Distortion = Callable[[Reading], Reading]

VENDOR: Final = "Simulated"
LONGEST: Final = 65534.0
"""Seconds of a revert timer, at most."""
_RUNNING_W: Final = 1.0
_CHARGE_STATES: Final = {
    2: ChargeState.EMPTY,
    3: ChargeState.DISCHARGING,
    4: ChargeState.CHARGING,
    5: ChargeState.FULL,
    6: ChargeState.HOLDING,
}
"""By the numbers of SunSpec 802 `ChaSt`."""
_STORAGE_KINDS: Final = frozenset(
    {
        SetpointKind.CHARGE_W,
        SetpointKind.CHARGE_LIMIT_W,
        SetpointKind.DISCHARGE_W,
        SetpointKind.HOLD,
        SetpointKind.AUTO,
        SetpointKind.RESERVE_PERCENT,
    }
)
_OUTPUT_KINDS: Final = frozenset(
    {
        SetpointKind.POWER_LIMIT_PERCENT,
        SetpointKind.POWER_LIMIT_W,
        SetpointKind.CONNECT,
        SetpointKind.AUTO,
    }
)
_SWITCH_KINDS: Final = frozenset({SetpointKind.CONNECT, SetpointKind.AUTO})


class SimulatedModule:
    """What all of them have: an identity, a present, and what can go wrong on the way.

    :ivar silent: why it does not answer; empty while it does
    :ivar distortion: what becomes of its readings on the way, for a module that lies; None for nothing
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        identity: Identity,
        kind: ModuleKind,
        nameplate: Nameplate,
        capabilities: Capabilities,
    ) -> None:
        """Take what it says of itself.

        :param now: lets the world live until the present, and returns that
        """
        self.identity = identity
        self.kind = kind
        self.address = f"simulated:{identity.serial}"
        self.nameplate = nameplate
        self.capabilities = capabilities
        self.silent = ""
        self.distortion: Distortion | None = None
        self._now = now

    async def open(self) -> None:
        """Do nothing: there is no connection."""

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable while it is silent."""
        now = self._now()
        if reason := self._silence():
            raise ModuleUnreachable(reason)
        reading = self._reading(now)
        return reading if self.distortion is None else self.distortion(reading)

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Do what is told, and say what is in force then."""
        self._now()
        if reason := self._silence():
            return Applied(setpoint, AppliedState.FAILED, detail=reason)
        if setpoint.kind not in self.capabilities.setpoints:
            return Applied(setpoint, AppliedState.REFUSED, detail=f"not supported by {self.identity.key}")
        return self._apply(setpoint)

    def _silence(self) -> str:
        """Return why it does not answer now, or nothing."""
        return self.silent

    def _reading(self, now: datetime) -> Reading:
        raise NotImplementedError

    def _apply(self, setpoint: Setpoint) -> Applied:
        raise NotImplementedError


class MeterModule(SimulatedModule):
    """The meter at the supply."""

    def __init__(self, now: Callable[[], datetime], meter: GridMeter, serial: str) -> None:
        super().__init__(
            now,
            Identity(VENDOR, "Meter 3P", serial),
            ModuleKind.METER,
            Nameplate(phases=3, voltage_v=230.0),
            Capabilities(imported_energy=True, exported_energy=True),
        )
        self._meter = meter

    def _reading(self, now: datetime) -> Reading:
        it = self._meter
        return Reading(
            self.identity.key,
            now,
            state=OperatingState.RUNNING,
            power_w=it.power_w,
            voltage_v=sum(it.voltages_v) / 3,
            frequency_hz=it.frequency_hz,
            energy_imported_wh=it.imported_wh,
            energy_exported_wh=it.exported_wh,
        )


class BatteryModule(SimulatedModule):
    """The battery. A power is a window between two rates, one of them negative, as in SunSpec's model 124."""

    def __init__(self, now: Callable[[], datetime], battery: Battery, wires: Wires, serial: str) -> None:
        super().__init__(
            now,
            Identity(VENDOR, "Battery 5", serial),
            ModuleKind.BATTERY,
            Nameplate(
                power_w=battery.power_max_w,
                charge_power_w=battery.power_max_w,
                discharge_power_w=battery.power_max_w,
                capacity_wh=battery.capacity_wh,
                voltage_v=230.0,
            ),
            Capabilities(
                _STORAGE_KINDS,
                reverts=True,
                revert_s_max=LONGEST,
                imported_energy=True,
                exported_energy=True,
                temperature=True,
            ),
        )
        self.battery = battery
        self._wires = wires

    def _reading(self, now: datetime) -> Reading:
        it = self.battery
        running = abs(it.power_w) > _RUNNING_W
        return Reading(
            self.identity.key,
            now,
            state=OperatingState.RUNNING if running else OperatingState.STANDBY,
            power_w=it.power_w,
            voltage_v=self._wires.voltages_v[0],
            frequency_hz=self._wires.frequency_hz,
            energy_imported_wh=it.imported_wh,
            energy_exported_wh=it.exported_wh,
            temperature_c=it.temperature_c,
            battery=BatteryReading(
                soc_percent=it.soc_percent,
                soh_percent=98.5,
                capacity_wh=it.capacity_wh,
                available_wh=it.energy_wh,
                charge_state=_CHARGE_STATES[battery_state(it)],
                voltage_v=it.voltage_v,
                cycles=it.cycles,
                reserve_percent=it.reserve_percent,
            ),
            grid_forming=it.forming,
        )

    def _apply(self, setpoint: Setpoint) -> Applied:
        it, value = self.battery, setpoint.value or 0.0
        if setpoint.kind is SetpointKind.RESERVE_PERCENT:
            it.reserve_percent = value
            return Applied(setpoint, AppliedState.APPLIED, it.reserve_percent)
        value = min(value, it.power_max_w)
        match setpoint.kind:
            case SetpointKind.CHARGE_W:
                it.charge_rate, it.discharge_rate = value, -value
            case SetpointKind.CHARGE_LIMIT_W:
                it.charge_rate, it.discharge_rate = value, None
            case SetpointKind.DISCHARGE_W:
                it.charge_rate, it.discharge_rate = -value, value
            case SetpointKind.HOLD:
                it.charge_rate = it.discharge_rate = 0.0
            case _:
                it.charge_rate = it.discharge_rate = None
        commanded = setpoint.kind is not SetpointKind.AUTO
        it.timer.left = (setpoint.expires_in or 0.0) if commanded else 0.0
        shown = None if setpoint.kind in {SetpointKind.HOLD, SetpointKind.AUTO} else value
        return Applied(setpoint, AppliedState.APPLIED, shown, it.timer.left or None)


class InverterModule(SimulatedModule):
    """A microinverter."""

    def __init__(
        self, now: Callable[[], datetime], inverter: SolarInverter, wires: Wires, serial: str
    ) -> None:
        super().__init__(
            now,
            Identity(VENDOR, f"Micro {inverter.rated_w:.0f}", serial),
            ModuleKind.MICROINVERTER,
            Nameplate(power_w=inverter.rated_w, voltage_v=230.0, dc_strings=inverter.strings),
            Capabilities(
                _OUTPUT_KINDS, reverts=True, revert_s_max=LONGEST, exported_energy=True, temperature=True
            ),
        )
        self.inverter = inverter
        self._wires = wires

    def _reading(self, now: datetime) -> Reading:
        it = self.inverter
        percent = it.limit_percent if it.limited else 100.0
        reading = Reading(
            self.identity.key,
            now,
            state=OperatingState.SLEEPING,
            energy_exported_wh=it.energy_wh,
            temperature_c=it.temperature_c,
            connected=it.connected,
            power_limit_percent=percent,
            power_limit_w=percent * it.rated_w / 100,
        )
        if not it.connected:
            return replace(reading, state=OperatingState.OFF, power_w=it.power_w)
        if it.asleep:
            return reading
        dead = it.health is Health.DEAD
        state = OperatingState.THROTTLED if it.throttled else OperatingState.RUNNING
        if it.waits_s > 0:
            state = OperatingState.STARTING if it.supplied else OperatingState.STANDBY
        return replace(
            reading,
            state=state,
            power_w=it.power_w,
            voltage_v=self._wires.voltages_v[0],
            frequency_hz=self._wires.frequency_hz,
            dc_power_w=-it.dc_w,
            faults=(Fault("DC_OVER_VOLT", "701.Alrm"),) if dead else (),
        )

    def _apply(self, setpoint: Setpoint) -> Applied:
        it, value = self.inverter, setpoint.value or 0.0
        expires = setpoint.expires_in or 0.0
        match setpoint.kind:
            case SetpointKind.CONNECT:
                it.connected = value == 1
                it.connect_timer.left = 0.0 if it.connected else expires
                return Applied(
                    setpoint, AppliedState.APPLIED, float(it.connected), it.connect_timer.left or None
                )
            case SetpointKind.AUTO:
                it.limited, it.connected = False, True
                it.limit_timer.left = it.connect_timer.left = 0.0
                return Applied(setpoint, AppliedState.APPLIED)
            case SetpointKind.POWER_LIMIT_W:
                it.limit_percent = min(100.0, 100 * value / it.rated_w)
            case _:
                it.limit_percent = value
        it.limited, it.limit_timer.left = True, expires
        watts = setpoint.kind is SetpointKind.POWER_LIMIT_W
        shown = it.limit_percent * it.rated_w / 100 if watts else it.limit_percent
        return Applied(setpoint, AppliedState.APPLIED, shown, expires or None)


class PlugModule(SimulatedModule):
    """A plug with a water heater behind it, and a flip-back timer."""

    def __init__(self, now: Callable[[], datetime], heater: WaterHeater, wires: Wires, serial: str) -> None:
        super().__init__(
            now,
            Identity(VENDOR, "Plug", serial),
            ModuleKind.LOAD,
            Nameplate(power_w=3680.0),
            Capabilities(_SWITCH_KINDS, reverts=True, revert_s_max=LONGEST, imported_energy=True),
        )
        self.heater = heater
        self._wires = wires

    def _silence(self) -> str:
        return self.silent or ("" if self.heater.supplied else "its socket has no power")

    def _reading(self, now: datetime) -> Reading:
        it = self.heater
        return Reading(
            self.identity.key,
            now,
            state=OperatingState.RUNNING if it.output else OperatingState.OFF,
            power_w=it.power_w,
            voltage_v=self._wires.voltages_v[1],
            frequency_hz=self._wires.frequency_hz,
            energy_imported_wh=it.energy_wh,
            connected=it.output,
        )

    def _apply(self, setpoint: Setpoint) -> Applied:
        it = self.heater
        if setpoint.kind is SetpointKind.AUTO:
            if it.timer.left:
                it.switch(on=not it.output)
            return Applied(setpoint, AppliedState.APPLIED)
        on = setpoint.value == 1
        of_itself = it.output if not it.timer.left else not it.output
        if setpoint.expires_in is None or of_itself is on:
            it.switch(on=on)
        else:
            it.switch(on=on, flip_back_s=setpoint.expires_in)
        return Applied(setpoint, AppliedState.APPLIED, float(it.output), it.timer.left or None)


class InProcessHome:
    """The modules of a world that lives as time passes for whoever asks."""

    def __init__(self, world: World, elapsed: Callable[[], float]) -> None:
        """Make a module of every device.

        :param elapsed: seconds since the world's start
        """
        self._world = world
        self._elapsed = elapsed
        self.modules: dict[str, SimulatedModule] = {}
        for index, inverter in enumerate(world.inverters):
            self._add(InverterModule(self.now, inverter, world.supply, f"M{index + 1:06d}"))
        if world.battery is not None:
            self._add(BatteryModule(self.now, world.battery, world.supply, "B000001"))
        if world.has_meter:
            self._add(MeterModule(self.now, world.meter, "G000001"))
        for index, heater in enumerate(world.heaters):
            self._add(PlugModule(self.now, heater, world.supply, f"P{index + 1:06d}"))

    @property
    def world(self) -> World:
        """The truth, at the present."""
        self.now()
        return self._world

    def now(self) -> datetime:
        """Let the world live until the present, and return that, in UTC."""
        elapsed = self._elapsed()
        self._world.advance(elapsed)
        return (self._world.start + timedelta(seconds=elapsed)).astimezone(UTC)

    def _add(self, module: SimulatedModule) -> None:
        self.modules[module.identity.serial] = module
