"""`ores-bridge load` against a hub that runs with a simulated home and is killed."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]
SETTINGS = """
timezone = "Europe/Berlin"
[api]
enabled = false
[tariff]
import_price = 0.35
[[tariff.windows]]
start = "22:00"
end = "06:00"
import_price = 0.12
[demo]
plugs = 1
chargers = 1
"""


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return str(probe.getsockname()[1])


class Hub:
    def __init__(self, directory):
        self.place = ["--config", str(directory / "home.toml"), "--data-dir", str(directory / "hub")]
        (directory / "home.toml").write_text(SETTINGS)
        self.log = (directory / "log").open("w+")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*COMMAND, "demo", *self.place, "--interface", "lo", "--port", free_port()],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=ENVIRONMENT,
            text=True,
        )
        assert any(line.startswith("Manual pairing code:") for line in self.process.stdout)

    def run(self, *command):
        words = [*COMMAND, *command, *self.place]
        return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    def load(self, *words):
        found = self.run("load", *words, "--json")
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self):
        self.process.terminate()
        assert self.process.wait(10) == 0
        self.process.stdout.close()
        self.log.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    hub = Hub(tmp_path_factory.mktemp("hub"))
    yield hub
    hub.end()


def test_what_is_wanted_of_loads(hub):
    loads = {each["name"]: each for each in hub.load("list")}
    assert {each["kind"] for each in loads.values()} == {"fixed"}
    plug = next(name for name in loads if name.startswith("Plus"))
    said = hub.load("set", plug, "interruptible", "--energy", "4kWh", "--power", "2kW", "--by", "18:00",
                    "--days", "weekdays", "--hours", "off-peak", "--min-on", "15m")  # fmt: skip
    assert (said["energy_wh"], said["power_w"], said["min_on_minutes"]) == (4000, 2000, 15)
    assert (said["done_by"], said["days"]) == ("18:00", ["mon", "tue", "wed", "thu", "fri"])
    once = hub.load("run", plug, "--by", "07:00")
    assert 0 < once["once_by"] - time.time() <= 86_400

    # Killed without warning, it still knows.
    hub.kill()
    hub.start()
    (kept,) = (each for each in hub.load("list") if each["name"] == plug)
    assert {name: kept[name] for name in ("kind", "energy_wh", "days", "once_by")} == {
        name: once[name] for name in ("kind", "energy_wh", "days", "once_by")
    }

    deadline = time.monotonic() + 60
    while True:
        (kept,) = (each for each in hub.load("list") if each["name"] == plug)
        if kept["next"] is not None:
            break
        assert time.monotonic() < deadline, "the load came into no plan"
        time.sleep(0.5)
    assert kept["next"]["why"]
    shown = hub.run("plan").stdout
    assert f"{plug}: " in shown
    listed = hub.run("load", "list").stdout
    assert f"{plug}: interruptible, 4 kWh, 2000 W, by 18:00 on mon" in listed
    cancelled = hub.load("cancel", plug)
    assert cancelled["once_by"] is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("set", "Charger", "machine"), "kind: "),
        (("run", "Charger", "--by", "07:00"), "kind: say first what kind of load it is"),
        (("set", "Plus", "--energy", "much"), "--energy is an amount such as 4kWh"),
        (("set", "Plus"), "say what is wanted"),
        (("set", "Nobody", "machine"), "Nobody"),
        (("set", "Plus", "machine", "--days", "someday"), "days: 'someday' is no day of the week"),
    ],
)
def test_what_cannot_be_meant_ends_with_a_word_about_it(hub, words, complaint):
    names = [each["name"] for each in hub.load("list")]
    known = [next((name for name in names if word in name), word) for word in words]
    found = hub.run("load", *known)
    assert found.returncode != 0
    assert complaint in found.stderr
