"""kill -9 in an outage: what was off stays off, and has power again when the grid is back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.control import ControlClient, HubNotRunningError
from hw.simulator.process import SimulatedHome

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]
SETTINGS = """
[polling]
interval = 0.5
[api]
enabled = false
[telemetry]
enabled = false
[island]
off_s = 2
spacing_s = 1
stable_s = 3
"""


class Hub:
    """A hub in a process of its own, beside a simulated home that outlives it."""

    def __init__(self, directory, simulated, port):
        self._directory = directory / "data"
        self._config = directory / "hub.toml"
        modules = "".join(
            f'[[modules]]\naddress = "{each.address}"\ndriver = "{DRIVERS.get(each.kind, "sunspec")}"\n'
            for each in simulated.devices
        )
        self._config.write_text(SETTINGS + modules)
        self._port = str(port)
        self._log = (directory / "log").open("a")
        self.process = None

    def start(self):
        place = ["--data-dir", self._directory, "--config", self._config]
        self.process = subprocess.Popen(
            [*COMMAND, "run", *place, "--interface", "lo", "--port", self._port],
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def status(self):
        try:
            client = ControlClient(self._directory / "control.sock")
        except (HubNotRunningError, OSError):
            return None
        try:
            return client.ask("status")
        except (HubNotRunningError, OSError):
            return None
        finally:
            client.close()

    def until(self, condition, seconds=45):
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if status is not None and condition(status):
                return status
            assert time.monotonic() < deadline, f"it did not happen in time: {status and status['home']}"
            time.sleep(0.1)


DRIVERS = {"load": "shelly", "evse": "goe"}


@pytest.fixture
async def simulated():
    async with SimulatedHome(plugs=2) as home:
        yield home


@pytest.fixture
def hub(tmp_path, simulated, unused_udp_port):
    hub = Hub(tmp_path, simulated, unused_udp_port)
    yield hub
    if hub.process is not None and hub.process.poll() is None:
        hub.kill()


@pytest.mark.timeout(240)
async def test_a_hub_killed_twice_in_an_outage_gives_every_load_back_in_the_end(hub, simulated):
    hub.start()
    hub.until(lambda found: len([each for each in found["modules"] if each["reachable"]]) == 6)
    await simulated.outage()
    found = hub.until(lambda found: found["home"]["mode"] == "island" and found["home"]["off"])
    off = {each["module"] for each in found["home"]["off"]}
    hub.kill()

    hub.start()
    found = hub.until(lambda found: all(each["reachable"] for each in found["modules"]))
    assert found["home"]["mode"] == "island"
    assert {each["module"] for each in found["home"]["off"]} >= off
    assert (await simulated.state())["blackouts"] == 0
    hub.kill()

    # The grid is back while there is no hub, and the plugs have forgotten their timers.
    await simulated.grid()
    for device in simulated.devices:
        if device.kind == "load":
            await simulated.fault(device.serial, "link")
            await simulated.heal(device.serial)
    hub.start()
    hub.until(lambda found: found["home"]["mode"] == "federated", 60)
    deadline = time.monotonic() + 20
    while (await simulated.state())["plugs"] != [True, True]:
        assert time.monotonic() < deadline, "not every load has power again"
        time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs here
