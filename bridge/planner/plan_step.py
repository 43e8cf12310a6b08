"""The steps of a plan: as objects, and as the JSON in which the hub holds them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from operator import eq
from typing import TYPE_CHECKING, Any, Final, overload

from bridge.loads.asked import LoadStep
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST: Final = 1e12
"""Far more than any number of a plan is."""
_OF_A_STEP: Final = frozenset({"start", "duration", "batteries"})
"""What tells a step from other objects of JSON."""


@dataclass(frozen=True, slots=True)
class BatteryStep:
    """What a battery does in a step.

    :ivar power_w: charging positive
    :ivar soc_percent: at the step's end
    :ivar lowest_w: it follows the meter with a power from this to `highest_w` (`optimizer.plan.Band`)
    :ivar code: why
    :ivar sentence: why, for a person
    """

    power_w: float
    soc_percent: float
    mode: BatteryMode
    lowest_w: float
    highest_w: float
    code: ReasonCode
    sentence: str


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of the plan; powers with the signs of `bridge.flows.Flows`.

    :ivar start: UTC, seconds since 1970
    :ivar duration: seconds
    :ivar load_w: of everything but batteries and panels, planned loads included
    :ivar batteries: by module key
    :ivar loads: those that are planned, by module key
    :ivar curtailed_w: what the panels are to give less than they could, a magnitude
    """

    start: int
    duration: int
    import_price: float
    export_price: float
    load_w: float
    solar_w: float
    grid_w: float
    batteries: dict[str, BatteryStep]
    loads: dict[str, LoadStep] = field(default_factory=dict)
    curtailed_w: float = 0.0

    @property
    def storage_w(self) -> float:
        """Power of all batteries, charging positive."""
        return sum(each.power_w for each in self.batteries.values())


class WrittenSteps(Sequence[PlanStep]):
    """Steps as JSON, one after the other; each is read when somebody looks at it.

    That is a third of what they take as objects, in one piece, which leaves no holes when the plan is
    another one: every five minutes the hub has two of them for a moment.
    """

    __slots__ = ("_ends", "_text")

    def __init__(self, steps: Iterable[bytes]) -> None:
        """Hold steps as `written` returns them."""
        text = bytearray()
        self._ends = array("L")
        for each in steps:
            text += each
            self._ends.append(len(text))
        self._text = bytes(text)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> PlanStep: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PlanStep, ...]: ...
    def __getitem__(self, index: int | slice) -> PlanStep | tuple[PlanStep, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        return _step(json.loads(self._written(range(len(self))[index])))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment] # as that of a plan, which holds dictionaries

    def written(self) -> Iterator[str]:
        """Yield the steps as JSON."""
        return (self._written(number).decode() for number in range(len(self)))

    def _written(self, number: int) -> bytes:
        return self._text[self._ends[number - 1] if number else 0 : self._ends[number]]


def json_of(value: object) -> str:
    """Return plain values, dataclasses among them, as JSON without spaces. Raise ValueError."""
    return json.dumps(value, default=asdict, separators=(",", ":"), allow_nan=False)


def written(values: Any) -> bytes:
    """Return the plain values of a step as JSON. Raise TypeError, KeyError, AttributeError or ValueError."""
    _check(_step(values))
    return json_of(values).encode()


def steps_written(values: dict[str, Any]) -> Any:
    """Return what an object of JSON stands for: a step as `written` returns it, or nothing but itself.

    An `object_hook` of `json.loads`. The plain values of a plan are ten times as large as what is held of it;
    so each step's are gone before the next one's come. Raise ValueError when it is a step that is none.
    """
    if not values.keys() >= _OF_A_STEP:
        return values
    try:
        return written(values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"that is no step of a plan: {error!r}") from error


def _step(values: dict[str, Any]) -> PlanStep:
    batteries = {
        name: BatteryStep(
            **battery | {"mode": BatteryMode(battery["mode"]), "code": ReasonCode(battery["code"])}
        )
        for name, battery in values["batteries"].items()
    }
    loads = {name: LoadStep.of(load) for name, load in values.get("loads", {}).items()}
    return PlanStep(**values | {"batteries": batteries, "loads": loads})


def _check(step: PlanStep) -> None:
    check_numbers(load.power_w for load in step.loads.values())
    check_numbers((step.start, step.duration, step.load_w, step.solar_w, step.grid_w))
    check_numbers((step.import_price, step.export_price, step.curtailed_w))
    for each in step.batteries.values():
        check_numbers((each.power_w, each.soc_percent, each.lowest_w, each.highest_w))
    if step.duration <= 0:
        raise ValueError("a step of the plan does not last")


def check_numbers(values: Iterable[float]) -> None:
    """Raise ValueError when one is no number, or larger than any of a plan."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
            raise ValueError(f"a number of the plan is {value!r}")
