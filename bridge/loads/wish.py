"""What the residents want of a load or a charging point: how much by when, and whether it is planned."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from bridge.planner.window import DAYS, minutes
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.record import ModuleRecord

E = TypeVar("E", bound=StrEnum)

MOST_WH: Final = 200_000.0
MOST_W: Final = 50_000.0
LONGEST_RUN: Final = 24 * 60.0
LONGEST_PAUSE: Final = 240.0
"""Minutes that a load can be asked to stay on, or off, at least."""
_NUMBERS: Final = {
    "energy_wh": (1.0, MOST_WH),
    "run_minutes": (1.0, LONGEST_RUN),
    "power_w": (1.0, MOST_W),
    "min_on_minutes": (0.0, LONGEST_PAUSE),
    "min_off_minutes": (0.0, LONGEST_PAUSE),
}


class LoadKind(StrEnum):
    """What a load is to the plan."""

    FIXED = "fixed"
    """It just happens: it is foreseen as a part of the home's load."""
    INTERRUPTIBLE = "interruptible"
    """It needs some energy by a time and does not mind pauses: a car, a water heater, a pool pump."""
    MACHINE = "machine"
    """It goes through one program without a pause: a dishwasher. It is started by switching its power on."""


class Hours(StrEnum):
    """At which prices a load may run, by the prices of the plan's two days."""

    ANY = "any"
    OFF_PEAK = "off_peak"
    """In the cheapest third between the lowest and the highest price only."""
    NOT_PEAK = "not_peak"
    """Not in the dearest third."""


class WishError(ValueError):
    """A wish that cannot be meant; the message is for a person.

    :ivar field: which of the wish's members is wrong
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class LoadWish:
    """What is wanted of a load. Times of day are local, such as `07:00`.

    :ivar planned: the plan may command it
    :ivar energy_wh: what it is to get by each deadline, or what a run takes; None for what is usual for it
    :ivar run_minutes: how long it runs for that; None for what is usual for it
    :ivar power_w: what it takes while it runs; None for what is usual for it
    :ivar done_by: when it is to be done
    :ivar days: on which it is to be done by then, every week; none for not by itself
    :ivar earliest: before which it does not begin; None for a day before `done_by`
    :ivar min_on_minutes: how long it stays on at least; `min_off_minutes` the same for off
    :ivar once_from: since when it is wanted once besides, UTC in seconds since 1970; None for not
    :ivar once_by: and by when
    :raises WishError: a value is absurd
    """

    kind: LoadKind = LoadKind.FIXED
    planned: bool = True
    energy_wh: float | None = None
    run_minutes: float | None = None
    power_w: float | None = None
    done_by: str | None = None
    days: tuple[str, ...] = ()
    earliest: str | None = None
    hours: Hours = Hours.ANY
    min_on_minutes: float = 0.0
    min_off_minutes: float = 0.0
    once_from: float | None = None
    once_by: float | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in _NUMBERS.items():
            _check_number(name, getattr(self, name), least, most)
        for name in ("done_by", "earliest"):
            _check_time(name, getattr(self, name))
        for day in self.days:
            if day not in DAYS:
                raise WishError("days", f"{day!r} is no day of the week; there are {', '.join(DAYS)}")
        # In the order of the week, each once.
        object.__setattr__(self, "days", tuple(day for day in DAYS if day in self.days))
        if self.kind is not LoadKind.FIXED and self.days and self.done_by is None:
            raise WishError("done_by", "is missing: by when is it to be done on these days?")

    @property
    def run_s(self) -> float | None:
        """How long a run takes, if anybody said so."""
        if self.run_minutes is not None:
            return 60 * self.run_minutes
        if self.energy_wh is not None and self.power_w is not None:
            return 3600 * self.energy_wh / self.power_w
        return None

    @property
    def need_wh(self) -> float | None:
        """What it is to get, if anybody said so."""
        if self.energy_wh is not None:
            return self.energy_wh
        if self.run_minutes is not None and self.power_w is not None:
            return self.run_minutes / 60 * self.power_w
        return None

    @property
    def is_planned(self) -> bool:
        """Whether there is anything to plan, now or later."""
        return self.planned and self.kind is not LoadKind.FIXED

    def once(self, now: float, by: float) -> LoadWish:
        """Return the wish with one more: to be done once, by an instant."""
        return replace(self, once_from=now, once_by=by)

    def not_once(self) -> LoadWish:
        """Return the wish without that."""
        return replace(self, once_from=None, once_by=None)

    def values(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Read what `values` gave; what a newer version added is left out. Raise WishError, ValueError."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        days = known.get("days", ())
        if not isinstance(days, list | tuple) or not all(isinstance(day, str) for day in days):
            raise WishError("days", "is a list of days such as mon")
        if not isinstance(known.get("planned", True), bool):
            raise WishError("planned", "is true or false")
        return cls(
            **known
            | {
                "kind": _word("kind", LoadKind, known.get("kind", LoadKind.FIXED)),
                "hours": _word("hours", Hours, known.get("hours", Hours.ANY)),
                "days": tuple(days),
            }
        )


def check(wish: LoadWish, record: ModuleRecord) -> None:
    """Raise WishError when a module cannot be what the wish says, or the plan could do nothing with it."""
    if wish.kind is LoadKind.FIXED:
        return
    needed = {
        ModuleKind.LOAD: {SetpointKind.CONNECT},
        ModuleKind.EVSE: {SetpointKind.CONNECT, SetpointKind.CHARGE_CURRENT_A},
    }.get(record.kind)
    if needed is None:
        raise WishError("kind", f"{record.name} is a {record.kind.value}: loads and chargers can wait")
    if not needed <= record.capabilities.setpoints:
        raise WishError("kind", f"{record.name} cannot be switched, so it cannot wait")
    if record.kind is ModuleKind.EVSE and wish.kind is LoadKind.MACHINE:
        raise WishError("kind", f"{record.name} charges cars, which do not mind pauses: interruptible")


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if value is None and name not in {"min_on_minutes", "min_off_minutes"}:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WishError(name, f"is a number, not {value!r}")
    if not least <= value <= most:
        raise WishError(name, f"is {least:g} to {most:g}, not {value:g}")


def _check_time(name: str, value: object) -> None:
    if value is None:
        return
    try:
        minutes(str(value))
    except ValueError as error:
        raise WishError(name, str(error)) from None


def _word(name: str, kind: type[E], value: object) -> E:
    try:
        return kind(str(value))
    except ValueError:
        raise WishError(name, f"is {' or '.join(kind)}, not {value!r}") from None
