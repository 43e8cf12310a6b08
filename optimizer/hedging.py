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
    """What may happen in each hour.

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
    dark = stages.sun_kw.max(axis=1) <= 0
    kinds = len(CHANCES)
    to_go = np.tile(-store.terminal * level, (kinds, 1))
    for stage in range(len(stages.buy) - 1, 0, -1):
        if dark[stage]:
            to_go = np.tile(CHANCES @ to_go, (kinds, 1))
        # In the dark all kinds of day are the same, so one is worked out for all.
        rows = [
            _expected(store, stages, (stage, kind), bands[:-1], level, to_go[kind]).min(axis=0)
            for kind in range(1 if dark[stage] else kinds)
        ]
        to_go = np.array(rows * (kinds // len(rows)))
    held = np.array([held_kwh])
    costs = sum(
        chance * _expected(store, stages, (0, kind), bands, held, to_go[kind])[:, 0]
        for kind, chance in enumerate(CHANCES)
    )
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


def _expected(
    store: Store, stages: Stages, when: tuple[int, int], bands: Floats, held: Floats, to_go: Floats
) -> Floats:
    """Return the expected cost of each band (rows) for each amount held (columns), to the last stage.

    :param when: stage and kind of day
    """
    stage, kind = when
    net = (stages.used_kw[stage] - stages.sun_kw[stage, kind])[None, None, :]
    energy = (held * store.keep)[None, :, None]
    hours = STAGE_S / 3600
    highest = np.minimum(store.charge_kw, (store.usable_kwh - energy) / store.charge_efficiency / hours)
    free = np.maximum(energy - stages.floor_kwh[stage], 0.0)
    lowest = -np.minimum(store.discharge_kw, free * store.discharge_efficiency / hours)
    power = np.clip(-net, bands[:, 0, None, None], bands[:, 1, None, None])
    power = np.clip(power, lowest, highest)
    after = energy + hours * np.where(
        power > 0, power * store.charge_efficiency, power / store.discharge_efficiency
    )
    flow = net + power + stages.aside_kw[stage]
    drawn, left = np.maximum(flow, 0.0), np.minimum(np.maximum(-flow, 0.0), stages.export_kw[stage])
    cost = hours * (drawn * stages.buy[stage] - left * stages.sell[stage] + np.abs(power) * store.wear / 2)
    cost = cost + np.maximum(drawn - stages.import_kw[stage], 0.0) * stages.excess[stage]
    level = levels(store)
    cost = cost + np.interp(after, level, to_go + stages.holding[stage])
    expected: Floats = cost @ CHANCES
    return expected
