"""A battery in the program: its store, its limits, its wishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.formulation.terminal_value import terminal_value

if TYPE_CHECKING:
    from optimizer.battery import Battery
    from optimizer.formulation.bus import Bus
    from optimizer.formulation.program import Floats, Numbers, Rows
    from optimizer.problem import Problem


@dataclass(frozen=True, slots=True)
class Level:
    """A level that is wished to be kept in some steps: what is missing, and the rows that say so."""

    steps: Numbers
    missing: Numbers
    rows: Rows


@dataclass(frozen=True, slots=True)
class BatteryPart:
    """Where a battery stands in the program. One column a step unless said otherwise."""

    battery: Battery
    charge: Numbers
    discharge: Numbers
    stored: Numbers
    """At the end of each step."""
    store: Rows
    """How each step's energy follows from the one before; minus its dual is the worth of a stored kWh."""
    keep: Floats
    """Share of the energy that self-discharge leaves over each step."""
    terminal: float
    """Worth of a kWh stored at the end."""
    share: Floats
    """Share of each step in which it can be used."""
    lowest_kwh: Floats
    highest_kwh: Floats
    """Bounds of what it holds."""
    reserve_kwh: Floats
    lacking: Level | None
    """The minimum, in steps in which the battery may be below it, because it is now."""
    missing: Level | None
    """The reserve."""


def add_battery(bus: Bus, problem: Problem, battery: Battery) -> BatteryPart:
    """Add a battery."""
    program, hours = bus.program, bus.hours
    keep = (1 - battery.self_discharge) ** hours
    alone = battery.stored_wh / 1000 * np.cumprod(keep)
    """What it holds when nobody touches it: always allowed, so there is always a plan."""
    share = np.ones(bus.count)
    if battery.available is not None:
        share = np.array(problem.horizon.shares(*battery.available))
    if battery.idle is not None:
        share *= 1 - np.array(problem.horizon.shares(battery.idle))
    charge_kw, discharge_kw = battery.charge_w / 1000 * share, battery.discharge_w / 1000 * share
    charge = program.columns(bus.count, 0.0, charge_kw)
    discharge = program.columns(bus.count, 0.0, discharge_kw)
    lowest = np.minimum(battery.minimum_wh / 1000, alone)
    highest = np.maximum(battery.most_wh / 1000, alone)
    stored = program.columns(bus.count, lowest, highest)
    program.exclude(charge, discharge)

    start = np.zeros(bus.count)
    start[0] = keep[0] * battery.stored_wh / 1000
    store = program.equal(start)
    program.put(store, stored, 1.0)
    program.put(store[1:], stored[:-1], -keep[1:])
    program.put(store, charge, -hours * battery.charge_efficiency)
    program.put(store, discharge, hours / battery.discharge_efficiency)

    bus.draw(charge, charge_kw, bus.steps)
    program.put(bus.balance, discharge, 1.0)
    bus.most_out_kw += discharge_kw
    bus.feed(discharge, bus.steps, 1.0, sold=battery.feed_in)
    for flow in (charge, discharge):
        program.cost("wear", flow, hours * battery.wear / 2)
        program.cost("order", flow, hours * bus.order)
    if battery.haste:
        later_h = np.array(problem.horizon.offsets_s[:-1]) / 3600
        program.cost("order", discharge, hours * battery.haste * later_h)
    terminal = terminal_value(problem, battery)
    program.cost("terminal", stored[-1:], -terminal)
    _taper(bus, battery, charge, stored)
    _dwell(bus, battery, stored)
    wish = problem.tiers.wish
    minimum = np.where(lowest < battery.minimum_wh / 1000 - 1e-12, battery.minimum_wh / 1000, 0.0)
    reserve = np.array(battery.reserve(problem.horizon)) / 1000
    price = wish if battery.reserve_price is None else battery.reserve_price
    return BatteryPart(
        battery,
        charge,
        discharge,
        stored,
        store,
        keep,
        terminal,
        share,
        lowest,
        highest,
        np.maximum(reserve, minimum),
        _level(bus, stored, minimum, hours * wish * 10),
        _level(bus, stored, reserve, hours * price),
    )


def add_sun_only(bus: Bus, parts: list[BatteryPart], curtailed: Numbers) -> tuple[Rows, ...]:
    """Let batteries that must not charge from the grid charge with no more than what the sun leaves over.

    What is curtailed cannot be charged with either, which matters where drawing is paid for.
    """
    forbidden = [part for part in parts if not part.battery.grid_charging]
    if not forbidden:
        return ()
    left_over = bus.program.at_most(np.maximum(bus.sun_kw - bus.load_kw, 0.0))
    given = bus.program.at_most(bus.sun_kw)
    bus.program.put(given, curtailed, 1.0)
    for part in forbidden:
        for rows in (left_over, given):
            bus.program.put(rows, part.charge, 1.0)
    return left_over, given


def _taper(bus: Bus, battery: Battery, charge: Numbers, stored: Numbers) -> None:
    taper = battery.taper
    if taper is None:
        return
    most = battery.charge_w / 1000
    knee = taper.from_wh / 1000
    slope = (most - taper.to_w / 1000) / (battery.capacity_wh / 1000 - knee)
    rows = bus.program.at_most(np.full(bus.count, most + slope * knee))
    bus.program.put(rows, charge, 1.0)
    bus.program.put(rows, stored, slope)


def _dwell(bus: Bus, battery: Battery, stored: Numbers) -> None:
    if battery.dwell_above_wh is None or not battery.dwell_price:
        return
    above = bus.program.columns(bus.count)
    rows = bus.program.at_most(np.full(bus.count, battery.dwell_above_wh / 1000))
    bus.program.put(rows, stored, 1.0)
    bus.program.put(rows, above, -1.0)
    bus.program.cost("dwell", above, bus.hours * battery.dwell_price)


def _level(bus: Bus, stored: Numbers, level_kwh: Floats, price: Floats) -> Level | None:
    """Let what is missing to a level cost; None where there is no level."""
    steps = np.flatnonzero(level_kwh > 0)
    if not len(steps):
        return None
    missing = bus.program.columns(len(steps))
    rows = bus.program.at_most(-level_kwh[steps])
    bus.program.put(rows, stored[steps], -1.0)
    bus.program.put(rows, missing, -1.0)
    bus.program.cost("wishes", missing, price[steps])
    return Level(steps, missing, rows)
