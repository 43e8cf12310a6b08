"""Somebody else's Matter plug does what the hub's plan says: hub, Matter server and plug in real time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interop import controller as controllers
from interop.foreign_plug import ForeignPlug
from interop.hub import ores_bridge
from interop.matter_server import MatterServer, matter_server_unavailable
from interop.simulated_home import SimulatedHome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interop.hub import Hub
    from interop.network import Network

pytestmark = pytest.mark.timeout(300)  # every wait below has its own limit, in their sum

PLUG, THERMOSTAT = "somebody-fp0001", "somebody-fp0001-endpoint-3"
WITHIN = 60.0  # seconds from a wish by way of a plan to the plug
NOTICED_WITHIN = 30.0


@dataclass(slots=True)
class Home:
    """A hub with a meter, a panel and a foreign plug, at dear hours; cheap ones are three hours away."""

    hub: Hub
    plug: ForeignPlug

    def run(self, *words: str) -> Any:
        command = ores_bridge(*words, "--data-dir", str(self.hub.data_dir), "--json")
        return json.loads(self.hub.side.run(*command))

    @property
    def setpoint(self) -> int:
        """Of the thermostat, in hundredths of a degree."""
        hundredths: int = self.plug.ask("state")["setpoint"]
        return hundredths

    def room(self) -> dict[str, Any]:
        (found,) = (each for each in self.run("load", "list") if each["key"] == THERMOSTAT)
        thermostat: dict[str, Any] = found["thermostat"]
        return thermostat

    @property
    def is_on(self) -> bool:
        on: bool = self.plug.ask("state")["on"]
        return on

    def step(self) -> dict[str, Any]:
        plan = self.run("plan")["plan"]
        found: dict[str, Any] = {} if plan is None else plan["steps"][0]["loads"].get(PLUG, {})
        return found


@pytest.fixture(scope="module")
def home(
    network: Network, new_hub: Callable[..., Hub], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    for reason in (matter_server_unavailable(), controllers.matterjs_unavailable()):
        if reason is not None:
            pytest.skip(reason)
    with ExitStack() as stack:
        plug = stack.enter_context(closing(ForeignPlug(network.phone, tmp_path_factory.mktemp("plug"))))
        server = stack.enter_context(closing(MatterServer(network.hub, tmp_path_factory.mktemp("server"))))
        devices = SimulatedHome.start(network.hub, 2, speed=1)
        stack.callback(devices.process.kill)
        plug.start()
        server.start()
        config = tmp_path_factory.mktemp("config") / "ores-bridge.toml"
        devices.write_config(config, settings(server.address))
        hub = new_hub(mode="run", environment={"ORES_BRIDGE_CONFIG": str(config)})
        commission(network, server.address, plug.manual_code)
        hub.start()
        yield Home(hub, plug)


def commission(network: Network, address: str, code: str) -> None:
    """Let the Matter server commission the plug, by the hub's driver in a process of its own."""
    script = Path(__file__).with_name("driver_process.py")
    request = json.dumps({"do": "commission", "code": code}).encode() + b"\n"
    process = network.hub.popen(
        [sys.executable, str(script), address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    answer, _ = process.communicate(request, timeout=90)
    assert PLUG in json.loads(answer.splitlines()[0])["result"]


def settings(server: str) -> str:
    now = datetime.now(UTC)
    start, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (3, 5))
    return f"""
timezone = "UTC"
[api]
enabled = false
[tariff]
import_price = 0.40
[[tariff.windows]]
start = "{start}"
end = "{end}"
import_price = 0.10
[[modules]]
address = "{server}"
driver = "matter"
"""


def until(condition: Callable[[], bool], limit: float) -> float:
    """Wait; return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit, "it did not happen in time"
        time.sleep(0.3)
    return time.monotonic() - began


def test_it_waits_for_the_cheap_hours(home: Home, figure: Callable[[str], None]) -> None:
    assert home.is_on
    words = ("interruptible", "--energy", "1kWh", "--power", "1500W")
    home.run("load", "set", PLUG, *words)
    by = f"{datetime.now(UTC) + timedelta(hours=10):%H:%M}"
    home.run("load", "run", PLUG, "--by", by)
    took = until(lambda: not home.is_on, WITHIN)
    figure(f"a wish, the plan, Matter server, plug: off after {took:.1f} s")
    assert home.step()["code"] in {"wait_cheaper", "wait_sun"}


def test_it_runs_when_its_time_has_come(home: Home, figure: Callable[[str], None]) -> None:
    by = f"{datetime.now(UTC) + timedelta(minutes=25):%H:%M}"
    home.run("load", "run", PLUG, "--by", by, "--energy", "5kWh")
    took = until(lambda: home.is_on, WITHIN)
    figure(f"another wish, another plan: on after {took:.1f} s")
    assert home.step()["on"]


def test_a_press_of_its_button_wins(home: Home) -> None:
    home.plug.ask("press")
    assert not home.is_on
    until(lambda: not home.step().get("on", False), NOTICED_WITHIN)
    time.sleep(5)
    assert not home.is_on
    home.plug.ask("press")
    until(lambda: home.step().get("code") == "given", NOTICED_WITHIN)
    assert home.is_on


def test_a_thermostat_coasts_through_dear_hours_within_its_band(
    home: Home, figure: Callable[[str], None]
) -> None:
    assert home.setpoint == 2100
    home.run("load", "set", THERMOSTAT, "comfort", "--band", "18-22", "--power", "1500W")
    took = until(lambda: home.setpoint == 1800, WITHIN)
    figure(f"a band, the plan, Matter server, thermostat: set after {took:.1f} s")
    until(lambda: home.room()["setpoint_c"] == 18, NOTICED_WITHIN)
    room = home.room()
    assert (room["temperature_c"], room["own_c"], room["why_not"]) == (20.5, 21, "")
    assert 18 <= room["planned_c"] <= 20.5


def test_who_turns_the_thermostat_wins(home: Home) -> None:
    home.plug.ask("turn", setpoint=2300)
    until(lambda: home.room()["why_not"] == "a person set it", NOTICED_WITHIN)
    time.sleep(5)
    assert home.setpoint == 2300
    home.run("load", "set", THERMOSTAT, "--band", "19-22")
    until(lambda: home.setpoint == 1900, WITHIN)


def test_a_killed_hub_knows_what_its_owner_had_set(home: Home) -> None:
    home.hub.kill()
    assert home.setpoint == 1900
    home.hub.start()
    until(lambda: home.room()["own_c"] == 23 and home.setpoint == 1900, WITHIN)


def test_a_hub_that_ends_leaves_all_as_its_owner_had_it(home: Home) -> None:
    home.hub.terminate()
    until(lambda: home.setpoint == 2300, 5)
    assert home.is_on
