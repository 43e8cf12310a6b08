"""Rooms, and whatever else is kept at a temperature, in the question that a plan answers: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AskedRoom:
    """Something that a thermostat keeps at a temperature, and within which band.

    :ivar key: of the module
    :ivar title: what people call it
    :ivar heats: whether it is heated; else it is cooled
    :ivar temperature_c: now
    :ivar lowest_c: of the band at the end of each step, within what the thermostat can be set to
    :ivar highest_c: the same from above
    :ivar power_w: what it takes while it runs; None for what is usual for it
    :ivar outdoor_c: what its thermostat says of the air outside now; None if it does not
    :ivar priority: 0 to 9
    """

    key: str
    title: str
    heats: bool
    temperature_c: float
    lowest_c: tuple[float, ...]
    highest_c: tuple[float, ...]
    power_w: float | None
    outdoor_c: float | None
    priority: int

    @classmethod
    def of(cls, values: dict[str, Any]) -> AskedRoom:
        """Read plain values. Raise TypeError or KeyError."""
        rows = {name: tuple(values[name]) for name in ("lowest_c", "highest_c")}
        return cls(**values | rows)


@dataclass(frozen=True, slots=True)
class RoomTold:
    """What a plan takes a room for.

    :ivar loss_w_per_k: electricity that each kelvin of difference to outside takes
    :ivar capacity_wh_per_k: electricity that warms it by one kelvin
    :ivar power_w: what it takes while it runs
    :ivar explained: share of what its temperature did that this explains; 0 when it is a usual room's
    :ivar days: of its past that say so; 0 when it is a usual room's
    """

    loss_w_per_k: float
    capacity_wh_per_k: float
    power_w: float
    explained: float
    days: float
