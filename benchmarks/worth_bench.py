"""Measure what planning is worth on recorded homes.

    python benchmarks/worth_bench.py homes --data DIR       # with the files of CityLearn's 2022 homes
    python benchmarks/worth_bench.py solarhome --data FILE  # data_2011-2012.csv of solarhome-control-bench
    python benchmarks/worth_bench.py tenmonths --data FILE  # the same home, 300 days

The data sets are not part of the project; benchmarks/README.md says where they come from.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from optimizer.battery import Battery
from optimizer.forecast.anchoring import anchored
from optimizer.forecast.clear_sky import Site
from optimizer.forecast.history import History
from optimizer.forecast.load_profile import forecast_load
from optimizer.forecast.price_profile import forecast_price
from optimizer.forecast.score import score
from optimizer.forecast.solar_profile import forecast_solar
from optimizer.grid import Grid
from optimizer.horizon import Horizon
from optimizer.load import BaseLoad
from optimizer.problem import Problem
from optimizer.simulation import Outcome, Receding, Rule, World, followed, simulate, whole
from optimizer.solar import Solar
from optimizer.solve import solve

# ---------------------------------------------------------------- closed loop


@dataclass
class Posing:
    """Poses the planning problem of each hour from what is known then: the past, and published prices.

    :ivar horizon_h: how far the plan looks
    """

    world: World
    site: Site
    horizon_h: int = 36

    def __post_init__(self) -> None:
        start, step_s = self.world.start, self.world.step_s
        self.load = History(start, step_s, self.world.load_w)
        self.sun = History(start, step_s, self.world.sun_w)
        self.zone = start.tzinfo
        assert self.zone is not None

    def __call__(self, step: int, stored_wh: tuple[float, ...]) -> Problem:
        """Return the problem; the step itself is not known yet."""
        world = self.world
        horizon = Horizon.uniform(world.time(step), world.step_s, self.horizon_h * 3600 // world.step_s)
        load = forecast_load(self.load, horizon, self.zone)
        if step:
            before = Horizon.uniform(world.time(step - 1), world.step_s, 1)
            said = forecast_load(self.load, before, self.zone).expected_w[0]
            load = anchored(load, horizon, float(world.load_w[step - 1]), said)
        sun = forecast_solar(self.sun, horizon, self.site, prior_w=4000)
        batteries = tuple(
            replace(battery, stored_wh=held) for battery, held in zip(world.batteries, stored_wh, strict=True)
        )
        return Problem(
            horizon,
            self.grid(step, horizon),
            BaseLoad(load.expected_w, low_w=load.low_w, high_w=load.high_w),
            Solar(sun.expected_w, sun.low_w, high_w=sun.high_w),
            batteries,
        )

    def grid(self, step: int, horizon: Horizon) -> Grid:
        """Return prices: those of tomorrow are known from 13:00 on, later ones are the usual ones."""
        world, now = self.world, horizon.start
        hours = 24 - now.hour + (24 if now.hour >= 13 else 0)
        known = min(step + hours * 3600 // world.step_s, len(world))
        rows = (
            History(world.start, world.step_s, row[:known])
            for row in (world.import_price, world.export_price)
        )
        return Grid(*(forecast_price(row, horizon) for row in rows), feed_in=world.feed_in)


def share(
    rule: Outcome, ours: Outcome, best: Outcome, worth: float, first: int = 0, last: int | None = None
) -> float:
    """Return how much of the way from the rule to perfect foresight is won.

    :param worth: of a kWh that is stored at the end of the span
    """

    def cost(outcome: Outcome) -> float:
        end = len(outcome.stored_wh) if last is None else last
        before = outcome.stored_wh[first - 1] if first else 0.0
        return outcome.cost(first, last) - (outcome.stored_wh[end - 1] - before) / 1000 * worth

    return (cost(rule) - cost(ours)) / (cost(rule) - cost(best))


def column(path: Path, title: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a column of a table; what is empty becomes NaN."""
    with path.open() as file:
        return np.array([float(row[title] or "nan") for row in csv.DictReader(file)])


def homes(data: Path, buildings: list[int]) -> None:
    """Print what planning is worth on recorded homes, by month."""
    price = column(data / "citylearn_dynamic_pricing.csv", "electricity_pricing")
    # 6.4 kWh, 5 kW, 4 kWp are those of the data set; feeding in brings half of the price, wear costs 2 ct.
    battery = Battery("battery", 6400, 0, 5000, 5000, wear=0.02)
    pacific = timezone(timedelta(hours=-8))
    print("| home | no battery | rule | plan | perfect | share of the gap | by month, August first |")
    print("|---|---|---|---|---|---|---|")
    shares, monthly, plans = [], [], []
    for building in buildings:
        table = data / f"citylearn2022_Building_{building}.csv"
        world = World(
            datetime(2016, 7, 31, 23, tzinfo=pacific),
            3600,
            column(table, "non_shiftable_load") * 1000,
            column(table, "solar_generation") * 4,
            price,
            price * 0.5,
            (battery,),
        )
        none, rule = simulate(replace(world, batteries=()), Rule(0)), simulate(world, Rule(1))
        receding = Receding(Posing(world, Site(34.1, -117.4)))
        ours = simulate(world, receding)
        worth = float(price.mean())
        best = followed(world, solve(whole(world, terminal_value=worth), explain=False))
        months = [share(rule, ours, best, worth, 730 * each, 730 * each + 730) for each in range(12)]
        shares.append(share(rule, ours, best, worth))
        monthly += months
        plans.append(receding.seconds / receding.plans * 1000)
        print(
            f"| {building} | {none.cost():.1f} | {rule.cost():.1f} | {ours.cost():.1f} | {best.cost():.1f} "
            f"| {shares[-1]:.3f} | {' '.join(f'{each:.2f}' for each in months)} |",
            flush=True,
        )
        print_scores(world)
    print(f"\nshare: homes {statistics.mean(shares):.3f}, months {statistics.mean(monthly):.3f}")
    print(f"a plan: {statistics.mean(plans):.1f} ms")


def print_scores(world: World) -> None:
    """Print the score of day-ahead forecasts, made at each midnight."""
    posing = Posing(world, Site(34.1, -117.4))
    said: dict[str, list[float]] = {"load": [], "sun": []}
    came: dict[str, list[float]] = {"load": [], "sun": []}
    for first in range(24 * 35 + 1, len(world) - 24, 24):
        horizon = Horizon.uniform(world.time(first), 3600, 24)
        said["load"] += forecast_load(posing.load, horizon, posing.zone).expected_w
        said["sun"] += forecast_solar(posing.sun, horizon, posing.site).expected_w
        came["load"] += world.load_w[first : first + 24].tolist()
        came["sun"] += world.sun_w[first : first + 24].tolist()
    for what, values in said.items():
        result = score(values, came[what])
        print(f"<!-- {what}, day ahead: nMAE {result.nmae:.3f}, bias {result.bias:+.3f} -->")


# ---------------------------------------------------------------- solarhome-control-bench


def solar_home(data: Path) -> World:
    """Return the bench's home in its year: 4 kWp, 8 kWh without losses, 3 kW of grid, 10 and 20 ct."""
    with data.open() as file:
        rows = [(float(row[1]), float(row[2])) for row in list(csv.reader(file))[1:]]
    load = np.array([row[0] for row in rows]) * 1000
    sun = np.array([row[1] for row in rows]) * 4 / 1.04 * 1000
    # Summer time of New South Wales throughout: neither test nor training has a change of clocks.
    zone = timezone(timedelta(hours=11))
    price = np.where(np.arange(len(load)) % 48 < 12, 0.10, 0.20)
    battery = Battery(
        "battery", 8000, 4000, 20_000, 20_000, charge_efficiency=1.0, discharge_efficiency=1.0, feed_in=False
    )
    return World(
        datetime(2011, 7, 1, tzinfo=zone),
        1800,
        load,
        sun,
        price,
        np.zeros(len(load)),
        (battery,),
        feed_in=False,
        import_cap_w=3000.0,
    )


def solarhome(data: Path) -> None:
    """Print the bench's 30 days, from 29 November on."""
    year = solar_home(data)
    first = (datetime(2011, 11, 29, tzinfo=year.start.tzinfo) - year.start).days * 48
    world = year.part(first, first + 48 * 30)
    # The bench wants the battery as full at the end as at the start.
    problem = whole(world, terminal_value=0.0)
    full = replace(problem.batteries[0], reserve_wh=(0.0,) * (len(world) - 1) + (4000.0,))
    best = followed(world, solve(replace(problem, batteries=(full,)), explain=False))
    rule = simulate(world, Rule(1))
    posing = Posing(year, Site(-33.9, 151.2), 24)
    ours = simulate(world, Receding(lambda step, held: posing(first + step, held)))
    told = Told(posing, year.load_w, year.sun_w)
    with_present = simulate(world, Receding(lambda step, held: told(first + step, held)))
    print("| policy | EUR/day | published |")
    print("|---|---|---|")
    print(f"| perfect foresight | {best.bill.sum() / 30:.9f} | 0.353733590 |")
    print(f"| rule | {rule.bill.sum() / 30:.4f} | 0.5633 |")
    print(f"| plan on own forecasts, the present half-hour unknown | {ours.bill.sum() / 30:.4f} | - |")
    print(f"| the same, the present half-hour known | {with_present.bill.sum() / 30:.4f} | 0.5086 |")


def tenmonths(data: Path) -> None:
    """Print 300 days of the bench's home, from September on, whose present half-hour nobody knows."""
    year = solar_home(data)
    first, days = 48 * 62, 300
    world = year.part(first, first + 48 * days)
    posing = Posing(year, Site(-33.9, 151.2), 24)
    outcomes = {
        "perfect foresight": followed(world, solve(whole(world, terminal_value=0.0), explain=False)),
        "rule": simulate(world, Rule(1)),
    }
    poses = {
        "plan on the mean day of the month before": MeanDays(posing),
        "plan on own forecasts, not hedged": Certain(posing),
        "plan on own forecasts": posing,
    }
    print("| policy | EUR/day | share |")
    print("|---|---|---|")
    for name in (*outcomes, *poses):
        if name in poses:
            pose = poses[name]
            outcomes[name] = simulate(world, Receding(lambda step, held, pose=pose: pose(first + step, held)))
        won = share(outcomes["rule"], outcomes[name], outcomes["perfect foresight"], worth=0.0)
        print(f"| {name} | {outcomes[name].bill.sum() / days:.4f} | {won:.3f} |", flush=True)


@dataclass
class MeanDays:
    """Poses as another does, with the mean of the last 30 whole days for load and sun."""

    posing: Posing

    def __call__(self, step: int, stored_wh: tuple[float, ...]) -> Problem:
        """Return the problem."""
        problem, world = self.posing(step, stored_wh), self.posing.world
        day = 86_400 // world.step_s
        today = step - step % day
        slots = (step + np.arange(len(problem.horizon))) % day
        load, sun = (
            tuple(row[max(today - 30 * day, 0) : today].reshape(-1, day).mean(axis=0)[slots])
            for row in (world.load_w, world.sun_w)
        )
        return replace(problem, load=BaseLoad(load), solar=Solar(sun))


@dataclass
class Certain:
    """Poses as another does, without saying how far load and sun may be off."""

    posing: Posing

    def __call__(self, step: int, stored_wh: tuple[float, ...]) -> Problem:
        """Return the problem."""
        problem = self.posing(step, stored_wh)
        assert problem.solar is not None
        load, solar = BaseLoad(problem.load.power_w), replace(problem.solar, high_w=None)
        return replace(problem, load=load, solar=solar)


@dataclass
class Told:
    """Poses as another does, but knows the present step, as the bench's own controllers do."""

    posing: Posing
    load_w: np.ndarray[tuple[int], np.dtype[np.float64]]
    sun_w: np.ndarray[tuple[int], np.dtype[np.float64]]

    def __call__(self, step: int, stored_wh: tuple[float, ...]) -> Problem:
        """Return the problem."""
        problem = self.posing(step, stored_wh)
        assert problem.solar is not None
        used, given = problem.load, problem.solar

        def told(value: float, *rows: tuple[float, ...] | None) -> list[tuple[float, ...] | None]:
            return [row and (value, *row[1:]) for row in rows]

        load = told(float(self.load_w[step]), used.power_w, None, used.low_w, used.high_w)
        sun = told(float(self.sun_w[step]), given.production_w, given.cautious_w)
        high = told(float(self.sun_w[step]), given.high_w)
        return replace(problem, load=BaseLoad(*load), solar=Solar(*sun, high_w=high[0]))


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("homes", "solarhome", "tenmonths"))
    parser.add_argument("--data", type=Path, required=True, help="directory or file of the data set")
    parser.add_argument("--buildings", type=int, nargs="+", default=[1, 2, 5], help="for homes")
    chosen = parser.parse_args()
    if chosen.what == "homes":
        homes(chosen.data, chosen.buildings)
    elif chosen.what == "tenmonths":
        tenmonths(chosen.data)
    else:
        solarhome(chosen.data)


if __name__ == "__main__":
    main()
