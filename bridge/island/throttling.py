"""How much a car may take in an island: what can be carried, and the sun that is left over.

A car that is not critical has the least current, which costs the batteries least, for as long as their charge
is enough for its priority; once they are nearly full it has what the sun gives beyond what the home uses. One
that is critical has whatever can be carried. Where the least current cannot be, a car goes off as any load.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.island.charge import limit_w
from bridge.island.curtailment import FULL_MARGIN, SHIFTED_HZ, SMALL_W
from bridge.island.memory import Back, Throttle
from bridge.island.restoring import SUN_SHARE, starting_w
from bridge.island.shedding import FOLLOWED_S, FULL_SHARE, carried_w
from bridge.island.situation import CRITICAL

if TYPE_CHECKING:
    from bridge.island.memory import Memory
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Currents, Load, Situation

SETTLED_S: Final = 10.0
"""Seconds after a change in which readings of before and after it are mixed."""
RAISED_S: Final = 30.0
"""Seconds from one change of a current to the next that raises it."""
LESS_FULL: Final = 3.0
"""How many times as far below full batteries have to be to be nearly full no more, than to become it."""
_USED: Final = 0.9
"""Share of what it may take that a car takes which wants more."""


def throttled(memory: Memory, situation: Situation, settings: IslandSettings) -> Memory:
    """Return the memory with what each car may take from now on."""
    memory = replace(memory, filled=_filled(memory, situation, settings))
    for load in situation.loads:
        if load.currents is not None and memory.shed(load.key) is None:
            memory = _throttled(memory, situation, load, load.currents, settings)
    return memory


def held_back(memory: Memory, load: Load, now: float) -> Memory:
    """Return the memory with a car that goes off held at its least current, for when it comes back."""
    if load.currents is None:
        return memory
    return _with(memory, load, Throttle(load.currents.least_a, now))


def _filled(memory: Memory, situation: Situation, settings: IslandSettings) -> bool:
    soc = situation.soc_percent
    if soc is None:
        return False
    margin = FULL_MARGIN * (LESS_FULL if memory.filled else 1.0)
    return soc >= settings.full_percent - margin


def _throttled(
    memory: Memory, situation: Situation, load: Load, currents: Currents, settings: IslandSettings
) -> Memory:
    known, now = memory.throttles.get(load.key), situation.now
    has = currents.most_a if known is None else known.current_a
    takes = load.power_w or 0.0
    excess = carried_w(memory, situation) - FULL_SHARE * limit_w(situation, settings)
    if excess > 0 or situation.dark or (known is None and load.priority < CRITICAL):
        wanted = currents.least_a
    elif known is not None and not _is_settled(known, situation):
        wanted = has
    else:
        wanted = _wanted(memory, situation, load, currents, settings)
    if wanted > has:
        uses_all = takes >= _USED * has * currents.ampere_w
        rested = known is None or now - known.since >= RAISED_S
        wanted = wanted if uses_all and rested else has
    if known is not None and wanted == has:
        return memory
    # What it takes less from now on, readings do not show yet.
    relief = max(0.0, takes - wanted * currents.ampere_w)
    memory = _with(memory, load, Throttle(wanted, now, relief))
    if wanted <= has:
        return memory
    times = memory.back[load.key].times if load.key in memory.back else 0
    back = Back(now, wanted * currents.ampere_w, times)
    return replace(memory, back={**memory.back, load.key: back})


def _wanted(
    memory: Memory, situation: Situation, load: Load, currents: Currents, settings: IslandSettings
) -> int:
    """Return the whole amperes that a car is to have."""
    takes = load.power_w or 0.0
    most = limit_w(situation, settings)
    others = situation.carried_w + starting_w(memory, situation) - takes
    room = min(most * (1 - settings.power_margin), most - SUN_SHARE * situation.solar_w) - others
    if load.priority < CRITICAL:
        left_over = -others + (currents.ampere_w if _is_held_back(memory, situation) else 0.0)
        room = min(room, left_over) if memory.filled else 0.0
    amperes = math.floor(room / currents.ampere_w)
    return min(max(amperes, currents.least_a), currents.most_a)


def _is_settled(known: Throttle, situation: Situation) -> bool:
    """Tell whether readings show what came of the last change."""
    long_ago = situation.now - known.since >= SETTLED_S
    return long_ago and situation.read_at >= known.since + FOLLOWED_S


def _is_held_back(memory: Memory, situation: Situation) -> bool:
    """Tell whether there is more sun than is let in: how much nobody knows before it is tried."""
    hertz = situation.frequency_off_hz
    limited = memory.solar_limit_w is not None or (hertz is not None and hertz > SHIFTED_HZ)
    return limited and situation.carried_w <= SMALL_W


def _with(memory: Memory, load: Load, throttle: Throttle) -> Memory:
    return replace(memory, throttles={**memory.throttles, load.key: throttle})
