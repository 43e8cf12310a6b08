"""What a go-eCharger says of itself, as values.

A device's word is not taken for granted: without a serial number and the car's state it is a ValueError, and
any other key of another type than documented is as good as absent.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from hw.accuracy import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Final = "sse,typ,fwv,ama,mca,amp,tcl,frc,alw,acu,amt,adi,cbl,car,err,nrg,fhz,pha,wh,eto,tma"
"""What of its some 300 keys the charger is asked for."""
_SERIAL = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_SENSORS = 8
_ADAPTER_A = 16


class CarState(IntEnum):
    """`car`: what the control pilot says."""

    UNKNOWN = 0
    IDLE = 1
    CHARGING = 2
    WAIT_CAR = 3
    """A car is there, and has not charged since it came."""
    COMPLETE = 4
    """A car is there, and has stopped charging or was stopped."""
    ERROR = 5
    INITIALIZING = 6


class ForceState(IntEnum):
    """`frc`: whether the charger's own logic decides, or somebody else has decided."""

    NEUTRAL = 0
    OFF = 1
    ON = 2


@dataclass(frozen=True, slots=True)
class ChargerStatus:
    """One answer; None for what the charger does not have or does not know."""

    serial: str
    """`sse`"""
    car: CarState | None
    """None while the charger has lost its own charge controller."""
    model: str = ""
    """`typ`, such as `go-eCharger_V4`."""
    firmware: str = ""
    """`fwv`, such as `59.4`, `053.1`."""
    force: int | None = None
    """`frc`, see ForceState."""
    allowed: bool | None = None
    """`alw`: what comes of force, schedule, access control and the rest."""
    error: int | None = None
    """`err`, see `hw.goe.errors`; None as `car`."""
    installed_a: int | None = None
    """`ama`: what the electrician allows."""
    minimum_a: int | None = None
    """`mca`"""
    requested_a: int | None = None
    """`amp`: what the user set."""
    has_temporary_limit: bool = False
    """Whether there is a key `tcl`."""
    temporary_limit_a: int | None = None
    """`tcl`"""
    offered_a: int | None = None
    """`acu`"""
    heat_limit_a: int | None = None
    """`amt`"""
    cable_limit_a: int | None = None
    """`cbl`"""
    adapter: bool = False
    """`adi`: there is a plug for 16 A between the charger and the grid."""
    voltages_v: tuple[float, ...] = ()
    """L1 to L3, as the other two."""
    currents_a: tuple[float, ...] = ()
    powers_w: tuple[float, ...] = ()
    power_w: float | None = None
    frequency_hz: float | None = None
    supplied: int | None = None
    """How many phases lie before the contactor (`pha`)."""
    session_wh: float | None = None
    """`wh`"""
    total_wh: float | None = None
    """`eto`"""
    temperature_c: float | None = None
    """The highest of `tma`."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> ChargerStatus:
        """Raise ValueError when it does not say who it is or what the car does."""
        serial, car = values.get("sse"), values.get("car", 0.5)
        if not isinstance(serial, str) or not _SERIAL.fullmatch(serial):
            raise ValueError("no serial number")
        if car is not None and (type(car) is not int or not 0 <= car <= max(CarState)):
            raise ValueError("no state of the car")
        energies = _numbers(values.get("nrg"), 16)
        frequency = _number(values.get("fhz"))
        heat = [value for value in _numbers(values.get("tma")) if -60 <= value <= 200]
        return cls(
            serial=serial,
            car=None if car is None else CarState(car),
            model=_text(values, "typ"),
            firmware=_text(values, "fwv"),
            force=_integer(values, "frc", 0),
            allowed=_flag(values, "alw"),
            error=_integer(values, "err", 0),
            installed_a=_integer(values, "ama"),
            minimum_a=_integer(values, "mca"),
            requested_a=_integer(values, "amp"),
            has_temporary_limit="tcl" in values,
            temporary_limit_a=_integer(values, "tcl"),
            offered_a=_integer(values, "acu"),
            heat_limit_a=_integer(values, "amt"),
            cable_limit_a=_integer(values, "cbl"),
            adapter=_flag(values, "adi") or False,
            voltages_v=energies[0:3],
            currents_a=energies[4:7],
            powers_w=energies[7:10],
            power_w=energies[11] if energies else None,
            frequency_hz=frequency if frequency is not None and frequency > 0 else None,
            supplied=_supplied(values.get("pha")),
            session_wh=_number(values.get("wh"), 0),
            total_wh=_number(values.get("eto"), 0),
            temperature_c=max(heat, default=None),
        )

    def measured(self) -> set[Quantity]:
        """Return what the charger measures."""
        values = {
            Quantity.POWER: self.power_w,
            Quantity.VOLTAGE: self.voltages_v or None,
            Quantity.CURRENT: self.currents_a or None,
            Quantity.FREQUENCY: self.frequency_hz,
            Quantity.ENERGY: self.total_wh,
        }
        return {quantity for quantity, value in values.items() if value is not None}

    @property
    def phases(self) -> int:
        """How many phases the charger is connected to, 1 if it does not say."""
        if self.supplied:
            return self.supplied
        return max(1, sum(voltage > 50 for voltage in self.voltages_v))

    @property
    def maximum_a(self) -> int | None:
        """The most per phase that installation, adapter, cable and heat allow."""
        limits = (
            self.installed_a,
            self.cable_limit_a,
            self.heat_limit_a,
            _ADAPTER_A if self.adapter else None,
        )
        return min((limit for limit in limits if limit is not None), default=None)

    def written(self, key: str) -> int | None:
        """Return what one of the keys that can be written reads: `frc`, `tcl` or `amp`."""
        return {"frc": self.force, "tcl": self.temporary_limit_a, "amp": self.requested_a}[key]

    @property
    def limit_a(self) -> int | None:
        """The most per phase under the limits that were set, whether a car is allowed to charge or not."""
        limits = (self.maximum_a, self.requested_a, self.temporary_limit_a)
        return min((limit for limit in limits if limit is not None), default=None)


def _integer(values: Mapping[str, Any], name: str, least: int = 1) -> int | None:
    value = values.get(name)
    return value if type(value) is int and least <= value <= 0xFFFF else None


def _flag(values: Mapping[str, Any], name: str) -> bool | None:
    value = values.get(name)
    return value if isinstance(value, bool) else None


def _number(value: object, least: float = -math.inf) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= least else None


def _numbers(value: object, length: int | None = None) -> tuple[float, ...]:
    """Return a list of numbers, () when one is none, or when they are fewer than `length`."""
    if not isinstance(value, list):
        return ()
    wanted = value[: length or _SENSORS]
    numbers = [number for number in map(_number, wanted) if number is not None]
    complete = len(numbers) == len(wanted) >= (length or 0)
    return tuple(numbers) if complete else ()


def _supplied(value: object) -> int | None:
    """Return how many of the three phases before the contactor are live: the latter half of `pha`."""
    if not isinstance(value, list) or len(value) != 6:
        return None
    return sum(flag is True for flag in value[3:]) or None


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value[:64] if isinstance(value, str) else ""
