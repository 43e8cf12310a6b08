"""A home under four controllers: who knows more never pays more, and every figure adds up."""

from dataclasses import replace

import numpy as np
import pytest

from bridge.choices import Policy
from bridge.simulation.comparison import Posing, compare
from bridge.simulation.figures import battery_w, by_month, in_total
from bridge.simulation.forecasting import Foresight

LEAD_DAYS = 7


@pytest.fixture(scope="module")
def memory():
    return {}


@pytest.fixture
def compared(make_case, memory):
    """The winter home under a policy."""

    def compared(policy=Policy.SAVINGS):
        if policy not in memory:
            memory[policy] = compare(make_case(policy=policy), jobs=0)
        return memory[policy]

    return compared


@pytest.mark.parametrize("policy", list(Policy))
def test_perfect_foresight_costs_least_and_no_battery_most(compared, policy):
    total = in_total(compared(policy))
    assert total.cost_perfect <= total.cost_rule + 1e-6
    assert total.cost_perfect <= total.cost_plan + 1e-6
    assert total.cost_rule < total.cost_none


def test_the_plan_buys_at_night_and_wins_most_of_what_can_be_won(compared):
    total = in_total(compared())
    assert total.gap_won > 0.5
    assert total.cost_plan < total.cost_rule
    night = compared().case.world.import_price < 0.2
    assert compared().plan.grid_w[night].sum() > 1.5 * compared().rule.grid_w[night].sum()


@pytest.mark.parametrize("policy", [Policy.SELF_CONSUMPTION, Policy.GREEN])
def test_for_the_own_sun_nothing_is_bought_to_be_stored(compared, policy):
    comparison = compared(policy)
    world = comparison.case.world
    charging = battery_w(comparison, comparison.plan) > 1
    assert charging.any()
    assert (comparison.plan.grid_w[charging] < 1).all()
    assert (battery_w(comparison, comparison.plan) <= np.maximum(world.sun_w - world.load_w, 0) + 1).all()


@pytest.mark.parametrize("policy", list(Policy))
def test_energy_is_conserved_and_the_battery_keeps_its_limits(compared, policy):
    comparison = compared(policy)
    case, hours = comparison.case, comparison.case.world.hours
    battery = case.battery
    for outcome in (comparison.rule, comparison.plan, comparison.perfect):
        power, held = battery_w(comparison, outcome), outcome.stored_wh
        assert held.min() >= battery.minimum_wh - 1e-3
        assert held.max() <= battery.capacity_wh + 1e-3
        assert power.max() <= battery.charge_w + 1e-3
        assert power.min() >= -battery.discharge_w - 1e-3
        stored = np.where(power > 0, power * battery.charge_efficiency, power / battery.discharge_efficiency)
        assert np.diff(held) == pytest.approx(stored[1:] * hours, abs=1e-2)
        # It is not allowed to sell what it holds.
        assert (outcome.grid_w[power < -1] > -1e-3).all()


def test_the_bill_is_what_flows_at_the_price_of_its_time(compared):
    comparison = compared()
    world, grid = comparison.case.world, comparison.plan.grid_w / 1000 * comparison.case.world.hours
    price = np.where(grid > 0, world.import_price, world.export_price)
    assert in_total(comparison).bill_plan == pytest.approx((grid * price).sum())


def test_months_add_up_to_the_total(compared):
    case = compared().case
    later = replace(case, profile=replace(case.profile, start=case.profile.start.replace(day=23)))
    comparison = replace(compared(), case=later)  # from 30 January to 2 February
    months, total = by_month(comparison), in_total(comparison)
    assert [each.label for each in months] == ["2025-01", "2025-02"]
    for what in ("days", "load_wh", "solar_wh", "imported_wh", "exported_wh", "bill_plan", "cost_rule"):
        assert sum(getattr(each, what) for each in months) == pytest.approx(getattr(total, what)), what


def test_shares_are_those_of_the_home_that_follows_the_plan(compared):
    comparison, total = compared(), in_total(compared())
    world, plan = comparison.case.world, comparison.plan
    assert total.self_sufficiency == pytest.approx(1 - plan.grid_w.clip(0).sum() / world.load_w.sum())
    assert total.self_consumption == pytest.approx(
        1 - (-plan.grid_w).clip(0).sum() / (world.sun_w - plan.curtailed_w).sum()
    )


def test_without_sun_or_anything_to_win_no_share_is_told(make_case, winter):
    dark = replace(winter, sun_w=np.zeros(len(winter)))
    flat = np.full(len(winter) + 200, 0.3)
    total = in_total(compare(make_case(dark, import_price=flat, export_price=flat * 0), jobs=0))
    assert total.self_consumption is None
    assert total.gap_won is None


def test_other_processes_change_nothing_and_progress_is_told_to_the_end(make_case, compared):
    told = []
    beside = compare(make_case(), jobs=2, progress=lambda done, count: told.append((done, count)))
    assert beside.plan.bill.tolist() == compared().plan.bill.tolist()
    count = len(make_case().world)
    assert told[0] == (1, count)
    assert told[-1] == (count, count)


def test_planning_more_often_changes_little(make_case, winter):
    case = make_case(winter.first(LEAD_DAYS + 2))
    often, seldom = (in_total(compare(case, jobs=0, replan_s=each)) for each in (900, 3600))
    assert often.cost_plan == pytest.approx(seldom.cost_plan, rel=0.02)


@pytest.mark.parametrize(("hour", "known"), [(0, 24), (12, 12), (13, 35), (23, 25)])
def test_prices_are_published_a_day_ahead_and_then_expected_as_usual(make_case, winter, hour, known):
    """Prices that are not published yet change nothing of what is posed."""
    step = hour * 4
    later = LEAD_DAYS * 96 + step + known * 4
    price = np.where((np.arange(len(winter)) // 4) % 24 < 6, 0.15, 0.40)
    other = price.copy()
    other[later:] = 5.0
    posed = []
    for row in (price, other):
        case = make_case(import_price=row, export_price=row * 0, published=True)
        foresight = Foresight(winter.start, winter.step_s, winter.load_w, winter.sun_w, case.site, 5000.0)
        expected = foresight.expected(case.lead + step)
        posed.append(Posing(case, foresight, iter([expected]))(step, (5000.0,)).grid)
    assert posed[0] == posed[1]
    other[later - 1] = 5.0
    case = make_case(import_price=other, export_price=other * 0, published=True)
    assert Posing(case, foresight, iter([expected]))(step, (5000.0,)).grid != posed[0]
