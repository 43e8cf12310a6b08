"""What is usual for a load, by its own past. For the planning process: it stands on numpy."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats

RUNNING_W: Final = 20.0
"""Mean power of a quarter of an hour from which on a load is taken to run in it."""
_LEAST_WH: Final = 30.0
"""A shorter burst is no run."""
_RECENT: Final = 10
"""Runs, and days, that count: the newest."""
_QUARTER_H: Final = 0.25
_DAY: Final = 96


class Usual(NamedTuple):
    """Medians, and of how many runs or days they are."""

    energy_wh: float
    run_s: float
    power_w: float
    of: int


def usual_run(power_w: Floats) -> Usual | None:
    """Return what a machine's run takes, by its power in quarters of an hour; None if it never ran.

    A pause of one quarter belongs to the run.
    """
    running = np.nan_to_num(power_w) >= RUNNING_W
    bridged = running.copy()
    bridged[1:-1] |= running[:-2] & running[2:]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bridged.astype(int), [0]))))
    energies, lengths = [], []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        energy = float(np.nansum(power_w[start:end])) * _QUARTER_H
        # What begins or ends at the edge of what is known is known in part only.
        if energy >= _LEAST_WH and start > 0 and end < len(power_w):
            energies.append(energy)
            lengths.append((end - start) * 900.0)
    if not energies:
        return None
    energy, length = float(median(energies[-_RECENT:])), float(median(lengths[-_RECENT:]))
    return Usual(energy, length, energy / length * 3600, min(len(energies), _RECENT))


def usual_day(power_w: Floats) -> Usual | None:
    """Return what a load takes in a day on which it runs, and with which power; None if it never ran."""
    count = len(power_w) // _DAY
    days = power_w[len(power_w) - count * _DAY :].reshape(count, _DAY)
    energies = [float(np.nansum(day)) * _QUARTER_H for day in days if not np.isnan(day).all()]
    energies = [energy for energy in energies if energy >= _LEAST_WH][-_RECENT:]
    running = power_w[np.nan_to_num(power_w) >= RUNNING_W]
    if not energies or not len(running):
        return None
    # Most quarters are full ones; those in which it went on or off have less.
    power, energy = float(np.percentile(running, 90)), float(median(energies))
    return Usual(energy, energy / power * 3600, power, len(energies))
