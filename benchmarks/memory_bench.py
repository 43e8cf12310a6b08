"""What planning and the HTTP API cost the hub's memory: the hub alone, without the processes beside it.

Two hubs with the simulated home, in turn in a network namespace of their own: one without a tariff, and one
with a tariff, which plans. Each is looked at when it has settled, after many plans (the one without a tariff
after as long a time), after its first request over https, after one of each kind that apps make, and while
somebody watches it. A figure is the median of the rounds, with the least and the most.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from interop.api_client import ApiClient
from interop.hub import Hub
from interop.network import Network

from bridge.control import ControlClient, ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8443
HASH = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43  # what no password opens
TARIFF = """
[tariff]
import_price = 0.32
export_price = 0.08
windows = [{start = "22:00", end = "06:00", import_price = 0.22}]
"""
PATHS = ("/microinverter/status", "/app/monitor", "/energystorage/status", "/microinverter/energy")
PLAN_LIMIT = 30.0  # seconds to wait for a plan
GAP = 0.5  # seconds from one plan to the next
EVENTS = 10  # that somebody who watches waits for: one a second
_WATCH = """
import ssl, sys, urllib.request
url, token, authority, count = sys.argv[1:]
headers = {"Authorization": "Bearer " + token, "Accept": "text/event-stream"}
context = ssl.create_default_context(cafile=authority)
request = urllib.request.Request(url, headers=headers)
with urllib.request.urlopen(request, context=context, timeout=20) as events:
    told = 0
    while told < int(count):
        told += events.readline().startswith(b"data: ")
    print(told, flush=True)
    sys.stdin.read()
"""


class Memory(NamedTuple):
    """Of one process, MB: what it has in memory, its fair share of that, and what is written by it alone."""

    resident: float
    share: float
    own: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        """Look at a process now."""
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = dict(re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE))
        return cls(*(int(found[name]) * 1024 / 1e6 for name in ("Rss", "Pss", "Private_Dirty")))


def stages(hub: Hub, network: Network, options: argparse.Namespace) -> Iterator[tuple[str, Memory]]:
    """Start a hub, and yield its memory by what has happened to it."""
    hub.start(until=r"^API: https")
    client = ControlClient(hub.data_dir / "control.sock")
    with closing(client):
        time.sleep(options.settle)
        yield "settled", Memory.of(hub.pid)
        plans = bool(Path(hub.environment["ORES_BRIDGE_CONFIG"]).read_text())
        for _ in range(options.plans):
            if plans:
                plan_anew(client, hub)
            else:
                time.sleep(GAP)
        yield f"{options.plans} plans later", Memory.of(hub.pid)
        client.ask("user", do="add", name="guest", role="guest", password_hash=HASH)
        token = client.ask("token", do="add", name="guest")["token"]
    authority = hub.data_dir / "tls" / "ca.crt"
    api = ApiClient(network.phone, f"https://{hub.side.address}:{PORT}", token, authority.read_text())
    api.ask("GET", PATHS[0])
    time.sleep(1)
    yield "first request", Memory.of(hub.pid)
    for path in PATHS:
        api.ask("GET", path)
    time.sleep(1)
    yield "every kind of request", Memory.of(hub.pid)
    arguments = (f"{api.base}/app/monitor", token, str(authority), str(EVENTS))
    watcher = network.phone.popen(
        [sys.executable, "-c", _WATCH, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert watcher.stdout is not None
    assert int(watcher.stdout.readline()) == EVENTS
    yield "monitor stream open", Memory.of(hub.pid)
    watcher.communicate(timeout=20)


def plan_anew(client: ControlClient, hub: Hub) -> None:
    """Have the hub plan, and wait until its log says that it has."""
    before = plans_made(hub)
    end = time.monotonic() + PLAN_LIMIT
    while plans_made(hub) == before:
        with suppress(ControlError):  # it is planning already
            client.ask("plan", anew=True)
        if time.monotonic() > end:
            raise TimeoutError("no plan was made")
        time.sleep(GAP)


def plans_made(hub: Hub) -> int:
    """Return how many plans its log tells of."""
    return hub.log_path.read_text(errors="replace").count("planned (")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plans", type=int, default=20)
    parser.add_argument("--settle", type=float, default=5.0, help="seconds before the first look")
    parser.add_argument("--json", action="store_true", help="every figure, for programs")
    options = parser.parse_args()
    found: dict[str, dict[str, list[Memory]]] = defaultdict(lambda: defaultdict(list))
    with closing(Network.create()) as network:
        for _ in range(options.rounds):
            for name, settings in (("with a tariff", TARIFF), ("without", "")):
                with tempfile.TemporaryDirectory() as work:
                    config = Path(work) / "ores-bridge.toml"
                    config.write_text(settings)
                    hub = Hub(network.hub, Path(work), environment={"ORES_BRIDGE_CONFIG": str(config)})
                    with closing(hub):
                        for stage, memory in stages(hub, network, options):
                            found[stage][name].append(memory)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for number, kind in enumerate(Memory._fields):
        print(f"{kind}, MB")
        for stage, hubs in found.items():
            row = []
            for name, seen in hubs.items():
                figures = [each[number] for each in seen]
                row.append(f"{name} {median(figures):6.2f} ({min(figures):.2f}-{max(figures):.2f})")
            print(f"  {stage:24}{'   '.join(row)}")


if __name__ == "__main__":
    main()
