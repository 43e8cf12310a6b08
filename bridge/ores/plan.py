"""The plan as the Hub cluster shows it: an hour a step, with the reason that weighs most in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.planner.news import Trigger
from clusters.ores.hub import PlanReasonEnum, PlanStepStruct, PlanTriggerEnum
from clusters.ores.quantities import epoch_s
from optimizer.reason import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.planner.plan import HomePlan, PlanStep

HOUR: Final = 3600
_TEXT_BYTES: Final = 96

TRIGGERS: Final = {
    Trigger.SCHEDULE: PlanTriggerEnum.SCHEDULE,
    Trigger.REQUEST: PlanTriggerEnum.REQUEST,
    Trigger.POLICY: PlanTriggerEnum.POLICY,
    Trigger.MODULE: PlanTriggerEnum.MODULE,
    Trigger.GRID: PlanTriggerEnum.GRID,
    Trigger.PRICE: PlanTriggerEnum.FORECAST,
    Trigger.FORECAST: PlanTriggerEnum.FORECAST,
}
_REASONS: Final = {
    ReasonCode.CHARGE_SUN: PlanReasonEnum.SOLAR_SURPLUS,
    ReasonCode.CHARGE_CHEAP: PlanReasonEnum.CHEAP_ENERGY,
    ReasonCode.CHARGE_PAID: PlanReasonEnum.CHEAP_ENERGY,
    ReasonCode.CHARGE_RESERVE: PlanReasonEnum.RESERVE,
    ReasonCode.CHARGE_BACKUP: PlanReasonEnum.RESERVE,
    ReasonCode.DISCHARGE_LOAD: PlanReasonEnum.EXPENSIVE_ENERGY,
    ReasonCode.DISCHARGE_SELL: PlanReasonEnum.FEED_IN,
    ReasonCode.DISCHARGE_PEAK: PlanReasonEnum.LIMIT,
    ReasonCode.HOLD_LATER: PlanReasonEnum.HOLD_FOR_LATER,
    ReasonCode.HOLD_RESERVE: PlanReasonEnum.RESERVE,
    ReasonCode.HOLD_BACKUP: PlanReasonEnum.RESERVE,
    ReasonCode.HOLD_ROOM: PlanReasonEnum.SOLAR_SURPLUS,
    ReasonCode.HOLD_NO_GAIN: PlanReasonEnum.IDLE,
    ReasonCode.HOLD_FULL: PlanReasonEnum.IDLE,
    ReasonCode.HOLD_EMPTY: PlanReasonEnum.IDLE,
    ReasonCode.HOLD_NOT_ALLOWED: PlanReasonEnum.LIMIT,
}


def shown_steps(plan: HomePlan | None) -> tuple[PlanStepStruct, ...]:
    """Return the steps that the cluster shows; none without a plan."""
    if plan is None:
        return ()
    return tuple(_shown(steps) for steps in _hours(plan.steps))


def _hours(steps: Sequence[PlanStep]) -> Iterator[list[PlanStep]]:
    """Divide the steps by the clock's hours."""
    hour: list[PlanStep] = []
    for step in steps:
        if hour and step.start // HOUR != hour[0].start // HOUR:
            yield hour
            hour = []
        hour.append(step)
    if hour:
        yield hour


def _shown(steps: list[PlanStep]) -> PlanStepStruct:
    duration = sum(each.duration for each in steps)

    def mean_mw(power: Callable[[PlanStep], float]) -> int:
        return round(1000 * sum(power(each) * each.duration for each in steps) / duration)

    grid, solar, storage = (
        mean_mw(lambda each: each.grid_w),
        mean_mw(lambda each: each.solar_w),
        mean_mw(lambda each: each.storage_w),
    )
    reasons = [battery for each in steps for battery in each.batteries.values()]
    chief = max(reasons, key=lambda battery: abs(battery.power_w), default=None)
    start = epoch_s(steps[0].start)
    assert start is not None, "a plan begins at some time"
    return PlanStepStruct(
        start=start,
        duration=duration,
        grid=grid,
        solar=solar,
        storage=storage,
        # The rest, so that the four add up exactly.
        load=grid - solar - storage,
        reason=PlanReasonEnum.IDLE if chief is None else _REASONS.get(chief.code, PlanReasonEnum.OTHER),
        text="" if chief is None else _brief(chief.sentence),
    )


def _brief(sentence: str) -> str:
    """Return a sentence cut to what the cluster holds, at a word."""
    if len(sentence.encode()) <= _TEXT_BYTES:
        return sentence
    cut = sentence.encode()[: _TEXT_BYTES - 3].decode(errors="ignore")
    return cut.rpartition(" ")[0].rstrip(",;:") + "…"
