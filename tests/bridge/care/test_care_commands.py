"""`ores-bridge faults`, `alerts` and `diagnose` with a real hub, real devices, and a kill -9 in between."""

import asyncio
import json
import os
import signal
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from hw.simulator.process import SimulatedHome

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return str(probe.getsockname()[1])


class Place:
    """A data directory and a settings file; what runs the hub on them, and asks it."""

    def __init__(self, directory, addresses):
        self.directory = directory / "hub"
        self.config = directory / "home.toml"
        modules = "".join(
            f'[[modules]]\ndriver = "{driver}"\naddress = "{address}"\n' for driver, address in addresses
        )
        self.config.write_text(f"[api]\nenabled = false\n{modules}")
        self.hub = None

    async def start(self):
        arguments = ("run", "--config", str(self.config), "--data-dir", str(self.directory))
        self.hub = await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, "--interface", "lo", "--port", free_port(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=ENVIRONMENT,
        )  # fmt: skip
        async with asyncio.timeout(30):
            while not (await self.hub.stdout.readline()).startswith(b"Manual pairing code:"):
                assert not self.hub.stdout.at_eof(), "the hub did not start"

    async def end(self, number):
        if self.hub is not None and self.hub.returncode is None:
            self.hub.send_signal(number)
            await self.hub.wait()

    async def ask(self, *arguments):
        """Run a command of the command line; return its exit code and what it printed."""
        child = await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, "--data-dir", str(self.directory),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=ENVIRONMENT,
        )  # fmt: skip
        printed, _ = await child.communicate()
        return child.returncode, printed.decode()

    async def told(self, *arguments):
        code, printed = await self.ask(*arguments, "--json")
        assert code in {0, 1}, printed
        return json.loads(printed)

    async def until(self, *arguments, so):
        async with asyncio.timeout(40):
            while True:
                found = next((each for each in await self.told(*arguments) if so(each)), None)
                if found is not None:
                    return found


@pytest.fixture
async def place(tmp_path):
    async with SimulatedHome(1, evse=1) as simulated:
        charger, inverter = simulated.device("evse"), simulated.devices[0]
        place = Place(tmp_path, [("goe", charger.address), ("sunspec", inverter.address)])
        place.simulated, place.charger = simulated, charger
        await place.start()
        yield place
        await place.end(signal.SIGTERM)


async def test_faults_and_alerts_outlive_a_kill_and_are_acknowledged(place):
    await place.simulated.fault(place.charger.serial, "dead", 8)
    seen = await place.until(
        "faults", so=lambda each: each["code"] == "ISOLATION_FAULT" and "applied" in each["action"]
    )
    alerts = await place.told("alerts")
    assert {each["module"] for each in alerts} == {seen["module"]}
    await place.end(signal.SIGKILL)
    await place.start()
    again = await place.until(
        "faults", so=lambda each: each["fault"] == seen["fault"] and "applied" in each["action"]
    )
    assert again["since"] == seen["since"]
    assert [each["alert"] for each in await place.told("alerts")] == [each["alert"] for each in alerts]
    (noted,) = await place.told("faults", "--acknowledge", seen["fault"])
    assert noted["acknowledged_by"] == "console"
    code, printed = await place.ask("faults", seen["module"])
    assert (code, "acknowledged by console" in printed) == (0, True)
    number = str(next(each["alert"] for each in alerts if each["title"].endswith("ground fault")))
    (snoozed,) = await place.told("alerts", "--snooze", number, "--for", "2h")
    assert snoozed["state"] == "snoozed"
    for refused in (
        ("faults", "nobody"),
        ("faults", "--acknowledge", "x"),
        ("alerts", "--acknowledge", "99"),
    ):
        assert (await place.ask(*refused))[0] == 1


async def test_a_module_is_diagnosed_and_a_bundle_packed(place, tmp_path):
    key = (await place.told("status"))["modules"][0]["key"]
    run = await place.told("diagnose", key)
    assert run["state"] == "done"
    assert {check["name"] for check in run["checks"]} == {"link", "scan", "timing", "self-test", "matter"}
    bundle = tmp_path / "support.zip"
    assert (await place.ask("diagnose", "--bundle", str(bundle)))[0] == 0
    assert bundle.stat().st_mode & 0o077 == 0
    assert key in zipfile.ZipFile(bundle).read("modules.json").decode()
    code, printed = await place.ask("diagnose", "nobody")
    assert (code, "no module is called" in printed) == (1, True)
