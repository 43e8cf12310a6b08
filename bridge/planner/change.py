"""What another plan makes of the time that both know: more or less sun, a higher or a lower bill."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.planner.plan import HomePlan, PlanStep

AHEAD: Final = 86_400
"""Seconds from now that count."""
_LITTLE_W: Final = 1.0
_LITTLE: Final = 0.005


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What is otherwise in the coming day, or as much of it as both plans know.

    :ivar sun_w: by how much more sun is counted on, where that is most; negative for less
    :ivar sun_wh: the same, in all
    :ivar bill: how much higher it is; negative for lower
    """

    sun_w: float
    sun_wh: float
    bill: float
    currency: str

    @classmethod
    def between(cls, before: HomePlan, after: HomePlan, now: float) -> PlanDifference:
        """Compare two plans.

        :param now: UTC, seconds since 1970
        """
        end = min(before.end, after.end, now + AHEAD)
        edges = {each.start for plan in (before, after) for each in plan.steps if now < each.start < end}
        times = [now, *sorted(edges), end]
        peak = energy = bill = 0.0
        for start, stop in pairwise(times):
            old, new = before.step(start), after.step(start)
            if old is None or new is None or stop <= start:
                continue
            hours = (stop - start) / 3600
            # Production is negative; what is curtailed could be had.
            more = (old.solar_w - old.curtailed_w) - (new.solar_w - new.curtailed_w)
            peak = max(peak, more, key=abs)
            energy += more * hours
            bill += (_rate(new) - _rate(old)) * hours
        return cls(peak, energy, bill, after.currency)

    @property
    def sentence(self) -> str:
        """It in English; empty if nothing is otherwise."""
        said = []
        if abs(self.sun_w) >= _LITTLE_W:
            word = "more" if self.sun_w > 0 else "less"
            said.append(
                f"the plan now counts on up to {abs(self.sun_w):.0f} W "
                f"({abs(self.sun_wh) / 1000:.1f} kWh in the coming day) {word} sun"
            )
        if abs(self.bill) >= _LITTLE:
            word = "higher" if self.bill > 0 else "lower"
            said.append(f"the expected bill of the coming day is {abs(self.bill):.2f} {self.currency} {word}")
        text = "; ".join(said)
        return f"{text[:1].upper()}{text[1:]}." if text else ""


def _rate(step: PlanStep) -> float:
    """Return what the supplier asks for an hour of a step."""
    return (step.import_price if step.grid_w > 0 else step.export_price) * step.grid_w / 1000
