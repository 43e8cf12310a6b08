"""A run of a machine in the program: one yes or no for each possible start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Floats, Numbers
    from optimizer.load import ShiftableLoad
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class ShiftablePart:
    """Where a shiftable load stands in the program.

    :ivar starts: steps at whose beginning it can start
    :ivar start: one column for each of them, 0 or 1
    :ivar skipped: column that is 1 when it does not run
    :ivar profile_kw: mean power in each step (columns) for each start (rows)
    :ivar later: it need not run within the horizon: its window goes on beyond, and it does not fit before
    """

    load: ShiftableLoad
    starts: Numbers
    start: Numbers
    skipped: Numbers
    profile_kw: Floats
    later: bool


def add_shiftable(bus: Bus, problem: Problem, load: ShiftableLoad) -> ShiftablePart:
    """Add a shiftable load."""
    program, horizon = bus.program, problem.horizon
    offsets = np.array(horizon.offsets_s, float)
    begins = offsets[:-1]
    latest = min(horizon.seconds(load.window.end), offsets[-1]) - load.duration_s
    allowed = (begins >= horizon.seconds(load.window.start)) & (begins <= latest)
    if load.parts is not None:
        within = [
            (begins >= horizon.seconds(part.start) - 1e-6)
            & (begins + load.duration_s <= horizon.seconds(part.end) + 1e-6)
            for part in load.parts
        ]
        allowed &= np.any(within, axis=0) if within else False
    starts = np.flatnonzero(allowed)
    later = not len(starts) and load.window.end > horizon.end
    profile = _profiles(load, offsets, starts)

    start = program.columns(len(starts), 0.0, 1.0, integer=True)
    skipped = program.columns(1, 0.0, 1.0)
    once = program.equal(np.ones(1))
    program.put(once, start, 1.0)
    program.put(once, skipped, 1.0)
    price = problem.tiers.wish if load.price is None else load.price
    program.cost("wishes", skipped, 0.0 if later else price * load.energy_wh / 1000)
    haste = bus.order[starts] + load.haste * begins[starts] / 3600
    program.cost("order", start, load.energy_wh / 1000 * haste)
    which, steps = np.nonzero(profile)
    power = profile[which, steps]
    program.put(bus.balance[steps], start[which], -power)
    bus.feed(start[which], steps, -power)
    if len(starts):
        bus.most_in_kw += profile.max(axis=0)
    return ShiftablePart(load, starts, start, skipped, profile, later)


def _profiles(load: ShiftableLoad, offsets: Floats, starts: Numbers) -> Floats:
    """Return the mean power of each step for each start, in kW."""
    edges = load.slot_s * np.arange(len(load.profile_w) + 1)
    energy = np.concatenate(([0.0], np.cumsum(load.profile_w) * load.slot_s / 3.6e6))
    """Used from the start of the run to each edge, in kWh."""
    used = np.interp(offsets[None, :] - offsets[starts, None], edges, energy)
    profile: Floats = np.diff(used, axis=1) / (np.diff(offsets) / 3600)
    return profile
