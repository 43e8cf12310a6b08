"""The plan that is in force, as the hub holds it: plain values, read from what the planning process says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.loads.asked import LoadProgram, LoadStep
from bridge.loads.asked_room import RoomTold
from bridge.planner.outlook import Foreseen
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST: Final = 1e12
"""Far more than any number of a plan is."""


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


@dataclass(frozen=True, slots=True)
class HomePlan:
    """A plan.

    :ivar steps: one after the other
    :ivar bill: what the supplier will ask for them, in `currency`
    :ivar backup_hours: how long the home would last if the grid failed now, None without batteries
    :ivar violations: wishes that cannot be met, for a person
    :ivar exact: proved to be the best for these forecasts
    :ivar history_days: how much history the forecasts are made from
    :ivar seconds: solving took
    :ivar programs: what the planned loads are taken for, by module key
    :ivar notes: what people are told of what it is made from: prices that are not known, and the like
    :ivar co2_kg: what is drawn stands for, None if nobody says
    :ivar rooms: what the rooms are taken for whose temperature is planned, by module key
    :ivar foreseen: what it expects of load, sun and emissions
    """

    steps: tuple[PlanStep, ...]
    currency: str
    bill: float
    backup_hours: float | None
    violations: tuple[str, ...]
    exact: bool
    history_days: float
    seconds: float
    programs: dict[str, LoadProgram] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    co2_kg: float | None = None
    foreseen: Foreseen | None = None
    rooms: dict[str, RoomTold] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """When the last step ends, UTC in seconds since 1970."""
        return self.steps[-1].start + self.steps[-1].duration

    def step(self, time: float) -> PlanStep | None:
        """Return the step that holds an instant, None outside the plan."""
        return next((each for each in self.steps if each.start <= time < each.start + each.duration), None)

    def values(self) -> dict[str, Any]:
        """Return it in plain values, as people and programs are shown it."""
        return asdict(self)

    def to_json(self) -> bytes:
        """Return it as one line."""
        return json.dumps(self.values(), separators=(",", ":"), allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> HomePlan:
        """Read a plan. Raise ValueError when it is none."""
        try:
            values = json.loads(line)
        except RecursionError as error:
            raise ValueError(f"that is no plan: {error!r}") from error
        return cls.from_values(values)

    @classmethod
    def from_values(cls, values: Any) -> HomePlan:
        """Read what `values` returned, as JSON has it. Raise ValueError when it is no plan."""
        try:
            steps = tuple(_step(each) for each in values["steps"])
            programs = {key: LoadProgram(**each) for key, each in values.get("programs", {}).items()}
            told: dict[str, Any] = {name: tuple(values.get(name, ())) for name in ("violations", "notes")}
            if values.get("foreseen") is not None:
                told["foreseen"] = Foreseen.from_values(values["foreseen"], len(steps))
            rooms = {key: RoomTold(**each) for key, each in values.get("rooms", {}).items()}
            plan = cls(**values | told | {"steps": steps, "programs": programs, "rooms": rooms})
            _check_numbers((plan.bill, plan.history_days, plan.seconds))
            for each in programs.values():
                _check_numbers((each.need_wh, each.run_s, each.power_w))
            for room in rooms.values():
                _check_numbers(asdict(room).values())
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"that is no plan: {error!r}") from error
        if not steps:
            raise ValueError("the plan has no steps")
        return plan


def _step(values: dict[str, Any]) -> PlanStep:
    batteries = {
        name: BatteryStep(
            **battery | {"mode": BatteryMode(battery["mode"]), "code": ReasonCode(battery["code"])}
        )
        for name, battery in values["batteries"].items()
    }
    loads = {name: LoadStep.of(load) for name, load in values.get("loads", {}).items()}
    _check_numbers(load.power_w for load in loads.values())
    step = PlanStep(**values | {"batteries": batteries, "loads": loads})
    _check_numbers((step.start, step.duration, step.load_w, step.solar_w, step.grid_w))
    _check_numbers((step.import_price, step.export_price, step.curtailed_w))
    for each in batteries.values():
        _check_numbers((each.power_w, each.soc_percent, each.lowest_w, each.highest_w))
    if step.duration <= 0:
        raise ValueError("a step of the plan does not last")
    return step


def _check_numbers(values: Iterable[float]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
            raise ValueError(f"a number of the plan is {value!r}")
