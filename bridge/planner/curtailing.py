"""Carrying out what the plan wants of panels: less, where feeding in costs or no more may be fed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.command import Origin
from bridge.planner.carrying_out import SOURCE

if TYPE_CHECKING:
    from bridge.feed_in_ceiling import FeedInCeiling
    from bridge.flows import Flows
    from bridge.home import Home
    from bridge.planner.plan import PlanStep
    from bridge.planner.posing import PlannedModule

SMALL_W: Final = 50.0
"""Less than this is not worth limiting panels for."""
FULL_PERCENT: Final = 98.0
STRONG_SHARE: Final = 0.95
"""A battery that charges with this share of what it may takes no more."""


class Curtailing:
    """Limits the panels to what home and batteries take, and to what the plan has fed in."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._ceiling: FeedInCeiling | None = None

    def step(self, step: PlanStep, batteries: list[PlannedModule], flows: Flows) -> None:
        """Do what a step wants of the panels. Raise StateError when it cannot be kept."""
        if step.export_price >= 0 and step.curtailed_w <= SMALL_W:
            if self._ceiling is not None and self._ceiling.in_force:
                self._ceiling.release("what the panels give is wanted again")
            return
        if self._ceiling is None:
            from bridge.feed_in_ceiling import FeedInCeiling  # few plans want less sun

            home = self._home
            self._ceiling = FeedInCeiling(home.registry, home.arbiter, home.clock, Origin.PLAN, SOURCE)
        self._ceiling.hold(max(-step.grid_w, 0.0), flows, room=_has_room(step, batteries))


def _has_room(step: PlanStep, batteries: list[PlannedModule]) -> bool:
    """Tell whether a battery may and could take more than it does."""
    return any(
        each.soc_percent < FULL_PERCENT
        and each.power_w < STRONG_SHARE * min(each.charge_w, step.batteries[each.module.key].highest_w)
        for each in batteries
        if each.module.key in step.batteries
    )
