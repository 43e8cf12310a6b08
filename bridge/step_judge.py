"""Doubts the meter at the supply, or a module, when the one does not move as the other does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.doubts import OUT_OF_STEP
from bridge.step_response import StepResponses, cause
from bridge.step_watch import StepWatch

if TYPE_CHECKING:
    from bridge.doubts import DoubtBook
    from bridge.events import EventBus
    from bridge.grid import GridWatch
    from bridge.registry import Registry
    from bridge.step_response import Lie, Step
    from matter_node.clock import Clock


class StepJudge:
    """Counts steps against those who are out of step, and for those who are in step again."""

    def __init__(
        self, registry: Registry, bus: EventBus, clock: Clock, grid: GridWatch, doubts: DoubtBook
    ) -> None:
        self._registry = registry
        self._grid = grid
        self._doubts = doubts
        self._responses = StepResponses()
        self._meter = ""
        self._watch = StepWatch(registry, bus, clock, grid, self._stepped)

    def start(self) -> None:
        """Follow the home."""
        self._watch.start()

    def stop(self) -> None:
        """Follow no more."""
        self._watch.stop()

    def forget(self, module: str) -> None:
        """Forget what a module did."""
        self._responses.forget(module)

    def _stepped(self, step: Step) -> None:
        meter = self._grid.meter()
        if meter is None:
            return
        if meter != self._meter:
            self._meter = meter
            self._responses.begin_anew()
        self._responses.add(step, honest=not self._doubts.is_doubted(meter))
        self._judge_meter(meter)
        if not self._doubts.is_raised(meter, OUT_OF_STEP):
            for module in step.modules:
                self._judge(module)

    def _judge_meter(self, meter: str) -> None:
        if self._doubts.is_raised(meter, OUT_OF_STEP):
            if self._responses.is_meter_right():
                self._doubts.judge(meter, OUT_OF_STEP, beyond=False)
                self._responses.begin_anew()
            return
        lie = self._responses.lie_of_meter()
        if lie is None:
            return
        step = lie.step
        evidence = (
            f"it moved {step.metered_w:.0f} W when {self._names(step)} changed by {step.moved_w:.0f} W, and "
            f"{_times(lie)} what it should in {lie.count} steps in a row: {cause(lie.ratio)}"
        )
        self._doubts.judge(meter, OUT_OF_STEP, beyond=True, evidence=evidence)
        self._responses.begin_anew()

    def _judge(self, module: str) -> None:
        if self._doubts.is_raised(module, OUT_OF_STEP):
            if self._responses.is_right(module):
                self._doubts.judge(module, OUT_OF_STEP, beyond=False)
                self._responses.forget(module)
            return
        lie = self._responses.lie_of(module)
        if lie is None:
            return
        step = lie.step
        evidence = (
            f"its reading changed by {step.own_w:.0f} W when the meter at the supply moved "
            f"{step.metered_w:.0f} W, and {_times(lie)} what it should in {lie.count} steps in a row: what "
            "it says of its power is not what it does. Its scale or sign is wrong, or another meter stands "
            "between it and the supply"
        )
        self._doubts.judge(module, OUT_OF_STEP, beyond=True, evidence=evidence)
        self._responses.forget(module)

    def _names(self, step: Step) -> str:
        return " and ".join(self._registry[key].record.name for key in step.modules if key in self._registry)


def _times(lie: Lie) -> str:
    return f"{lie.ratio:.2g} times"
