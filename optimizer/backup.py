"""How long the home would last when the grid fails, and what it needs for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats
    from optimizer.problem import Problem

_STRONG_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Fleet:
    """All batteries that can feed the home in an outage, as one.

    Those that come and go (vehicles) are not counted. Where batteries differ, the fleet has the worse
    efficiency of them, so that it promises no more than it holds.

    :ivar names: of the batteries in it
    :ivar usable_kwh: from all empty to all full
    """

    names: frozenset[str]
    usable_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    discharge_efficiency: float

    @classmethod
    def of(cls, problem: Problem) -> Fleet | None:
        """Return the fleet of a home, None when no battery can feed it."""
        batteries = [each for each in problem.batteries if each.backs_up and each.available is None]
        if not batteries:
            return None
        return cls(
            frozenset(each.name for each in batteries),
            sum(each.most_wh - each.minimum_wh for each in batteries) / 1000,
            sum(each.charge_w for each in batteries) / 1000,
            sum(each.discharge_w for each in batteries) / 1000,
            min(each.charge_efficiency for each in batteries),
            min(each.discharge_efficiency for each in batteries),
        )


@dataclass(frozen=True, slots=True)
class Outages:
    """Every outage that could begin at the beginning of a step.

    :ivar net_kw: critical load less cautious sun, one value a step
    :ivar hours: how long each step is
    :ivar need_kwh: stored energy that the fleet must have at the beginning of each step to last for the
        wished time; infinite where it cannot
    """

    fleet: Fleet
    net_kw: Floats
    hours: Floats
    need_kwh: Floats


def outages(problem: Problem) -> Outages | None:
    """Return what outages ask of a home, None when it has no battery that can help."""
    fleet = Fleet.of(problem)
    if fleet is None:
        return None
    load = problem.load
    critical = np.array(load.power_w if load.critical_w is None else load.critical_w)
    sun = np.zeros_like(critical)
    if problem.solar is not None and (problem.island is None or problem.island.solar):
        cautious = problem.solar.cautious_w
        sun = np.array(problem.solar.production_w if cautious is None else cautious)
    net = (critical - sun) / 1000
    hours = np.array(problem.horizon.hours)
    hold = 0.0 if problem.island is None else problem.island.hold_h
    return Outages(fleet, net, hours, needs(net, hours, hold, fleet))


def needs(net_kw: Floats, hours: Floats, hold_h: float, fleet: Fleet) -> Floats:
    """Return the stored energy that lasting for a time takes, for an outage at the beginning of each step.

    Backwards in time: what is needed before a step is what is needed after it, plus what the step takes or
    less what it brings, and never less than nothing. All outages are followed at once.

    :param net_kw: critical load less sun in each step
    :param hold_h: to be lasted; cut at the end of the steps
    :return: in kWh, from empty; infinite where the fleet is too small or too weak
    """
    count = len(hours)
    if hold_h <= 0:
        return np.zeros(count)
    begins = np.concatenate(([0.0], np.cumsum(hours)))
    ends = np.minimum(begins[:-1] + hold_h, begins[-1])
    need = np.zeros(count)
    taken = np.maximum(net_kw, 0) / fleet.discharge_efficiency
    brought = np.minimum(np.maximum(-net_kw, 0), fleet.charge_kw) * fleet.charge_efficiency
    too_weak = net_kw > fleet.discharge_kw + _STRONG_ENOUGH
    for step in range(count - 1, -1, -1):
        # Outages that began by now and are not over yet go through this step, or a part of it.
        within = np.clip(ends[: step + 1] - begins[step], 0.0, hours[step])
        before = np.maximum(need[: step + 1] + within * (taken[step] - brought[step]), 0.0)
        before[(before > fleet.usable_kwh + _STRONG_ENOUGH) | (too_weak[step] & (within > 0))] = np.inf
        need[: step + 1] = np.where(within > 0, before, need[: step + 1])
    return need


def lasting(net_kw: Floats, hours: Floats, stored_kwh: Floats, fleet: Fleet) -> Floats:
    """Return how long the fleet lasts from the beginning of each step on.

    :param stored_kwh: what it holds then, from empty, one value a step (the last axis)
    :return: hours, in the shape of `stored_kwh`; what lasts to the end of the steps counts to there
    """
    energy = np.minimum(np.maximum(stored_kwh, 0.0), fleet.usable_kwh)
    lasted = np.zeros(energy.shape)
    alive = np.ones(energy.shape, bool)
    for step, (net, length) in enumerate(zip(net_kw.tolist(), hours.tolist(), strict=True)):
        # Outages that began by now.
        held, going, lasts = (each[..., : step + 1] for each in (energy, alive, lasted))
        if net > 0:
            rate = net / fleet.discharge_efficiency
            time = np.minimum(held / rate, 0.0 if net > fleet.discharge_kw + _STRONG_ENOUGH else length)
            held -= time * rate
            lasts += time * going
            going &= time >= length * (1 - 1e-12)
        else:
            held += min(-net, fleet.charge_kw) * fleet.charge_efficiency * length
            np.minimum(held, fleet.usable_kwh, out=held)
            lasts += going * length
    return lasted
