"""The hardware of a simulated module that speaks of itself: an inverter or a battery, with revert timers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hw.module import Identity, ModuleKind
from hw.setpoint import SetpointKind
from hw.simulator.world import Home, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from hw.simulator.physics import Battery, SolarInverter, Timer

LONGEST_REVERT: Final = 3600.0
"""Seconds after which every setpoint falls back at the latest."""


class SetpointRefusedError(ValueError):
    """The module has no such setpoint; the message is for a person."""


class OresDevice:
    """What a module is, measures and does.

    :param kind: `microinverter` or `battery`
    """

    VENDOR, FIRMWARE = "ORES", "1.0.0"

    def __init__(
        self,
        kind: ModuleKind,
        serial: str,
        *,
        seed: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if kind not in {ModuleKind.MICROINVERTER, ModuleKind.BATTERY}:
            raise ValueError(f"there is no simulated {kind.value} that speaks of itself")
        self.kind = kind
        battery = kind is ModuleKind.BATTERY
        self.identity = Identity(self.VENDOR, "B5" if battery else "M400", serial, self.FIRMWARE)
        self._world = World(Home(inverters=1, battery=battery, meter=False), seed=seed)
        self._now = now
        self._zero = now()
        self.clock_ahead = timedelta()
        """How far the hub's clock is ahead of this machine's: the module's follows it."""

    @property
    def inverter(self) -> SolarInverter:
        """The simulated inverter."""
        return self._world.inverters[0]

    @property
    def battery(self) -> Battery:
        """The simulated battery."""
        assert self._world.battery is not None
        return self._world.battery

    def description(self) -> dict[str, Any]:
        """Return what the module says of itself."""
        if self.kind is ModuleKind.BATTERY:
            nameplate = {
                "power_w": self.battery.power_max_w,
                "charge_power_w": self.battery.power_max_w,
                "discharge_power_w": self.battery.power_max_w,
                "capacity_wh": self.battery.capacity_wh,
            }
        else:
            nameplate = {"power_w": self.inverter.rated_w, "dc_strings": self.inverter.strings}
        return {
            "vendor": self.identity.vendor,
            "model": self.identity.model,
            "serial": self.identity.serial,
            "firmware": self.identity.firmware,
            "kind": self.kind.value,
            "nameplate": nameplate,
            "capabilities": {
                "setpoints": sorted(self._setpoints()),
                "revert_s_max": LONGEST_REVERT,
                "imported_energy": self.kind is ModuleKind.BATTERY,
                "exported_energy": True,
                "temperature": True,
                "accuracy": {"power": {"percent": 1, "fixed": 1}, "energy": {"percent": 1, "fixed": 1}},
            },
        }

    def sample(self) -> dict[str, Any]:
        """Measure."""
        self._live()
        common = {"time": (datetime.now(UTC) + self.clock_ahead).isoformat(timespec="milliseconds")}
        return common | (self._battery_sample() if self.kind is ModuleKind.BATTERY else self._solar_sample())

    def apply(
        self, kind: str, value: float | None, expires_s: float | None
    ) -> tuple[float | None, float | None]:
        """Do what the module is told; return what is in force now, and the seconds until it reverts.

        :raises SetpointRefusedError: it has no such setpoint
        """
        self._live()
        wanted = SetpointKind(kind)
        if wanted not in self._setpoints():
            raise SetpointRefusedError(f"{self.identity.model} takes no {kind}")
        expires = None if expires_s is None else min(expires_s, LONGEST_REVERT)
        if self.kind is ModuleKind.BATTERY:
            self._tell_battery(wanted, value, expires)
        else:
            self._tell_inverter(wanted, value, expires)
        self._live()
        return value, None if wanted in {SetpointKind.AUTO, SetpointKind.RESERVE_PERCENT} else expires

    def _setpoints(self) -> set[SetpointKind]:
        if self.kind is ModuleKind.BATTERY:
            return {
                SetpointKind.CHARGE_W,
                SetpointKind.DISCHARGE_W,
                SetpointKind.CHARGE_LIMIT_W,
                SetpointKind.HOLD,
                SetpointKind.RESERVE_PERCENT,
                SetpointKind.AUTO,
            }
        return {
            SetpointKind.POWER_LIMIT_PERCENT,
            SetpointKind.POWER_LIMIT_W,
            SetpointKind.CONNECT,
            SetpointKind.AUTO,
        }

    def _tell_inverter(self, kind: SetpointKind, value: float | None, expires: float | None) -> None:
        inverter, number = self.inverter, value or 0.0
        if kind is SetpointKind.AUTO:
            inverter.limited, inverter.connected = False, True
            inverter.limit_timer.left = inverter.connect_timer.left = 0.0
        elif kind is SetpointKind.CONNECT:
            inverter.connected = number == 1
            _set(inverter.connect_timer, expires)
        else:
            share = number if kind is SetpointKind.POWER_LIMIT_PERCENT else number / inverter.rated_w * 100
            inverter.limit_percent, inverter.limited = min(share, 100.0), True
            _set(inverter.limit_timer, expires)

    def _tell_battery(self, kind: SetpointKind, value: float | None, expires: float | None) -> None:
        battery, number = self.battery, value or 0.0
        if kind is SetpointKind.RESERVE_PERCENT:
            battery.reserve_percent = number
            return
        battery.charge_rate, battery.discharge_rate = {
            SetpointKind.CHARGE_W: (number, -number),
            SetpointKind.DISCHARGE_W: (-number, number),
            SetpointKind.CHARGE_LIMIT_W: (number, None),
            SetpointKind.HOLD: (0.0, 0.0),
        }.get(kind, (None, None))
        _set(battery.timer, expires)

    def _solar_sample(self) -> dict[str, Any]:
        inverter = self.inverter
        state = "sleeping" if inverter.asleep else "throttled" if inverter.throttled else "running"
        return {
            "state": state if inverter.connected else "off",
            "power_w": round(inverter.power_w, 1),
            "voltage_v": 230.0,
            "frequency_hz": 50.0,
            "energy_exported_wh": round(inverter.energy_wh, 1),
            "temperature_c": round(inverter.temperature_c, 1),
            "strings": [{"name": "PV1", "power_w": round(inverter.dc_w, 1)}],
            "connected": inverter.connected,
            "power_limit_percent": inverter.limit_percent if inverter.limited else 100.0,
        }

    def _battery_sample(self) -> dict[str, Any]:
        battery = self.battery
        doing = "holding"
        if battery.power_w:
            doing = "charging" if battery.power_w > 0 else "discharging"
        return {
            "state": "running" if battery.power_w else "standby",
            "power_w": round(battery.power_w, 1),
            "voltage_v": 230.0,
            "frequency_hz": 50.0,
            "energy_imported_wh": round(battery.imported_wh, 1),
            "energy_exported_wh": round(battery.exported_wh, 1),
            "temperature_c": round(battery.temperature_c, 1),
            "battery": {
                "soc_percent": round(battery.soc_percent, 2),
                "capacity_wh": battery.capacity_wh,
                "charge_state": doing,
                "reserve_percent": battery.reserve_percent,
                "cycles": battery.cycles,
            },
        }

    def _live(self) -> None:
        """Let the module live up to the present, its revert timers included."""
        self._world.advance(self._now() - self._zero)


def _set(timer: Timer, expires: float | None) -> None:
    timer.left = 0.0 if expires is None else expires
