"""Why a machine starts when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.explanation.facts import SMALL_KW
from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.shiftable_part import ShiftablePart


def chosen(facts: Facts, part: ShiftablePart) -> int | None:
    """Return which of its possible starts the machine takes, None when it does not run."""
    starts = np.flatnonzero(facts.values(part.start) > 0.5)
    return int(starts[0]) if len(starts) else None


def shiftable_reasons(facts: Facts, part: ShiftablePart) -> tuple[Reason, ...]:
    """Return why it runs or waits, one reason a step."""
    steps = range(facts.home.bus.count)
    which = chosen(facts, part)
    if which is None:
        return tuple(_skipped(facts, part, step) for step in steps)
    energy = part.profile_kw * facts.home.bus.hours
    cost = energy @ np.array([facts.cost(step) for step in steps])
    """What a run costs from each possible start on, at the prices of this plan."""
    start = int(part.starts[which])
    running = part.profile_kw[which] > 0
    last = int(np.flatnonzero(running)[-1])
    code, sentence = _running(facts, part, which, float(cost[which]))
    candidate = {int(step): index for index, step in enumerate(part.starts)}
    reasons: list[Reason] = []
    for step in steps:
        if start <= step <= last:
            reasons.append(facts.reason(code, step, sentence))
        elif step > last:
            reasons.append(facts.reason(ReasonCode.DONE, step, "Has run."))
        elif step in candidate:
            reasons.append(
                _waiting(facts, step, start, code, (float(cost[candidate[step]]), float(cost[which])))
            )
        else:
            reasons.append(
                facts.reason(ReasonCode.UNAVAILABLE, step, "Cannot start now: it is not its time.")
            )
    return tuple(reasons)


def _skipped(facts: Facts, part: ShiftablePart, step: int) -> Reason:
    if part.later:
        return facts.reason(ReasonCode.UNAVAILABLE, step, "Runs after the end of this plan.")
    if not len(part.starts):
        hours = part.load.duration_s / 3600
        return facts.reason(
            ReasonCode.IMPOSSIBLE, step, f"Cannot run: {hours:.1f} h do not fit into its time."
        )
    return facts.reason(ReasonCode.WAIT_NOT_WORTH, step, "Does not run: that costs more than it is worth.")


def _running(facts: Facts, part: ShiftablePart, which: int, cost: float) -> tuple[ReasonCode, str]:
    money = facts.money(cost)
    if len(part.starts) == 1:
        return ReasonCode.RUN_DEADLINE, f"Runs now because it has no other time; that costs {money}."
    energy = part.profile_kw[which] * facts.home.bus.hours
    drawing = facts.drawn > SMALL_KW
    if energy[drawing].sum() < energy.sum() / 2:
        sunny = [facts.sunny(step) for step in range(len(energy))]
        if energy[sunny].sum() >= energy.sum() / 2:
            return ReasonCode.RUN_SUN, f"Runs on sun; that costs {money}."
        return ReasonCode.RUN_STORED, f"Runs on stored energy; that costs {money}."
    return ReasonCode.RUN_CHEAP, f"Runs when it costs least: {money}."


def _waiting(facts: Facts, step: int, start: int, code: ReasonCode, costs: tuple[float, float]) -> Reason:
    now, then = costs
    sun = code is ReasonCode.RUN_SUN
    compared = f"starting now {facts.money(now)}" if now > then + facts.small else "no more than now"
    sentence = (
        f"Starts {'with the sun ' if sun else ''}at {facts.clock(start)}: that costs {facts.money(then)}, "
        f"{compared}."
    )
    waiting = ReasonCode.WAIT_SUN if sun else ReasonCode.WAIT_CHEAPER
    return facts.reason(waiting, step, sentence, then, start)
