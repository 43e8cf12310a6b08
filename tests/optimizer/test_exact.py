"""Plans are exact: nothing happens at once that excludes each other, and few decisions make sure of that."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from optimizer_lab.homes import RandomHomes, cellar, home, window

from optimizer.battery import Taper
from optimizer.grid import DemandCharge
from optimizer.load import ShiftableLoad
from optimizer.solve import solve
from optimizer.solver import Options
from optimizer.vehicle import Vehicle

PRICES = [0.3, 0.2, 0.15, 0.2, 0.3, 0.4, 0.35, 0.3] * 3


def test_a_usual_home_is_one_linear_program():
    plan = solve(home(PRICES, sun=[0, 0, 2000, 4000] * 6, batteries=(cellar(wear=0.02),)))
    solved = plan.solved
    assert (solved.rounds, solved.binaries, solved.gap, solved.exact) == (1, 0, 0.0, True)


def test_negative_prices_take_a_decision_for_the_hours_that_need_one_and_no_more():
    prices = PRICES.copy()
    prices[10:12] = [-0.05, -0.06]
    # Without wear, a battery would burn paid energy by charging and discharging at once.
    battery = cellar(wear=0.0, charge_efficiency=0.9, discharge_efficiency=0.9, stored_wh=9000)
    plan = solve(home(prices, export=-0.1, batteries=(battery,)))
    assert (plan.solved.grid_overlaps, plan.solved.battery_overlaps, plan.solved.exact) == (0, 0, True)
    assert 1 <= plan.solved.binaries <= 4


def test_feeding_in_that_pays_more_than_importing_costs_makes_no_loop():
    plan = solve(home([0.1] * 6, export=0.3, sun=1000, load=600, batteries=(cellar(stored_wh=0),)))
    assert plan.solved.exact
    assert plan.solved.binaries > 0
    assert plan.costs.energy + plan.costs.feed_in == pytest.approx(
        sum(watts / 1000 * (0.1 if watts > 0 else 0.3) for watts in plan.grid_w)
    )


def test_the_same_price_both_ways_needs_no_decision():
    plan = solve(home([0.3] * 8, export=0.3, sun=[0, 3000] * 4, batteries=(cellar(),)))
    assert (plan.solved.binaries, plan.solved.exact) == (0, True)


def test_a_lowest_power_is_decided_only_where_it_matters():
    car = Vehicle("car", (window(0, 24),), 10_000, 3600, min_w=1380, efficiency=1.0)
    plan = solve(home(PRICES, load=0, sun=[0, 0, 700, 700] * 6, export=0.0, vehicles=(car,)))
    running = [watts for watts in plan.load("car").power_w if watts > 1]
    assert min(running) >= 1380 - 1e-3
    assert plan.solved.exact


def test_a_plan_says_how_far_it_may_be_from_the_best():
    machines = tuple(
        ShiftableLoad(f"machine {index}", (900.0 + 71 * index, 300.0, 1500.0), window(0, 24), slot_s=1800)
        for index in range(4)
    )
    peak = DemandCharge("month", window(0, 24), 3.0)
    problem = home(PRICES, sun=[0, 0, 2000, 4000] * 6, shiftable=machines, grid={"demand_charges": (peak,)})
    rough = solve(problem, Options(gap=0.05))
    best = solve(problem)
    assert best.solved.gap <= 1e-6
    assert 0 <= rough.solved.gap <= 0.05 * 1.01
    assert best.costs.total <= rough.costs.total <= best.costs.total * 1.06


@pytest.mark.parametrize("seed", range(40))
def test_a_plan_comes_even_when_time_runs_out_before_the_solver_has_one(seed, monkeypatch):
    """The decisions of the linear program are rounded then; the plan keeps all limits and tells its gap."""
    problem = RandomHomes(4000 + seed, negative=0.9).problem()
    best = solve(problem)
    monkeypatch.setattr(
        "optimizer.solver.milp", lambda *_, **__: SimpleNamespace(x=None, status=1, message="time")
    )
    plan = solve(problem)
    assert (plan.solved.grid_overlaps, plan.solved.battery_overlaps) == (0, 0)
    assert plan.costs.total >= best.costs.total - 1e-5 * max(1.0, abs(best.costs.total))
    assert plan.solved.gap <= 1.01e-6 or not plan.solved.exact
    machines = problem.shiftable
    assert all(
        plan.load(each.name).starts is None or sum(plan.load(each.name).power_w) > 0 for each in machines
    )


def test_charging_tapers_off_as_the_battery_fills():
    full_speed = home([0.1, 0.1, 0.1, 0.4], load=[0, 0, 0, 20_000], batteries=(cellar(stored_wh=2000),))
    slower = replace(
        full_speed, batteries=(cellar(stored_wh=2000, taper=Taper(5000, 500), discharge_w=20_000),)
    )
    plan = solve(slower).battery("cellar")
    for power, stored in zip(plan.power_w, plan.stored_wh, strict=True):
        assert power <= 3000 - 2500 * max(stored - 5000, 0) / 5000 + 1e-3
    assert max(plan.stored_wh) > 8000


def test_standing_full_costs_where_that_ages():
    # Filling in the last cheap hour is enough, so the battery does not stand full before.
    problem = home(
        [0.1] * 5 + [0.4], load=[0] * 5 + [9000], batteries=(cellar(stored_wh=0, discharge_w=9000),)
    )
    assert solve(problem).battery("cellar").stored_wh[2] == pytest.approx(9000)
    careful = cellar(stored_wh=0, discharge_w=9000, dwell_above_wh=4000, dwell_price=0.001)
    assert solve(replace(problem, batteries=(careful,))).battery("cellar").stored_wh[2] <= 4000 + 1e-3


def test_emissions_count_where_they_have_a_price():
    problem = home([0.3, 0.31], batteries=(cellar(stored_wh=500, feed_in=False, grid_charging=False),))
    problem = replace(problem, grid=replace(problem.grid, co2_kg_per_kwh=(0.8, 0.2)))
    assert solve(problem).battery("cellar").power_w[0] == 0
    green = solve(replace(problem, co2_price=0.1))
    assert round(green.battery("cellar").power_w[0]) == -500
    assert green.costs.co2 == pytest.approx(0.5 * 0.2 * 0.1)


def test_only_what_exceeds_the_peak_so_far_costs():
    charge = DemandCharge("month", window(0, 2), 10.0, reached_w=1500)
    plan = solve(home([0.3] * 2, load=[1000, 2000], grid={"demand_charges": (charge,)}))
    assert plan.costs.demand == pytest.approx(5.0)
    assert solve(home([0.3] * 2, load=1500, grid={"demand_charges": (charge,)})).costs.demand == 0


def test_critical_load_is_served_before_other_load_in_an_outage():
    problem = home(
        [0.3] * 4, load=1000, grid={"connected": (False,) * 4}, batteries=(cellar(stored_wh=2000),)
    )
    problem = replace(problem, load=replace(problem.load, critical_w=(500.0,) * 4))
    plan = solve(problem)
    assert sum(plan.unserved_w) == pytest.approx(2000)
    assert max(plan.unserved_w) <= 500 + 1e-3
    assert [each.wish for each in plan.violations] == ["load"]
    worse = solve(replace(problem, batteries=(cellar(stored_wh=1000),)))
    assert {each.wish for each in worse.violations} == {"load", "critical_load"}


def test_a_plan_resembles_the_one_before():
    """Between nearly equal hours the plan stays as it was, and the price of change decides how nearly."""
    car = Vehicle("car", (window(0, 4),), 3000, 3000, efficiency=1.0)
    first = solve(home([0.20, 0.21, 0.22, 0.4], load=0, vehicles=(car,)))
    nudged = home([0.21, 0.20, 0.22, 0.4], load=0, vehicles=(car,))
    assert solve(nudged).load("car").power_w[0] == 0
    steady = solve(replace(nudged, previous=first, steadiness=0.02))
    assert steady.load("car").power_w == first.load("car").power_w
    assert {each.code for each in steady.load("car").reasons[:2]} == {"keep_plan"}
    assert first.costs.change == 0
