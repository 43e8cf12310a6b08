"""Measure the planner: how long a plan takes, and how soon after an event there is one.

    python benchmarks/optimizer_bench.py times
    python benchmarks/optimizer_bench.py event    # from an event to the plan that answers it

What plans are worth is measured by `worth_bench.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
from optimizer.grid import Grid
from optimizer.horizon import Horizon
from optimizer.load import BaseLoad
from optimizer.problem import Problem
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


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("times", "event"))
    parser.add_argument("--rounds", type=int, default=9, help="of each measurement")
    chosen = parser.parse_args()
    if chosen.what == "times":
        times(chosen.rounds)
    else:
        asyncio.run(events(chosen.rounds))


if __name__ == "__main__":
    main()
