"""What batteries do when they are told a mode and the meter says what it says: the plant of simulations.

The same arithmetic as the plan's, without its foresight.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from optimizer.plan import Band, BatteryMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.battery import Battery


BALANCE: Final = Band(BatteryMode.BALANCE, -math.inf, math.inf)
"""The rule without a plan: store what is left over, cover what is missing."""


def dispatch(
    batteries: Sequence[Battery],
    stored_wh: Sequence[float],
    bands: Sequence[Band],
    net_w: float,
    hours: float,
) -> tuple[list[float], list[float]]:
    """Return the power of each battery and what it holds afterwards.

    What bands demand comes first; then the batteries share what is left over or missing, one after the other.

    :param net_w: load less production
    """
    powers, held = [0.0] * len(batteries), list(stored_wh)
    limits = [_limits(battery, stored, hours) for battery, stored in zip(batteries, held, strict=True)]
    rest = net_w
    for index, band in enumerate(bands):
        powers[index] = _within(
            batteries[index], limits[index], min(max(0.0, band.lowest_w), band.highest_w), rest
        )
        rest += powers[index]
    for index, band in enumerate(bands):
        others = rest - powers[index]
        wanted = min(max(-others, band.lowest_w), band.highest_w)
        powers[index] = _within(batteries[index], limits[index], wanted, others)
        rest = others + powers[index]
    for index, battery in enumerate(batteries):
        held[index] = _after(battery, held[index], powers[index], hours)
    return powers, held


def _within(battery: Battery, limits: tuple[float, float], wanted_w: float, rest_w: float) -> float:
    """Return the power nearest to the wanted one that a battery can have.

    :param rest_w: what the meter would say without it
    """
    low, high = limits
    if not battery.grid_charging:
        high = min(high, max(-rest_w, 0.0))
    if not battery.feed_in:
        low = max(low, -max(rest_w, 0.0))
    return min(max(wanted_w, low), high)


def _limits(battery: Battery, stored_wh: float, hours: float) -> tuple[float, float]:
    """Return the lowest and highest power that a battery can have for a while."""
    kept = _kept(battery, stored_wh, hours)
    room = max(battery.most_wh - kept, 0.0) / (battery.charge_efficiency * hours)
    there = max(kept - battery.minimum_wh, 0.0) * battery.discharge_efficiency / hours
    high = min(battery.charge_w, room)
    taper = battery.taper
    if taper is not None and stored_wh > taper.from_wh:
        share = (battery.capacity_wh - stored_wh) / (battery.capacity_wh - taper.from_wh)
        high = min(high, taper.to_w + (battery.charge_w - taper.to_w) * share)
    return -min(battery.discharge_w, there), high


def _after(battery: Battery, stored_wh: float, power_w: float, hours: float) -> float:
    kept = _kept(battery, stored_wh, hours)
    if power_w >= 0:
        return min(kept + power_w * hours * battery.charge_efficiency, battery.capacity_wh)
    return max(kept + power_w * hours / battery.discharge_efficiency, 0.0)


def _kept(battery: Battery, stored_wh: float, hours: float) -> float:
    return stored_wh * math.pow(1 - battery.self_discharge, hours)
