"""An electric vehicle: energy by a deadline, while it is plugged in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from optimizer.problem_error import (
    MOST_ENERGY_WH,
    MOST_POWER_W,
    MOST_PRICE,
    ProblemError,
    moment,
    name,
    number,
)

if TYPE_CHECKING:
    from datetime import datetime

    from optimizer.horizon import Window

_MOST_S: Final = 1e9
"""Far longer than any horizon."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle that charges. One that also feeds the home is a `Battery` with windows.

    :ivar plugged: when it can charge; the windows must not overlap
    :ivar need_wh: to be in its battery by the deadline on top of what is there; more than fits is a wish that
        cannot be met in full
    :ivar deadline: None for the end of the last window. Of a need whose time reaches beyond the horizon, the
        part of its time that lies within is planned
    :ivar max_w: highest charging power at the wall
    :ivar min_w: less than this is off (6 A of one phase are 1380 W)
    :ivar exact_s: for so long from the start of the horizon; in later steps less is a mean of on and off,
        which is much easier to solve. None for always
    :ivar efficiency: share of what it draws that ends in its battery
    :ivar room_wh: most that still fits in its battery; None: it takes no more than it needs
    :ivar value: worth of a kWh in its battery, needed or not
    :ivar from_battery: home batteries may feed it
    :ivar price: what a kWh costs that is missing at the deadline; None for the problem's price of a wish
    :ivar haste: what it costs that a kWh comes an hour later
    :raises ProblemError: a value is absurd
    """

    name: str
    plugged: tuple[Window, ...]
    need_wh: float
    max_w: float
    deadline: datetime | None = None
    min_w: float = 0.0
    efficiency: float = 0.9
    room_wh: float | None = None
    value: float = 0.0
    from_battery: bool = False
    price: float | None = None
    haste: float = 0.0
    exact_s: float | None = None

    def __post_init__(self) -> None:
        name("a vehicle", self.name)
        object.__setattr__(self, "plugged", tuple(self.plugged))
        if not self.plugged:
            raise ProblemError(f"{self.name!r} is never plugged in")
        ordered = sorted(self.plugged, key=lambda window: window.start)
        for former, latter in pairwise(ordered):
            if latter.start < former.end:
                raise ProblemError(f"two windows in which {self.name!r} is plugged in overlap")
        number(f"the need of {self.name!r}", self.need_wh, 0.0, MOST_ENERGY_WH)
        number(f"the highest power of {self.name!r}", self.max_w, 0.0, MOST_POWER_W)
        number(f"the lowest power of {self.name!r}", self.min_w, 0.0, self.max_w)
        number(f"the efficiency of {self.name!r}", self.efficiency, 0.01, 1.0)
        if self.room_wh is not None:
            number(f"the room in {self.name!r}", self.room_wh, 0.0, MOST_ENERGY_WH)
        number(f"the worth of energy in {self.name!r}", self.value, -MOST_PRICE, MOST_PRICE)
        if self.price is not None:
            number(f"the price of energy that {self.name!r} lacks", self.price, 0.0, MOST_PRICE**2)
        number(f"the haste of {self.name!r}", self.haste, 0.0, MOST_PRICE)
        if self.exact_s is not None:
            number(f"the exact time of {self.name!r}", self.exact_s, 0.0, _MOST_S)
        if self.deadline is not None:
            moment(f"the deadline of {self.name!r}", self.deadline)
