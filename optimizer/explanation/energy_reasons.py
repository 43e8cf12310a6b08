"""Why a vehicle or a load that may pause runs or waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.explanation.facts import SMALL_KW
from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.energy_part import EnergyPart
    from optimizer.formulation.program import Floats


def energy_reasons(facts: Facts, part: EnergyPart) -> tuple[Reason, ...]:
    """Return why it runs or waits, one reason a step."""
    count = facts.home.bus.count
    power = np.zeros(count)
    power[part.steps] = facts.values(part.power)
    got = np.cumsum(power * facts.home.bus.hours) * part.efficiency
    following = _following(power)
    present = frozenset(part.steps.tolist())
    reasons: list[Reason] = []
    for step in range(count):
        if step not in present:
            reasons.append(facts.reason(ReasonCode.UNAVAILABLE, step, "Cannot run now: it is not its time."))
        elif facts.keeps(part.load.name, step):
            sentence = "Does as planned before: anything else would gain too little."
            reasons.append(facts.reason(ReasonCode.KEEP_PLAN, step, sentence))
        elif power[step] > SMALL_KW:
            reasons.append(_running(facts, part, power, step))
        else:
            reasons.append(_waiting(facts, part, float(got[step]), following[step], step))
    return tuple(reasons)


def _following(power: Floats) -> list[int]:
    """Return for each step the next one that runs, -1 for none."""
    following = [-1] * len(power)
    for step in range(len(power) - 2, -1, -1):
        following[step] = step + 1 if power[step + 1] > SMALL_KW else following[step + 1]
    return following


def _running(facts: Facts, part: EnergyPart, power: Floats, step: int) -> Reason:
    watts = f"{power[step] * 1000:.0f} W"
    price = facts.money(float(facts.worth[step]))
    deadline = part.deadline.astimezone(facts.home.problem.horizon.start.tzinfo)
    possible = float(part.most_kw[part.in_time] @ facts.home.bus.hours[part.steps[part.in_time]])
    possible *= part.efficiency
    in_time = step in part.steps[part.in_time]
    if in_time and part.need_kwh >= possible - SMALL_KW:
        need = (
            f"{part.need_kwh:.1f} kWh until {deadline:%a %H:%M}, and at most {possible:.1f} kWh are possible"
        )
        return facts.reason(ReasonCode.RUN_DEADLINE, step, f"Runs with {watts}: it needs {need}.")
    if facts.sunny(step):
        return facts.reason(ReasonCode.RUN_SUN, step, f"Runs with {watts} of sun, worth {price} a kWh.")
    if not facts.draws(step) and facts.stored[step] > SMALL_KW:
        return facts.reason(
            ReasonCode.RUN_STORED, step, f"Runs with {watts} of stored energy, worth {price} a kWh."
        )
    return facts.reason(
        ReasonCode.RUN_CHEAP,
        step,
        f"Runs with {watts}: at {price} a kWh this is one of its cheapest times.",
    )


def _waiting(facts: Facts, part: EnergyPart, got_kwh: float, later: int, step: int) -> Reason:
    from_battery = part.load.from_battery
    price = facts.money(facts.cost(step, from_battery=from_battery))
    if later >= 0:
        worth = float(facts.worth[later])
        code = ReasonCode.WAIT_SUN if facts.sunny(later) else ReasonCode.WAIT_CHEAPER
        what = "sun" if code is ReasonCode.WAIT_SUN else "cheaper energy"
        then = facts.money(worth)
        if then == price:
            sentence = f"Waits until {facts.clock(later)}: a kWh costs {then} then as now."
            return facts.reason(code, step, sentence, worth, later)
        sentence = f"Waits for {what} at {facts.clock(later)}: a kWh costs {then} then and {price} now."
        return facts.reason(code, step, sentence, worth, later)
    if got_kwh >= part.need_kwh - SMALL_KW:
        return facts.reason(ReasonCode.DONE, step, "Has what it needs.")
    return facts.reason(
        ReasonCode.WAIT_NOT_WORTH, step, f"Does not run: a kWh costs {price}, more than it is worth."
    )
