"""A hub with its simulated home, and its command line, for the tests of planning ahead and looking back."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]
SETTINGS = """
timezone = "Europe/Berlin"
[api]
enabled = false
"""
TARIFF = """
[tariff]
import_price = 0.35
export_price = 0.08
[[tariff.windows]]
start = "22:00"
end = "06:00"
import_price = 0.12
"""


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return str(probe.getsockname()[1])


class Hub:
    def __init__(self, directory, settings):
        self.place = ["--config", str(directory / "home.toml"), "--data-dir", str(directory / "hub")]
        (directory / "home.toml").write_text(settings)
        self.log = (directory / "log").open("a+")
        self.process = subprocess.Popen(
            [*COMMAND, "demo", *self.place, "--interface", "lo", "--port", free_port()],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=ENVIRONMENT,
            text=True,
        )
        assert any(line.startswith("Manual pairing code:") for line in self.process.stdout)

    def ask(self, *words):
        command = [*COMMAND, *words, *self.place]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    def plan(self, *options):
        return self.ask("plan", *options)

    def planned(self):
        """Wait until a plan with the battery in it is carried out; return what `plan --json` says."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = json.loads(self.plan("--json").stdout)
            if answer["carried_out"] and answer["plan"]["steps"][0]["batteries"]:
                return answer
            time.sleep(0.5)
        raise AssertionError("there was no plan in time")

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def logged(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def end(self):
        if self.process.returncode is None:
            self.process.terminate()
            assert self.process.wait(10) == 0
        self.process.stdout.close()
        self.log.close()


@contextmanager
def hubs(directory):
    """Start hubs over one data directory, and end them all in the end."""
    started = []

    def start(settings):
        started.append(Hub(directory, settings))
        return started[-1]

    yield start
    for hub in started:
        hub.end()
