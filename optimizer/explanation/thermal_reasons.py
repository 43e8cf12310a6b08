"""Why heating or cooling runs or waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optimizer.explanation.facts import SMALL_KW
from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.thermal_part import ThermalPart

_SMALL_K: Final = 1e-3


def thermal_reasons(facts: Facts, part: ThermalPart) -> tuple[Reason, ...]:
    """Return why it runs or waits, one reason a step."""
    power, temperature = facts.values(part.power), facts.values(part.temperature)
    store = part.store
    heats = store.heat_per_w > 0
    verb = "Heats" if heats else "Cools"
    reasons: list[Reason] = []
    for step in range(facts.home.bus.count):
        limit = store.minimum_c[step] if heats else store.maximum_c[step]
        spare = temperature[step] - limit if heats else limit - temperature[step]
        now = f"{temperature[step]:.1f} C"
        price = facts.money(float(facts.worth[step]))
        watts = f"{power[step] * 1000:.0f} W"
        if facts.keeps(store.name, step):
            code = ReasonCode.KEEP_PLAN
            sentence = "Does as planned before: anything else would gain too little."
        elif power[step] > SMALL_KW:
            if spare <= _SMALL_K:
                code = ReasonCode.RUN_COMFORT
                sentence = f"{verb} with {watts} to reach {limit:.1f} C."
            elif facts.sunny(step):
                code, sentence = (
                    ReasonCode.RUN_SUN,
                    f"{verb} with {watts} of sun, to {now}, worth {price} a kWh.",
                )
            else:
                code = ReasonCode.RUN_AHEAD
                sentence = f"{verb} ahead with {watts} to {now}: a kWh costs {price} now and more later."
        elif store.max_w == 0 or (store.available is not None and not store.available[step]):
            code, sentence = ReasonCode.UNAVAILABLE, "May not run now."
        elif spare >= -_SMALL_K:
            code, sentence = ReasonCode.WAIT_COMFORT, f"Need not run: it stays at {now}."
        else:
            code = ReasonCode.WAIT_NOT_WORTH
            sentence = (
                f"Does not run although it reaches {now}: a kWh costs {price}, more than that is worth."
            )
        reasons.append(facts.reason(code, step, sentence))
    return tuple(reasons)
