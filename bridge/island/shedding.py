"""Which loads have to go off now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.island.charge import lasts_h, limit_w, needed_percent
from bridge.island.memory import Cause
from bridge.island.situation import CRITICAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.island.memory import Memory
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Load, Situation

FOLLOWED_S: Final = 5.0
"""Seconds within which a car follows another current (IEC 61851-1)."""
SEEN_S: Final = 2.0
"""Seconds after a load went off in which a reading of the battery need not show it: the command travels."""
FULL_SHARE: Final = 0.98
"""Share of what the batteries can carry above which they are overloaded: measured values are not exact."""
IDLE_W: Final = 10.0
"""What takes less than this is no relief when it goes off."""


def carried_w(memory: Memory, situation: Situation) -> float:
    """Return what the batteries carry once they notice what has gone off since they were read."""
    unseen = sum(each.power_w for each in memory.off if each.since + SEEN_S > situation.read_at)
    unseen += sum(_relief_w(memory, situation, key) for key in memory.throttles if memory.shed(key) is None)
    return situation.carried_w - unseen


def _relief_w(memory: Memory, situation: Situation, car: str) -> float:
    """Return what a car takes less that was told so a moment ago."""
    told = memory.throttles.get(car)
    return 0.0 if told is None or told.since + FOLLOWED_S <= situation.read_at else told.relief_w


def to_shed(
    memory: Memory, situation: Situation, net_w: float, settings: IslandSettings
) -> list[tuple[Load, Cause]]:
    """Return the loads that have to go off now, in their order: the lowest priority first.

    :param net_w: what the batteries carry, smoothed: a kettle is no reason to run short of charge
    """
    off = {each.load for each in memory.off}
    running = [load for load in situation.loads if load.key not in off and load.on is not False]
    takes = {load.key: _takes(load) - _relief_w(memory, situation, load.key) for load in running}
    running.sort(key=lambda load: (load.priority, -takes[load.key]))
    soc = situation.soc_percent
    if soc is None:
        return []  # nobody knows what could be carried; the batteries protect themselves
    if soc <= settings.floor_percent:
        return [(load, Cause.FLOOR) for load in running]
    if situation.dark:
        return [(load, Cause.DARK) for load in running if load.priority < CRITICAL]
    gone = _short_of_charge(running, soc, situation, net_w, settings)
    rest = [load for load in running if load not in gone]
    relieved = carried_w(memory, situation) - sum(takes[load.key] for load in gone if load.power_w)
    overloading = _overloading(rest, takes, relieved - FULL_SHARE * limit_w(situation, settings))
    return [(load, Cause.CHARGE) for load in gone] + [(load, Cause.OVERLOAD) for load in overloading]


def _short_of_charge(
    running: Sequence[Load], soc: float, situation: Situation, net_w: float, settings: IslandSettings
) -> list[Load]:
    gone: list[Load] = []
    for load in running:
        if load.priority >= CRITICAL:
            break
        if soc >= settings.black_start_percent and (
            soc >= needed_percent(load.priority, settings)
            or lasts_h(situation, net_w, settings) >= settings.hours
        ):
            break
        gone.append(load)
        net_w -= load.power_w or 0.0
    return gone


def _overloading(running: Sequence[Load], takes: Mapping[str, float], excess_w: float) -> list[Load]:
    gone: list[Load] = []
    for load in running:
        if excess_w <= 0:
            break
        if takes[load.key] < IDLE_W:
            continue
        gone.append(load)
        excess_w -= takes[load.key]
    return gone


def _takes(load: Load) -> float:
    return load.expected_w if load.power_w is None else load.power_w
