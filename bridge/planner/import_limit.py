"""Keeping what is drawn below its limit: batteries charge from the grid with no more than what it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from optimizer.plan import BatteryMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.planner.plan import PlanStep
    from bridge.planner.posing import PlannedModule


def within(
    step: PlanStep, batteries: Sequence[PlannedModule], grid_w: float, limit_w: float | None
) -> PlanStep:
    """Return a step in which batteries charge no stronger than the limit allows now.

    :param grid_w: what the meter reads, drawing positive
    :param limit_w: most that is to be drawn, None for no limit
    """
    if limit_w is None:
        return step
    charging = {key: each for key, each in step.batteries.items() if each.mode is BatteryMode.CHARGE}
    wanted = sum(each.lowest_w for each in charging.values())
    room = limit_w - grid_w + sum(each.power_w for each in batteries)
    if wanted <= room or wanted <= 0:
        return step
    share = max(room, 0.0) / wanted
    weaker = {
        key: replace(each, lowest_w=each.lowest_w * share, highest_w=each.highest_w * share)
        for key, each in charging.items()
    }
    return replace(step, batteries=step.batteries | weaker)
