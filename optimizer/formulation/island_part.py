"""Survival of an outage in the program: a reserve of all batteries together that changes with time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.backup import Fleet
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Floats, Numbers, Rows
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class IslandPart:
    """Where survival stands in the program.

    :ivar names: of the batteries that are counted
    :ivar starts: steps at whose beginning an outage is thought of; not the first, too late to prepare for
    :ivar rows: the energy at the end of the step before must be enough
    :ivar short: what is missing of it
    """

    names: frozenset[str]
    starts: Numbers
    rows: Rows
    short: Numbers


def add_island(
    bus: Bus, problem: Problem, parts: list[BatteryPart], fleet: Fleet, need_kwh: Floats
) -> IslandPart | None:
    """Ask for the energy that an outage at the beginning of each step would need.

    :param need_kwh: one value a step; of what is more than the fleet can hold, as much as it can is asked for
    """
    island = problem.island
    counted = [part for part in parts if part.battery.name in fleet.names]
    need = np.minimum(need_kwh, fleet.usable_kwh)
    starts = np.flatnonzero(need > 1e-9)
    starts = starts[starts > 0]
    if island is None or not counted or not len(starts):
        return None
    minimum = sum(part.battery.minimum_wh for part in counted) / 1000
    rows = bus.program.at_most(-need[starts] - minimum)
    for part in counted:
        bus.program.put(rows, part.stored[starts - 1], -1.0)
    short = bus.program.columns(len(starts))
    bus.program.put(rows, short, -1.0)
    lost = bus.hours[starts] * island.outages_per_hour * island.lost_load_value * fleet.discharge_efficiency
    bus.program.cost("risk", short, lost)
    return IslandPart(fleet.names, starts, rows, short)
