"""Every reason of a load and of the sun: take its cause away and the action changes."""

from dataclasses import replace

import pytest
from optimizer_lab.homes import cellar, home, window

from optimizer.load import InterruptibleLoad, ShiftableLoad
from optimizer.reason import ReasonCode
from optimizer.solve import solve
from optimizer.thermal_store import ThermalStore
from optimizer.vehicle import Vehicle

CHEAP, DEAR = 0.10, 0.40


def act(problem, step=0, name="load"):
    """What a load does in a step, its power rounded to W, and why."""
    planned = solve(problem).load(name)
    return round(planned.power_w[step]), planned.reasons[step]


def pump(energy=1000, span=(0, 4), power=1000, **changes):
    return InterruptibleLoad("load", energy, window(*span), power, **changes)


def machine(span=(0, 4), hours=1, **changes):
    return ShiftableLoad("load", (1000.0,) * hours, window(*span), slot_s=3600, **changes)


def tank(prices, **changes):
    values = {
        "name": "load",
        "temperature_c": 50.0,
        "minimum_c": (50.0,) * len(prices),
        "maximum_c": (70.0,) * len(prices),
        "outside_c": (20.0,) * len(prices),
        "capacity_wh_per_k": 200.0,
        "resistance_k_per_w": 0.1,
        "max_w": 3000.0,
    }
    return ThermalStore(**{**values, **changes})


# ---------------------------------------------------------------- energy by a deadline


def test_it_runs_when_energy_is_cheapest_and_waits_before():
    problem = home([DEAR, CHEAP, DEAR, DEAR], interruptible=(pump(),))
    assert act(problem, 1)[1].code is ReasonCode.RUN_CHEAP
    power, reason = act(problem, 0)
    assert (power, reason.code) == (0, ReasonCode.WAIT_CHEAPER)
    assert reason.sentence == "Waits for cheaper energy at 01:00: a kWh costs 10.0 ct then and 40.0 ct now."
    turned = replace(problem, grid=replace(problem.grid, import_price=(CHEAP, DEAR, DEAR, DEAR)))
    assert act(turned, 0)[0] == 1000
    assert act(turned, 1) == (0, act(turned, 1)[1])
    assert act(turned, 1)[1].code is ReasonCode.DONE


def test_it_waits_for_the_sun_and_runs_on_it():
    problem = home([DEAR] * 4, load=0, sun=[0, 0, 2000, 0], interruptible=(pump(),))
    power, reason = act(problem, 0)
    assert (power, reason.code) == (0, ReasonCode.WAIT_SUN)
    assert act(problem, 2)[1].code is ReasonCode.RUN_SUN
    clouded = replace(problem, solar=replace(problem.solar, production_w=(2000.0, 0.0, 0.0, 0.0)))
    assert act(clouded, 0)[0] == 1000


def test_it_must_run_to_be_done_in_time():
    car = Vehicle("load", (window(0, 4),), 3600, 3600, deadline=window(0, 1).end, efficiency=1.0)
    problem = home([DEAR, CHEAP, CHEAP, CHEAP], vehicles=(car,))
    power, reason = act(problem)
    assert (power, reason.code) == (3600, ReasonCode.RUN_DEADLINE)
    assert "needs 3.6 kWh until Tue 01:00" in reason.sentence
    assert act(replace(problem, vehicles=(replace(car, deadline=None),)))[0] == 0


def test_it_runs_all_the_time_when_the_time_is_too_short():
    car = Vehicle("load", (window(0, 2),), 30_000, 3600, efficiency=1.0)
    plan = solve(home([CHEAP, DEAR, CHEAP, CHEAP], vehicles=(car,)))
    planned = plan.load("load")
    assert [round(each) for each in planned.power_w] == [3600, 3600, 0, 0]
    assert [each.code for each in planned.reasons][:2] == [ReasonCode.RUN_DEADLINE] * 2
    assert [(each.name, round(each.amount), each.unit) for each in plan.violations] == [
        ("load", 22_800, "Wh")
    ]
    assert plan.violations[0].sentence == "load: 22.8 kWh of 30.0 kWh lack at Tue 02:00."


def test_it_runs_on_stored_energy():
    problem = home([DEAR] * 4, load=0, interruptible=(pump(),), batteries=(cellar(),))
    assert act(problem)[1].code is ReasonCode.RUN_STORED
    empty = replace(problem, batteries=(cellar(stored_wh=0),))
    assert act(empty)[1].code is ReasonCode.RUN_CHEAP


def test_a_vehicle_takes_more_than_it_needs_only_for_what_that_is_worth():
    car = Vehicle("load", (window(0, 4),), 0, 2000, efficiency=1.0, room_wh=5000, value=0.2)
    problem = home([CHEAP, DEAR, CHEAP, DEAR], vehicles=(car,))
    assert [act(problem, step)[0] for step in range(4)] == [2000, 0, 2000, 0]
    assert act(replace(problem, vehicles=(replace(car, value=0.05),)))[0] == 0


def test_it_does_not_run_where_its_energy_is_not_worth_it():
    problem = home([DEAR] * 4, interruptible=(pump(price=0.2),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.WAIT_NOT_WORTH)
    assert act(replace(problem, interruptible=(pump(price=0.5),)))[0] == 1000


def test_it_is_not_its_time():
    problem = home([CHEAP, DEAR, DEAR, DEAR], interruptible=(pump(span=(1, 4)),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.UNAVAILABLE)
    assert act(replace(problem, interruptible=(pump(),)))[0] == 1000


def test_less_than_its_lowest_power_is_off():
    car = Vehicle("load", (window(0, 4),), 0, 3600, efficiency=1.0, room_wh=9000, value=0.1)
    problem = home([DEAR] * 4, load=0, sun=1000, export=0.0, vehicles=(car,))
    assert act(problem)[0] == 1000
    assert act(replace(problem, vehicles=(replace(car, min_w=1380.0),)))[0] == 0


# ---------------------------------------------------------------- runs of machines


def test_a_machine_starts_when_it_costs_least():
    problem = home([DEAR, DEAR, CHEAP, DEAR], shiftable=(machine(),))
    plan = solve(problem)
    assert plan.load("load").starts == problem.horizon.time(2)
    codes = [each.code for each in plan.load("load").reasons]
    assert codes == [ReasonCode.WAIT_CHEAPER] * 2 + [ReasonCode.RUN_CHEAP, ReasonCode.DONE]
    sentence = plan.load("load").reasons[0].sentence
    assert sentence == "Starts at 02:00: that costs 10.0 ct, starting now 40.0 ct."
    turned = replace(problem, grid=replace(problem.grid, import_price=(CHEAP, DEAR, DEAR, DEAR)))
    assert solve(turned).load("load").starts == problem.horizon.time(0)


def test_a_machine_waits_for_the_sun():
    problem = home([DEAR] * 4, load=0, sun=[0, 0, 2000, 0], shiftable=(machine(),))
    codes = [each.code for each in solve(problem).load("load").reasons]
    assert codes == [ReasonCode.WAIT_SUN] * 2 + [ReasonCode.RUN_SUN, ReasonCode.DONE]
    assert act(replace(problem, solar=None), 2)[0] == 0


def test_a_machine_runs_on_stored_energy():
    problem = home([DEAR] * 4, load=0, shiftable=(machine(),), batteries=(cellar(feed_in=False),))
    start = solve(problem).load("load")
    assert ReasonCode.RUN_STORED in {each.code for each in start.reasons}
    empty = replace(problem, batteries=(cellar(stored_wh=0),))
    assert ReasonCode.RUN_CHEAP in {each.code for each in solve(empty).load("load").reasons}


def test_a_machine_that_has_one_time_only_runs_then():
    problem = home([CHEAP, DEAR, DEAR, CHEAP], shiftable=(machine(span=(1, 3), hours=2),))
    power, reason = act(problem, 1)
    assert (power, reason.code) == (1000, ReasonCode.RUN_DEADLINE)
    assert act(problem, 0)[1].code is ReasonCode.UNAVAILABLE
    assert act(replace(problem, shiftable=(machine(span=(0, 4)),)), 1)[0] == 0


def test_a_machine_that_does_not_fit_is_named():
    problem = home([CHEAP] * 4, shiftable=(machine(span=(1, 3), hours=3),))
    plan = solve(problem)
    assert plan.load("load").reasons[0].code is ReasonCode.IMPOSSIBLE
    assert [each.sentence for each in plan.violations] == ["load: does not run."]
    assert solve(replace(problem, shiftable=(machine(span=(1, 4), hours=3),))).violations == ()


def test_a_machine_may_run_after_the_end_of_the_plan():
    plan = solve(home([CHEAP] * 4, shiftable=(machine(span=(2, 9), hours=3),)))
    assert plan.load("load").reasons[0].code is ReasonCode.UNAVAILABLE
    assert plan.violations == ()


def test_a_machine_does_not_run_where_that_is_not_worth_it():
    problem = home([DEAR] * 4, shiftable=(machine(price=0.2),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.WAIT_NOT_WORTH)
    assert sum(solve(replace(problem, shiftable=(machine(price=0.5),))).load("load").power_w) == 1000


# ---------------------------------------------------------------- heat and cold


def test_it_heats_to_keep_the_comfort():
    prices = [CHEAP, CHEAP]
    power, reason = act(home(prices, thermal=(tank(prices),)))
    assert (power, reason.code) == (300, ReasonCode.RUN_COMFORT)
    assert reason.sentence == "Heats with 300 W to reach 50.0 C."
    assert act(home(prices, thermal=(tank(prices, temperature_c=55.0),)))[0] == 0


def test_it_heats_ahead_while_energy_is_cheap_and_need_not_later():
    prices = [CHEAP, DEAR]
    problem = home(prices, thermal=(tank(prices),))
    power, reason = act(problem)
    assert power > 500
    assert reason.code is ReasonCode.RUN_AHEAD
    assert act(problem, 1) == (0, act(problem, 1)[1])
    assert act(problem, 1)[1].code is ReasonCode.WAIT_COMFORT
    assert act(replace(problem, grid=replace(problem.grid, import_price=(CHEAP, CHEAP))))[0] == 300


def test_it_heats_ahead_with_the_sun():
    prices = [DEAR, DEAR]
    problem = home(prices, load=0, sun=[3000, 0], export=0.01, thermal=(tank(prices),))
    power, reason = act(problem)
    assert power > 500
    assert reason.code is ReasonCode.RUN_SUN
    assert act(replace(problem, solar=None))[0] == 300


def test_it_cools_to_keep_the_comfort():
    prices = [CHEAP, CHEAP]
    changes = {
        "temperature_c": 24.0,
        "minimum_c": (10.0,) * 2,
        "maximum_c": (24.0,) * 2,
        "outside_c": (34.0,) * 2,
    }
    power, reason = act(home(prices, thermal=(tank(prices, heat_per_w=-2.0, **changes),)))
    assert (power, reason.code) == (50, ReasonCode.RUN_COMFORT)
    assert reason.sentence.startswith("Cools with 50 W to reach 24.0 C")
    assert (
        act(home(prices, thermal=(tank(prices, heat_per_w=-2.0, **changes | {"temperature_c": 20.0}),)))[0]
        == 0
    )


def test_comfort_that_costs_more_than_it_is_worth_is_given_up_and_named():
    prices = [DEAR, DEAR]
    problem = home(prices, thermal=(tank(prices, price=0.01),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.WAIT_NOT_WORTH)
    assert "too cold" in solve(problem).violations[0].sentence
    assert act(replace(problem, thermal=(tank(prices, price=1.0),)))[0] == 300


def test_it_has_no_power():
    prices = [CHEAP, CHEAP]
    assert act(home(prices, thermal=(tank(prices, max_w=0.0),)))[1].code is ReasonCode.UNAVAILABLE


def test_it_does_not_run_when_it_may_not():
    prices = [CHEAP, CHEAP, DEAR]
    problem = home(prices, thermal=(tank(prices, temperature_c=51.0, available=(False, True, True)),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.UNAVAILABLE)
    assert act(problem, 1)[0] > 300, "it heats ahead as soon as it may"


# ---------------------------------------------------------------- the sun


def sun(problem, step=0):
    plan = solve(problem)
    return round(plan.curtailed_w[step]), plan.solar_reasons[step].code


@pytest.mark.parametrize(
    ("export", "grid", "less", "code"),
    [
        (0.1, {}, 0, ReasonCode.PRODUCE),
        (0.1, {"export_cap_w": (1000.0, 1000.0)}, 1500, ReasonCode.CURTAIL_CAP),
        (0.1, {"feed_in": False}, 2500, ReasonCode.CURTAIL_CAP),
        (0.1, {"connected": (False, True)}, 2500, ReasonCode.CURTAIL_CAP),
        (-0.1, {}, 2500, ReasonCode.CURTAIL_PRICE),
    ],
)
def test_the_panels_produce_all_they_can_unless_a_cap_or_a_price_forbids(export, grid, less, code):
    assert sun(home([CHEAP, CHEAP], load=500, sun=3000, export=export, grid=grid)) == (less, code)


def test_sun_that_cannot_be_curtailed_and_must_not_be_fed_in_is_named():
    problem = home([CHEAP], load=0, sun=3000, grid={"feed_in": False})
    problem = replace(problem, solar=replace(problem.solar, curtailable=False))
    assert [each.wish for each in solve(problem).violations] == ["export_cap"]


def test_of_a_need_beyond_the_horizon_its_part_is_planned():
    """A car that is plugged in for 8 h needs half of it in the 4 h that the plan sees."""
    car = Vehicle("load", (window(0, 8),), 4000, 3600, efficiency=1.0)
    plan = solve(home([DEAR, CHEAP, DEAR, DEAR], vehicles=(car,)))
    assert sum(plan.load("load").power_w) == pytest.approx(2000)
    assert plan.violations == ()
    impossible = solve(home([CHEAP] * 4, vehicles=(replace(car, need_wh=40_000),)))
    assert [each.wish for each in impossible.violations] == ["energy"]
