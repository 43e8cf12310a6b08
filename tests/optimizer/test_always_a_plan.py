"""Whatever is wished there is a plan; energy is conserved in it, and no physical limit is broken."""

import math

import numpy as np
import pytest
from optimizer_lab.homes import RandomHomes

from optimizer.plan import Wish
from optimizer.reason import ReasonCode
from optimizer.solve import solve

W = 0.01
"""Power, or energy in Wh, that rounding may cost."""


def check(problem, plan):
    hours = np.array(problem.horizon.hours)
    batteries = sum((np.array(each.power_w) for each in plan.batteries), np.zeros(len(hours)))
    loads = sum((np.array(each.power_w) for each in plan.loads), np.zeros(len(hours)))
    base, grid, sun = np.array(problem.load.power_w), np.array(plan.grid_w), np.array(plan.solar_w)
    unserved = np.array(plan.unserved_w)
    assert np.abs(grid + unserved - sun - batteries - loads - base).max() < W
    could = np.zeros(len(hours)) if problem.solar is None else np.array(problem.solar.production_w)
    assert np.abs(could + sun - np.array(plan.curtailed_w)).max() < W
    assert (sun <= W).all()
    assert (sun >= -could - W).all()
    if problem.grid.connected is not None:
        assert np.abs(grid[~np.array(problem.grid.connected)]).max(initial=0) < W
    broken = {each.wish for each in plan.violations}
    if problem.grid.import_cap_w is not None and Wish.IMPORT_CAP not in broken:
        assert (grid <= np.array(problem.grid.import_cap_w) + W).all()
    if problem.grid.export_cap_w is not None and Wish.EXPORT_CAP not in broken:
        assert (-grid <= np.array(problem.grid.export_cap_w) + W).all()
    for battery, planned in zip(problem.batteries, plan.batteries, strict=True):
        check_battery(problem, battery, planned, hours)
    for vehicle in problem.vehicles:
        check_vehicle(problem, vehicle, plan.load(vehicle.name), hours)
    assert math.isfinite(plan.costs.total)
    assert plan.solved.exact
    assert all(each.sentence and each.amount > 0 for each in plan.violations)


def check_battery(problem, battery, planned, hours):
    power, stored = np.array(planned.power_w), np.array(planned.stored_wh)
    share = np.ones(len(hours))
    if battery.available is not None:
        share = np.array(problem.horizon.shares(*battery.available))
    assert (power <= battery.charge_w * share + W).all()
    assert (power >= -battery.discharge_w * share - W).all()
    before = np.concatenate(([battery.stored_wh], stored[:-1]))
    keep = (1 - battery.self_discharge) ** hours
    flow = np.where(power > 0, power * battery.charge_efficiency, power / battery.discharge_efficiency)
    assert np.abs(stored - keep * before - flow * hours).max() < W
    alone = battery.stored_wh * np.cumprod(keep)
    assert (stored <= np.maximum(battery.most_wh, alone) + W).all()
    assert (stored >= np.minimum(battery.minimum_wh, alone) - W).all()
    assert len(planned.reasons) == len(planned.bands) == len(hours)
    for band, watts, reason in zip(planned.bands, planned.power_w, planned.reasons, strict=True):
        assert -battery.discharge_w - W <= band.lowest_w <= band.highest_w <= battery.charge_w + W
        within = band.lowest_w - 25 - abs(watts) / 20 <= watts <= band.highest_w + 25 + abs(watts) / 20
        assert within or reason.code is ReasonCode.HEDGE


def check_vehicle(problem, vehicle, planned, hours):
    power = np.array(planned.power_w)
    share = np.array(problem.horizon.shares(*vehicle.plugged))
    assert (power <= vehicle.max_w * share + W).all()
    running = power > W
    assert (power[running] >= vehicle.min_w * share[running] - W).all()
    room = vehicle.need_wh if vehicle.room_wh is None else vehicle.room_wh
    assert (power @ hours) * vehicle.efficiency <= room + W


@pytest.mark.parametrize("absurd", [False, True])
@pytest.mark.parametrize("seed", range(10, 15))
def test_two_thousand_random_homes_have_a_plan_that_keeps_all_limits(seed, absurd):
    homes = RandomHomes(seed, steps=(2, 6), absurd=absurd)
    named = set()
    for _ in range(200):
        problem = homes.problem()
        plan = solve(problem)
        check(problem, plan)
        named |= {each.wish for each in plan.violations}
    if absurd:
        assert {Wish.ENERGY, Wish.RESERVE, Wish.SURVIVAL, Wish.RUN, Wish.COMFORT} <= named
