"""Measure the planner: how long a plan takes, and what planning is worth on recorded homes.

    python benchmarks/optimizer_bench.py times
    python benchmarks/optimizer_bench.py event                 # from an event to the plan that answers it
    python benchmarks/optimizer_bench.py homes --data DIR      # with the files of CityLearn's 2022 homes
    python benchmarks/optimizer_bench.py solarhome --data FILE # data_2011-2012.csv of solarhome-control-bench
    python benchmarks/optimizer_bench.py tenmonths --data FILE # the same home, 300 days

The data sets are not part of the project; benchmarks/README.md says where they come from.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import resource
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.home import Home
from bridge.planner import posing as home_posing
from bridge.planner.news import PlanChanged
from bridge.planner.planner import BURST, BURST_S, SETTLING, Planner
from bridge.planner.settings import PlannerSettings, TariffSettings
from bridge.planner.solving import PlanningProcess
from bridge.planner.tariff import Tariff
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.reading import BatteryReading, Reading
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage
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

if TYPE_CHECKING:
    from bridge.registry import RegisteredModule

START = datetime(2027, 6, 1, tzinfo=UTC)


# ---------------------------------------------------------------- times


def home(horizon: Horizon, batteries: int) -> Problem:
    """Return a home with the sun of summer days, changing prices, and batteries that differ a little."""
    dice = np.random.default_rng(1)
    hour = np.array(horizon.offsets_s[:-1]) / 3600
    price = 0.25 + 0.08 * np.sin(hour / 24 * 4 * np.pi) + dice.normal(0, 0.02, len(hour))
    sun = np.maximum(0, 5000 * np.sin((hour % 24 - 6) / 12 * np.pi)) * dice.uniform(0.5, 1, len(hour))
    load = 800 + 400 * np.sin(hour / 24 * 2 * np.pi) + dice.uniform(0, 800, len(hour))
    return Problem(
        horizon,
        Grid(tuple(price), tuple(price * 0.4)),
        BaseLoad(tuple(load), low_w=tuple(load * 0.7), high_w=tuple(load * 1.4)),
        Solar(tuple(sun), tuple(sun * 0.5), high_w=tuple(sun * 1.2)),
        tuple(
            Battery(f"battery {each}", 5000 + 500 * each, 2000, 2500, 2500, wear=0.02, self_discharge=1e-4)
            for each in range(batteries)
        ),
    )


def times(rounds: int) -> None:
    """Print how long plans take."""
    print("| horizon | batteries | columns | plan, median ms | best | solver | no reasons | to 1 battery |")
    print("|---|---|---|---|---|---|---|---|")
    horizons = {
        "48 h of 15 min": Horizon.uniform(START, 900, 192),
        "standard week": Horizon.standard(START),
    }
    for name, horizon in horizons.items():
        first = 0.0
        for batteries in (1, 4, 16):
            problem = home(horizon, batteries)
            solve(problem)
            taken: dict[bool, list[float]] = {True: [], False: []}
            solver = []
            for _ in range(rounds):
                for explain in (True, False):
                    started = time.perf_counter()
                    plan = solve(problem, explain=explain)
                    taken[explain].append((time.perf_counter() - started) * 1000)
                    solver.append(plan.solved.solver_s * 1000)
            assert plan.solved.exact
            median = statistics.median(taken[True])
            first = first or median
            print(
                f"| {name} | {batteries} | {plan.solved.columns} | {median:.0f} | {min(taken[True]):.0f} "
                f"| {statistics.median(solver):.0f} | {statistics.median(taken[False]):.0f} "
                f"| {median / first:.1f} |"
            )
    print(f"\nhighest resident memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


# ---------------------------------------------------------------- from an event to a plan


ABLE = Capabilities(frozenset(SetpointKind), reverts=True, revert_s_max=600)


@dataclass
class Module:
    """A module as the registry knows it; nobody reads or tells it anything here."""

    identity: Identity
    kind: ModuleKind
    nameplate: Nameplate
    capabilities: Capabilities = ABLE
    address: str = "nowhere"

    async def close(self) -> None:
        """Do nothing."""

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Do nothing, well."""
        return Applied(setpoint, AppliedState.APPLIED, setpoint.value, setpoint.expires_in)


def furnished(clock: AsyncioClock, batteries: int) -> Home:
    """Return a home with a meter, three inverters and some batteries."""
    home = Home(MemoryStorage(), clock, UTC)
    store = Nameplate(charge_power_w=4000, discharge_power_w=4000, capacity_wh=10_000)
    kinds = [(ModuleKind.METER, Nameplate())] + [(ModuleKind.MICROINVERTER, Nameplate(power_w=600))] * 3
    for number, (kind, plate) in enumerate(kinds + [(ModuleKind.BATTERY, store)] * batteries):
        home.registry.found([Module(Identity("acme", "device", str(number)), kind, plate)], "sunspec")
    home.start()
    for module in home.registry:
        read(home, module)
    return home


def read(home: Home, module: RegisteredModule) -> None:
    """Let a module be read."""
    battery = BatteryReading(soc_percent=60.0) if module.record.kind is ModuleKind.BATTERY else None
    home.registry.took(module, Reading(module.key, datetime.now(UTC), power_w=400.0, battery=battery))


def recorded(home: Home, path: Path) -> None:
    """Write 35 days of quarters of an hour for each module."""
    now = int(time.time()) // 900 * 900
    store = Store(path, UTC)
    for module in home.registry:
        frames = FrameMaker()
        reading = Reading(module.key, datetime.fromtimestamp(now - 60, UTC), power_w=400.0)
        store.commit([frames.frame(reading, Capabilities())])
    store.close()
    dice = np.random.default_rng(1)
    with sqlite3.connect(path) as file:
        for (metric,) in file.execute("SELECT id FROM metric WHERE name = 'power_w'").fetchall():
            file.executemany(
                "INSERT OR REPLACE INTO r900 (metric, ts, n, mean, mn, mx) VALUES (?, ?, 900, ?, 0, 0)",
                [
                    (metric, start, round(dice.uniform(100, 600), 1))
                    for start in range(now - 35 * 86_400, now, 900)
                ],
            )


async def events(rounds: int) -> None:
    """Print how long it takes from a battery's going, or coming back, to the plan that is then in force."""
    print("| batteries | process | settling, s | event to plan, median s | worst | of it the plan |")
    print("|---|---|---|---|---|---|")
    for batteries in (1, 4):
        for resident in (True, False):
            with tempfile.TemporaryDirectory() as directory:
                home = furnished(AsyncioClock(), batteries)
                path = Path(directory, "telemetry.db")
                recorded(home, path)
                tariff = Tariff.of(TariffSettings(import_price=0.3, export_price=0.08), UTC)
                assert tariff is not None
                process = PlanningProcess(resident=resident)
                posing = home_posing.Posing(PlannerSettings(), tariff, home, path)
                planner = Planner(posing, home, 60.0, make=process.plan)
                process.start()
                taken, solving = await answered(home, planner, rounds)
                said = f"resident, {process.memory // 2**20} MB" if resident else "one a plan"
                await planner.stop()
                await process.stop()
            print(
                f"| {batteries} | {said} "
                f"| {SETTLING} | {statistics.median(taken):.3f} | {max(taken):.3f} "
                f"| {statistics.median(solving):.3f} |"
            )


async def answered(home: Home, planner: Planner, rounds: int) -> tuple[list[float], list[float]]:
    """Return how long plans took to come, and solving alone."""
    changes: asyncio.Queue[PlanChanged] = asyncio.Queue()
    home.bus.subscribe(PlanChanged, changes.put_nowait)
    planner.start()
    await changes.get()
    taken, solving = [], []
    *_, battery = home.registry
    for number in range(rounds):
        if number:
            # Events in quick succession are answered less often.
            await asyncio.sleep(BURST_S / BURST)
        started = time.perf_counter()
        if battery.reachable:
            home.registry.lost(battery, "pulled out")
        else:
            read(home, battery)
        changed = await changes.get()
        taken.append(time.perf_counter() - started)
        assert changed.plan is not None
        solving.append(changed.plan.seconds)
        for module in home.registry:
            if module.reachable:
                read(home, module)
    return taken, solving


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
    parser.add_argument("what", choices=("times", "event", "homes", "solarhome", "tenmonths"))
    parser.add_argument("--data", type=Path, help="directory or file of the data set")
    parser.add_argument("--rounds", type=int, default=9, help="of each measurement of times")
    parser.add_argument("--buildings", type=int, nargs="+", default=[1, 2, 5])
    chosen = parser.parse_args()
    if chosen.what == "times":
        times(chosen.rounds)
    elif chosen.what == "event":
        asyncio.run(events(chosen.rounds))
    elif chosen.data is None:
        parser.error(f"{chosen.what} needs --data")
    elif chosen.what == "homes":
        homes(chosen.data, chosen.buildings)
    elif chosen.what == "tenmonths":
        tenmonths(chosen.data)
    else:
        solarhome(chosen.data)


if __name__ == "__main__":
    main()
