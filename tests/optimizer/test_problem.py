"""What is no planning problem is refused in words; wishes are not."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from optimizer_lab.homes import START, cellar, home, hourly, window

from optimizer.battery import Battery, Taper
from optimizer.grid import DemandCharge, Grid
from optimizer.horizon import Horizon, Window
from optimizer.island import Island
from optimizer.load import BaseLoad, InterruptibleLoad, ShiftableLoad
from optimizer.problem_error import ProblemError
from optimizer.solar import Solar
from optimizer.solve import solve
from optimizer.thermal_store import ThermalStore
from optimizer.vehicle import Vehicle

BERLIN = ZoneInfo("Europe/Berlin")


def battery(**changes):
    return lambda: cellar(**changes)


def vehicle(**changes):
    values = {"name": "car", "plugged": (window(0, 4),), "need_wh": 1000, "max_w": 3600}
    return lambda: Vehicle(**{**values, **changes})


def store(**changes):
    values = {
        "name": "tank",
        "temperature_c": 50,
        "minimum_c": (45,),
        "maximum_c": (60,),
        "outside_c": (20,),
        "capacity_wh_per_k": 200,
        "resistance_k_per_w": 0.5,
        "max_w": 2000,
    }
    return lambda: ThermalStore(**{**values, **changes})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (battery(capacity_wh=-1), "the capacity of 'cellar' is -1; it must be 0 to 1e+08"),
        (battery(capacity_wh=math.nan), "the capacity of 'cellar' is nan, which is no number"),
        (battery(stored_wh=10_001), "the energy in 'cellar' is 10001; it must be 0 to 10000"),
        (
            battery(minimum_wh=5000, maximum_wh=4000),
            "the maximum of 'cellar' is 4000; it must be 5000 to 10000",
        ),
        (battery(charge_efficiency=1.1), "the charging efficiency of 'cellar' is 1.1"),
        (battery(discharge_efficiency=0), "the discharging efficiency of 'cellar' is 0"),
        (battery(self_discharge=0.9), "the self-discharge of 'cellar' is 0.9"),
        (battery(wear=-0.1), "the wear of 'cellar' is -0.1"),
        (battery(charge_w=True), "the charging power of 'cellar' is True, which is no number"),
        (battery(taper=Taper(10_000, 0)), "the taper of 'cellar' starts where it ends"),
        (battery(taper=Taper(5000, 9000)), "the end of the taper of 'cellar' is 9000"),
        (battery(reserve_wh=(1.0, math.inf)), "the reserve of 'cellar' of step 1 is inf"),
        (battery(name=" "), "the name of a battery is empty"),
        (vehicle(plugged=()), "'car' is never plugged in"),
        (vehicle(plugged=(window(0, 3), window(2, 4))), "two windows in which 'car' is plugged in overlap"),
        (vehicle(min_w=4000), "the lowest power of 'car' is 4000; it must be 0 to 3600"),
        (vehicle(deadline=datetime(2027, 6, 1)), "the deadline of 'car' is 2027-06-01 00:00:00, without"),  # noqa: DTZ001 - that is the point
        (lambda: window(2, 1), "a window ends at 2027-06-01 01:00:00+00:00, before it starts"),
        (lambda: Horizon(START, ()), "the horizon has 0 steps"),
        (lambda: Horizon(START, (0,)), "step 0 lasts 0 s"),
        (lambda: Horizon(START, (1.5,)), "step 0 lasts 1.5, which is no whole number of seconds"),
        (lambda: Horizon(datetime(2027, 6, 1), (900,)), "without a time zone"),  # noqa: DTZ001 - that is the point
        (lambda: Grid((0.1, 5000.0), (0.1, 0.1)), "the import price of step 1 is 5000"),
        (lambda: Grid((0.1,), (0.1,), import_cap_w=(-5.0,)), "the import cap of step 0 is -5"),
        (lambda: DemandCharge("month", window(0, 1), -1), "the price of demand charge 'month' is -1"),
        (lambda: Grid((0.1,), (0.1,), demand_charges=(DemandCharge("a", window(0, 1), 1),) * 2), "same name"),
        (lambda: BaseLoad((-1.0,)), "the load of step 0 is -1"),
        (lambda: BaseLoad((1.0,), (2.0,)), "of 1 W in step 0, 2 W are said to be critical"),
        (lambda: Solar((5.0,), (6.0,)), "the production of step 0 is at least 6 and at most 5 W"),
        (lambda: BaseLoad((5.0,), high_w=(4.0,)), "the load of step 0 is at least 5 and at most 4 W"),
        (lambda: BaseLoad((5.0,), low_w=(4.0, 4.0)), "the low load has 2 values for 1 steps"),
        (lambda: Solar((5.0,), (4.0, 4.0)), "the cautious production has 2 values for 1 steps"),
        (lambda: ShiftableLoad("wash", (0.0,), window(0, 1)), "the program of 'wash' uses no power"),
        (lambda: InterruptibleLoad("pump", -5, window(0, 1), 100), "the energy of 'pump' is -5"),
        (lambda: Island(-1), "the time that an outage should be survived is -1"),
        (store(heat_per_w=0), "'tank' neither heats nor cools"),
        (store(minimum_c=(70,)), "'tank' is to be above 70 and below 60 C in step 0"),
        (store(capacity_wh_per_k=0), "the heat capacity of 'tank' is 0"),
    ],
)
def test_absurd_input_is_refused_in_words(make, words):
    with pytest.raises(ProblemError) as refused:
        make()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"load": BaseLoad((1.0,))}, "the load has 1 values for 2 steps"),
        ({"solar": Solar((1.0,) * 3)}, "the production has 3 values for 2 steps"),
        ({"grid": Grid((0.1,), (0.1, 0.1))}, "the import price has 1 values for 2 steps"),
        ({"grid": Grid((0.1,) * 2, (0.1,) * 2, connected=(True,))}, "the grid's connected has 1 values"),
        ({"batteries": (cellar(), cellar())}, "two parts are called 'cellar'"),
        ({"batteries": (cellar(reserve_wh=(1.0,)),)}, "the reserve of 'cellar' has 1 values for 2 steps"),
        ({"thermal": (store()(),)}, "the minimum_c of 'tank' has 1 values for 2 steps"),
        (
            {
                "thermal": (
                    store(minimum_c=(45,) * 2, maximum_c=(60,) * 2, outside_c=(9,) * 2, available=[True])(),
                )
            },
            "the available of 'tank' has 1 values for 2 steps",
        ),
        ({"steadiness": -1.0}, "the price of departing from the previous plan is -1"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(change, words):
    problem = home([0.1, 0.2])
    with pytest.raises(ProblemError) as refused:
        replace(problem, **change)
    assert words in str(refused.value)


def test_an_absurd_wish_is_no_absurd_input():
    car = vehicle(need_wh=500_000)()
    problem = home([0.1, 0.2], vehicles=(car,), batteries=(cellar(reserve_wh=1e6),))
    assert {each.wish for each in solve(problem).violations} == {"energy", "reserve"}


def test_the_standard_horizon_is_a_week_that_is_sharp_at_its_beginning():
    horizon = Horizon.standard(START)
    assert (len(horizon), horizon.end - horizon.start) == (284, timedelta(days=7))
    assert (horizon.steps_s[11], horizon.steps_s[12], horizon.steps_s[151], horizon.steps_s[152]) == (
        300, 900, 900, 3600,
    )  # fmt: skip
    assert horizon.time(152) - horizon.start == timedelta(hours=36)


def test_a_step_is_as_long_as_it_says_when_the_clocks_change():
    horizon = Horizon.uniform(datetime(2027, 10, 31, 1, tzinfo=BERLIN), 3600, 4)
    shown = [f"{horizon.time(step):%H:%M %z}" for step in range(5)]
    assert shown == ["01:00 +0200", "02:00 +0200", "02:00 +0100", "03:00 +0100", "04:00 +0100"]
    assert horizon.step(datetime(2027, 10, 31, 1, 30, tzinfo=UTC)) == 2
    assert horizon.step(datetime(2027, 10, 31, 9, tzinfo=UTC)) is None


def test_windows_count_by_the_share_of_each_step():
    half = Window(START + timedelta(minutes=30), START + timedelta(minutes=150))
    assert hourly(4).shares(half) == (0.5, 1.0, 0.5, 0.0)
    assert hourly(2).shares(half, window(-5, 0)) == (0.5, 1.0)


def test_asking_and_reading_needs_neither_numpy_nor_scipy():
    """The process that only asks stays small: what it imports brings no numeric library."""
    code = (
        "import sys, optimizer, optimizer.problem, optimizer.plan, optimizer.battery, optimizer.vehicle,"
        "optimizer.load, optimizer.solar, optimizer.grid, optimizer.thermal_store, optimizer.island,"
        "optimizer.reason, optimizer.horizon, optimizer.forecast.weather;"
        "print(sorted({'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_problem_and_plan_can_be_sent_to_another_process():
    import pickle

    problem = home([0.1, 0.4], sun=500, batteries=(cellar(),))
    assert pickle.loads(pickle.dumps(problem)) == problem
    plan = solve(problem)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_the_default_of_a_battery_is_a_usual_one():
    usual = Battery("cellar", 10_000, 5000, 3000, 3000)
    assert (usual.most_wh, usual.reserve(hourly(2))) == (10_000, (0.0, 0.0))
