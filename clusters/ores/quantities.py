"""Quantities: the integers that the specification has names for (Matter Core 7.19.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import Integer

if TYPE_CHECKING:
    from matter_node.clock import Clock


@dataclass(frozen=True)
class Quantity(Integer):
    """An integer with a meaning; narrower bounds leave the meaning.

    :ivar meaning: the specification's name of the type
    """

    meaning: str = ""


_MOST: Final = 2**62
"""Greatest magnitude of the specification's electrical measurements."""

LONGEST: Final = 30 * 86_400
"""Longest time that a command can ask for, in seconds: what is to last longer is no passing command."""


def _electrical(meaning: str) -> Quantity:
    return Quantity("int64", -_MOST, _MOST, signed=True, meaning=meaning)


PowerMw = _electrical("power-mW")
EnergyMwh = _electrical("energy-mWh")
VoltageMv = _electrical("voltage-mV")
AmperageMa = _electrical("amperage-mA")
Percent = Quantity("uint8", 0, 100, signed=False, meaning="percent")
Percent100ths = Quantity("uint16", 0, 10_000, signed=False, meaning="percent100ths")
Temperature = Quantity("int16", -27_315, 32_767, signed=True, meaning="temperature")
EpochS = Quantity("uint32", 0, 0xFFFF_FFFF, signed=False, meaning="epoch-s")
ElapsedS = Quantity("uint32", 0, 0xFFFF_FFFF, signed=False, meaning="elapsed-s")


def scaled(value: float | None, scale: float = 1.0) -> int | None:
    """Return a measured value in smaller units, as an integer; None for None and for what is no number."""
    if value is None or math.isnan(value):
        return None
    return round(min(max(value * scale, -_MOST), _MOST))


def epoch_s(utc: float | None) -> int | None:
    """Return seconds since 1970 as seconds since 2000, None where the attribute has no such time."""
    if utc is None:
        return None
    seconds = int(utc) - MATTER_EPOCH_OFFSET
    return seconds if 0 <= seconds < EpochS.maximum else None


def now_s(clock: Clock) -> int | None:
    """Return the time of day as an attribute has it, None while it is not known."""
    return epoch_s(clock.utc())
