"""Solve a planning problem."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from optimizer.backup import Outages, lasting, outages
from optimizer.bands import battery_bands
from optimizer.explanation.battery_reasons import battery_reasons
from optimizer.explanation.energy_reasons import energy_reasons
from optimizer.explanation.facts import Facts
from optimizer.explanation.kept import kept
from optimizer.explanation.shiftable_reasons import chosen, shiftable_reasons
from optimizer.explanation.solar_reasons import solar_reasons
from optimizer.explanation.thermal_reasons import thermal_reasons
from optimizer.formulation.home import Home, formulate
from optimizer.hedged_bands import hedged
from optimizer.plan import Backup, Costs, Hedged, Plan, PlannedBattery, PlannedLoad, Solved
from optimizer.solver import TOLERANCE, Options, Solver
from optimizer.violations import violations

if TYPE_CHECKING:
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.program import Floats
    from optimizer.hedging import Hedge
    from optimizer.plan import Band
    from optimizer.problem import Problem
    from optimizer.reason import Reason
    from optimizer.solver import Solution

_GAP_SLACK = 1.01


def solve(problem: Problem, options: Options | None = None, *, explain: bool = True) -> Plan:
    """Return the plan that costs least. There always is one: wishes that cannot be met are named in it.

    :param explain: work out reasons and hours of backup, too
    :raises SolverError: the numbers of the problem are too far apart for the solver
    """
    started = time.perf_counter()
    options = options or Options()
    possible = outages(problem) if explain or problem.island is not None else None
    outage = possible if problem.island is not None else None
    home = formulate(problem, outage)
    solution = Solver(home.program, options).solve()
    facts = Facts.of(home, solution, kept(home, solution, outage, options) if explain else {})
    values, sun = solution.values, home.bus.sun_kw
    bands = [battery_bands(facts, part) for part in home.batteries]
    hedge, told = hedged(facts, outage, bands) or (None, [()] * len(bands))
    unserved = np.zeros(home.bus.count)
    unserved[home.grid.outage] = values[home.grid.unserved] + values[home.grid.critical]
    backup = None if possible is None else _backup(home, solution, possible)
    return Plan(
        horizon=problem.horizon,
        grid_w=_watts(facts.drawn - facts.fed),
        solar_w=_watts(facts.curtailed - sun),
        curtailed_w=_watts(facts.curtailed),
        unserved_w=_watts(unserved),
        energy_value=tuple(facts.worth.tolist()),
        batteries=tuple(
            _battery(
                facts,
                part,
                (*first, *own[len(first) :]),
                battery_reasons(facts, part, hedge, first) if explain else (),
            )
            for part, own, first in zip(home.batteries, bands, told, strict=True)
        ),
        loads=_loads(facts, explain=explain),
        solar_reasons=solar_reasons(facts) if explain else (),
        costs=Costs(**home.program.costs(values)),
        violations=violations(facts, backup),
        backup=backup,
        solved=_solved(home, solution, options, started),
        hedged=None if hedge is None else _hedged(hedge),
    )


def _hedged(hedge: Hedge) -> Hedged:
    return Hedged(hedge.lowest_kw * 1000, hedge.highest_kw * 1000, hedge.worth, hedge.gain)


def _watts(kilowatts: Floats) -> tuple[float, ...]:
    # Adding zero turns a negative zero into a zero.
    return tuple((np.round(kilowatts * 1000, 6) + 0.0).tolist())


def _battery(
    facts: Facts, part: BatteryPart, bands: tuple[Band, ...], reasons: tuple[Reason, ...]
) -> PlannedBattery:
    charge, discharge = facts.values(part.charge), facts.values(part.discharge)
    return PlannedBattery(
        part.battery.name,
        _watts(charge - discharge),
        _watts(facts.values(part.stored)),
        bands,
        tuple((-facts.solution.equal_duals[part.store.numbers]).tolist()),
        reasons,
    )


def _loads(facts: Facts, *, explain: bool) -> tuple[PlannedLoad, ...]:
    home, loads = facts.home, []
    for energy in home.energies:
        power = np.zeros(home.bus.count)
        power[energy.steps] = facts.values(energy.power)
        reasons = energy_reasons(facts, energy) if explain else ()
        loads.append(PlannedLoad(energy.load.name, _watts(power), reasons))
    for machine in home.shiftable:
        which = chosen(facts, machine)
        power = np.zeros(home.bus.count) if which is None else machine.profile_kw[which]
        starts = None if which is None else facts.time(int(machine.starts[which]))
        reasons = shiftable_reasons(facts, machine) if explain else ()
        loads.append(PlannedLoad(machine.load.name, _watts(power), reasons, starts))
    for thermal in home.thermal:
        reasons = thermal_reasons(facts, thermal) if explain else ()
        temperature = tuple(facts.values(thermal.temperature).tolist())
        power = facts.values(thermal.power)
        loads.append(PlannedLoad(thermal.store.name, _watts(power), reasons, None, temperature))
    return tuple(loads)


def _backup(home: Home, solution: Solution, possible: Outages) -> Backup:
    """Return how long the batteries would last as the plan has them at the beginning of each step."""
    held = np.zeros(home.bus.count)
    for part in home.batteries:
        battery = part.battery
        if battery.name in possible.fleet.names:
            stored = np.concatenate(([battery.stored_wh / 1000], solution.values[part.stored][:-1]))
            held += np.maximum(stored - battery.minimum_wh / 1000, 0.0)
    full = np.full(home.bus.count, possible.fleet.usable_kwh)
    hours, longest = lasting(possible.net_kw, possible.hours, np.stack((held, full)), possible.fleet)
    need = tuple((possible.need_kwh * 1000).tolist())
    return Backup(tuple(hours.tolist()), need, tuple(longest.tolist()))


def _solved(home: Home, solution: Solution, options: Options, started: float) -> Solved:
    values = solution.values
    one, other = home.program.exclusive
    both = (values[one] > TOLERANCE) & (values[other] > TOLERANCE)
    in_grid = np.isin(one, home.grid.drawn)
    level, least = home.program.semicontinuous
    halves = (values[level] > TOLERANCE) & (values[level] < least - TOLERANCE)
    exact = not both.any() and not halves.any() and solution.gap <= options.gap * _GAP_SLACK
    return Solved(
        seconds=time.perf_counter() - started,
        solver_s=solution.seconds,
        rounds=solution.rounds,
        columns=solution.columns,
        binaries=solution.binaries,
        grid_overlaps=int((both & in_grid).sum()),
        battery_overlaps=int((both & ~in_grid).sum()),
        gap=solution.gap,
        exact=bool(exact),
    )
