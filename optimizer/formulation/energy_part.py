"""Energy by a deadline in the program: vehicles, and loads that may pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.horizon import Window
from optimizer.vehicle import Vehicle

if TYPE_CHECKING:
    from datetime import datetime

    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Floats, Numbers, Rows
    from optimizer.horizon import Horizon
    from optimizer.load import InterruptibleLoad
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class EnergyPart:
    """Where a vehicle or an interruptible load stands in the program.

    :ivar steps: in which it can run, and of these `in_time` are before the deadline
    :ivar power: one column for each of them
    :ivar most_kw: and its bound
    :ivar short: column of the energy that is missing at the deadline
    :ivar need: row that demands the energy; minus its dual is what a kWh of need costs
    """

    load: Vehicle | InterruptibleLoad
    deadline: datetime
    need_kwh: float
    efficiency: float
    steps: Numbers
    in_time: Numbers
    power: Numbers
    most_kw: Floats
    short: Numbers
    need: Rows


def add_energy(bus: Bus, problem: Problem, load: Vehicle | InterruptibleLoad) -> EnergyPart:
    """Add a vehicle or an interruptible load."""
    program, horizon = bus.program, problem.horizon
    if isinstance(load, Vehicle):
        windows = load.plugged
        deadline = load.deadline or max(window.end for window in windows)
        need, room = load.need_wh, load.need_wh if load.room_wh is None else load.room_wh
        efficiency, value, haste, exact_s = load.efficiency, load.value, load.haste, load.exact_s
    else:
        windows, deadline = (load.window,), load.window.end
        need = room = load.energy_wh
        efficiency, value, haste, exact_s = 1.0, 0.0, 0.0, None
    share = np.array(horizon.shares(*windows))
    until = np.array(horizon.shares(*(_cut(window, deadline) for window in windows)))
    steps = np.flatnonzero((share > 0) & (load.max_w > 0))
    in_time = np.flatnonzero(until[steps] >= share[steps] - 1e-9)
    most = load.max_w / 1000 * share[steps]
    hours = bus.hours[steps]
    if deadline > horizon.end:
        need *= _part_within(horizon, windows, deadline)

    power = program.columns(len(steps), 0.0, most)
    short = program.columns(1)
    bus.draw(power, most, steps, from_battery=load.from_battery)
    demand = program.at_most(np.array([-need / 1000]))
    program.put(demand, power[in_time], -hours[in_time] * efficiency)
    program.put(demand, short, -1.0)
    limit = program.at_most(np.array([room / 1000]))
    program.put(limit, power, hours * efficiency)
    program.cost("wishes", short, problem.tiers.wish if load.price is None else load.price)
    program.cost("worth", power, -hours * efficiency * value)
    later_h = np.array(horizon.offsets_s, float)[steps] / 3600
    program.cost("order", power, hours * (bus.order[steps] + haste * later_h))
    if load.min_w > 0:
        exact = np.ones(len(steps), bool) if exact_s is None else later_h * 3600 < exact_s
        program.off_or_enough(power[exact], load.min_w / 1000 * share[steps[exact]])
    return EnergyPart(load, deadline, need / 1000, efficiency, steps, in_time, power, most, short, demand)


def _part_within(horizon: Horizon, windows: tuple[Window, ...], deadline: datetime) -> float:
    """Return what part of the time until a deadline is within the horizon.

    So much of the need belongs there: to put all of it off would be as wrong as to demand all of it now.
    """
    end_s = horizon.offsets_s[-1]
    spans = [
        (max(horizon.seconds(each.start), 0.0), horizon.seconds(min(each.end, deadline))) for each in windows
    ]
    whole = sum(max(until - since, 0.0) for since, until in spans)
    within = sum(max(min(until, end_s) - since, 0.0) for since, until in spans)
    return within / whole if whole > 0 else 0.0


def _cut(window: Window, deadline: datetime) -> Window:
    return Window(min(window.start, deadline), min(window.end, deadline))
