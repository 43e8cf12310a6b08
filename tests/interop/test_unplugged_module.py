"""A module that goes away is unreachable, not gone; and it comes back by itself."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from interop.simulated_home import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.controller import Controller, Kind
    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(240)  # every wait below has its own limit, in their sum

BRIDGED_DEVICE, SERIAL_NUMBER, REACHABLE, REACHABLE_CHANGED = 0x39, 0x0F, 0x11, 3
UNREACHABLE_WITHIN = 15.0  # seconds
BACK_WITHIN = 60.0  # tries to reach it again come at growing intervals


@dataclass(slots=True)
class Watched:
    """A home whose plugs can be pulled, the hub of it, and an app that watches everything."""

    home: SimulatedHome
    hub: Hub
    app: Controller
    endpoints: dict[str, int]  # by serial number


@pytest.fixture(scope="module")
def watched(
    kind: Kind,
    network: Network,
    new_hub: Callable[..., Hub],
    new_controller: Callable[..., Controller],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    config = tmp_path_factory.mktemp("config") / "ores-bridge.toml"
    with ExitStack() as stack:
        home = stack.enter_context(closing(SimulatedHome.start(network.hub, modules=4)))
        home.write_config(config)
        hub = new_hub(mode="run", environment={"ORES_BRIDGE_CONFIG": str(config)})
        stack.enter_context(closing(hub)).start()
        app = stack.enter_context(closing(new_controller(kind, 1)))
        app.commission(hub.codes().manual)
        serials = app.read(cluster=BRIDGED_DEVICE, attribute=SERIAL_NUMBER).values
        yield Watched(home, hub, app, {serial: endpoint for (endpoint, _, _), serial in serials.items()})


def test_every_device_of_the_home_became_an_endpoint(watched: Watched) -> None:
    devices = {device["serial"] for device in watched.home.devices}
    batteries = {serial for serial in devices if serial.startswith("B")}
    assert set(watched.endpoints) == devices | {f"{serial}-charging" for serial in batteries}
    deadline = time.monotonic() + BACK_WITHIN
    while not all(watched.app.read(cluster=BRIDGED_DEVICE, attribute=REACHABLE).values.values()):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_unplugged_module_is_told_unreachable_and_returns(
    watched: Watched, figure: Callable[[str], None]
) -> None:
    serial = watched.home.devices[0]["serial"]
    endpoint = watched.endpoints[serial]
    watched.app.subscribe(floor=0, ceiling=30)
    for pull, reachable, limit in (
        (watched.home.unplug, False, UNREACHABLE_WITHIN),
        (watched.home.plug_in, True, BACK_WITHIN),
    ):
        mark = watched.app.heard()
        pull(serial)
        pulled = watched.app.now()
        report = watched.app.wait_for(
            lambda said: said.get("path") == [endpoint, BRIDGED_DEVICE, REACHABLE], limit=limit, since=mark
        )
        assert report["value"] is reachable
        event = watched.app.wait_for(
            lambda said: said.get("row", [])[1:4] == [endpoint, BRIDGED_DEVICE, REACHABLE_CHANGED],
            limit=5,
            since=mark,
        )
        fields = event["row"][5]
        assert fields.get("0", fields.get("reachableNewValue")) is reachable
        figure(f"{watched.app.name}: Reachable={reachable} told {report['at'] - pulled:.1f} s after the plug")
    others = watched.app.read(cluster=BRIDGED_DEVICE, attribute=REACHABLE).values
    assert all(others.values())
