"""Why the panels give less than they could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.explanation.facts import SMALL_KW
from optimizer.reason import Reason, ReasonCode

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts


def solar_reasons(facts: Facts) -> tuple[Reason, ...]:
    """Return why the panels produce what they do, one reason a step; none without panels."""
    home = facts.home
    if home.problem.solar is None:
        return ()
    sun, grid = home.bus.sun_kw, home.problem.grid
    cap = home.grid.export_cap
    reasons: list[Reason] = []
    for step in range(home.bus.count):
        less = f"{facts.curtailed[step] * 1000:.0f} W less"
        price = float(facts.export_price[step])
        if facts.curtailed[step] <= SMALL_KW:
            given = sun[step] * 1000
            code, sentence = ReasonCode.PRODUCE, f"Gives {given:.0f} W, all that the sun allows."
        elif not facts.connected[step]:
            code, sentence = ReasonCode.CURTAIL_CAP, f"Gives {less}: nothing can be fed in during an outage."
        elif cap is not None and facts.fed[step] >= cap.limit_kw[step] - SMALL_KW and price >= 0:
            limit = cap.limit_kw[step] * 1000
            code, sentence = ReasonCode.CURTAIL_CAP, f"Gives {less}: at most {limit:.0f} W may be fed in."
        elif grid.feed_in:
            code = ReasonCode.CURTAIL_PRICE
            sentence = f"Gives {less}: feeding in costs {facts.money(-price)} a kWh."
        else:
            code, sentence = ReasonCode.CURTAIL_CAP, f"Gives {less}: nothing may be fed in."
        reasons.append(facts.reason(code, step, sentence))
    return tuple(reasons)
