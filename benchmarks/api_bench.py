"""The HTTP API under load, and Matter beside it: 50 monitor streams and 200 requests a second for a minute.

The hub runs with its simulated home in a network namespace; the load comes over that namespace's loopback
interface, from a process of its own. The Matter SDK's controller reads from another namespace, before and
meanwhile. Latencies count from the instant at which a request was due, so one that waits for another is slow,
too. Load and controller share the machine's cores with the hub: figures hold them as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from interop.controller import Controller, sdk_unavailable
from interop.hub import Hub
from interop.network import Network
from interop.trust import write_test_roots

from bridge.control import ControlClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8443
STREAMS_EACH = 8  # of one person
HASH = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43  # what no password opens
PATHS = (
    *["/microinverter/status"] * 4,
    *["/app/monitor"] * 3,
    *["/energystorage/status"] * 2,
    "/microinverter/energy",
)
CONNECTIONS = 8  # for the requests; the streams have one each
SHORTEST = 10.0  # seconds of load
SAMPLES = 6  # looks at the memory while the load runs
NODE_LABEL = (0, 0x28, 5)


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return the middle, the 99th percentile and the worst, in milliseconds."""
    ordered = sorted(seconds)
    places = {"p50_ms": 0.5, "p99_ms": 0.99, "worst_ms": 1.0}
    return {name: round(1e3 * ordered[int((len(ordered) - 1) * at)], 2) for name, at in places.items()}


# ---------------------------------------------------------------------- the load, in the hub's namespace


class Load:
    """Streams and requests over the loopback interface."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._context = ssl.create_default_context(cafile=str(options.load / "tls/ca.crt"))
        self._tokens = json.loads((options.load / "tokens.json").read_text())
        self._events: Counter[int] = Counter()
        self._waits: list[float] = []
        self._statuses: Counter[int | str] = Counter()

    async def run(self) -> dict[str, Any]:
        """Open the streams, ask until the time is over, and return the figures."""
        # 32 connections come from one address at most.
        sessions = [self._session(f"127.0.0.{2 + number}") for number in range(3)]
        streams = [
            asyncio.create_task(self._watch(sessions[number % 2], number))
            for number in range(self._options.streams)
        ]
        await asyncio.sleep(3)
        await self._ask(sessions[2])
        for stream in streams:
            stream.cancel()
        ended = sum(
            isinstance(each, Exception) for each in await asyncio.gather(*streams, return_exceptions=True)
        )
        for session in sessions:
            await session.close()
        return {
            "requests": len(self._waits),
            "statuses": {str(status): count for status, count in self._statuses.items()},
            **quantiles(self._waits),
            "streams": len(self._events),
            "streams_cut_off": ended,
            "events_each": [min(self._events.values(), default=0), max(self._events.values(), default=0)],
        }

    def _session(self, address: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._context, local_addr=(address, 0), limit=self._options.streams
        )
        return aiohttp.ClientSession(f"https://localhost:{PORT}", connector=connector)

    async def _watch(self, session: aiohttp.ClientSession, number: int) -> None:
        headers = {**self._as(number // STREAMS_EACH), "Accept": "text/event-stream"}
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get("/app/monitor", headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: "):
                    self._events[number] += 1
        raise ConnectionError("the stream ended")

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        """Ask at a fixed rate, whatever the answers do."""
        free = asyncio.Semaphore(CONNECTIONS)
        chance = random.Random(1)
        asked = []
        began = time.perf_counter()
        for number in range(int(self._options.rate * self._options.seconds)):
            due = began + number / self._options.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(self._one(session, free, chance.choice(PATHS), due)))
        await asyncio.gather(*asked)

    async def _one(
        self, session: aiohttp.ClientSession, free: asyncio.Semaphore, path: str, due: float
    ) -> None:
        async with free:
            try:
                async with session.get(path, headers=self._as(0)) as response:
                    await response.read()
                    self._statuses[response.status] += 1
            except aiohttp.ClientError as error:
                self._statuses[type(error).__name__] += 1
        self._waits.append(time.perf_counter() - due)

    def _as(self, person: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[person]}"}


# ---------------------------------------------------------------------- the hub, and Matter beside it


def people(hub: Hub, count: int) -> None:
    """Make so many guests, and write their tokens where the load finds them."""
    client = ControlClient(hub.data_dir / "control.sock")
    tokens = []
    for number in range(count):
        name = f"guest{number}"
        client.ask("user", do="add", name=name, role="guest", password_hash=HASH)
        tokens.append(client.ask("token", do="add", name=name)["token"])
    client.close()
    (hub.data_dir / "tokens.json").write_text(json.dumps(tokens))


def matter_reads(controller: Controller, seconds: float) -> list[float]:
    """Read one attribute again and again; how long each took."""
    waits = []
    end = time.perf_counter() + seconds
    while (asked := time.perf_counter()) < end:
        controller.value(*NODE_LABEL)
        waits.append(time.perf_counter() - asked)
    return waits


@dataclass(slots=True)
class Share:
    """What the hub's process had of a processor, and how long its event loop waited for one, since now."""

    hub: Hub
    began: float = 0.0
    ran: float = 0.0
    waited: float = 0.0

    def __post_init__(self) -> None:
        self.began, self.ran, self.waited = self._now()

    def percent(self) -> dict[str, float]:
        """Return both in percent of the time that has passed; of waiting, it is what other programs took."""
        began, ran, waited = self._now()
        passed = began - self.began
        return {
            "ran": round(100 * (ran - self.ran) / passed, 1),
            "waited": round(100 * (waited - self.waited) / passed, 1),
        }

    def _now(self) -> tuple[float, float, float]:
        tasks = Path(f"/proc/{self.hub.pid}/task")
        ran = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
        waited = int((tasks / str(self.hub.pid) / "schedstat").read_text().split()[1])
        return time.monotonic(), ran / 1e9, waited / 1e9


def load(hub: Hub, options: argparse.Namespace, seconds: float, streams: int) -> subprocess.Popen[bytes]:
    """Start the load in the hub's namespace."""
    arguments = ("--seconds", str(seconds), "--rate", str(options.rate), "--streams", str(streams))
    command = [sys.executable, str(Path(__file__).resolve()), "--load", str(hub.data_dir), *arguments]
    # In the namespace the working directory is another one.
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join(str(Path(place).resolve()) for place in places if place)
    return hub.side.popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": path})


def measure(hub: Hub, controller: Controller, options: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """Yield the figures by name."""
    hub.start(until=r"^API: https")
    people(hub, -(-options.streams // STREAMS_EACH))
    controller.commission(hub.codes().qr)
    time.sleep(5)
    yield "memory before anybody used the API, MB", hub.resident_megabytes()
    # Warm: what serves requests is loaded, and everything was asked once.
    load(hub, options, 2, 1).wait(60)
    yield "memory when it was used, MB", hub.resident_megabytes()
    matter_reads(controller, 1)
    share = Share(hub)
    before = matter_reads(controller, options.seconds / 2)
    yield "Matter reads before", {"reads": len(before), **quantiles(before)}
    yield "processor before, %", share.percent()
    memory = [hub.resident_megabytes()]
    process = load(hub, options, options.seconds, options.streams)
    time.sleep(5)
    share = Share(hub)
    meanwhile: list[float] = []
    for _ in range(SAMPLES):
        memory.append(hub.resident_megabytes())
        meanwhile += matter_reads(controller, (options.seconds - 5) / SAMPLES)
    yield "processor meanwhile, %", share.percent()
    yield "Matter reads meanwhile", {"reads": len(meanwhile), **quantiles(meanwhile)}
    told, _ = process.communicate(timeout=60)
    yield "the load", json.loads(told)
    time.sleep(3)
    memory.append(hub.resident_megabytes())
    yield "memory before, during and after it, MB", [round(each, 1) for each in memory]
    after = matter_reads(controller, options.seconds / 2)
    yield "Matter reads after", {"reads": len(after), **quantiles(after)}
    yield "memory at the end, MB", hub.resident_megabytes()


def main() -> None:
    """Measure and print, or be the load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--modules", type=int, default=4)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not 0 < options.seconds <= 3600 or not 0 < options.rate <= 2000 or not 0 < options.streams <= 64:
        parser.error("at most 3600 s, 2000 requests a second, 64 streams")
    if options.load is None and options.seconds < SHORTEST:
        parser.error(f"at least {SHORTEST:g} s")
    if options.load is not None:
        print(json.dumps(asyncio.run(Load(options).run())))
        return
    if (reason := sdk_unavailable()) is not None:
        sys.exit(reason)
    with closing(Network.create()) as network, tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_test_roots(folder / "trust")
        settings = {"ORES_BRIDGE_API__HOST": "127.0.0.1", "ORES_BRIDGE_API__PORT": str(PORT)}
        settings["ORES_BRIDGE_API__HTTP"] = "false"
        hub = Hub(network.hub, folder, arguments=("--modules", str(options.modules)), environment=settings)
        controller = Controller.start("sdk", network.phone, folder / "app", folder / "trust", fabric=1)
        with closing(hub), closing(controller):
            for name, value in measure(hub, controller, options):
                print(f"{name}: {round(value, 1) if isinstance(value, float) else value}", flush=True)


if __name__ == "__main__":
    main()
