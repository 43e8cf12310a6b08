"""What the home uses: the load that just happens, and loads that can wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.problem_error import (
    MOST_ENERGY_WH,
    MOST_POWER_W,
    MOST_PRICE,
    ProblemError,
    in_order,
    length,
    name,
    number,
    series,
)

if TYPE_CHECKING:
    from optimizer.horizon import Window


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """The load that nobody plans, one value a step.

    :ivar power_w: expected
    :ivar critical_w: the part of it that must go on in an outage; None for all of it
    :ivar low_w: nine times in ten it is more (P10); None when that is not known
    :ivar high_w: nine times in ten it is less (P90); None when that is not known
    :raises ProblemError: a value is absurd, more is critical than there is, or low, expected and high are not
        in order
    """

    power_w: tuple[float, ...]
    critical_w: tuple[float, ...] | None = None
    low_w: tuple[float, ...] | None = None
    high_w: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "power_w", series("the load", self.power_w, 0.0, MOST_POWER_W))
        if self.critical_w is not None:
            put(self, "critical_w", series("the critical load", self.critical_w, 0.0, MOST_POWER_W))
            length("the critical load", self.critical_w, len(self.power_w))
            for step, (part, whole) in enumerate(zip(self.critical_w, self.power_w, strict=True)):
                if part > whole + 1e-6:
                    raise ProblemError(f"of {whole:g} W in step {step}, {part:g} W are said to be critical")
        for what in ("low_w", "high_w"):
            if getattr(self, what) is not None:
                label = f"the {what.removesuffix('_w')} load"
                put(self, what, series(label, getattr(self, what), 0.0, MOST_POWER_W))
                length(label, getattr(self, what), len(self.power_w))
        in_order("load", self.low_w, self.power_w)
        in_order("load", self.power_w, self.high_w)


@dataclass(frozen=True, slots=True)
class ShiftableLoad:
    """One run of a machine that, once started, goes through its program: a dishwasher.

    It starts at the beginning of a step.

    :ivar profile_w: power of its program, one value for each `slot_s`
    :ivar window: it starts and ends within; a window that is too short is a wish that cannot be met
    :ivar parts: within one of these, too; None for no such bound
    :ivar price: what not running costs, per kWh of the program; None for the problem's price of a wish
    :ivar haste: what it costs that a kWh comes an hour later
    :raises ProblemError: a value is absurd
    """

    name: str
    profile_w: tuple[float, ...]
    window: Window
    slot_s: int = 900
    price: float | None = None
    parts: tuple[Window, ...] | None = None
    haste: float = 0.0

    def __post_init__(self) -> None:
        name("a shiftable load", self.name)
        what = f"the program of {self.name!r}"
        object.__setattr__(self, "profile_w", series(what, self.profile_w, 0.0, MOST_POWER_W))
        if not any(self.profile_w):
            raise ProblemError(f"{what} uses no power")
        number(f"the slot of {self.name!r}", self.slot_s, 1, 86_400)
        if self.price is not None:
            number(f"the price of not running {self.name!r}", self.price, 0.0, MOST_PRICE**2)
        number(f"the haste of {self.name!r}", self.haste, 0.0, MOST_PRICE)

    @property
    def duration_s(self) -> int:
        """How long a run takes."""
        return self.slot_s * len(self.profile_w)

    @property
    def energy_wh(self) -> float:
        """What a run uses."""
        return sum(self.profile_w) * self.slot_s / 3600


@dataclass(frozen=True, slots=True)
class InterruptibleLoad:
    """A load that needs some energy within a window and does not mind pauses: a pool pump.

    :ivar energy_wh: wished by the end of the window; more than fits is a wish that cannot be met in full
    :ivar min_w: less than this is off
    :ivar from_battery: batteries may feed it
    :ivar price: what a missing kWh costs; None for the problem's price of a wish
    :raises ProblemError: a value is absurd
    """

    name: str
    energy_wh: float
    window: Window
    max_w: float
    min_w: float = 0.0
    from_battery: bool = True
    price: float | None = None

    def __post_init__(self) -> None:
        name("an interruptible load", self.name)
        number(f"the energy of {self.name!r}", self.energy_wh, 0.0, MOST_ENERGY_WH)
        number(f"the highest power of {self.name!r}", self.max_w, 0.0, MOST_POWER_W)
        number(f"the lowest power of {self.name!r}", self.min_w, 0.0, self.max_w)
        if self.price is not None:
            number(f"the price of energy that {self.name!r} lacks", self.price, 0.0, MOST_PRICE**2)
