"""The previous plan in the program: departing from it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.energy_part import EnergyPart
    from optimizer.formulation.program import Floats, Numbers
    from optimizer.formulation.thermal_part import ThermalPart
    from optimizer.horizon import Horizon
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class PreviousPart:
    """Where departing from the previous plan stands in the program, for one part of the home.

    :ivar steps: that both plans know
    :ivar said_kw: what the previous plan said for them
    """

    name: str
    steps: Numbers
    said_kw: Floats


def add_previous(
    bus: Bus, problem: Problem, parts: Sequence[BatteryPart | EnergyPart | ThermalPart]
) -> tuple[PreviousPart, ...]:
    """Let departing from the previous plan cost, where it has something to say."""
    previous = problem.previous
    if previous is None or not problem.steadiness:
        return ()
    planned = previous.said()
    added: list[PreviousPart] = []
    for part in parts:
        name, steps, columns = flows(part, bus)
        if name not in planned:
            continue
        power, known = resampled(previous.horizon, planned[name], problem.horizon)
        shared = np.flatnonzero(known[steps])
        if not len(shared):
            continue
        departure = bus.program.columns(len(shared))
        said = power[steps[shared]] / 1000
        for sign in (1.0, -1.0):
            each = bus.program.at_most(sign * said)
            for column, factor in columns:
                bus.program.put(each, column[shared], sign * factor)
            bus.program.put(each, departure, -1.0)
        bus.program.cost("change", departure, bus.hours[steps[shared]] * problem.steadiness)
        added.append(PreviousPart(name, steps[shared], said))
    return tuple(added)


def flows(
    part: BatteryPart | EnergyPart | ThermalPart, bus: Bus
) -> tuple[str, Numbers, tuple[tuple[Numbers, float], ...]]:
    """Return a part's name, its steps, and its columns with their signs."""
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.energy_part import EnergyPart

    if isinstance(part, BatteryPart):
        return part.battery.name, bus.steps, ((part.charge, 1.0), (part.discharge, -1.0))
    if isinstance(part, EnergyPart):
        return part.load.name, part.steps, ((part.power, 1.0),)
    return part.store.name, bus.steps, ((part.power, 1.0),)


def resampled(
    old: Horizon, values: Sequence[float], new: Horizon
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return means over the steps of another horizon, and which of its steps the old one covers.

    The first step of a new plan usually begins a little later than a step of the old one.
    """
    shift = new.seconds(old.start)
    edges = np.array(old.offsets_s) + shift
    energy = np.concatenate(([0.0], np.cumsum(np.array(values) * np.diff(edges))))
    at = np.array(new.offsets_s, float)
    power: Floats = np.diff(np.interp(at, edges, energy)) / np.diff(at)
    known = (at[:-1] >= edges[0] - 1e-9) & (at[1:] <= edges[-1] + 1e-9)
    return power, known
