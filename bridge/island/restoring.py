"""Which load may have power again now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.island.charge import lasts_h, limit_w, needed_percent
from bridge.island.situation import CRITICAL

if TYPE_CHECKING:
    from bridge.island.memory import Memory, Shed
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Load, Situation

STARTING_S: Final = 60.0
"""Seconds after a load came back within which it may still begin to take what is expected of it."""
SUN_SHARE: Final = 0.5
"""Share of the sun that may go behind a cloud without an overload."""
LASTS_LONGER: Final = 1.25
"""By how much longer the charge has to last for a load to come back than for it to stay."""
LONGEST_OFF: Final = 8
"""Times `off_s` that a load is off at most before it is tried again."""


def to_restore(memory: Memory, situation: Situation, net_w: float, settings: IslandSettings) -> Shed | None:
    """Return the load that comes back in the island, None if none may.

    The highest priority first; one that is too large for what can be carried keeps no other waiting.

    :param net_w: what the batteries carry, smoothed
    """
    if situation.dark or not _spaced(memory, situation, settings):
        return None
    loads = {load.key: load for load in situation.loads}
    for shed in in_order(memory, situation):
        load = loads.get(shed.load)
        if (
            load is not None
            and _rested(shed, situation, settings)
            and _charged(shed, load, situation, net_w, settings)
            and _carried(shed, memory, situation, settings)
        ):
            return shed
    return None


def to_give_back(memory: Memory, situation: Situation, settings: IslandSettings) -> Shed | None:
    """Return the load that comes back next now that the grid carries it, None if it is not time."""
    if not memory.off or not _spaced(memory, situation, settings):
        return None
    return in_order(memory, situation)[0]


def in_order(memory: Memory, situation: Situation) -> list[Shed]:
    """Return what is off in the order in which it comes back: highest priority, then what went last."""
    priorities = {load.key: load.priority for load in situation.loads}
    newest_first = reversed(memory.off)
    return sorted(newest_first, key=lambda shed: -priorities.get(shed.load, 0))


def _spaced(memory: Memory, situation: Situation, settings: IslandSettings) -> bool:
    return memory.back_at is None or situation.now - memory.back_at >= settings.spacing_s


def _rested(shed: Shed, situation: Situation, settings: IslandSettings) -> bool:
    times = min(1 << min(shed.times - 1, 16), LONGEST_OFF)
    return situation.now - shed.since >= settings.off_s * times


def _charged(shed: Shed, load: Load, situation: Situation, net_w: float, settings: IslandSettings) -> bool:
    soc = situation.soc_percent
    if soc is None:
        return False
    if soc >= needed_percent(load.priority, settings) + settings.soc_margin:
        return True
    return (
        load.priority < CRITICAL
        and soc >= settings.black_start_percent + settings.soc_margin
        and lasts_h(situation, net_w + shed.expected_w, settings) >= settings.hours * LASTS_LONGER
    )


def _carried(shed: Shed, memory: Memory, situation: Situation, settings: IslandSettings) -> bool:
    most = limit_w(situation, settings)
    after = situation.carried_w + starting_w(memory, situation) + shed.expected_w
    clouded = after + SUN_SHARE * situation.solar_w
    return after <= most * (1 - settings.power_margin) and clouded <= most


def starting_w(memory: Memory, situation: Situation) -> float:
    """Return what loads that came back lately may still take more than now."""
    takes = {load.key: load.power_w or 0.0 for load in situation.loads}
    return sum(
        max(0.0, back.expected_w - takes.get(key, 0.0))
        for key, back in memory.back.items()
        if memory.shed(key) is None and situation.now - back.at < STARTING_S
    )
