"""Modules come and go over HTTP while a real controller looks on, and a killed hub forgets none of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from interop.api_client import ApiClient
from interop.simulated_home import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.controller import Controller, Kind
    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(300)  # every wait below has its own limit, in their sum

DESCRIPTOR, PARTS = 0x1D, 0x03
BRIDGED_DEVICE, SERIAL_NUMBER, REACHABLE = 0x39, 0x0F, 0x11
DISCOVERY, REGISTER = "/device/discovery", "/device/register"
CODE = "K7QD2MXF4RTVW9YZ"
MODULE = "ores-s000001"
APPEARS_WITHIN = 2.0  # seconds


@dataclass(slots=True)
class SimulatedModule:
    """A module that speaks of itself, on the other side of the network; it ends with the test."""

    process: subprocess.Popen[bytes]
    said: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """The end of its input ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(15)


@dataclass(slots=True)
class Watched:
    """A hub with nothing yet, an app that watches everything, and an owner."""

    home: SimulatedHome
    hub: Hub
    app: Controller
    api: ApiClient
    network: Network
    numbers: list[int] = field(default_factory=list)

    @property
    def parts(self) -> set[int]:
        """The aggregator's endpoints, as the app reads them."""
        return set(self.app.value(1, DESCRIPTOR, PARTS))

    def told(self, mark: int, wanted: Callable[[set[int]], bool]) -> float:
        """When the app was told of parts that are wanted."""
        said = self.app.wait_for(
            lambda said: said.get("path") == [1, DESCRIPTOR, PARTS] and wanted(set(said["value"])),
            limit=20,
            since=mark,
        )
        return float(said["at"])


@pytest.fixture(scope="module")
def watched(
    kind: Kind,
    network: Network,
    new_hub: Callable[..., Hub],
    new_controller: Callable[..., Controller],
) -> Iterator[Watched]:
    with ExitStack() as stack:
        home = stack.enter_context(closing(SimulatedHome.start(network.hub, modules=2, speed=1)))
        hub = new_hub(mode="run")
        stack.enter_context(closing(hub)).start()
        app = stack.enter_context(closing(new_controller(kind, 1)))
        app.commission(hub.codes().manual)
        app.subscribe(floor=0, ceiling=30)
        yield Watched(home, hub, app, ApiClient.of(hub, network.phone), network)


@pytest.fixture(scope="module")
def module(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedModule]:
    """A module that asks to be let in."""
    phone = watched.network.phone
    command = [sys.executable, "-m", "hw.simulator.ores_module", "--hub", watched.api.base, "--code", CODE]
    command += ["--announce", phone.address, "--state", str(tmp_path_factory.mktemp("module"))]
    process = phone.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    started = SimulatedModule(process)
    with closing(started):
        assert process.stdout is not None
        started.said = json.loads(process.stdout.readline())
        yield started


def test_a_device_that_is_adopted_over_http_appears_in_a_subscribed_app(
    watched: Watched, figure: Callable[[str], None]
) -> None:
    before, mark = watched.parts, watched.app.heard()
    began = watched.app.now()
    answer = watched.api.ask(
        "POST", REGISTER, {"step": "adopt", "address": watched.home.devices[0]["address"]}
    )
    answered = watched.app.now()
    told = watched.told(mark, lambda parts: bool(parts - before))
    assert told - answered < APPEARS_WITHIN
    assert len(answer["modules"]) == 1
    figure(
        f"{watched.app.name}: a device adopted over HTTP is told {told - began:.2f} s after it was asked for"
    )


def test_a_module_that_announces_itself_is_a_candidate(watched: Watched, module: SimulatedModule) -> None:
    deadline = time.monotonic() + 20
    while True:
        found = watched.api.ask("GET", DISCOVERY)["candidates"]
        if found and found[0]["serial"]:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    (candidate,) = found
    assert (candidate["candidate"], candidate["driver"], candidate["source"]) == (MODULE, "ores", "mdns")
    assert candidate["address"] == f"{watched.network.phone.address}:{module.said['port']}"


def test_a_module_that_is_let_in_over_http_appears_in_a_subscribed_app(
    watched: Watched, module: SimulatedModule, figure: Callable[[str], None]
) -> None:
    deadline = time.monotonic() + 20
    while not (asked := watched.api.ask("GET", REGISTER)["registrations"]) or not asked[0]["ready"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert asked[0]["ski"] == module.said["ski"]
    before, mark = watched.parts, watched.app.heard()
    accept = {"step": "accept", "registration": asked[0]["registration"], "proof": "code", "code": CODE}
    began = watched.app.now()
    assert watched.api.ask("POST", REGISTER, accept)["state"] == "active"
    told = watched.told(mark, lambda parts: bool(parts - before))
    assert told - began < APPEARS_WITHIN
    figure(f"{watched.app.name}: a module let in over HTTP is told {told - began:.2f} s after the request")
    (number,) = [
        endpoint
        for (endpoint, _, _), serial in watched.app.read(
            cluster=BRIDGED_DEVICE, attribute=SERIAL_NUMBER
        ).values.items()
        if serial == "S000001"
    ]
    watched.numbers.append(number)
    _becomes_reachable(watched, number)


def test_after_kill_9_the_module_is_there_and_answers(watched: Watched, module: SimulatedModule) -> None:
    watched.hub.kill()
    watched.hub.start()
    watched.app.connect()
    assert watched.numbers[0] in watched.parts
    _becomes_reachable(watched, watched.numbers[0])
    (shown,) = watched.api.ask("GET", f"{REGISTER}?module={MODULE}")["modules"]
    assert (shown["state"], shown["proof"], shown["endpoint"]) == ("active", "code", watched.numbers[0])


def test_a_module_that_is_removed_over_http_vanishes_and_its_number_is_not_used_again(
    watched: Watched, module: SimulatedModule
) -> None:
    number = watched.numbers[0]
    watched.app.subscribe(floor=0, ceiling=30)
    mark = watched.app.heard()
    answer = watched.api.ask("DELETE", f"{REGISTER}?module={MODULE}")
    assert answer == {"module": MODULE, "state": "retired"}
    watched.told(mark, lambda parts: number not in parts)
    watched.api.ask("POST", REGISTER, {"step": "adopt", "address": watched.home.devices[1]["address"]})
    time.sleep(1)
    assert number not in watched.parts
    assert max(watched.parts) > number


def _becomes_reachable(watched: Watched, number: int, limit: float = 40.0) -> None:
    deadline = time.monotonic() + limit
    while watched.app.value(number, BRIDGED_DEVICE, REACHABLE) is not True:
        assert time.monotonic() < deadline
        time.sleep(0.3)
