"""The grid in the program: drawing, feeding in, caps, demand charges, and outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Floats, Numbers, Rows
    from optimizer.grid import Grid
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap that may be broken at a price. The rows are in the order of the steps."""

    rows: Rows
    over: Numbers
    limit_kw: Floats


@dataclass(frozen=True, slots=True)
class GridPart:
    """Where the grid stands in the program. One column a step, but `unserved` for the steps of an outage."""

    drawn: Numbers
    fed: Numbers
    curtailed: Numbers
    import_cap: Cap | None
    export_cap: Cap | None
    peaks: tuple[tuple[Numbers, Rows], ...]
    """For each demand charge: the steps in its window, and the rows that keep their import below the peak."""
    outage: Numbers
    """Steps of an outage."""
    unserved: Numbers
    critical: Numbers


def add_grid(bus: Bus, problem: Problem) -> GridPart:
    """Add the grid and the sun, last of all: what draws and gives bounds what the grid can do."""
    grid, program, hours = problem.grid, bus.program, bus.hours
    tiers = problem.tiers
    connected = np.ones(bus.count, bool) if grid.connected is None else np.array(grid.connected)
    drawn = program.columns(bus.count, 0.0, np.where(connected, bus.most_in_kw, 0.0))
    fed = program.columns(bus.count, 0.0, np.where(connected, bus.most_out_kw, 0.0))
    program.put(bus.balance, drawn, 1.0)
    program.put(bus.balance, fed, -1.0)
    bus.feed(fed, bus.steps, -1.0, sold=True)
    program.cost("energy", drawn, hours * np.array(grid.import_price))
    program.cost("feed_in", fed, -hours * np.array(grid.export_price))
    program.cost("order", drawn, hours * bus.price * 1e-6)  # one price for both ways must not invite a loop
    if grid.co2_kg_per_kwh is not None and problem.co2_price:
        program.cost("co2", drawn, hours * problem.co2_price * np.array(grid.co2_kg_per_kwh))
    program.exclude(drawn, fed)

    solar = problem.solar
    curtailed = program.columns(bus.count, 0.0, bus.sun_kw)
    program.put(bus.balance, curtailed, -1.0)
    if solar is None or solar.curtailable:
        program.cost("order", curtailed, hours * bus.price * 1e-6)
    else:
        program.cost("wishes", curtailed, hours * tiers.limit * 2)

    outage = np.flatnonzero(~connected)
    critical_kw = bus.load_kw if problem.load.critical_w is None else np.array(problem.load.critical_w) / 1000
    critical = program.columns(len(outage), 0.0, critical_kw[outage])
    unserved = program.columns(len(outage), 0.0, np.maximum(bus.load_kw - critical_kw, 0.0)[outage])
    for columns, price in ((unserved, tiers.unserved), (critical, tiers.unserved_critical)):
        program.put(bus.balance[outage], columns, 1.0)
        program.cost("wishes", columns, hours[outage] * price)
        bus.feed(columns, outage, 1.0)
    return GridPart(
        drawn,
        fed,
        curtailed,
        _cap(bus, drawn, grid.import_cap_w, tiers.limit),
        _cap(bus, fed, _export_cap(grid, bus.count), tiers.limit),
        _peaks(bus, problem, drawn),
        outage,
        unserved,
        critical,
    )


def _export_cap(grid: Grid, count: int) -> tuple[float, ...] | None:
    return grid.export_cap_w if grid.feed_in else (0.0,) * count


def _cap(bus: Bus, flow: Numbers, cap_w: tuple[float, ...] | None, price: float) -> Cap | None:
    if cap_w is None:
        return None
    limit = np.array(cap_w) / 1000
    rows = bus.program.at_most(limit)
    over = bus.program.columns(bus.count)
    bus.program.put(rows, flow, 1.0)
    bus.program.put(rows, over, -1.0)
    bus.program.cost("wishes", over, bus.hours * price)
    return Cap(rows, over, limit)


def _peaks(bus: Bus, problem: Problem, drawn: Numbers) -> tuple[tuple[Numbers, Rows], ...]:
    peaks: list[tuple[Numbers, Rows]] = []
    for charge in problem.grid.demand_charges:
        steps = np.flatnonzero(np.array(problem.horizon.shares(*charge.windows)) > 0)
        # What exceeds the peak so far, so that only the increase is paid for.
        excess = bus.program.columns(1)
        rows = bus.program.at_most(np.full(len(steps), charge.reached_w / 1000))
        bus.program.put(rows, drawn[steps], 1.0)
        bus.program.put(rows, np.broadcast_to(excess, len(steps)), -1.0)
        bus.program.cost("demand", excess, charge.price)
        peaks.append((steps, rows))
    return tuple(peaks)
