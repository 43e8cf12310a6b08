"""Every reason of a battery: take its cause away and the action changes."""

from dataclasses import replace

import pytest
from optimizer_lab.homes import START, cellar, home, window

from optimizer.grid import DemandCharge
from optimizer.island import Island
from optimizer.problem import Problem
from optimizer.reason import ReasonCode
from optimizer.solve import solve
from optimizer.vehicle import Vehicle

CHEAP, DEAR = 0.10, 0.40


def act(problem, step=0):
    """What the cellar does in a step, its power rounded to W, and why."""
    planned = solve(problem).battery("cellar")
    return round(planned.power_w[step]), planned.reasons[step]


def with_cellar(problem, **changes):
    return replace(problem, batteries=(replace(problem.batteries[0], **changes),))


def test_it_charges_from_the_grid_because_energy_is_dearer_later():
    problem = home([CHEAP, DEAR], batteries=(cellar(stored_wh=0),))
    power, reason = act(problem)
    assert (power, reason.code) == (500, ReasonCode.CHARGE_CHEAP)
    assert reason.sentence == (
        "Charges with 500 W from the grid: a kWh costs 10.0 ct now, and is worth 40.0 ct at 01:00, "
        "when it is used."
    )
    assert (reason.price, reason.value) == (pytest.approx(CHEAP, abs=1e-4), DEAR)
    assert reason.when == problem.horizon.time(1)
    flat = home([CHEAP, CHEAP], batteries=(cellar(stored_wh=0),))
    assert act(flat)[0] == 0


def test_it_stores_sun_that_would_bring_less_now():
    problem = home([DEAR, DEAR], sun=[3000, 0], batteries=(cellar(stored_wh=0, feed_in=False),))
    power, reason = act(problem)
    assert (power, reason.code) == (500, ReasonCode.CHARGE_SUN)
    assert "would bring 5.0 ct now" in reason.sentence
    assert act(replace(problem, grid=replace(problem.grid, export_price=(0.45, 0.05))))[0] == 0


def test_it_charges_because_taking_energy_is_paid_for():
    problem = home([-0.05, -0.2], export=-0.3, batteries=(cellar(stored_wh=0, wear=0.01),))
    power, reason = act(problem, 1)
    assert (power, reason.code) == (3000, ReasonCode.CHARGE_PAID)
    assert act(home([0.05, 0.05], export=-0.3, batteries=(cellar(stored_wh=0),)), 1)[0] == 0


def test_it_fills_up_to_the_reserve():
    problem = home([DEAR, CHEAP], load=0, batteries=(cellar(stored_wh=0, reserve_wh=2000),))
    power, reason = act(problem)
    assert (power, reason.code) == (2000, ReasonCode.CHARGE_RESERVE)
    assert "reserve of 2.0 kWh" in reason.sentence
    assert act(with_cellar(problem, reserve_wh=0.0))[0] == 0


def test_it_fills_up_to_its_minimum():
    problem = home([DEAR, CHEAP], load=0, batteries=(cellar(stored_wh=200, minimum_wh=1000, feed_in=False),))
    power, reason = act(problem)
    assert (power, reason.code) == (800, ReasonCode.CHARGE_RESERVE)
    assert act(with_cellar(problem, minimum_wh=0.0))[0] == 0


def test_it_fills_up_for_an_outage():
    island = Island(2, outages_per_hour=0.1)
    problem = home([DEAR] * 4, load=500, batteries=(cellar(stored_wh=0),), island=island)
    power, reason = act(problem)
    assert (power, reason.code) == (1000, ReasonCode.CHARGE_BACKUP)
    assert act(replace(problem, island=replace(island, outages_per_hour=0.0)))[0] == 0


def test_it_feeds_the_home_while_importing_costs_more_than_what_is_stored_is_worth():
    problem = home([DEAR, CHEAP], batteries=(cellar(stored_wh=500, feed_in=False),))
    power, reason = act(problem)
    assert (power, reason.code) == (-500, ReasonCode.DISCHARGE_LOAD)
    assert "from the grid costs 40.0 ct now" in reason.sentence
    assert act(replace(problem, grid=replace(problem.grid, import_price=(CHEAP, DEAR))))[0] == 0


def test_it_sells_while_the_grid_pays_more_than_what_is_stored_is_worth():
    problem = home([DEAR, DEAR], load=0, export=[0.3, 0.1], batteries=(cellar(stored_wh=3000),))
    power, reason = act(problem)
    assert (power, reason.code) == (-3000, ReasonCode.DISCHARGE_SELL)
    assert "pays 30.0 ct" in reason.sentence
    assert act(with_cellar(problem, feed_in=False))[0] == 0


def test_it_keeps_the_import_below_a_peak_that_would_cost():
    charge = DemandCharge("month", window(0, 3), 5.0)
    grid = {"demand_charges": (charge,)}
    problem = home([CHEAP] * 3, load=[0, 4000, 0], grid=grid, batteries=(cellar(stored_wh=0),))
    power, reason = act(problem, 1)
    assert (power, reason.code) == (-2000, ReasonCode.DISCHARGE_PEAK)
    assert "to keep the import at 2000 W" in reason.sentence
    assert act(replace(problem, grid=replace(problem.grid, demand_charges=())), 1)[0] == 0


def test_it_keeps_the_import_below_a_cap():
    grid = {"import_cap_w": (3000.0,) * 3}
    problem = home([CHEAP] * 3, load=[0, 4000, 0], grid=grid, batteries=(cellar(stored_wh=0, wear=0.01),))
    power, reason = act(problem, 1)
    assert (power, reason.code) == (-1000, ReasonCode.DISCHARGE_PEAK)
    assert act(replace(problem, grid=replace(problem.grid, import_cap_w=None)), 1)[0] == 0


def test_it_feeds_the_home_in_an_outage():
    problem = home([CHEAP, DEAR], grid={"connected": (False, True)}, batteries=(cellar(stored_wh=500),))
    power, reason = act(problem)
    assert (power, reason.code) == (-500, ReasonCode.DISCHARGE_OUTAGE)
    assert act(replace(problem, grid=replace(problem.grid, connected=None)))[0] == 0


def test_it_keeps_its_energy_for_a_dearer_hour():
    problem = home([0.2, DEAR], batteries=(cellar(stored_wh=500, grid_charging=False, feed_in=False),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_LATER)
    assert "costs 20.0 ct now, and is worth 40.0 ct at 01:00" in reason.sentence
    assert act(replace(problem, grid=replace(problem.grid, import_price=(DEAR, 0.2))))[0] == -500


def test_it_keeps_its_energy_for_the_reserve():
    problem = home([DEAR, DEAR], batteries=(cellar(stored_wh=2000, reserve_wh=2000),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_RESERVE)
    assert act(with_cellar(problem, reserve_wh=0.0))[0] < 0


def test_it_keeps_its_energy_for_an_outage():
    island = Island(2, outages_per_hour=0.1)
    prices = [DEAR, CHEAP, CHEAP, CHEAP]
    problem = home(prices, batteries=(cellar(stored_wh=1000, feed_in=False),), island=island)
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_BACKUP)
    assert act(replace(problem, island=None))[0] == -500


def test_it_leaves_room_for_sun_that_comes():
    # Cheap energy now would serve the dear hour, were the battery not filled by the sun before.
    problem = home(
        [0.2, DEAR, DEAR],
        load=[0, 0, 10_000],
        sun=[0, 9000, 0],
        batteries=(cellar(stored_wh=0, capacity_wh=2000, discharge_w=10_000, feed_in=False),),
    )
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_ROOM)
    assert act(replace(problem, solar=None))[0] == 2000


def test_it_rests_where_losses_and_wear_eat_the_gain():
    problem = home([0.3, 0.32], batteries=(cellar(stored_wh=1000, wear=0.7, feed_in=False),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_NO_GAIN)
    assert act(with_cellar(problem, wear=0.0))[0] != 0


def test_it_is_full():
    strong = cellar(stored_wh=10_000, discharge_w=20_000)
    problem = home([DEAR, DEAR], load=[0, 12_000], sun=[3000, 0], batteries=(strong,))
    power, reason = act(with_cellar(problem, feed_in=False))
    assert (power, reason.code) == (0, ReasonCode.HOLD_FULL)
    assert act(with_cellar(problem, stored_wh=9800, feed_in=False))[0] == 200


def test_it_is_empty():
    problem = home([DEAR, DEAR], batteries=(cellar(stored_wh=0),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_EMPTY)
    assert act(with_cellar(problem, stored_wh=1000))[0] == -500


@pytest.mark.parametrize(
    ("prices", "export", "battery", "freed", "said"),
    [
        (
            [CHEAP, DEAR],
            0.05,
            {"stored_wh": 0, "grid_charging": False},
            {"grid_charging": True},
            "by charging from the grid, which is not allowed.",
        ),
        (
            [DEAR, DEAR],
            [0.35, 0.05],
            {"stored_wh": 3000, "feed_in": False},
            {"feed_in": True},
            "by selling, which is not allowed.",
        ),
    ],
)
def test_it_must_not(prices, export, battery, freed, said):
    problem = home(prices, load=[0, 500], export=export, batteries=(cellar(**battery),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_NOT_ALLOWED)
    assert reason.sentence.endswith(said)
    assert act(with_cellar(problem, **freed))[0] != 0


def test_it_must_not_feed_the_vehicle():
    car = Vehicle("car", (window(0, 1),), 2000, 4000, efficiency=1.0)
    problem = home([DEAR, 0.3], load=0, batteries=(cellar(stored_wh=2000),), vehicles=(car,))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.HOLD_NOT_ALLOWED)
    assert "by feeding a load that batteries must not feed" in reason.sentence
    assert act(replace(problem, vehicles=(replace(car, from_battery=True),)))[0] == -2000


def test_it_does_what_the_previous_plan_said_when_changing_gains_too_little():
    def world(first, second) -> Problem:
        return home([first, second], batteries=(cellar(stored_wh=500, feed_in=False, grid_charging=False),))

    before = solve(world(0.30, 0.31))
    assert before.battery("cellar").power_w[0] == 0
    changed = world(0.31, 0.30)
    assert act(changed)[0] == -500
    power, reason = act(replace(changed, previous=before, steadiness=0.02))
    assert (power, reason.code) == (0, ReasonCode.KEEP_PLAN)
    power, reason = act(replace(changed, previous=before, steadiness=0.001))
    assert (power, reason.code) == (-500, ReasonCode.DISCHARGE_LOAD)
    acting = solve(changed)
    power, reason = act(replace(world(0.30, 0.31), previous=acting, steadiness=0.02))
    assert (power, reason.code) == (-500, ReasonCode.KEEP_PLAN)


def test_it_is_not_there():
    problem = home([CHEAP, DEAR, DEAR], batteries=(cellar(stored_wh=0, available=(window(1, 3),)),))
    power, reason = act(problem)
    assert (power, reason.code) == (0, ReasonCode.UNAVAILABLE)
    assert act(with_cellar(problem, available=(window(0, 3),)))[0] > 0


def test_reasons_tell_the_time_on_the_clock_of_the_home():
    from zoneinfo import ZoneInfo

    from optimizer.horizon import Horizon

    problem = home([CHEAP, DEAR], batteries=(cellar(stored_wh=0),))
    berlin = Horizon.uniform(START.astimezone(ZoneInfo("Europe/Berlin")), 3600, 2)
    assert "is worth 40.0 ct at 03:00" in act(replace(problem, horizon=berlin))[1].sentence
    kroner = replace(problem, grid=replace(problem.grid, currency="SEK"))
    assert "a kWh costs 0.100 SEK now" in act(kroner)[1].sentence
