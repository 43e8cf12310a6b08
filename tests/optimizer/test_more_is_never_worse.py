"""More battery, and more freedom, never cost more."""

from dataclasses import replace

import pytest
from optimizer_lab.homes import RandomHomes

from optimizer.solve import solve


def cost(problem):
    # The ranks of wishes follow the highest price, which none of the changes below touches.
    return solve(problem, explain=False).costs.total


def at_most(less):
    return less + 1e-5 * max(1.0, abs(less))


def plain(problem):
    """A home whose batteries have no wishes of their own: a larger one would have larger wishes."""
    batteries = tuple(
        replace(each, reserve_wh=0.0, minimum_wh=0.0, maximum_wh=None, taper=None, dwell_above_wh=None)
        for each in problem.batteries
    )
    return replace(problem, batteries=batteries, island=None)


@pytest.mark.parametrize("seed", range(60))
def test_a_larger_stronger_or_better_battery_never_costs_more(seed):
    homes = RandomHomes(1000 + seed)
    problem = plain(homes.problem())
    while not problem.batteries or problem.batteries[0].capacity_wh == 0:
        problem = plain(homes.problem())
    battery, *others = problem.batteries
    before = cost(problem)
    for better in (
        replace(battery, capacity_wh=battery.capacity_wh * 1.5),
        replace(battery, charge_w=battery.charge_w * 2, discharge_w=battery.discharge_w * 2),
        replace(battery, wear=0.0),
        replace(battery, grid_charging=True, feed_in=True, available=None),
    ):
        assert cost(replace(problem, batteries=(better, *others))) <= at_most(before)


@pytest.mark.parametrize("seed", range(30))
def test_one_more_battery_never_costs_more(seed):
    problem = plain(RandomHomes(2000 + seed).problem())
    spare = RandomHomes(3000 + seed)._battery("spare", problem.horizon)
    spare = replace(spare, stored_wh=0.0, reserve_wh=0.0, minimum_wh=0.0, dwell_above_wh=None)
    more = plain(replace(problem, batteries=(*problem.batteries, spare)))
    assert cost(more) <= at_most(cost(problem))
