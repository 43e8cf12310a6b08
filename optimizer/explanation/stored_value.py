"""What a stored kWh is worth in each step, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.explanation.facts import SMALL_KW

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.program import Floats


@dataclass(frozen=True, slots=True)
class StoredValue:
    """Worth of a stored kWh, one value a step, and what it is made of.

    From a step on, the worth stays the same (less self-discharge) until the battery is full or empty: that is
    a stretch. What a reserve or an outage asks for within the stretch is part of the worth.

    :ivar value: at the end of the step
    :ivar for_reserve: part of it that the reserve or the minimum asks for
    :ivar for_backup: part of it that survival of an outage asks for
    :ivar room: what it would be worth if the battery could hold more when it fills up next, before it is
        used; minus infinity when it does not
    :ivar use: next step of the stretch that discharges, -1 for none
    :ivar filled: the stretch ends with a full battery
    """

    value: Floats
    for_reserve: Floats
    for_backup: Floats
    room: Floats
    use: tuple[int, ...]
    filled: tuple[bool, ...]


def stored_value(facts: Facts, part: BatteryPart) -> StoredValue:
    """Return the worth of what a battery stores."""
    count = facts.home.bus.count
    value = -facts.solution.equal_duals[part.store.numbers]
    bound = facts.solution.reduced[part.stored]
    reserve, backup = _asked(facts, part)
    for_reserve, for_backup, room = reserve.copy(), backup.copy(), np.full(count, -np.inf)
    use, filled = [-1] * count, [False] * count
    discharge = facts.values(part.discharge)
    for step in range(count - 1, -1, -1):
        full, empty = bound[step] < -facts.small, bound[step] > facts.small
        filled[step] = bool(full)
        if full:
            room[step] = value[step] - bound[step]
        elif step < count - 1 and discharge[step + 1] <= SMALL_KW:
            room[step] = part.keep[step + 1] * room[step + 1]
        if full or empty or step == count - 1:
            continue
        keep = part.keep[step + 1]
        for_reserve[step] += keep * for_reserve[step + 1]
        for_backup[step] += keep * for_backup[step + 1]
        filled[step] = filled[step + 1]
        use[step] = step + 1 if discharge[step + 1] > SMALL_KW else use[step + 1]
    return StoredValue(value, for_reserve, for_backup, room, tuple(use), tuple(filled))


def _asked(facts: Facts, part: BatteryPart) -> tuple[Floats, Floats]:
    """Return what reserve (or minimum) and survival add to the worth at the end of each step."""
    reserve, backup = np.zeros(facts.home.bus.count), np.zeros(facts.home.bus.count)
    for wish in (part.missing, part.lacking):
        if wish is not None:
            np.add.at(reserve, wish.steps, -facts.most_duals(wish.rows))
    island = facts.home.island
    if island is not None and part.battery.name in island.names:
        np.add.at(backup, island.starts - 1, -facts.most_duals(island.rows))
    return reserve, backup
