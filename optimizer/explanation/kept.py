"""What a plan does only because the previous one said so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.formulation.home import formulate
from optimizer.formulation.previous_part import flows
from optimizer.solver import Solver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optimizer.backup import Outages
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.energy_part import EnergyPart
    from optimizer.formulation.home import Home
    from optimizer.formulation.program import Floats
    from optimizer.formulation.thermal_part import ThermalPart
    from optimizer.solver import Options, Solution

_SAME_KW: Final = 1e-3
_OTHER_KW: Final = 5e-3


def kept(
    home: Home, solution: Solution, outages: Outages | None, options: Options
) -> Mapping[str, NDArray[np.bool_]]:
    """Return for each part in which steps it does what the previous plan said and would not by itself.

    What it would do by itself is what the plan would be without the previous one.
    """
    if not home.previous:
        return {}
    free = formulate(replace(home.problem, previous=None), outages)
    others = _powers(free, Solver(free.program, options).solve().values)
    powers = _powers(home, solution.values)
    result: dict[str, NDArray[np.bool_]] = {}
    for part in home.previous:
        power = powers[part.name]
        said = np.full(len(power), np.inf)
        said[part.steps] = part.said_kw
        as_before = np.abs(power - said) < _SAME_KW
        result[part.name] = as_before & (np.abs(power - others[part.name]) > _OTHER_KW)
    return result


def _powers(home: Home, values: Floats) -> dict[str, Floats]:
    powers: dict[str, Floats] = {}
    parts: list[BatteryPart | EnergyPart | ThermalPart] = [*home.batteries, *home.energies, *home.thermal]
    for part in parts:
        name, steps, columns = flows(part, home.bus)
        power = np.zeros(home.bus.count)
        for each, factor in columns:
            power[steps] += factor * values[each]
        powers[name] = power
    return powers
