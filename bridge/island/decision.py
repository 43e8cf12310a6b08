"""What is to be done in an island: what was read and what is remembered goes in, what changes comes out.

Nothing here reads, writes or waits, so that a simulation can live through a year of outages in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.island.curtailment import solar_limit_w
from bridge.island.memory import Back, Shed
from bridge.island.mode import HomeMode
from bridge.island.restoring import to_give_back, to_restore
from bridge.island.shedding import to_shed
from bridge.island.throttling import held_back, throttled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.island.memory import Cause, Memory
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Load, Situation

SMOOTHED_S: Final = 120.0
"""Seconds over which what the batteries carry is smoothed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What changes.

    :ivar memory: what is remembered from now on; `solar_limit_w` in it is in force
    :ivar shed: the loads that go off, in order
    :ivar back: the load that comes back
    """

    memory: Memory
    shed: tuple[Shed, ...] = ()
    back: Shed | None = None


def decide(memory: Memory, situation: Situation, settings: IslandSettings) -> Decision:
    """Return what is to be done now, in the mode that is remembered.

    On the island loads go and come; while the grid returns all stays as it is; once it is good, one load
    after the other comes back.
    """
    match memory.mode:
        case HomeMode.ISLAND:
            return _on_the_island(memory, situation, settings)
        case HomeMode.RESTORING:
            memory = replace(memory, throttles={}, filled=False)
            back = to_give_back(memory, situation, settings)
            return Decision(memory) if back is None else _back(memory, back, situation.now)
        case HomeMode.RETURNING:
            return Decision(memory)
        case _:
            return Decision(replace(memory, solar_limit_w=None))


def _on_the_island(memory: Memory, situation: Situation, settings: IslandSettings) -> Decision:
    now = situation.now
    # First, since a car that takes less may spare others from going off.
    memory = throttled(memory, situation, settings)
    net_w = _smoothed(memory, situation)
    going = to_shed(memory, situation, net_w, settings)
    memory = replace(memory, net_w=net_w, net_at=now)
    if going:
        decision = _shed(memory, going, now)
    else:
        back = to_restore(memory, situation, net_w, settings)
        decision = Decision(memory) if back is None else _back(memory, back, now)
    # Last, since a load that comes back needs the sun that was too much before.
    limit = solar_limit_w(decision.memory, situation, settings)
    if limit == memory.solar_limit_w:
        return decision
    return replace(decision, memory=replace(decision.memory, solar_limit_w=limit, limited_at=now))


def _shed(memory: Memory, going: Sequence[tuple[Load, Cause]], now: float) -> Decision:
    shed = tuple(
        Shed(
            load.key,
            now,
            load.power_w or 0.0,
            _comes_back_with(load),
            cause,
            was_on=load.on is not False,
            times=1 + (memory.back[load.key].times if load.key in memory.back else 0),
        )
        for load, cause in going
    )
    for load, _ in going:
        memory = held_back(memory, load, now)
    relief = math.fsum(each.power_w for each in shed)
    net_w = None if memory.net_w is None else memory.net_w - relief
    return Decision(replace(memory, off=(*memory.off, *shed), net_w=net_w), shed)


def _comes_back_with(load: Load) -> float:
    """Return what a load takes that comes back: a car begins with its least current."""
    return max(load.expected_w, load.power_w or 0.0) if load.currents is None else load.currents.least_w


def _back(memory: Memory, shed: Shed, now: float) -> Decision:
    kept = tuple(each for each in memory.off if each.load != shed.load)
    known = {**memory.back, shed.load: Back(now, shed.expected_w, shed.times)}
    net_w = None if memory.net_w is None else memory.net_w + shed.expected_w
    return Decision(replace(memory, off=kept, back=known, back_at=now, net_w=net_w), back=shed)


def _smoothed(memory: Memory, situation: Situation) -> float:
    """Return what the batteries carry, smoothed; what they carry now before anything was smoothed."""
    if memory.net_w is None or not situation.stores:
        return situation.carried_w if memory.net_w is None else memory.net_w
    keep = math.exp(-max(0.0, situation.now - memory.net_at) / SMOOTHED_S)
    return situation.carried_w + (memory.net_w - situation.carried_w) * keep
