"""Somebody else's Matter plug, on a real Matter server, as a load of the hub: foreign code at both ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interop import controller as controllers
from interop.controller import ControllerError
from interop.foreign_plug import ForeignPlug
from interop.hub import ores_bridge
from interop.matter_server import MatterServer, matter_server_unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.controller import Controller
    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(240)  # every wait below has its own limit, in their sum

PLUG, THERMOSTAT = "somebody-fp0001", "somebody-fp0001-endpoint-3"
ON_OFF, TOGGLE, OFF, ON = 0x06, 2, 0, 1
POWER_MEASUREMENT, ACTIVE_POWER = 0x90, 8
BRIDGED_DEVICE, SERIAL_NUMBER, REACHABLE = 0x39, 0x0F, 0x11
OBEYS_WITHIN = 2.0  # seconds
TOLD_WITHIN = 5.0  # a server lets a device report once a second
UNREACHABLE_WITHIN = 15.0
BACK_WITHIN = 60.0  # a device is found again by its announcement, at the latest when the server tries next


class DriverError(RuntimeError):
    """The driver could not do it."""


@dataclass(slots=True)
class Driver:
    """The driver in a process of its own on the hub's side."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, network: Network, address: str) -> Driver:
        script = Path(__file__).with_name("driver_process.py")
        command = [sys.executable, str(script), address]
        return cls(network.hub.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    def ask(self, what: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise DriverError(answer["error"])
        return answer["result"]

    def read(self, key: str = PLUG) -> dict[str, Any]:
        reading: dict[str, Any] = self.ask("read", key=key)
        return reading

    def connect(self, on: bool, key: str = PLUG, expires_in: float | None = None) -> dict[str, Any]:
        arguments = {"kind": "connect", "value": float(on), "expires_in": expires_in}
        applied: dict[str, Any] = self.ask("apply", key=key, **arguments)
        return applied

    def until(self, wanted: Callable[[dict[str, Any] | None], bool], limit: float) -> float:
        """Read as a hub does until a reading, None for none, is wanted; the seconds that this took."""
        began = time.monotonic()
        while True:
            try:
                reading = self.read()
            except DriverError:
                reading = None
            if wanted(reading):
                return time.monotonic() - began
            assert time.monotonic() - began < limit, reading
            time.sleep(0.2)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


@dataclass(slots=True)
class Place:
    """A plug and a Matter server that has commissioned it."""

    plug: ForeignPlug
    server: MatterServer
    driver: Driver
    commissioned: tuple[str, ...]
    seconds: float


@pytest.fixture(scope="module")
def place(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    for reason in (matter_server_unavailable(), controllers.matterjs_unavailable()):
        if reason is not None:
            pytest.skip(reason)
    with ExitStack() as stack:
        plug = stack.enter_context(closing(ForeignPlug(network.phone, tmp_path_factory.mktemp("plug"))))
        server = stack.enter_context(closing(MatterServer(network.hub, tmp_path_factory.mktemp("server"))))
        plug.start()
        server.start()
        driver = stack.enter_context(closing(Driver.start(network, server.address)))
        began = time.monotonic()
        keys = driver.ask("commission", code=plug.manual_code)
        seconds = time.monotonic() - began
        yield Place(plug, server, driver, tuple(keys), seconds)


@dataclass(slots=True)
class Home:
    """A hub that was told the server's address, and an app that has the hub."""

    hub: Hub
    app: Controller
    endpoint: int


@pytest.fixture(scope="module")
def home(
    place: Place,
    new_hub: Callable[..., Hub],
    new_controller: Callable[..., Controller],
    tmp_path_factory: pytest.TempPathFactory,
) -> Home:
    if (reason := controllers.sdk_unavailable()) is not None:
        pytest.skip(reason)
    config = tmp_path_factory.mktemp("config") / "ores-bridge.toml"
    config.write_text(f'[[modules]]\naddress = "{place.server.address}"\ndriver = "matter"\n')
    hub = new_hub(mode="run", environment={"ORES_BRIDGE_CONFIG": str(config)})
    hub.start()
    app = new_controller("sdk", 1)
    app.commission(hub.codes().manual)
    return Home(hub, app, plug_endpoint(app))


def plug_endpoint(app: Controller) -> int:
    """The endpoint that switches the foreign plug."""
    serials = app.read(cluster=BRIDGED_DEVICE, attribute=SERIAL_NUMBER).values
    switched = {endpoint for endpoint, _, _ in app.read(cluster=ON_OFF, attribute=0).values}
    measured = {endpoint for endpoint, _, _ in app.read(cluster=POWER_MEASUREMENT, attribute=8).values}
    (endpoint,) = switched & measured
    assert serials[endpoint, BRIDGED_DEVICE, SERIAL_NUMBER] == "FP0001"
    return endpoint


def invoke(home: Home, command: int) -> None:
    home.app.ask("invoke", node=home.app.node, endpoint=home.endpoint, cluster=ON_OFF, command=command)


# ---------------------------------------------------------------- the driver


def test_its_setup_code_makes_it_a_load(place: Place, figure: Callable[[str], None]) -> None:
    assert set(place.commissioned) == {PLUG, THERMOSTAT}
    found = {identity["key"]: identity for identity in place.driver.ask("discover")}
    assert set(found) == {PLUG, THERMOSTAT}
    assert (found[PLUG]["vendor"], found[PLUG]["model"], found[PLUG]["serial"]) == (
        "Somebody",
        "Foreign Plug",
        "FP0001",
    )
    figure(f"Matter server: a plug is commissioned in {place.seconds:.1f} s")


def test_it_is_read_by_what_the_server_tells(place: Place, figure: Callable[[str], None]) -> None:
    reading = place.driver.read()
    assert (reading["connected"], reading["state"], reading["power_w"]) == (True, "running", 1500)
    assert (reading["voltage_v"], reading["current_a"]) == (230, 6.522)
    truth = place.plug.ask("state")
    assert reading["energy_imported_wh"] == pytest.approx(truth["energy"] / 1000, abs=2)
    place.plug.ask("load", watts=1234)
    took = place.driver.until(lambda now: now is not None and now["power_w"] == 1234, TOLD_WITHIN)
    figure(f"Matter server: another power is known after {took:.1f} s")
    assert place.driver.read(THERMOSTAT)["temperature_c"] == 20.5


def test_it_is_switched_and_read_back(place: Place, figure: Callable[[str], None]) -> None:
    took = []
    for on in (False, True, False, True):
        began = time.monotonic()
        applied = place.driver.connect(on)
        took.append(time.monotonic() - began)
        assert (applied["state"], applied["value"]) == ("applied", float(on)), applied
        assert place.plug.ask("state")["on"] is on
        assert place.driver.read()["connected"] is on
    figure(f"Matter server: switched and read back in {max(took) * 1000:.0f} ms at most")


def test_what_expires_is_taken_back_and_a_press_of_its_button_is_not(place: Place) -> None:
    place.driver.connect(False, expires_in=60)
    place.driver.ask("apply", key=PLUG, kind="auto")
    assert place.plug.ask("state")["on"] is True
    place.driver.connect(False, expires_in=60)
    place.plug.ask("press")
    place.plug.ask("press")
    place.plug.ask("press")
    place.driver.ask("apply", key=PLUG, kind="auto")
    assert place.plug.ask("state")["on"] is True
    place.driver.until(lambda now: now is not None and now["power_w"] == 1234, TOLD_WITHIN)


def test_a_thermostat_goes_off_and_on(place: Place) -> None:
    for on, mode in ((False, 0), (True, 4)):
        applied = place.driver.connect(on, THERMOSTAT)
        assert (applied["state"], applied["value"]) == ("applied", float(on)), applied
        assert place.plug.ask("state")["mode"] == mode


# ---------------------------------------------------------------- the hub


def test_an_app_sees_it_and_switching_it_there_moves_it(
    place: Place, home: Home, figure: Callable[[str], None]
) -> None:
    assert home.app.value(home.endpoint, ON_OFF, 0) is True
    assert home.app.value(home.endpoint, POWER_MEASUREMENT, ACTIVE_POWER) == 1_234_000
    took = []
    for command, on in ((TOGGLE, False), (ON, True), (OFF, False), (ON, True)):
        began = time.monotonic()
        invoke(home, command)
        took.append(time.monotonic() - began)
        assert place.plug.ask("state")["on"] is on
        assert home.app.value(home.endpoint, ON_OFF, 0) is on
    assert max(took) < OBEYS_WITHIN
    figure(f"app, hub, Matter server, plug: switched in {max(took) * 1000:.0f} ms at most")


def test_the_hub_is_no_load_of_itself(place: Place, home: Home) -> None:
    before = modules(home.hub)
    window = home.app.open_window()
    keys = place.driver.ask("commission", code=window["manual"])
    # To anybody else the hub is a bridge with plugs; they have the names of what is behind it.
    assert any(key.startswith("somebody-fp0001") for key in keys)
    time.sleep(2)
    assert modules(home.hub) == before == {PLUG, THERMOSTAT}


def modules(hub: Hub) -> set[str]:
    shown = json.loads(hub.side.run(*ores_bridge("status", "--data-dir", str(hub.data_dir), "--json")))
    return {module["key"] for module in shown["modules"]}


def test_unplugged_it_is_unreachable_and_it_comes_back(
    place: Place, home: Home, figure: Callable[[str], None]
) -> None:
    home.app.subscribe(floor=0, ceiling=30)
    mark = home.app.heard()
    place.plug.kill()
    killed = home.app.now()
    took = place.driver.until(lambda now: now is None, UNREACHABLE_WITHIN)
    told = wait_for_reachable(home, mark, reachable=False, limit=UNREACHABLE_WITHIN) - killed
    figure(f"unplugged: the driver knows after {took:.1f} s, the app after {told:.1f} s")
    assert place.driver.connect(False)["state"] == "failed"
    with pytest.raises(ControllerError):
        invoke(home, OFF)

    mark = home.app.heard()
    place.plug.start()
    started = home.app.now()
    took = place.driver.until(lambda now: now is not None and now["power_w"] == 1500, BACK_WITHIN)
    told = wait_for_reachable(home, mark, reachable=True, limit=BACK_WITHIN) - started
    figure(f"plugged in again: the driver knows after {took:.1f} s, the app after {told:.1f} s")
    invoke(home, OFF)
    assert place.plug.ask("state")["on"] is False
    invoke(home, ON)


def wait_for_reachable(home: Home, mark: int, *, reachable: bool, limit: float) -> float:
    report = home.app.wait_for(
        lambda said: said.get("path") == [home.endpoint, BRIDGED_DEVICE, REACHABLE], limit=limit, since=mark
    )
    assert report["value"] is reachable
    at: float = report["at"]
    return at


def test_a_killed_server_is_missed_and_found_again(
    place: Place, home: Home, figure: Callable[[str], None]
) -> None:
    place.server.kill()
    gone = place.driver.until(lambda now: now is None, UNREACHABLE_WITHIN)
    ready = place.server.start()
    back = place.driver.until(lambda now: now is not None, BACK_WITHIN)
    figure(f"server killed: missed after {gone:.1f} s; {ready:.1f} s to start, then {back:.1f} s to its plug")
    assert place.driver.connect(True)["state"] == "applied"
    deadline = time.monotonic() + BACK_WITHIN
    while home.app.value(home.endpoint, BRIDGED_DEVICE, REACHABLE) is not True:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    invoke(home, OFF)
    assert place.plug.ask("state")["on"] is False


def test_a_killed_hub_finds_it_again_under_its_endpoint(place: Place, home: Home) -> None:
    home.hub.kill()
    assert place.driver.read()["connected"] is False, "another client of the server goes on"
    home.hub.start()
    home.app.connect()
    assert plug_endpoint(home.app) == home.endpoint
    deadline = time.monotonic() + BACK_WITHIN
    while home.app.value(home.endpoint, BRIDGED_DEVICE, REACHABLE) is not True:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    invoke(home, ON)
    assert place.plug.ask("state")["on"] is True
