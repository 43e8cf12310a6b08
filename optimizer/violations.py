"""Which wishes a plan breaks, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.explanation.shiftable_reasons import chosen
from optimizer.plan import Violation, Wish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optimizer.explanation.facts import Facts
    from optimizer.formulation.grid_part import Cap
    from optimizer.formulation.program import Floats, Numbers
    from optimizer.plan import Backup

_SMALL: Final = 1e-3
"""W, Wh or K that do not count, in thousandths: the solver's precision is finer."""


def violations(facts: Facts, backup: Backup | None) -> tuple[Violation, ...]:
    """Return the wishes that the plan breaks, worst kinds first.

    :param backup: how long the batteries would last; None when none can feed the home
    """
    return (*_unserved(facts), *_caps(facts), *_levels(facts), *_survival(facts, backup), *_loads(facts))


def _unserved(facts: Facts) -> Iterator[Violation]:
    grid = facts.home.grid
    for wish, columns, what in (
        (Wish.CRITICAL_LOAD, grid.critical, "critical load"),
        (Wish.LOAD, grid.unserved, "load"),
    ):
        yield from _power(facts, wish, "", (grid.outage, facts.values(columns)), f"Up to {{}} of {what} lack")


def _caps(facts: Facts) -> Iterator[Violation]:
    grid, steps = facts.home.grid, facts.home.bus.steps
    for wish, cap, what in (
        (Wish.IMPORT_CAP, grid.import_cap, "drawn"),
        (Wish.EXPORT_CAP, grid.export_cap, "fed in"),
    ):
        if cap is not None:
            yield from _power(
                facts, wish, "", (steps, _over(facts, cap)), f"Up to {{}} more are {what} than allowed"
            )
    solar = facts.home.problem.solar
    if solar is not None and not solar.curtailable:
        sentence = "Up to {} of sun go nowhere, and the panels cannot give less"
        yield from _power(facts, Wish.SUN_UNUSED, "", (steps, facts.curtailed), sentence)


def _over(facts: Facts, cap: Cap) -> Floats:
    return facts.values(cap.over)


def _levels(facts: Facts) -> Iterator[Violation]:
    for part in facts.home.batteries:
        name = part.battery.name
        for wish, level, what in (
            (Wish.BATTERY_MINIMUM, part.lacking, "minimum"),
            (Wish.RESERVE, part.missing, "reserve"),
        ):
            if level is not None:
                lacking = facts.values(level.missing)
                yield from _energy(
                    facts, wish, name, (level.steps, lacking), f"{name}: up to {{}} lack to its {what}"
                )


def _survival(facts: Facts, backup: Backup | None) -> Iterator[Violation]:
    """Name the first outage that the home would not live through for the wished time, and by how much."""
    island = facts.home.problem.island
    if island is None or not island.hold_h:
        return
    if backup is None:
        sentence = "No battery can feed the home in an outage."
        yield Violation(Wish.SURVIVAL, "", island.hold_h, "h", facts.time(0), sentence)
        return
    left = np.array(facts.home.problem.horizon.offsets_s)
    wished = np.minimum(island.hold_h, (left[-1] - left[:-1]) / 3600)
    lacking = wished - np.array(backup.hours)
    failing = np.flatnonzero(lacking > _SMALL)
    if len(failing):
        step, worst = int(failing[0]), float(lacking.max())
        longest = min(float(backup.longest_h[step]), island.hold_h)
        sentence = (
            f"An outage at {facts.clock(step)} would be lasted for {backup.hours[step]:.1f} h and not for "
            f"{island.hold_h:g} h; full batteries would last {longest:.1f} h."
        )
        yield Violation(Wish.SURVIVAL, "", worst, "h", facts.time(step), sentence)


def _loads(facts: Facts) -> Iterator[Violation]:
    for energy in facts.home.energies:
        short = float(facts.values(energy.short)[0]) * 1000
        if short > _SMALL:
            name, deadline = energy.load.name, energy.deadline
            local = deadline.astimezone(facts.home.problem.horizon.start.tzinfo)
            need = _kilo(energy.need_kwh * 1000, "Wh")
            sentence = f"{name}: {_kilo(short, 'Wh')} of {need} lack at {local:%a %H:%M}."
            yield Violation(Wish.ENERGY, name, short, "Wh", deadline, sentence)
    for machine in facts.home.shiftable:
        if chosen(facts, machine) is None and not machine.later:
            name = machine.load.name
            sentence = f"{name}: does not run."
            yield Violation(Wish.RUN, name, machine.load.energy_wh, "Wh", machine.load.window.end, sentence)
    for thermal in facts.home.thermal:
        name, steps = thermal.store.name, facts.home.bus.steps
        for columns, what in ((thermal.cold, "cold"), (thermal.hot, "hot")):
            kelvin = facts.values(columns)
            over = np.flatnonzero(kelvin > _SMALL)
            if len(over):
                worst = float(kelvin.max())
                when = facts.time(int(steps[over[0]]))
                sentence = f"{name}: up to {worst:.1f} K too {what}."
                yield Violation(Wish.COMFORT, name, worst, "K", when, sentence)


def _power(
    facts: Facts, wish: Wish, name: str, where: tuple[Numbers, Floats], sentence: str
) -> Iterator[Violation]:
    return _broken(facts, wish, name, where, ("W", sentence))


def _energy(
    facts: Facts, wish: Wish, name: str, where: tuple[Numbers, Floats], sentence: str
) -> Iterator[Violation]:
    return _broken(facts, wish, name, where, ("Wh", sentence))


def _broken(
    facts: Facts, wish: Wish, name: str, where: tuple[Numbers, Floats], words: tuple[str, str]
) -> Iterator[Violation]:
    steps, amounts = where
    unit, sentence = words
    over = np.flatnonzero(amounts * 1000 > _SMALL)
    if len(over):
        worst = float(amounts.max()) * 1000
        first = facts.time(int(steps[over[0]]))
        yield Violation(wish, name, worst, unit, first, sentence.format(_kilo(worst, unit)) + ".")


def _kilo(amount: float, unit: str) -> str:
    return f"{amount / 1000:.1f} k{unit}" if amount >= 1000 else f"{amount:.0f} {unit}"
