"""The plan that is in force, as the hub holds it: plain values, read from what the planning process says."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from bridge.loads.asked import LoadProgram
from bridge.planner.outlook import Foreseen
from bridge.planner.plan_step import (
    BatteryStep,
    PlanStep,
    WrittenSteps,
    check_numbers,
    json_of,
    steps_written,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["BatteryStep", "HomePlan", "PlanStep", "with_plan"]


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
    :ivar foreseen: what it expects of load, sun and emissions
    """

    steps: Sequence[PlanStep]
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

    @property
    def end(self) -> int:
        """When the last step ends, UTC in seconds since 1970."""
        return self.steps[-1].start + self.steps[-1].duration

    def step(self, time: float) -> PlanStep | None:
        """Return the step that holds an instant, None outside the plan."""
        number = bisect_right(self.steps, time, key=lambda each: each.start)
        step = self.steps[max(number - 1, 0)]
        return step if step.start <= time < step.start + step.duration else None

    def values(self) -> dict[str, Any]:
        """Return it in plain values, as people and programs are shown it."""
        return asdict(replace(self, steps=tuple(self.steps)))

    def to_json(self) -> bytes:
        """Return it as one line."""
        return "".join(self.json_pieces()).encode() + b"\n"

    def json_pieces(self) -> Iterator[str]:
        """Yield it as JSON, a step at a time: all of its plain values at once would take some 700 kB."""
        steps = self.steps.written() if isinstance(self.steps, WrittenSteps) else map(json_of, self.steps)
        before = '{"steps":['
        for step in steps:
            yield before + step
            before = ","
        yield "]"
        for each in fields(self)[1:]:
            yield f',"{each.name}":{json_of(getattr(self, each.name))}'
        yield "}"

    @classmethod
    def from_json(cls, line: bytes) -> HomePlan:
        """Read a plan. Raise ValueError when it is none."""
        try:
            values = json.loads(line, object_hook=steps_written)
        except RecursionError as error:
            raise ValueError(f"that is no plan: {error!r}") from error
        return cls.from_values(values)

    @classmethod
    def from_values(cls, values: Any) -> HomePlan:
        """Read what `values` returned, as JSON has it. Raise ValueError when it is no plan.

        :param values: its steps may have been read already, by `steps_written`
        """
        try:
            steps = WrittenSteps(
                each if isinstance(each, bytes) else written(each) for each in values["steps"]
            )
            programs = {key: LoadProgram(**each) for key, each in values.get("programs", {}).items()}
            told: dict[str, Any] = {name: tuple(values.get(name, ())) for name in ("violations", "notes")}
            if values.get("foreseen") is not None:
                told["foreseen"] = Foreseen.from_values(values["foreseen"], len(steps))
            plan = cls(**values | told | {"steps": steps, "programs": programs})
            check_numbers((plan.bill, plan.history_days, plan.seconds))
            for each in programs.values():
                check_numbers((each.need_wh, each.run_s, each.power_w))
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"that is no plan: {error!r}") from error
        if not steps:
            raise ValueError("the plan has no steps")
        return plan


def with_plan(values: Mapping[str, object], plan: HomePlan | None) -> Iterator[str]:
    """Yield a JSON object of plain values and `plan`, piece by piece."""
    yield f'{json_of(values)[:-1]},"plan":'
    yield from ("null",) if plan is None else plan.json_pieces()
    yield "}"
