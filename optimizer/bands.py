"""What a battery is told, from what the plan does with it and what stored energy is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optimizer.explanation.facts import SMALL_KW
from optimizer.explanation.stored_value import stored_value
from optimizer.plan import Band, BatteryMode

if TYPE_CHECKING:
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.battery_part import BatteryPart

_REACTIONS = {
    (True, True): BatteryMode.BALANCE,
    (True, False): BatteryMode.STORE,
    (False, True): BatteryMode.COVER,
    (False, False): BatteryMode.HOLD,
}


def battery_bands(facts: Facts, part: BatteryPart) -> tuple[Band, ...]:
    """Return the band of a battery in each step.

    It may store what is left over if that is worth more stored than sold, and cover what is missing if
    importing costs more than what is stored is worth. Where the plan trades with the grid on purpose, the
    planned power is the least. Where it leaves a part of what is missing to the grid, for the sake of dearer
    hours, the planned power is the most. What is left over is stored in full or not at all: a battery that is
    full too early loses less than one that does not get full.
    """
    battery, worth = part.battery, stored_value(facts, part)
    charge, discharge = facts.values(part.charge), facts.values(part.discharge)
    held = facts.values(part.stored)
    sells = facts.home.problem.grid.feed_in
    left_over_brings = np.maximum(facts.export_price, 0.0) if sells else np.zeros_like(charge)
    kept = np.maximum(worth.value, worth.room)
    stores = kept * battery.charge_efficiency - battery.wear / 2 >= left_over_brings - facts.small
    costs = worth.value / battery.discharge_efficiency + battery.wear / 2
    covers = facts.import_price >= costs - facts.small
    room, energy = held < part.highest_kwh - SMALL_KW, held > part.lowest_kwh + SMALL_KW
    bands: list[Band] = []
    for step in range(len(charge)):
        surplus = facts.feeds(step) or facts.curtailed[step] > SMALL_KW
        high = battery.charge_w * part.share[step] if stores[step] else 0.0
        low = -battery.discharge_w * part.share[step] if covers[step] else 0.0
        drawn = facts.draws(step)
        if surplus and room[step] and charge[step] <= SMALL_KW:
            high = 0.0
        if drawn and energy[step]:
            low = -discharge[step] * 1000
        high, low = max(high, charge[step] * 1000), min(low, -discharge[step] * 1000)
        mode = _REACTIONS[bool(high > SMALL_KW), bool(low < -SMALL_KW)]
        if charge[step] > SMALL_KW and drawn:
            low = charge[step] * 1000
            high, mode = max(low, high), BatteryMode.CHARGE
        elif discharge[step] > SMALL_KW and facts.feeds(step):
            high = -discharge[step] * 1000
            low, mode = min(low, high), BatteryMode.DISCHARGE
        bands.append(Band(mode, float(low), float(high)))
    return tuple(bands)
