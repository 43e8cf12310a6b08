"""Percents as levels: 0..100 % on the 1..254 of LevelControl.

A level is a share of 254, as apps show it, so that the percent which a person says is the one that the device
is told, whether the app rounds it to a level or cuts it off.
"""

from __future__ import annotations

from clusters.level_control import MAX_LEVEL, MIN_LEVEL

FULL = 100


def level_of_percent(percent: float) -> int:
    """Return the level for 0 to 100 %; there is no level 0, so 0 % is the least one."""
    return min(max(round(percent * MAX_LEVEL / FULL), MIN_LEVEL), MAX_LEVEL)


def percent_of_level(level: int) -> int:
    """Return the percent of a level, whole: those of `level_of_percent` come back as they were."""
    return round(level * FULL / MAX_LEVEL)
