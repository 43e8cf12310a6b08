"""What a Shelly says, as values: device information, a relay's settings and its status.

A device's word is not taken for granted: a field of another type than documented is a ValueError where the
device cannot do without it, and else as good as absent.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hw.accuracy import Quantity
from hw.power_up import PowerUp

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELAY = re.compile(r"switch:(\d{1,3})")
_MAC = re.compile(r"[0-9A-Fa-f]{12}")
_INITIAL_STATES: Final = {"off": PowerUp.OFF, "on": PowerUp.ON, "restore_last": PowerUp.LAST}
_POWER_ON: Final = 1
"""`ESP_RST_POWERON`."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """`Shelly.GetDeviceInfo`."""

    mac: str
    """12 capital hexadecimal digits."""
    model: str
    """The vendor's order number, such as `SNPL-00112EU`."""
    app: str
    """The product, such as `PlusPlugS`."""
    firmware: str
    generation: int

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> DeviceInfo:
        """Raise ValueError when it is no Shelly of generation 2 or later that says who it is."""
        mac, generation = values.get("mac"), values.get("gen")
        if not isinstance(mac, str) or not _MAC.fullmatch(mac):
            raise ValueError("no MAC address")
        if type(generation) is not int or generation < 2:
            raise ValueError("not of generation 2 or later")
        return cls(
            mac.upper(), _text(values, "model"), _text(values, "app"), _text(values, "ver"), generation
        )


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """`Switch.GetStatus`; None for what the device does not have or does not know."""

    output: bool
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    frequency_hz: float | None = None
    power_factor: float | None = None
    energy_imported_wh: float | None = None
    energy_exported_wh: float | None = None
    temperature_c: float | None = None
    timer_s: float | None = None
    """How long the flip-back timer was set for; None while there is none running."""
    errors: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> RelayStatus:
        """Raise ValueError when it does not say whether the relay is on."""
        output = values.get("output")
        if not isinstance(output, bool):
            raise ValueError("no output")  # noqa: TRY004 - what a device sends is a value, not a bug
        errors = values.get("errors")
        return cls(
            output=output,
            power_w=_number(values, "apower"),
            voltage_v=_number(values, "voltage"),
            current_a=_number(values, "current"),
            frequency_hz=_number(values, "freq"),
            power_factor=_number(values, "pf"),
            energy_imported_wh=_number(_object(values, "aenergy"), "total"),
            energy_exported_wh=_number(_object(values, "ret_aenergy"), "total"),
            temperature_c=_number(_object(values, "temperature"), "tC"),
            timer_s=_number(values, "timer_duration"),
            errors=tuple(each[:64] for each in errors[:16] if isinstance(each, str) and each)
            if isinstance(errors, list)
            else (),
        )

    def measured(self) -> set[Quantity]:
        """Return what the relay measures; nothing if it has no meter."""
        values = {
            Quantity.POWER: self.power_w,
            Quantity.VOLTAGE: self.voltage_v,
            Quantity.CURRENT: self.current_a,
            Quantity.FREQUENCY: self.frequency_hz,
            Quantity.POWER_FACTOR: self.power_factor,
            Quantity.ENERGY: self.energy_imported_wh,
        }
        return {quantity for quantity, value in values.items() if value is not None}


def relays(status: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the ids of the relays in `Shelly.GetStatus`, ascending."""
    found = (_RELAY.fullmatch(name) for name in status)
    return tuple(sorted({int(match[1]) for match in found if match is not None}))


def power_limit(settings: Mapping[str, Any]) -> float | None:
    """Return the power that `Switch.GetConfig` says the relay trips at, in W."""
    limit = _number(settings, "power_limit")
    return limit if limit is not None and limit > 0 else None


def initial_state(settings: Mapping[str, Any]) -> PowerUp | None:
    """Return what `Switch.GetConfig` says the relay does with power; None for what only its input decides."""
    state = settings.get("initial_state")
    return _INITIAL_STATES.get(state) if isinstance(state, str) else None


def initial_state_of(wanted: PowerUp) -> str:
    """Return how `Switch.SetConfig` has it."""
    return next(name for name, each in _INITIAL_STATES.items() if each is wanted)


def powered_s(status: Mapping[str, Any]) -> float | None:
    """Return the `uptime` of `Sys.GetStatus`, None if the device restarted otherwise than by getting power.

    `reset_reason` is the processor's (ESP-IDF `esp_reset_reason_t`); older firmware does not tell it.
    """
    reason = status.get("reset_reason", _POWER_ON)
    uptime = _number(status, "uptime")
    return uptime if reason == _POWER_ON and uptime is not None and uptime >= 0 else None


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value[:64] if isinstance(value, str) else ""
