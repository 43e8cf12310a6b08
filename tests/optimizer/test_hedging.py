"""What batteries are told when load and sun may not be as forecast."""

from dataclasses import replace

import numpy as np
import pytest
from optimizer_lab.homes import START, cellar, home

from optimizer.grid import Grid
from optimizer.hedging import CHANCES, Stages, Store, hedge, possibilities
from optimizer.horizon import Horizon
from optimizer.load import BaseLoad
from optimizer.plan import BatteryMode
from optimizer.problem import Problem
from optimizer.reason import ReasonCode
from optimizer.simulation import Receding, World, simulate
from optimizer.solve import solve

STORE = Store(4.0, 3.0, 3.0, 0.95, 0.95, 0.0, 1.0, 3.0, 3.0, 0.0)
WHOLE = (-3.0, 3.0)


def stages(used, sun=None, *, buy, sell=None, **changes):
    """Stages with three possibilities of load each, and of sun."""
    count = len(buy)
    values = {
        "hours": np.ones(count),
        "used_kw": np.array(used, float),
        "sun_kw": np.zeros((count, 3)) if sun is None else np.array(sun, float),
        "aside_kw": np.zeros(count),
        "buy": np.array(buy, float),
        "sell": np.full(count, 0.05) if sell is None else np.array(sell, float),
        "import_kw": np.full(count, 1e9),
        "excess": np.zeros(count),
        "export_kw": np.full(count, 1e9),
        "floor_kwh": np.zeros(count),
        "holding": np.zeros((count, 41)),
    }
    return Stages(**{**values, **changes})


def certain(*values):
    return [[each] * 3 for each in values]


def test_possibilities_keep_the_mean():
    low, expected, high = (np.array(row, float) for row in ([1, 1, 5, 0], [2, 4, 5.5, 1], [4, 3, 9, 1]))
    rows = possibilities(low, expected, high)
    assert rows @ CHANCES == pytest.approx(expected)
    assert (np.diff(rows, axis=1) >= 0).all()
    assert rows[0] == pytest.approx([1, 1.25, 4])
    assert rows.min() >= 0


def test_what_is_certain_is_left_as_planned():
    # Dear after cheap, and just enough is planned to be bought.
    planned = (2.0 / 0.95**2, 3.0)
    result = hedge(STORE, stages(certain(0.0, 2.0), buy=[0.1, 0.4]), 0.0, planned)
    assert (result.lowest_kw, result.highest_kw) == planned
    assert result.gain == 0


def test_less_is_bought_where_it_may_be_in_vain_and_more_where_lacking_is_dear():
    """The newsvendor: the load is 0, 2 or 4 kWh; what is bought in vain is sold for nearly nothing."""
    used = [[0.0, 0.0, 0.0], [0.0, 2.0, 4.0]]
    planned = (2.0 / 0.95**2, 3.0)
    hardly = hedge(STORE, stages(used, buy=[0.30, 0.40], sell=[0.0, 0.0]), 0.0, planned)
    dear = hedge(STORE, stages(used, buy=[0.05, 0.90], sell=[0.0, 0.0]), 0.0, planned)
    assert hardly.lowest_kw <= 0
    assert hardly.gain > 0
    assert dear.lowest_kw > planned[0]


def brute_force(store, one, held, bands):
    """The cost of each band for the first of two stages, by trying all possibilities one by one."""
    costs = []
    for low, high in bands:
        cost = 0.0
        for kind, sun_chance in enumerate(CHANCES):
            for use, chance in zip(one.used_kw[0], CHANCES, strict=True):
                now, after = step(store, one, 0, use - one.sun_kw[0, kind], held, (low, high))
                later = []
                for other in range(3) if one.sun_kw[0].max() <= 0 else [kind]:
                    weight = CHANCES[other] if one.sun_kw[0].max() <= 0 else 1.0
                    later.append(weight * best_later(store, one, other, after))
                cost += sun_chance * chance * (now + sum(later))
        costs.append(cost)
    return costs


def step(store, one, stage, net, held, band):
    most = min(store.charge_kw, (store.usable_kwh - held) / store.charge_efficiency)
    least = -min(store.discharge_kw, held * store.discharge_efficiency)
    power = min(max(min(max(-net, band[0]), band[1]), least), most)
    after = held + (power * store.charge_efficiency if power > 0 else power / store.discharge_efficiency)
    flow = net + power
    cost = flow * (one.buy[stage] if flow > 0 else one.sell[stage]) + abs(power) * store.wear / 2
    return cost, after


def best_later(store, one, kind, held):
    from optimizer.hedging import _bands

    return min(
        sum(
            chance * (step(store, one, 1, use - one.sun_kw[1, kind], held, band)[0])
            - chance * store.terminal * step(store, one, 1, use - one.sun_kw[1, kind], held, band)[1]
            for use, chance in zip(one.used_kw[1], CHANCES, strict=True)
        )
        for band in _bands(store, WHOLE)[:-1]
    )


@pytest.mark.parametrize("seed", range(25))
def test_the_best_band_is_that_of_all_possibilities_tried_one_by_one(seed):
    from optimizer.hedging import _bands

    dice = np.random.default_rng(seed)
    sun = np.sort(dice.uniform(0, 3, (2, 3)), axis=1) * (dice.random(2) < 0.6)[:, None]
    used = np.sort(dice.uniform(0, 4, (2, 3)), axis=1)
    store = replace(STORE, wear=dice.uniform(0, 0.05), terminal=dice.uniform(0, 0.2))
    one = stages(used, sun, buy=dice.uniform(0.1, 0.5, 2), sell=dice.uniform(0, 0.1, 2))
    held = dice.uniform(0, 4)
    bands = [tuple(band) for band in _bands(store, (0.0, 0.0))]
    costs = brute_force(store, one, held, bands)
    result = hedge(store, one, held, (0.0, 0.0))
    chosen = costs[bands.index((result.lowest_kw, result.highest_kw))]
    # Worth is interpolated between 41 levels.
    assert chosen == pytest.approx(min(costs), abs=0.004)
    assert result.gain == pytest.approx(costs[-1] - chosen, abs=0.004)


def uncertain(problem, spread):
    """The home with a load that may be less or more by a share."""
    power = problem.load.power_w
    low, high = (tuple(each * factor for each in power) for factor in (1 - spread, 1 + spread))
    return replace(problem, load=replace(problem.load, low_w=low, high_w=high))


def test_the_reason_says_when_uncertainty_decides():
    """Buying at 33 ct to save 40 ct pays for a certain load, and not for one that may be nothing."""
    battery = cellar(stored_wh=0, charge_efficiency=0.95, discharge_efficiency=0.95)
    problem = home([0.33, 0.40, 0.33, 0.33], load=[0, 2000, 0, 0], export=0.0, batteries=(battery,))
    sure = solve(uncertain(problem, 0.0)).battery("cellar")
    assert (sure.bands[0].mode, sure.reasons[0].code) == (BatteryMode.CHARGE, ReasonCode.CHARGE_CHEAP)
    plan = solve(uncertain(problem, 1.0))
    unsure = plan.battery("cellar")
    assert unsure.power_w == sure.power_w
    assert unsure.bands[0].lowest_w <= 0
    assert unsure.reasons[0].code is ReasonCode.HEDGE
    assert unsure.reasons[0].sentence.startswith("Charges with 2216 W if the forecast were certain.")
    assert plan.hedged.gain > 0
    assert plan.hedged.worth < 0.33 / 0.95


def test_only_the_first_hour_is_hedged_and_only_what_is_uncertain_on_both_sides():
    battery = cellar(stored_wh=0, charge_efficiency=0.95, discharge_efficiency=0.95)
    problem = home([0.33, 0.40, 0.33, 0.33], load=[0, 2000, 0, 0], export=0.0, batteries=(battery,))
    plain, hedged = solve(problem).battery("cellar"), solve(uncertain(problem, 1.0)).battery("cellar")
    assert hedged.bands[1:] == plain.bands[1:]
    one_sided = replace(problem, load=replace(problem.load, low_w=(0.0,) * 4))
    assert solve(one_sided).hedged is None
    dark = replace(uncertain(problem, 1.0), grid=replace(problem.grid, connected=(True, True, True, False)))
    assert solve(dark).hedged is None
    away = replace(uncertain(problem, 1.0), batteries=())
    assert solve(away).hedged is None


def before_the_change(minutes, prices):
    """Some minutes before prices change, in the steps of a hub, with a load that may be more or less."""
    horizon = Horizon(START, (300,) * 12 + (3600,) * 23)
    now, later = prices
    price = tuple(now if offset < minutes * 60 else later for offset in horizon.offsets_s[:-1])
    grid = Grid(price, horizon.constant(0.08))
    load = BaseLoad(horizon.constant(800.0), low_w=horizon.constant(300.0), high_w=horizon.constant(1600.0))
    battery = cellar(charge_efficiency=0.95, discharge_efficiency=0.95, wear=0.02, terminal_value=0.2)
    return solve(Problem(horizon, grid, load, batteries=(battery,))).battery("cellar")


@pytest.mark.parametrize("minutes", [5, 20, 40, 55])
def test_what_costs_less_soon_does_not_blur_what_it_costs_now(minutes):
    """The last minutes before a price falls are as dear as the others, and those before it rises as cheap."""
    dear = before_the_change(minutes, (0.35, 0.18))
    assert dear.bands[0].lowest_w == -3000
    assert dear.reasons[0].code is ReasonCode.DISCHARGE_LOAD
    cheap = before_the_change(minutes, (0.18, 0.35))
    assert cheap.bands[0].mode is BatteryMode.CHARGE
    assert cheap.reasons[0].code is ReasonCode.CHARGE_CHEAP


def test_batteries_share_the_band_by_what_they_can_do():
    small = cellar(name="small", stored_wh=0, capacity_wh=2000, charge_w=1000, discharge_w=1000)
    large = cellar(name="large", stored_wh=0, grid_charging=False)
    problem = home([0.05, 0.9, 0.9, 0.05], load=[0, 2000, 0, 0], export=0.0, batteries=(small, large))
    plan = solve(uncertain(problem, 1.0))
    first = plan.battery("small").bands[0]
    assert first.mode is BatteryMode.CHARGE
    assert first.lowest_w <= 1000
    assert plan.battery("large").bands[0].lowest_w <= 0
    total = plan.battery("small").bands[0].highest_w + plan.battery("large").bands[0].highest_w
    assert total == pytest.approx(plan.hedged.highest_w)


def test_a_reserve_is_kept_when_hedging():
    problem = home([0.4] * 4, load=1000, batteries=(cellar(stored_wh=3000, reserve_wh=3000),))
    plan = solve(uncertain(problem, 0.8))
    assert plan.battery("cellar").bands[0].lowest_w == 0
    above = replace(problem, batteries=(cellar(stored_wh=3500, reserve_wh=3000, feed_in=False),))
    assert solve(uncertain(above, 0.8)).battery("cellar").bands[0].lowest_w < 0


@pytest.mark.parametrize("seed", range(2))
def test_hedging_pays_in_a_world_of_chance(seed):
    """Load is a coin toss each hour; both controllers know its mean, one of them how far it may be off."""
    dice = np.random.default_rng(seed)
    count = 24 * 8
    hour = np.arange(count) % 24
    world = World(
        START,
        3600,
        dice.choice((0.0, 2400.0), count),
        np.zeros(count),
        np.where(hour < 12, 0.30, 0.38) + dice.uniform(0, 0.01, count),
        np.full(count, 0.0),
        (cellar(stored_wh=0, charge_efficiency=0.95, discharge_efficiency=0.95),),
    )

    def pose(spread):
        def problem(step, held):
            left = min(24, count - step)
            prices = world.import_price[step : step + left].tolist()
            batteries = (replace(world.batteries[0], stored_wh=held[0]),)
            posed = home(prices, load=1200.0, export=0.0, batteries=batteries)
            return uncertain(posed, spread) if spread else posed

        return problem

    plain = simulate(world, Receding(pose(0.0))).cost()
    hedged = simulate(world, Receding(pose(1.0))).cost()
    assert hedged < plain
