"""Measure the telemetry store: bytes written, insert rates, file size, and how long questions take.

    python benchmarks/telemetry_bench.py                # 2 simulated days, half a minute
    python benchmarks/telemetry_bench.py --days 30      # as much as seconds are kept

Five modules with ten metrics each are read once a second, with noise as a real meter has it: powers change
every second, voltages a little, counters steadily, temperatures slowly. The store does with them what the
hub's writing thread does: a commit each minute, history each quarter of an hour. Bytes are what the process
hands to the operating system (`wchar` in /proc/self/io), the log and the file together.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.telemetry.compaction import compact
from bridge.telemetry.energy import energy_totals
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.history import History
from bridge.telemetry.latest import latest
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import resolution
from bridge.telemetry.store import Store
from hw.module import Capabilities
from hw.reading import OperatingState, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES, METRICS = 5, 10
MINUTE, QUARTER, HOUR, DAY = 60, 900, 3600, 86_400
YEAR_HOURS = 8766
COUNTS = Capabilities(imported_energy=True, exported_energy=True)
BEGIN = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())


class Meter:
    """A module that measures ten metrics."""

    def __init__(self, number: int) -> None:
        self.key = f"meter-{number}"
        self._random = random.Random(number)
        self._maker = FrameMaker()
        self._power = 1000.0
        self._imported = 1e6
        self._temperature = 30.0

    def frame(self, second: int) -> object:
        """Return the frame of a second."""
        noise = self._random.gauss
        self._power += noise(0, 15) - (self._power - 1000) / 600
        self._imported += self._power / 3600
        self._temperature += noise(0, 0.01)
        voltage = 230 + noise(0, 0.3)
        reading = Reading(
            self.key,
            datetime.fromtimestamp(second, UTC),
            state=OperatingState.RUNNING,
            power_w=self._power,
            voltage_v=voltage,
            current_a=self._power / voltage,
            frequency_hz=50 + noise(0, 0.005),
            apparent_power_va=self._power * 1.02,
            reactive_power_var=self._power * 0.2 + noise(0, 3),
            power_factor=0.98,
            energy_imported_wh=self._imported,
            temperature_c=self._temperature,
        )
        return self._maker.frame(reading, COUNTS)


def written() -> int:
    """Return the bytes that this process has handed to the operating system."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


def fill(store: Store, days: float) -> dict[str, float]:
    """Record so many days; return the processor seconds of each part."""
    meters = [Meter(number) for number in range(MODULES)]
    spent = {"frames": 0.0, "commit": 0.0, "history": 0.0}
    for minute in range(BEGIN, BEGIN + int(days * DAY), MINUTE):
        started = time.process_time()
        frames = [meter.frame(second) for second in range(minute, minute + MINUTE) for meter in meters]
        made = time.process_time()
        store.commit(frames)
        stored = time.process_time()
        spent["frames"] += made - started
        spent["commit"] += stored - made
        if (minute + MINUTE) % QUARTER == 0:
            for _ in compact(store, minute + MINUTE):
                pass
            spent["history"] += time.process_time() - stored
    return spent


def timed(question: Callable[[], int]) -> tuple[float, int]:
    """Return the best of three times in milliseconds, and how many rows there were."""
    best, rows = float("inf"), 0
    for _ in range(3):
        started = time.perf_counter()
        rows = question()
        best = min(best, time.perf_counter() - started)
    return best * 1e3, rows


def questions(path: Path, days: float) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield what people and charts ask."""
    end = BEGIN + int(days * DAY)
    everything = [spec.name for spec in Meter(0).frame(BEGIN).layout.specs]  # type: ignore[attr-defined]

    def history(metrics: list[str], start: int, name: str) -> Callable[[], int]:
        def ask() -> int:
            with Reader(path) as reader:
                found = reader.find("meter-1", metrics)
                span = resolution(name, start, end)
                chunks = History(reader, "meter-1", found, start, end, span).chunks()
                return sum(len(rows) for rows in chunks)

        return ask

    def newest() -> int:
        with Reader(path) as reader:
            return len(latest(reader, "meter-1"))

    def energy() -> int:
        with Reader(path) as reader:
            return len(energy_totals(reader, "meter-1", datetime.fromtimestamp(end - 1, UTC).date(), UTC))

    yield "newest value of every metric", newest
    yield "energy of today and of a lifetime", energy
    yield "one metric, the last hour by seconds", history(["power"], end - HOUR, "1s")
    yield "one metric, the last day by seconds", history(["power"], end - DAY, "1s")
    yield "one metric, the last day by minutes", history(["power"], end - DAY, "1m")
    yield "one metric, everything by hours", history(["power"], BEGIN, "1h")
    yield "one metric, everything by days", history(["power"], BEGIN, "1d")
    yield "every metric, the last day by quarters", history(everything, end - DAY, "15m")


def main() -> None:
    """Fill a store, ask it, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=float, default=2.0)
    parser.add_argument(
        "--directory", type=Path, help="on the disk that is meant; a temporary one by default"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = Path(directory) / "telemetry.db"
        store = Store(path, UTC)
        before, started = written(), time.perf_counter()
        spent = fill(store, options.days)
        elapsed = time.perf_counter() - started
        hours = options.days * 24
        bytes_an_hour = (written() - before) / hours
        samples = options.days * DAY * MODULES * METRICS
        store.close()
        size = path.stat().st_size
        a_year = bytes_an_hour * YEAR_HOURS / 1e9
        print(f"{options.days:g} days, {MODULES} modules of {METRICS} metrics: {samples / 1e6:.1f} M samples")
        print(f"written: {bytes_an_hour / 1e6:.2f} MB a simulated hour, {a_year:.0f} GB a year")
        print(f"file: {size / 1e6:.1f} MB, {size / samples:.2f} bytes a sample, rollups included")
        print(f"insert: {samples / elapsed / 1e3:.0f} k samples a second; {MODULES * METRICS} are needed")
        for part, seconds in spent.items():
            print(f"  {part}: {seconds / options.days:.1f} s of processor time a day")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"memory of the whole benchmark: {memory / 1e3:.0f} MB")
        for what, question in questions(path, options.days):
            milliseconds, rows = timed(question)
            print(f"{what}: {milliseconds:.1f} ms, {rows} rows")


if __name__ == "__main__":
    main()
