"""What was saved, against the same load and sun without a battery and with a rule."""

from datetime import UTC, datetime

import numpy as np
import pytest
from optimizer_lab.homes import cellar

from optimizer.problem_error import ProblemError
from optimizer.savings import Measured, savings

START = datetime(2027, 6, 1, tzinfo=UTC)
NAN = float("nan")


def measured(load, sun, grid, prices=(0.1, 0.4), export=0.05, **changes):
    rows = (np.array(load, float), np.array(sun, float), np.array(grid, float), np.array(prices, float))
    return Measured(START, 3600, *rows, np.full(len(rows[3]), export), **changes)


def test_a_home_that_charged_in_the_cheap_hour_saved_against_both():
    # 1 kW of load; the plan charged 1 kWh at 10 ct and used it at 40 ct.
    result = savings(measured([1000, 1000], [0, 0], [2000, 0]), (cellar(stored_wh=0),))
    assert result.actual.bill == pytest.approx(0.2)
    assert result.without_battery.bill == pytest.approx(0.5)
    assert result.with_rule.bill == pytest.approx(0.5)
    assert (result.by_battery, result.by_plan) == (pytest.approx(0.3), pytest.approx(0.3))
    assert (result.coverage, result.self_consumption, result.self_sufficiency) == (1.0, None, 0.0)


def test_what_the_rule_saves_is_not_the_plan_s_merit():
    # Sun in the first hour, load in the second: the rule does the same as the plan did.
    result = savings(measured([0, 1000], [1000, 0], [0, 0]), (cellar(stored_wh=0),))
    assert result.by_battery == pytest.approx(0.4 + 0.05 * -1)
    assert result.by_plan == pytest.approx(0.0)
    assert (result.self_consumption, result.self_sufficiency) == (1.0, 1.0)


def test_energy_left_in_the_battery_counts_and_wear_does_too():
    battery = cellar(stored_wh=0, wear=0.1)
    one = measured([0, 0], [1000, 0], [0, 0])
    result = savings(one, (battery,), stored_after_wh=1000, stored_value=0.3)
    assert result.actual.stored == pytest.approx(0.3)
    assert result.actual.wear == pytest.approx(0.05)
    assert result.by_plan == pytest.approx(0.0)
    by_default = savings(one, (battery,), stored_after_wh=1000)
    assert by_default.actual.stored == pytest.approx(0.25)


def test_gaps_are_in_no_figure_and_coverage_says_so():
    full = savings(measured([1000, 1000], [0, 0], [2000, 0]), (cellar(stored_wh=0),))
    gappy = measured([1000, 9000, NAN, 1000], [0, NAN, 0, 0], [2000, 1e6, 5, 0], (0.1, 9.0, NAN, 0.4))
    result = savings(gappy, (cellar(stored_wh=0),))
    assert result.coverage == 0.5
    assert (result.actual, result.without_battery, result.with_rule) == (
        full.actual, full.without_battery, full.with_rule,
    )  # fmt: skip
    nothing = savings(measured([NAN], [NAN], [NAN], (0.1,)), ())
    assert (nothing.coverage, nothing.actual.cost, nothing.self_sufficiency) == (0.0, 0.0, None)


def test_emissions_are_those_of_what_was_drawn():
    one = measured([1000, 1000], [0, 0], [2000, 0], co2_kg_per_kwh=np.array([0.1, 0.5]))
    result = savings(one, (cellar(stored_wh=0),))
    assert result.actual.co2_kg == pytest.approx(0.2)
    assert result.without_battery.co2_kg == pytest.approx(0.6)
    assert savings(measured([1], [0], [1], (0.1,)), ()).actual.co2_kg is None


def test_shares_of_sun_and_load():
    result = savings(measured([500, 1000], [2000, 0], [-1500, 1000]), ())
    assert (result.produced_wh, result.used_wh, result.imported_wh, result.exported_wh) == (
        2000,
        1500,
        1000,
        1500,
    )
    assert (result.self_consumption, result.self_sufficiency) == (pytest.approx(0.25), pytest.approx(1 / 3))
    assert result.by_battery == pytest.approx(0.0)


def test_rows_of_different_length_are_refused():
    with pytest.raises(ProblemError, match="grid_w has 1 values, the load 2"):
        measured([1, 2], [0, 0], [1])
