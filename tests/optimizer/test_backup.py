"""Surviving an outage: the recursion against an outage that is played through."""

import random
from dataclasses import replace

import numpy as np
import pytest
from optimizer_lab.homes import cellar, home

from optimizer.backup import Fleet, lasting, needs
from optimizer.island import Island
from optimizer.plan import Wish
from optimizer.solve import solve


def played(net, hours, energy, fleet, start, until):
    """How long the fleet feeds the home, step by step; `until` hours at most."""
    lasted = 0.0
    for watts, length in zip(net[start:], hours[start:], strict=True):
        step = min(length, until - lasted)
        if step <= 1e-12:
            break
        if watts > fleet.discharge_kw + 1e-9:
            return lasted
        if watts > 0:
            rate = watts / fleet.discharge_efficiency
            if energy < rate * step - 1e-9:
                return lasted + energy / rate
            energy -= rate * step
        else:
            gain = min(-watts, fleet.charge_kw) * fleet.charge_efficiency
            energy = min(energy + gain * step, fleet.usable_kwh)
        lasted += step
    return lasted


def case(dice):
    count = dice.randint(2, 30)
    hours = np.array([dice.choice((0.25, 0.5, 1.0, 2.0)) for _ in range(count)])
    net = np.array([dice.uniform(-4, 4) for _ in range(count)])
    usable = dice.uniform(0.5, 12)
    names = frozenset({"cellar"})
    powers = (dice.uniform(0.5, 5), dice.uniform(1, 6))
    fleet = Fleet(names, usable, *powers, dice.uniform(0.8, 1), dice.uniform(0.8, 1))
    return net, hours, fleet, dice.uniform(0, hours.sum() * 1.2)


@pytest.mark.parametrize("seed", range(3))
def test_the_recursion_is_right_in_a_thousand_random_outages(seed):
    dice, impossible = random.Random(seed), 0
    for _ in range(1000):
        net, hours, fleet, hold = case(dice)
        start = dice.randrange(len(net))
        need = float(needs(net, hours, hold, fleet)[start])
        wished = min(hold, hours[start:].sum())
        full = played(net, hours, fleet.usable_kwh, fleet, start, wished)
        if np.isinf(need):
            impossible += 1
            assert full < wished - 1e-9
            continue
        assert full == pytest.approx(wished)
        assert played(net, hours, need + 1e-6, fleet, start, wished) == pytest.approx(wished)
        if need > 1e-3:
            assert played(net, hours, need - 1e-3, fleet, start, wished) < wished - 1e-9
    assert 100 < impossible < 900


def test_hours_of_backup_are_those_of_an_outage_played_through():
    dice = random.Random(9)
    for _ in range(300):
        net, hours, fleet, _ = case(dice)
        stored = np.array([dice.uniform(0, fleet.usable_kwh) for _ in net])
        lasted = lasting(net, hours, stored, fleet)
        for start in range(len(net)):
            alone = played(net, hours, stored[start], fleet, start, np.inf)
            assert lasted[start] == pytest.approx(alone, abs=1e-6)


def test_the_plan_keeps_what_an_outage_would_need_where_outages_are_likely():
    rare = home([0.3] * 8, load=1000, batteries=(cellar(),), island=Island(3, outages_per_hour=0.0))
    stormy = replace(rare, island=Island(3, outages_per_hour=0.2))
    assert solve(rare).battery("cellar").stored_wh[3] < 3000
    plan = solve(stormy)
    assert plan.backup.need_wh[3] == pytest.approx(3000)
    assert plan.battery("cellar").stored_wh[2] >= 3000 - 1e-3
    assert plan.backup.hours[3] >= 3 - 1e-6


def test_a_time_that_no_battery_lasts_is_named_with_the_longest_that_it_does():
    problem = home([0.3] * 12, load=2000, batteries=(cellar(stored_wh=10_000),), island=Island(8))
    plan = solve(problem)
    assert np.isinf(plan.backup.need_wh[0])
    assert plan.backup.longest_h[0] == pytest.approx(5)
    assert Wish.SURVIVAL in {each.wish for each in plan.violations}


def test_the_cautious_sun_counts_in_an_outage_and_only_critical_loads_do():
    problem = home([0.3] * 4, load=1000, sun=1000, batteries=(cellar(stored_wh=1000),))
    assert solve(problem).backup.hours[0] == 4
    dark = replace(problem, solar=replace(problem.solar, cautious_w=(0.0,) * 4))
    assert solve(dark).backup.hours[0] == pytest.approx(1)
    frugal = replace(dark, load=replace(dark.load, critical_w=(500.0,) * 4))
    assert solve(frugal).backup.hours[0] == pytest.approx(2)
    weak = replace(dark, batteries=(cellar(stored_wh=1000, discharge_w=900),))
    assert solve(weak).backup.hours[0] == 0


def test_batteries_that_come_and_go_or_cannot_feed_the_home_do_not_count():
    problem = home([0.3] * 4, load=1000, batteries=(cellar(backs_up=False),))
    assert solve(problem).backup is None
