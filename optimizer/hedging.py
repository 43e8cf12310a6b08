"""What batteries are told now when load and sun may not be as forecast: stochastic dynamic programming.

A plan takes its forecast for certain. It buys just what the forecast lacks and sells just what it leaves
over, though what lacks in the end may cost more than what was bought in vain, or less. Here the batteries are
one, each hour's load and sun are a draw from what they may be, and the band for the next hour is the one that
costs least on average, given that each later hour is met with the band that is best then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats

STAGE_S: Final = 3600
"""Shorter stages would take for independent what is not: a kettle is on for minutes, a guest for hours."""
_LEVELS: Final = 41
"""Levels of energy between which worth is interpolated."""
_SHARES: Final = (0.06, 0.12, 0.2, 0.3, 0.45, 0.7, 1.0)
"""Of the highest power, to charge or discharge with on purpose."""
_SMALL_GAIN: Final = 1e-4
"""Share of the highest price: for less the plan's band is kept."""
CHANCES: Final = np.array([0.3, 0.4, 0.3])
"""Of P10, P50 and P90, which keep mean and spread of usual distributions (Swanson's rule)."""


@dataclass(frozen=True, slots=True)
class Store:
    """All batteries as one. Energies in kWh from empty, powers in kW.

    :ivar buys_kw: most that may be charged from the grid
    :ivar sells_kw: most that may be discharged into it
    """

    usable_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    wear: float
    keep: float
    buys_kw: float
    sells_kw: float
    terminal: float


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """What may happen in each stage: hours, but for the first one, in which prices stay as they are.

    :ivar hours: how long each stage is, an hour at most
    :ivar used_kw: what is used without `aside_kw`, three possibilities for each stage
    :ivar sun_kw: what the panels give, three possibilities for each stage
    :ivar aside_kw: what batteries must not feed
    :ivar buy: price of a kWh drawn
    :ivar sell: what a kWh brings that is left over; not negative where panels can give less
    :ivar import_kw: what may be drawn at that price; more costs `excess` for each kW
    :ivar export_kw: what may be fed in; the rest brings nothing
    :ivar floor_kwh: what is held back: a reserve that is more than a wish among others
    :ivar holding: cost of holding each level of energy at the end of each stage
    """

    hours: Floats
    used_kw: Floats
    sun_kw: Floats
    aside_kw: Floats
    buy: Floats
    sell: Floats
    import_kw: Floats
    excess: Floats
    export_kw: Floats
    floor_kwh: Floats
    holding: Floats


@dataclass(frozen=True, slots=True)
class Hedge:
    """What is best for the first stage.

    :ivar lowest_kw: of the band of all batteries together, charging positive
    :ivar highest_kw: of that band
    :ivar worth: expected worth of a kWh stored at the end of the stage
    :ivar gain: what it costs less on average than the band of the plan
    """

    lowest_kw: float
    highest_kw: float
    worth: float
    gain: float


def possibilities(low: Floats, expected: Floats, high: Floats) -> Floats:
    """Return three values for each stage that have the expected mean, with the chances of `CHANCES`.

    The middle one makes the mean right. Where it would have to leave its place between the others, as with
    rare bursts whose mean is above P90, the outer one is moved, too.
    """
    middle = np.clip((expected - CHANCES[0] * low - CHANCES[2] * high) / CHANCES[1], low, high)
    lacking = expected - np.stack((low, middle, high), axis=1) @ CHANCES
    low = np.maximum(low + np.minimum(lacking, 0.0) / CHANCES[0], 0.0)
    return np.stack((low, middle, high + np.maximum(lacking, 0.0) / CHANCES[2]), axis=1)


def levels(store: Store) -> Floats:
    """Return the levels of energy between which worth is interpolated."""
    return np.linspace(0.0, store.usable_kwh, _LEVELS)


def hedge(store: Store, stages: Stages, held_kwh: float, planned: tuple[float, float]) -> Hedge:
    """Return the best band for the first stage.

    Load is drawn anew each hour. Sun is not: a dull morning makes a dull day. So it is drawn anew in the
    dark, and stays as it was drawn until then.

    :param held_kwh: from empty
    :param planned: the plan's band, kept where no other one is better
    """
    level = levels(store)
    bands = _bands(store, planned)
    chosen = bands[:-1]
    dark = stages.sun_kw.max(axis=1) <= 0
    kinds = len(CHANCES)
    to_go = np.tile(-store.terminal * level, (kinds, 1))
    for stage in range(len(stages.buy) - 1, 0, -1):
        if dark[stage]:
            # All kinds of day are the same now, so one is worked out for all.
            expected = _expected(store, stages, stage, chosen, level, CHANCES @ to_go[None])
            to_go = np.tile(expected.min(axis=1), (kinds, 1))
        else:
            to_go = _expected(store, stages, stage, chosen, level, to_go).min(axis=1)
    costs = CHANCES @ _expected(store, stages, 0, bands, np.array([held_kwh]), to_go)[:, :, 0]
    best_band = int(np.argmin(costs))
    gain = float(costs[-1] - costs[best_band])
    if gain <= _SMALL_GAIN * float(np.abs(stages.buy).max()):
        best_band, gain = len(bands) - 1, 0.0
    step = max(store.usable_kwh / (_LEVELS - 1), 1e-9)
    around = [max(held_kwh - step, 0.0), min(held_kwh + step, store.usable_kwh)]
    near = np.interp(around, level, CHANCES @ to_go)
    worth = float(near[0] - near[1]) / max(around[1] - around[0], 1e-9)
    return Hedge(float(bands[best_band, 0]), float(bands[best_band, 1]), worth, gain)


def _bands(store: Store, planned: tuple[float, float]) -> Floats:
    """Return the bands to choose from, lowest and highest power; the last one is the plan's."""
    charge, discharge = store.charge_kw, store.discharge_kw
    bands = [(-discharge, charge), (0.0, charge), (-discharge, 0.0), (0.0, 0.0)]
    bands += [(share * store.buys_kw, charge) for share in _SHARES if store.buys_kw > 0]
    bands += [(-discharge, -share * store.sells_kw) for share in _SHARES if store.sells_kw > 0]
    return np.array([*bands, planned])


def _expected(store: Store, stages: Stages, stage: int, bands: Floats, held: Floats, to_go: Floats) -> Floats:
    """Return the expected cost to the last stage, by kind of day, band and amount held.

    :param to_go: cost from the end of the stage on, by kind of day and level; of one kind alone in the dark
    """
    hours = float(stages.hours[stage])
    energy = held * store.keep**hours
    highest = np.minimum(store.charge_kw, (store.usable_kwh - energy) / store.charge_efficiency / hours)
    free = np.maximum(energy - stages.floor_kwh[stage], 0.0)
    lowest = -np.minimum(store.discharge_kw, free * store.discharge_efficiency / hours)
    # Kinds of day, possible loads, bands, amounts held: the longest last, which is what numpy is fast with.
    net = (stages.used_kw[stage] - stages.sun_kw[stage, : len(to_go), None])[:, :, None, None]
    power = np.clip(-net, bands[:, 0, None], bands[:, 1, None])
    power = np.minimum(np.maximum(power, lowest), highest)
    after = np.minimum(
        power * (hours * store.charge_efficiency), power * (hours / store.discharge_efficiency)
    )
    after += energy
    level = levels(store)
    later = to_go + stages.holding[stage]
    cost = np.array([np.interp(each, level, worth) for each, worth in zip(after, later, strict=True)])
    if store.wear:
        cost += np.abs(power) * (hours * store.wear / 2)
    flow = power + (net + stages.aside_kw[stage])
    drawn = np.maximum(flow, 0.0)
    if stages.excess[stage]:
        cost += np.maximum(drawn - stages.import_kw[stage], 0.0) * stages.excess[stage]
    # What is drawn counts in both lines: at the price of selling, and at what buying costs more than that.
    cost += np.maximum(flow, -stages.export_kw[stage]) * (hours * stages.sell[stage])
    cost += drawn * (hours * (stages.buy[stage] - stages.sell[stage]))
    expected: Floats = (CHANCES @ cost.reshape(*cost.shape[:2], -1)).reshape(len(to_go), *cost.shape[2:])
    return expected
