import asyncio
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from api_lab.client import PASSWORD

from bridge.api.sockets import listeners
from bridge.control import ControlClient

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]


async def test_a_taken_port_is_a_warning_with_a_remedy_and_the_hub_goes_on(make_house, caplog):
    first = await make_house()
    second = await make_house(port=first.hub.api.port)
    assert second.hub.api.port == 0
    assert second.hub.api.url == ""
    assert f"TCP port {first.hub.api.port} is in use" in caplog.text
    assert "`port = ...` under [api]" in second.hub.api.trouble
    third = await make_house(http_port=first.hub.api.http_port)
    assert third.hub.api.port
    assert third.hub.api.http_port == 0
    assert "`http_port = ...`" in third.hub.api.trouble


async def test_an_address_that_is_not_here_is_a_warning(make_house):
    house = await make_house(host="192.0.2.1")
    assert "there is no 192.0.2.1 here" in house.hub.api.trouble


def test_one_interface_besides_loopback(monkeypatch):
    (only,) = listeners("", 0, "lo")
    with only:
        assert only.getsockname()[1]
    with pytest.raises(OSError) as missing:  # noqa: PT011 - its number is looked at
        listeners("", 0, "no-such-if")
    assert missing.value.errno == errno.ENODEV


def test_what_serves_connections_is_loaded_with_the_first_one_and_without_the_client():
    code = (
        "import sys, bridge.app, bridge.api.server; print('aiohttp' in sys.modules);"
        "import bridge.api.serving; print('aiohttp.client' in sys.modules, 'aiohttp.web_app' in sys.modules);"
        "import aiohttp; print(aiohttp.ClientSession.__module__, aiohttp.__version__ > '3');"
        "from aiohttp import web; print(web.Application.__name__)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert shown.stdout.split() == ["False", "False", "False", "aiohttp.client", "True", "Application"]


async def test_a_hub_without_the_api_loads_nothing_of_it(make_house):
    house = await make_house(enabled=False)
    assert house.hub.api is None
    code = (
        "import sys, bridge.app, bridge.status; sys.exit(any('bridge.api' in name for name in sys.modules))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT)
    assert await process.wait() == 0


class Process:
    """A hub in a process of its own, with the simulated home, on loopback."""

    def __init__(self, directory):
        self.directory = directory
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "ORES_BRIDGE_API__PORT": "0",
            "ORES_BRIDGE_API__HTTP_PORT": "0",
        }
        arguments = ["demo", "--data-dir", str(directory), "--interface", "lo", "--port", "5641"]
        self.log = (directory.parent / "log").open("a")
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True
        )
        self.output = []
        for line in self.process.stdout:
            self.output.append(line.strip())
            if line.startswith("API: "):
                break

    def ask(self, method, **params):
        client = ControlClient(self.directory / "control.sock")
        try:
            return client.ask(method, **params)
        finally:
            client.close()

    def curl(self, path, *arguments):
        """Ask with a program that knows nothing of the hub's code."""
        url = f"https://localhost:{self.ask('status')['api']['port']}{path}"
        shown = subprocess.run(
            ["curl", "--silent", "--cacert", str(self.directory / "tls/ca.crt"), *arguments, url],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return shown.stdout

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=10)
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def start(tmp_path):
    hubs = []

    def start():
        hubs.append(Process(tmp_path / "hub"))
        return hubs[-1]

    yield start
    for hub in hubs:
        hub.end(signal.SIGKILL)


def ores(hub, *arguments, stdin=None):
    return subprocess.run(
        [*COMMAND, *arguments, "--data-dir", str(hub.directory)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_hub_is_claimed_commanded_killed_and_knows_everything_afterwards(start):
    hub = start()
    assert re.fullmatch(r"API: https://\S+\.local:\d+", hub.output[-1])
    code = hub.ask("status")["api"]["claim_code"]
    body = json.dumps({"grant": "claim", "code": code, "user": "anna", "password": PASSWORD})
    as_json = ("--header", "Content-Type: application/json")
    opened = json.loads(hub.curl("/device/security/authenticate", *as_json, "--data", body))
    bearing = ("--header", f"Authorization: Bearer {opened['token']}")
    roof = json.loads(hub.curl("/microinverter/status", *bearing))["microinverters"][0]
    assert roof["reachable"]
    assert roof["measurements"]["power_w"] < 0

    command = json.dumps({"module": roof["module"], "power_limit_percent": 40, "duration_s": 600})
    keyed = (*bearing, *as_json, "--header", "Idempotency-Key: roof-40", "--data", command)
    accepted = json.loads(hub.curl("/microinverter/control", *keyed))["commands"][0]["command"]
    hub.end(signal.SIGKILL)

    hub = start()
    assert hub.ask("status")["api"]["claim_code"] is None
    again = json.loads(hub.curl("/microinverter/control", *keyed))["commands"][0]["command"]
    assert again == accepted, "the same command, not another one"
    deadline = time.monotonic() + 20
    while True:
        shown = json.loads(hub.curl(f"/microinverter/control?command={accepted}", *bearing))["commands"][0]
        if shown["state"] == "applied":
            break
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    assert (shown["source"], shown["applied_value"]) == ("api/anna", 40)


def test_users_and_tokens_on_the_command_line_with_a_hub_and_without(start):
    hub = start()
    made = ores(hub, "user", "add", "Anna", "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    assert (made.returncode, made.stdout) == (0, "anna may use the API as admin.\n"), made.stderr
    weak = ores(hub, "user", "add", "ben", "--password-stdin", stdin="short\n")
    assert (weak.returncode, weak.stderr) == (1, "a password has 10 to 256 characters\n")
    token = ores(hub, "token", "add", "--user", "anna", "--label", "a script").stdout.strip()
    bearing = ("--header", f"Authorization: Bearer {token}")
    assert json.loads(hub.curl("/device/security/authenticate", *bearing))["role"] == "admin"
    last = ores(hub, "user", "remove", "anna")
    assert "'anna' is the last admin" in last.stderr
    module = ores(hub, "token", "add", "--module", "Battery", "--json")
    assert json.loads(module.stdout)["token"].startswith("ores_m_")
    shown = ores(hub, "status")
    assert "API: https://" in shown.stdout
    assert "Certificate authority (SHA-256): " in shown.stdout
    hub.end(signal.SIGTERM)

    tokens = json.loads(ores(hub, "token", "list", "--json").stdout)
    assert {(each["kind"], each["of"].partition("/")[0]) for each in tokens} == {
        ("session", "user"),
        ("token", "module"),
    }
    removed = ores(hub, "token", "remove", next(each["id"] for each in tokens if each["kind"] == "session"))
    assert removed.returncode == 0
    assert ores(hub, "user", "add", "ben", "--password-stdin", stdin=PASSWORD).returncode == 0
    assert ores(hub, "user", "role", "ben", "installer").stdout == "ben is installer now.\n"
    assert json.loads(ores(hub, "user", "list", "--json").stdout)[1]["role"] == "installer"
    assert ores(hub, "user", "password", "nobody", "--password-stdin", stdin=PASSWORD).returncode == 1

    hub = start()
    assert json.loads(hub.curl("/device/security/authenticate", *bearing))["status"] == 401
    hub.end(signal.SIGTERM)
    reset = ores(hub, "factory-reset", "--yes")
    assert reset.returncode == 0
    assert not (hub.directory / "tls").exists()
    assert json.loads(ores(hub, "user", "list", "--json").stdout) == []


@pytest.mark.parametrize("command", ["user", "user add", "token", "token add", "token list"])
def test_help_teaches_by_example(command):
    shown = subprocess.run(
        [*COMMAND, *command.split(), "--help"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert f"ores-bridge {command}" in shown.stdout
