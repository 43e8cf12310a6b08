"""A thermal store in the program: one temperature that follows from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Numbers, Rows
    from optimizer.problem import Problem
    from optimizer.thermal_store import ThermalStore


@dataclass(frozen=True, slots=True)
class ThermalPart:
    """Where a thermal store stands in the program. One column a step.

    :ivar temperature: at the end of each step, in C
    :ivar cold: kelvins below comfort
    :ivar hot: kelvins above it
    :ivar comfort: rows that keep it warm enough and cool enough
    """

    store: ThermalStore
    power: Numbers
    temperature: Numbers
    cold: Numbers
    hot: Numbers
    comfort: tuple[Rows, Rows]


def add_thermal(bus: Bus, problem: Problem, store: ThermalStore) -> ThermalPart:
    """Add a thermal store.

    Over a step with constant power the temperature goes towards its equilibrium exponentially, so the
    recursion is exact for steps of any length.
    """
    program, count, hours = bus.program, bus.count, bus.hours
    available = np.ones(count) if store.available is None else np.array(store.available, float)
    most = store.max_w / 1000 * available
    power = program.columns(count, 0.0, most)
    bus.draw(power, most, bus.steps)
    temperature = program.columns(count, -np.inf, np.inf)
    cold, hot = program.columns(count), program.columns(count)
    keep = np.exp(-hours / (store.resistance_k_per_w * store.capacity_wh_per_k))
    gain = np.zeros(count) if store.gain_w is None else np.array(store.gain_w)
    drift = (1 - keep) * (np.array(store.outside_c) + store.resistance_k_per_w * gain)
    drift[0] += keep[0] * store.temperature_c
    rows = program.equal(drift)
    program.put(rows, temperature, 1.0)
    program.put(rows[1:], temperature[:-1], -keep[1:])
    program.put(rows, power, -(1 - keep) * store.resistance_k_per_w * 1000 * store.heat_per_w)
    warm = program.at_most(-np.array(store.minimum_c))
    program.put(warm, temperature, -1.0)
    program.put(warm, cold, -1.0)
    cool = program.at_most(np.array(store.maximum_c))
    program.put(cool, temperature, 1.0)
    program.put(cool, hot, -1.0)
    price = problem.tiers.wish if store.price is None else store.price
    far = hot if store.heat_per_w > 0 else cold
    for discomfort in (cold, hot):
        firm = store.firm and discomfort is far
        program.cost("wishes", discomfort, hours * (problem.tiers.limit if firm else price))
    program.cost("order", power, hours * bus.order)
    if store.min_w > 0:
        program.off_or_enough(power, store.min_w / 1000 * available)
    return ThermalPart(store, power, temperature, cold, hot, (warm, cool))
