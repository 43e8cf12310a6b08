"""The hub beside a matter.js bridge, both driven by the Matter SDK's controller: `make bench`.

Rounds are interleaved, so what else the machine does hits both alike. Trust processor time per operation and
memory; elapsed times hold the controller's own slowness too (most of each read) and whatever else runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interop.controller import Controller, matterjs_unavailable, sdk_unavailable
from interop.hub import Hub, hub_command
from interop.network import Network
from interop.trust import write_test_roots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
MATTERJS = HERE.parent / "tests" / "interop" / "matterjs"
SETTLE = 5.0  # seconds in which a bridge comes to rest, and then those in which its rest is measured


@dataclass(frozen=True, slots=True)
class Target:
    """A bridge that can be started with a number of bridged devices."""

    name: str
    command: Callable[[Path, str, int], list[str]]


def ores_bridge(state: Path, link: str, modules: int) -> list[str]:
    """Return the hub with its simulated home."""
    return hub_command("demo", state, link, "--modules", str(modules))


def matter_js(state: Path, _: str, modules: int) -> list[str]:
    """Return the yardstick. Node looks for packages where the program lies."""
    program = MATTERJS / "node_modules" / ".bench" / "matterjs_bridge.mjs"
    program.parent.mkdir(exist_ok=True)
    shutil.copy(HERE / "matterjs_bridge.mjs", program)
    return ["node", str(program), str(state), str(modules)]


@dataclass(slots=True)
class Bridge(Hub):
    """Any target as a hub."""

    target: Target = dataclasses.field(default_factory=lambda: Target("ores-bridge", ores_bridge))
    modules: int = 4

    def command(self) -> list[str]:
        """Return its command line."""
        return self.target.command(self.data_dir, self.side.link, self.modules)

    def cpu_seconds(self) -> float:
        """Processor time of its own process so far, all threads."""
        run = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            run += int((task / "schedstat").read_text().split()[0])
        return run / 1e9


def measure(bridge: Bridge, controller: Controller, reads: int) -> Iterator[tuple[str, float]]:
    """One round with one target: figures by name."""
    yield "start to commissionable, s", bridge.start()
    yield "processor time of the start, s", bridge.cpu_seconds()
    yield "memory when ready, MB", bridge.resident_megabytes()
    before = bridge.cpu_seconds()
    yield "commissioning, s", controller.commission(bridge.codes().qr)["seconds"]
    yield "processor time of commissioning, ms", (bridge.cpu_seconds() - before) * 1e3
    time.sleep(SETTLE)
    idle = bridge.cpu_seconds()
    time.sleep(SETTLE)
    idle = (bridge.cpu_seconds() - idle) / SETTLE
    yield "idle processor share, %", idle * 100

    def cost(operation: Callable[[], object], times: int) -> tuple[float, float]:
        cpu, started = bridge.cpu_seconds(), time.monotonic()
        for _ in range(times):
            operation()
        elapsed = time.monotonic() - started
        return elapsed / times, (bridge.cpu_seconds() - cpu - idle * elapsed) / times

    attributes = controller.ask("count", node=controller.node)
    yield "attributes of a wildcard read", attributes
    elapsed, cpu = cost(lambda: controller.ask("count", node=controller.node), 3)
    yield "wildcard read, s", elapsed
    yield "processor time an attribute of it, us", cpu / attributes * 1e6
    cost(lambda: controller.value(0, 0x28, 5), reads // 5)  # both run warm
    elapsed, cpu = cost(lambda: controller.value(0, 0x28, 5), reads)
    yield "read of one attribute, ms", elapsed * 1e3
    yield "processor time of it, us", cpu * 1e6
    yield "memory at the end, MB", bridge.resident_megabytes()


def main() -> None:
    """Measure and print a table for each number of devices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, nargs="+", default=[4, 100], help="bridged devices")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reads", type=int, default=500)
    options = parser.parse_args()
    if (reason := sdk_unavailable()) is not None:
        sys.exit(reason)
    targets = [Target("ores-bridge", ores_bridge)]
    if (reason := matterjs_unavailable()) is None:
        targets.append(Target("matter.js", matter_js))
    else:
        print(f"without matter.js: {reason}")
    with closing(Network.create()) as network, tempfile.TemporaryDirectory() as work:
        trust = Path(work) / "trust"
        write_test_roots(trust)
        for modules in options.modules:
            figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
            for number in range(options.rounds):
                for target in targets:
                    folder = Path(work) / f"{modules}-{number}-{target.name}"
                    folder.mkdir()
                    bridge = Bridge(network.hub, folder, target=target, modules=modules)
                    controller = Controller.start("sdk", network.phone, folder / "app", trust, fabric=1)
                    with closing(bridge), closing(controller):
                        for name, value in measure(bridge, controller, options.reads):
                            figures[name][target.name].append(value)
            print_table(modules, options.rounds, [target.name for target in targets], figures)


def print_table(
    modules: int, rounds: int, names: list[str], figures: dict[str, dict[str, list[float]]]
) -> None:
    """Print medians, with the range of the rounds behind them."""
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"\n{modules} bridged devices, {rounds} rounds, {machine}\n")
    print(f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for figure, values in figures.items():
        cells = (
            f"{statistics.median(values[name]):.4g} ({min(values[name]):.4g}..{max(values[name]):.4g})"
            for name in names
        )
        print(f"| {figure} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
