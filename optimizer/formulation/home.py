"""The whole home in the program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.formulation.battery_part import BatteryPart, add_battery, add_sun_only
from optimizer.formulation.bus import Bus
from optimizer.formulation.energy_part import EnergyPart, add_energy
from optimizer.formulation.grid_part import GridPart, add_grid
from optimizer.formulation.island_part import IslandPart, add_island
from optimizer.formulation.previous_part import PreviousPart, add_previous
from optimizer.formulation.program import LinearProgram, Rows
from optimizer.formulation.shiftable_part import ShiftablePart, add_shiftable
from optimizer.formulation.thermal_part import ThermalPart, add_thermal

if TYPE_CHECKING:
    from optimizer.backup import Outages
    from optimizer.load import InterruptibleLoad
    from optimizer.problem import Problem
    from optimizer.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class Home:
    """A problem and where its parts stand in the program that solves it."""

    problem: Problem
    program: LinearProgram
    bus: Bus
    grid: GridPart
    batteries: tuple[BatteryPart, ...]
    sun_only: tuple[Rows, ...]
    energies: tuple[EnergyPart, ...]
    shiftable: tuple[ShiftablePart, ...]
    thermal: tuple[ThermalPart, ...]
    island: IslandPart | None
    previous: tuple[PreviousPart, ...]


def formulate(problem: Problem, outages: Outages | None) -> Home:
    """Return the program for a problem. It has a solution whatever is wished.

    :param outages: what surviving them takes; None when that is not wished
    """
    program = LinearProgram()
    bus = Bus(program, problem)
    batteries = [add_battery(bus, problem, battery) for battery in problem.batteries]
    waiting: list[Vehicle | InterruptibleLoad] = [*problem.vehicles, *problem.interruptible]
    energies = tuple(add_energy(bus, problem, load) for load in waiting)
    shiftable = tuple(add_shiftable(bus, problem, load) for load in problem.shiftable)
    thermal = tuple(add_thermal(bus, problem, store) for store in problem.thermal)
    grid = add_grid(bus, problem)
    island = None
    if outages is not None:
        island = add_island(bus, problem, batteries, outages.fleet, outages.need_kwh)
    return Home(
        problem,
        program,
        bus,
        grid,
        tuple(batteries),
        add_sun_only(bus, batteries, grid.curtailed),
        energies,
        shiftable,
        thermal,
        island,
        add_previous(bus, problem, [*batteries, *energies, *thermal]),
    )
