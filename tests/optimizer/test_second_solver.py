"""The same optimum as another solver finds, to which another author stated the same home."""

import pytest
from optimizer_lab.homes import RandomHomes

from optimizer.solve import solve
from optimizer.solver import Options

pytest.importorskip("highspy", reason="highspy is not installed (make setup installs it)")

EXACT = Options(gap=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_random_homes_cost_the_same_to_a_millionth(seed):
    from optimizer_lab.second_solver import SecondSolver

    homes = RandomHomes(seed, steps=(3, 8))
    differ = {}
    for index in range(50):
        problem = homes.problem()
        plan = solve(problem, EXACT)
        need = plan.backup.need_wh if plan.backup else None
        second = SecondSolver(problem).solve(need)
        if plan.costs.total != pytest.approx(second, rel=1e-6, abs=1e-6):
            differ[index] = (plan.costs.total, second)
    assert differ == {}


def test_the_second_solver_tells_when_a_price_is_left_out(monkeypatch):
    """The comparison can fail: without wear in the plan it does."""
    from dataclasses import replace

    from optimizer_lab.second_solver import SecondSolver

    homes = RandomHomes(7)
    differing = 0
    for _ in range(20):
        problem = homes.problem()
        careless = replace(problem, batteries=tuple(replace(each, wear=0.0) for each in problem.batteries))
        plan = solve(careless, EXACT)
        need = plan.backup.need_wh if plan.backup else None
        differing += plan.costs.total != pytest.approx(SecondSolver(problem).solve(need), rel=1e-6, abs=1e-6)
    assert differing > 5
