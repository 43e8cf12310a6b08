"""A hub as its owner meets it: quick to be there, small, and not to be talked down."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interop import flood
from interop.controller import sdk_unavailable
from interop.hub import DISCRIMINATOR

from bridge.control import ControlClient, ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.controller import Controller
    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(240)  # every wait below has its own limit, in their sum

MATTER_PORT = 5540
BASIC_INFORMATION, NODE_LABEL = 0x28, 5
FLOOD_RATE, FLOOD_SECONDS = 2000, 10
SLACK_MEGABYTES = 8.0  # what an allocator may keep; a leak of a tenth of the packets' bytes would be more
MEMORY_LIMIT = 80.0
TARIFF = {"ORES_BRIDGE_TARIFF__IMPORT_PRICE": "0.32", "ORES_BRIDGE_TARIFF__EXPORT_PRICE": "0.08"}
PLANS, PLAN_LIMIT = 10, 30.0  # seconds
PLANNING_SLACK = 1.0  # MB; one plan as objects and as JSON takes as much


@pytest.fixture(scope="module")
def started(new_hub: Callable[..., Hub]) -> tuple[Hub, float]:
    hub = new_hub("--modules", "4", "--seed", "1", environment=TARIFF)
    return hub, hub.start()


def test_it_is_soon_commissionable_and_small(
    started: tuple[Hub, float], figure: Callable[[str], None]
) -> None:
    hub, seconds = started
    time.sleep(3)  # the modules are found and read by then
    memory = hub.resident_megabytes()
    figure(f"hub: commissionable after {seconds:.2f} s, {memory:.1f} MB with the demo home 3 s later")
    assert hub.codes().qr.startswith("MT:")
    assert memory < MEMORY_LIMIT


def test_planning_does_not_grow_it(started: tuple[Hub, float], figure: Callable[[str], None]) -> None:
    hub, _ = started
    before = hub.resident_megabytes()
    with closing(ControlClient(hub.data_dir / "control.sock")) as client:
        for _ in range(PLANS):
            plan_anew(client)
    after = hub.resident_megabytes()
    figure(f"{PLANS} plans: memory {before:.1f} -> {after:.1f} MB")
    assert after < min(before + PLANNING_SLACK, MEMORY_LIMIT)


@pytest.mark.usefixtures("started")
def test_an_app_finds_it_by_its_discriminator(new_controller: Callable[..., Controller]) -> None:
    if (reason := sdk_unavailable()) is not None:
        pytest.skip(reason)
    finder = new_controller("sdk", 9)
    found = finder.ask("discover", discriminator=DISCRIMINATOR)
    assert [device["port"] for device in found] == [MATTER_PORT]
    assert [device["longDiscriminator"] for device in found] == [DISCRIMINATOR]


def test_garbage_neither_stops_nor_grows_it(
    started: tuple[Hub, float],
    network: Network,
    new_controller: Callable[..., Controller],
    figure: Callable[[str], None],
) -> None:
    hub, _ = started
    if (reason := sdk_unavailable()) is not None:
        pytest.skip(reason)
    app = new_controller("sdk", 1)
    app.commission(hub.codes().qr)
    # The first garbage may fill caches and buffers once: what counts is that more of it adds nothing.
    assert flooding(network, seconds=2).wait(30) == 0
    before = hub.resident_megabytes()
    garbage = flooding(network, seconds=FLOOD_SECONDS)
    waits: list[float] = []
    while garbage.poll() is None:
        asked = time.perf_counter()
        app.value(0, BASIC_INFORMATION, NODE_LABEL)
        waits.append(time.perf_counter() - asked)
    assert garbage.stdout is not None
    sent = int(garbage.stdout.read())
    after = hub.resident_megabytes()
    figure(
        f"flood: {sent} packets in {FLOOD_SECONDS} s; {len(waits)} reads meanwhile, "
        f"the slowest {max(waits) * 1e3:.0f} ms; memory {before:.1f} -> {after:.1f} MB"
    )
    assert sent == FLOOD_RATE * FLOOD_SECONDS
    assert len(waits) > FLOOD_SECONDS  # it kept answering all the while
    assert after < before + SLACK_MEGABYTES
    app.connect()  # and new sessions are still to be had
    assert app.read().failures == []


def plan_anew(client: ControlClient) -> None:
    """Have the hub plan, and wait for the plan."""
    end = time.monotonic() + PLAN_LIMIT
    before = client.ask("plan")["made"]
    while client.ask("plan")["made"] == before:
        assert time.monotonic() < end, client.ask("plan")["failure"]
        with suppress(ControlError):  # it is planning already
            client.ask("plan", anew=True)
        time.sleep(0.2)


def flooding(network: Network, *, seconds: int) -> subprocess.Popen[bytes]:
    """The flood in the phone's namespace, without delay."""
    program = [sys.executable, str(Path(flood.__file__)), network.hub.address, str(MATTER_PORT)]
    return network.phone.popen([*program, str(FLOOD_RATE), str(seconds)], stdout=subprocess.PIPE)
