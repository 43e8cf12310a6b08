"""How much charge a load needs to be on, and how long the charge lasts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bridge.island.situation import CRITICAL

if TYPE_CHECKING:
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Situation


def needed_percent(priority: int, settings: IslandSettings) -> float:
    """Return the state of charge below which a load of a priority goes off unless the charge lasts.

    From `comfort_percent` for priority 0 in equal steps down to `black_start_percent` for 8; what is critical
    stays on down to the floor.
    """
    if priority >= CRITICAL:
        return settings.floor_percent
    last = CRITICAL - 1
    span = settings.comfort_percent - settings.black_start_percent
    return settings.black_start_percent + span * (last - priority) / last


def lasts_h(situation: Situation, net_w: float, settings: IslandSettings) -> float:
    """Return for how many hours the charge above the black-start reserve lasts; inf while it grows.

    :param net_w: what the batteries carry
    """
    usable = situation.above_wh(settings.black_start_percent)
    return math.inf if net_w <= 0 else usable / net_w


def limit_w(situation: Situation, settings: IslandSettings) -> float:
    """Return what the batteries can carry."""
    plates = situation.discharge_w(settings.floor_percent)
    return plates if settings.power_w is None else min(plates, settings.power_w)


def backup_s(usable_wh: float, critical_w: float) -> float:
    """Return for how many seconds an energy carries a load; inf for none."""
    return math.inf if critical_w <= 0 else usable_wh / critical_w * 3600
