"""A plug in a real controller's hands: it is switched, alone and with its group, and it is believed."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from interop.controller import ControllerError
from interop.simulated_home import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.controller import Controller, Kind
    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(240)  # every wait below has its own limit, in their sum

ON_OFF, OFF, ON, TOGGLE = 0x06, 0, 1, 2
DESCRIPTOR, DEVICE_TYPES, ON_OFF_PLUG = 0x1D, 0, 0x10A
POWER_MEASUREMENT, ACTIVE_POWER = 0x90, 8
BRIDGED_DEVICE, REACHABLE = 0x39, 0x11
OBEYS_WITHIN = 2.0  # seconds
KNOWN_WITHIN = 20.0


@dataclass(slots=True)
class Watched:
    """A home with a plug, the hub of it, and an app that has it."""

    home: SimulatedHome
    hub: Hub
    app: Controller
    endpoint: int

    @property
    def on(self) -> bool:
        """Whether the plug's relay is closed."""
        relay: bool = self.home.state()["plugs"][0]
        return relay

    def shown(self) -> bool:
        """What the app is shown of it, once the hub has read what the plug does."""
        deadline = time.monotonic() + KNOWN_WITHIN
        while not self.app.value(self.endpoint, BRIDGED_DEVICE, REACHABLE) or (
            self.app.value(self.endpoint, ON_OFF, 0) is not self.on
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return self.on

    def obeys(self, on: bool, since: float) -> float:
        """Seconds that the relay took."""
        while self.on is not on:
            assert time.monotonic() - since < OBEYS_WITHIN
            time.sleep(0.01)
        return time.monotonic() - since


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
        home = stack.enter_context(closing(SimulatedHome.start(network.hub, modules=2, plugs=1, speed=1)))
        home.write_config(config)
        hub = new_hub(mode="run", environment={"ORES_BRIDGE_CONFIG": str(config)})
        stack.enter_context(closing(hub)).start()
        app = stack.enter_context(closing(new_controller(kind, 1)))
        app.commission(hub.codes().manual)
        ((endpoint, _, _),) = app.read(cluster=ON_OFF, attribute=0).values
        yield Watched(home, hub, app, endpoint)


def test_a_plug_is_what_it_is(watched: Watched) -> None:
    kinds = watched.app.value(watched.endpoint, DESCRIPTOR, DEVICE_TYPES)
    assert ON_OFF_PLUG in {row.get("0", row.get("deviceType")) for row in kinds}
    assert watched.app.value(watched.endpoint, BRIDGED_DEVICE, REACHABLE) is True
    assert watched.app.value(watched.endpoint, ON_OFF, 0) is watched.on is True
    assert watched.app.value(watched.endpoint, POWER_MEASUREMENT, ACTIVE_POWER) == 2_000_000


def test_switching_it_moves_the_relay_and_the_answer_is_the_truth(
    watched: Watched, figure: Callable[[str], None]
) -> None:
    took = []
    for command, on in ((TOGGLE, False), (ON, True), (TOGGLE, False), (TOGGLE, True), (OFF, False)):
        began = time.monotonic()
        watched.app.ask(
            "invoke", node=watched.app.node, endpoint=watched.endpoint, cluster=ON_OFF, command=command
        )
        assert watched.app.value(watched.endpoint, ON_OFF, 0) is on
        took.append(watched.obeys(on, began))
    figure(f"{watched.app.name}: the relay obeys in {max(took) * 1000:.0f} ms at most")


def test_a_group_command_switches_it(kind: Kind, watched: Watched, figure: Callable[[str], None]) -> None:
    if kind != "sdk":
        pytest.skip("matter.js controllers send no group commands")
    group = watched.app.ask("join_group", node=watched.app.node, endpoint=watched.endpoint)
    took = []
    for _ in range(4):
        before = watched.on
        began = time.monotonic()
        watched.app.ask("invoke_group", group=group, cluster=ON_OFF, command=TOGGLE)
        took.append(watched.obeys(not before, began))
    figure(f"{watched.app.name}: the relay obeys its group in {max(took) * 1000:.0f} ms at most")


def test_after_kill_9_it_is_as_it_was_and_hears_its_group(kind: Kind, watched: Watched) -> None:
    before = watched.shown()  # or the hub is killed before it has read what the group did
    watched.hub.kill()
    watched.hub.start()
    watched.app.connect()
    assert watched.app.value(watched.endpoint, ON_OFF, 0) is watched.on is before
    if kind == "sdk":
        assert watched.shown() is before  # until the plug has answered the new hub, none can be switched
        began = time.monotonic()
        watched.app.ask("invoke_group", group=0x0103, cluster=ON_OFF, command=TOGGLE)
        watched.obeys(not before, began)


def test_an_unplugged_plug_is_not_said_to_have_obeyed(watched: Watched) -> None:
    serial = next(device["serial"] for device in watched.home.devices if device["kind"] == "load")
    before = watched.shown()  # the hub may still be reading back what it has just done
    watched.home.unplug(serial)
    with pytest.raises(ControllerError):
        watched.app.ask(
            "invoke", node=watched.app.node, endpoint=watched.endpoint, cluster=ON_OFF, command=TOGGLE
        )
    assert watched.app.value(watched.endpoint, ON_OFF, 0) is watched.on is before
    watched.home.plug_in(serial)


def test_a_hub_that_stops_leaves_the_load_as_it_was(watched: Watched) -> None:
    before = watched.on
    watched.hub.terminate()
    time.sleep(1)
    assert watched.on is before
