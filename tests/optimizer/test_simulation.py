"""A home over days: what a plan is worth when it does not know what comes, and the plant it is tried on."""

import random
from dataclasses import replace

import numpy as np
import pytest
from optimizer_lab.homes import START, cellar, home, window

from optimizer.battery import Taper
from optimizer.dispatch import BALANCE, dispatch
from optimizer.plan import Band, BatteryMode
from optimizer.problem_error import ProblemError
from optimizer.simulation import Receding, Rule, World, followed, simulate, whole
from optimizer.solve import solve


def world(days=3, *, seed=1, **changes):
    dice = np.random.default_rng(seed)
    hour = np.arange(24 * days) % 24
    values = {
        "load_w": 600 + 900 * (hour >= 17) + dice.uniform(0, 800, len(hour)),
        "sun_w": np.maximum(0, 4000 * np.sin((hour - 6) / 12 * np.pi)) * dice.uniform(0.3, 1, len(hour)),
        "import_price": 0.25 + 0.15 * np.sin(hour / 24 * 4 * np.pi) + dice.uniform(0, 0.03, len(hour)),
        "export_price": np.full(len(hour), 0.06),
        "batteries": (cellar(stored_wh=0, wear=0.02, charge_efficiency=0.95, discharge_efficiency=0.95),),
    }
    return World(START, 3600, **{**values, **changes})


class Oracle:
    """Poses the rest of the world as the problem, with everything known."""

    def __init__(self, world):
        self.world = world

    def __call__(self, step, stored_wh):
        rest = self.world.part(step, len(self.world))
        batteries = tuple(
            replace(each, stored_wh=stored) for each, stored in zip(rest.batteries, stored_wh, strict=True)
        )
        return whole(replace(rest, batteries=batteries), terminal_value=0.0)


def test_a_plan_that_knows_everything_costs_in_the_plant_what_it_says():
    one = world()
    perfect = followed(one, solve(whole(one, terminal_value=0.0), explain=False))
    receding = Receding(Oracle(one))
    outcome = simulate(one, receding)
    assert outcome.cost() == pytest.approx(perfect.cost(), rel=1e-3)
    assert outcome.cost() >= perfect.cost() - 1e-6
    assert receding.plans == len(one)
    assert receding.slowest_s >= receding.seconds / receding.plans


def test_the_rule_lies_between_no_battery_and_perfect_foresight():
    one = world(days=7)
    rule = simulate(one, Rule(1)).cost()
    none = simulate(replace(one, batteries=()), Rule(0)).cost()
    perfect = followed(one, solve(whole(one, terminal_value=0.0), explain=False)).cost()
    assert perfect < rule < none


def test_bands_help_when_the_forecast_is_wrong():
    """A plan followed to the letter does worse than its bands, when load is not as forecast."""
    one = world(days=4)

    def wrong(step, stored_wh):
        problem = Oracle(one)(step, stored_wh)
        return replace(
            problem, load=replace(problem.load, power_w=(float(one.load_w.mean()),) * len(problem.horizon))
        )

    class ToTheLetter(Receding):
        def command(self, step, stored_wh):
            super().command(step, stored_wh)
            return tuple(
                Band(BatteryMode.HOLD, each.power_w[0], each.power_w[0]) for each in self.last.batteries
            )

    assert simulate(one, Receding(wrong)).cost() < simulate(one, ToTheLetter(wrong)).cost()


def test_energy_is_conserved_and_limits_are_kept_in_the_plant():
    dice = random.Random(4)
    for _ in range(300):
        batteries = [
            cellar(
                name=f"battery {index}",
                stored_wh=dice.uniform(1000, 9000),
                minimum_wh=1000,
                maximum_wh=9000,
                charge_efficiency=0.9,
                discharge_efficiency=0.95,
                charge_w=dice.uniform(0, 4000),
                discharge_w=dice.uniform(0, 4000),
                grid_charging=dice.random() < 0.5,
                feed_in=dice.random() < 0.5,
                taper=Taper(7000, 0) if dice.random() < 0.5 else None,
            )
            for index in range(dice.randint(1, 3))
        ]
        bands = [
            dice.choice(
                (BALANCE, Band(BatteryMode.HOLD, 0, 0), Band(BatteryMode.CHARGE, dice.uniform(0, 3000), 5000))
            )
            for _ in batteries
        ]
        net, hours = dice.uniform(-5000, 5000), dice.choice((0.25, 1.0))
        stored = [each.stored_wh for each in batteries]
        powers, held = dispatch(batteries, stored, bands, net, hours)
        for battery, before, power, after in zip(batteries, stored, powers, held, strict=True):
            assert -battery.discharge_w - 1e-9 <= power <= battery.charge_w + 1e-9
            assert 1000 - 1e-6 <= after <= 9000 + 1e-6
            factor = 0.9 if power > 0 else 1 / 0.95
            assert after - before == pytest.approx(power * factor * hours, abs=1e-6)
        charging = sum(
            power
            for power, each in zip(powers, batteries, strict=True)
            if not each.grid_charging and power > 0
        )
        assert charging <= max(-net, 0) + sum(-power for power in powers if power < 0) + 1e-6


@pytest.mark.parametrize(
    ("band", "net", "power"),
    [
        (BALANCE, 700, -700),
        (BALANCE, -700, 700),
        (Band(BatteryMode.STORE, 0, 3000), 700, 0),
        (Band(BatteryMode.STORE, 0, 500), -700, 500),
        (Band(BatteryMode.COVER, -400, 0), 700, -400),
        (Band(BatteryMode.COVER, -400, 0), -700, 0),
        (Band(BatteryMode.CHARGE, 1000, 3000), 700, 1000),
        (Band(BatteryMode.CHARGE, 1000, 3000), -2000, 2000),
        (Band(BatteryMode.DISCHARGE, -3000, -1000), 200, -1000),
        (Band(BatteryMode.DISCHARGE, -3000, -1000), 2000, -2000),
    ],
)
def test_a_battery_keeps_the_meter_at_zero_within_its_band(band, net, power):
    powers, _ = dispatch([cellar()], [5000], [band], net, 1.0)
    assert powers == [power]


@pytest.mark.parametrize(
    ("prices", "changes", "mode"),
    [
        ([0.2, 0.2], {"export": 0.0, "batteries": (cellar(),)}, BatteryMode.BALANCE),
        ([0.2, 0.4], {"batteries": (cellar(stored_wh=500, grid_charging=False),)}, BatteryMode.STORE),
        ([0.1, 0.4], {"batteries": (cellar(stored_wh=0),)}, BatteryMode.CHARGE),
        ([0.4, 0.4], {"load": 0, "export": [0.3, 0.1], "batteries": (cellar(),)}, BatteryMode.DISCHARGE),
        ([0.4, 0.1], {"export": 0.05, "batteries": (cellar(wear=0.12),)}, BatteryMode.COVER),
        ([0.2, 0.2], {"batteries": (cellar(wear=0.5),)}, BatteryMode.HOLD),
    ],
)
def test_the_mode_follows_from_what_stored_energy_is_worth(prices, changes, mode):
    plan = solve(home(prices, **changes))
    assert plan.battery("cellar").bands[0].mode is mode


def test_a_part_left_to_a_dearer_hour_is_not_used_up_before():
    """1 kWh is there, the dear hour takes 0.7: the hour before may use no more than the rest."""
    problem = home([0.3, 0.4], load=[1000, 700], batteries=(cellar(stored_wh=1000, grid_charging=False),))
    band = solve(problem).battery("cellar").bands[0]
    assert (band.mode, round(band.lowest_w)) == (BatteryMode.BALANCE, -300)


def test_a_world_has_no_gaps():
    with pytest.raises(ProblemError, match="load_w of a world has gaps"):
        world(load_w=np.full(72, np.nan))
    assert len(world().part(5, 10)) == 5
    assert world().part(5, 10).start == window(5, 6).start
