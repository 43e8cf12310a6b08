"""Cars, machines and outages of a simulated year: what they are, and what becomes of them."""

from dataclasses import replace

import numpy as np
import pytest

from bridge.simulation.comparison import compare
from bridge.simulation.errands import (
    CAR_W,
    MACHINE_W,
    Waiting,
    at_once_w,
    car_errands,
    grid_there,
    machine_errands,
)
from bridge.simulation.figures import in_total
from bridge.simulation.report import lines, sentences


@pytest.fixture(scope="module")
def memory():
    return {}


@pytest.fixture
def errand_case(make_case):
    """The winter home with a car and a dishwasher, which loses its grid twice."""
    case = make_case()
    world = case.world
    errands = (*car_errands(world, 1), *machine_errands(world, 1))
    return replace(case, errands=errands, connected=grid_there(world, 2, 1))


@pytest.fixture
def compared(errand_case, memory):
    if not memory:
        memory["all"] = compare(errand_case, jobs=0)
    return memory["all"]


def test_a_commuters_car_is_there_at_night_and_a_dishwasher_from_the_evening_on(errand_case):
    world = errand_case.world
    cars = [each for each in errand_case.errands if not each.program]
    machines = [each for each in errand_case.errands if each.program]
    assert cars
    assert machines
    assert all(world.time(each.start).hour >= 13 and world.time(each.by).hour <= 13 for each in cars)
    assert all(world.time(each.start).hour >= 17 and world.time(each.by).hour == 7 for each in machines)
    assert all(0 < each.energy_wh <= (each.by - each.start) * world.hours * each.power_w for each in cars)


def test_the_same_seed_is_the_same_home(errand_case):
    world = errand_case.world
    assert [*car_errands(world, 1)] == [*car_errands(world, 1)] != [*car_errands(world, 2)]
    assert (grid_there(world, 2, 1) == grid_there(world, 2, 1)).all()
    assert (~grid_there(world, 2, 1)).sum() == 2 * 16
    assert grid_there(world, 0, 1).all()


def test_what_runs_at_once_takes_the_same_and_no_car_charges_in_an_outage(errand_case):
    world, errands = errand_case.world, errand_case.errands
    power = at_once_w(errands, world)
    assert power.sum() * world.hours == pytest.approx(sum(each.energy_wh for each in errands), abs=5)
    assert power[~world.connected].max(initial=0.0) <= MACHINE_W


def test_under_every_controller_the_errands_get_what_they_are_to_get(compared):
    wanted = sum(each.energy_wh for each in compared.case.errands)
    load = compared.case.world.load_w.sum() * compared.case.world.hours
    for outcome in (compared.none, compared.rule, compared.plan, compared.perfect, compared.moved):
        assert outcome.load_w.sum() * compared.case.world.hours == pytest.approx(load + wanted, rel=1e-4)
    assert compared.missed_wh == 0
    assert in_total(compared).errands_wh == pytest.approx(wanted, rel=1e-4)


def test_the_plan_moves_them_into_the_cheap_hours_and_it_is_said_what_that_is_worth(compared):
    world = compared.case.world
    moved = compared.plan.load_w - world.load_w
    at_once = at_once_w(compared.case.errands, world)
    cheap = world.import_price < 0.2
    assert moved[cheap].sum() > 0.9 * moved.sum()
    assert at_once[cheap].sum() < 0.2 * at_once.sum()
    total = in_total(compared)
    # 30 kWh and more for 0.25 less each.
    assert total.won_by_moving > 0.2 * 0.25 * total.errands_wh / 1000
    assert total.won_by_moving < total.cost_rule - total.cost_plan + 2
    head, *_ = lines(compared)
    assert "won by" in head
    assert any("moving them brings" in each for each in sentences(compared, "EUR"))


def test_without_a_grid_only_a_battery_supplies_and_nothing_is_paid(compared):
    gone = ~compared.case.world.connected
    for outcome in (compared.none, compared.rule, compared.plan):
        assert not outcome.grid_w[gone].any()
        assert not outcome.unserved_w[~gone].any()
    # Without a battery there is no power at all; with one there is for as long as it lasts.
    assert (compared.none.unserved_w[gone] == compared.none.load_w[gone]).all()
    assert compared.rule.unserved_w.sum() < compared.none.unserved_w.sum()
    assert any("The grid was gone for 8 h" in each for each in sentences(compared, "EUR"))


def test_a_program_that_has_begun_goes_on_without_a_grid_and_a_car_waits(errand_case):
    world = replace(errand_case.world, connected=np.zeros(len(errand_case.world), bool))
    car, machine = (
        next(each for each in errand_case.errands if each.program is program) for program in (False, True)
    )
    waiting = Waiting([car, machine], world, 0.4)
    waiting.vehicles(max(car.start, machine.start))
    waiting._open[machine] = machine.energy_wh - 150.0
    taken = waiting.take(max(car.start, machine.start), None, 0)
    assert (taken.fed_w, taken.unfed_w) == (MACHINE_W, 0)


def test_what_is_late_is_counted(errand_case):
    car = next(each for each in errand_case.errands if not each.program)
    waiting = Waiting([car], errand_case.world, 0.4)
    for step in range(car.start, car.by + 1):
        waiting.take(step, None, 0)
    assert waiting.missed_wh == car.energy_wh <= CAR_W * 24
