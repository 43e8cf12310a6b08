import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.control import ControlClient, ControlError
from bridge.state_file import ReadOnlyStorage

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "ORES_BRIDGE_LOG_LEVEL": "info"}
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return str(probe.getsockname()[1])


class RunningHub:
    """A hub in a process of its own, with a simulated home, on the loopback interface."""

    def __init__(self, directory, *options):
        self.directory = directory
        self.log = (directory.parent / f"{directory.name}.log").open("w+")
        arguments = [
            "demo",
            "--data-dir",
            str(directory),
            "--interface",
            "lo",
            "--port",
            free_port(),
            *options,
        ]
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=self.log, env=ENVIRONMENT, text=True
        )
        self.output = []
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            if line.startswith("Manual pairing code:"):
                return
        self.log.seek(0)
        raise AssertionError(f"the hub did not start: {self.log.read()}")

    def ask(self, method, **params):
        client = ControlClient(self.directory / "control.sock")
        try:
            return client.ask(method, **params)
        finally:
            client.close()

    def module(self, kind):
        return next(module for module in self.ask("status")["modules"] if module["kind"] == kind)

    def until(self, condition, seconds=15):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    def end(self, number):
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code, time.monotonic() - started

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def start(tmp_path):
    hubs = []

    def start(*options):
        hubs.append(RunningHub(tmp_path / "hub", *options))
        return hubs[-1]

    yield start
    for hub in hubs:
        hub.close()


def ores(*arguments, timeout=20):
    return subprocess.run(
        [*COMMAND, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False
    )


def identities(hub):
    modules = hub.ask("status")["modules"]
    return {module["key"]: (module["serial"], module["name"], module["endpoints"]) for module in modules}


def test_a_hub_says_how_to_pair_it_and_sigterm_ends_it_in_order(start):
    hub = start("--passcode", "20202021", "--discriminator", "3840")
    (line,) = [line for line in hub.output if line.startswith("Commissionable:")]
    assert "discriminator 3840" in line
    assert "Manual pairing code: [34970112332]" in hub.output
    assert any(re.fullmatch(r"SetupQRCode: \[MT:[A-Z0-9.-]+\]", line) for line in hub.output)
    assert len(hub.ask("status")["modules"]) == 4
    code, seconds = hub.end(signal.SIGTERM)
    assert code == 0
    assert seconds < 3
    assert not (hub.directory / "control.sock").exists()


def test_after_kill_9_it_is_the_same_hub_with_the_same_modules_and_commands(start):
    hub = start()
    hub.until(lambda: all(module["reachable"] for module in hub.ask("status")["modules"]))
    before, codes = identities(hub), hub.ask("pair")
    key = hub.module("microinverter")["key"]
    command = hub.ask("set", module=key, kind="power_limit_percent", value=40, duration_s=600)
    hub.until(lambda: hub.ask("command", id=command["id"])["state"] == "applied")
    assert hub.end(signal.SIGKILL)[0] == -signal.SIGKILL

    hub = start()
    assert identities(hub) == before
    assert hub.ask("pair")["qr_code"] == codes["qr_code"]
    hub.until(lambda: hub.ask("command", id=command["id"])["state"] == "applied")
    hub.until(lambda: (hub.module("microinverter")["reading"] or {}).get("power_limit_percent") == 40)
    assert hub.end(signal.SIGTERM)[0] == 0
    storage = ReadOnlyStorage(hub.directory / "state.db")
    assert storage.scan("limited/") == [], "stopping takes the limit back"
    assert json.loads(storage.get("command/" + command["id"]))["state"] in {"applied", "queued"}


def test_a_second_signal_ends_it_at_once(start):
    hub = start()
    os.kill(hub.process.pid, signal.SIGSTOP)
    hub.process.send_signal(signal.SIGTERM)
    hub.process.send_signal(signal.SIGINT)
    os.kill(hub.process.pid, signal.SIGCONT)
    assert hub.process.wait(timeout=10) in {128 + signal.SIGTERM, 128 + signal.SIGINT}


def test_the_command_line_asks_and_tells_the_running_hub(start):
    hub = start()
    place = ("--data-dir", str(hub.directory))
    hub.until(lambda: hub.module("microinverter")["reachable"])
    name = hub.module("microinverter")["name"]
    told = ores("set", name, "power-limit", "50%", "--for", "10m", *place)
    assert (told.returncode, told.stdout) == (0, f"{name}: power-limit 50% is applied\n")
    refused = ores("set", name, "charge", "2kW", *place)
    assert refused.returncode == 1
    assert "is refused" in refused.stdout
    unknown = ores("set", "cellar", "off", *place)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("no module is called 'cellar'; registered: ")
    status = ores("status", *place)
    assert "Battery" in status.stdout
    shown = json.loads(ores("status", "--json", *place).stdout)
    assert shown["running"]
    assert shown["memory_mb"] < 110
    flows = shown["flows"]
    assert flows["grid_w"] == flows["load_w"] + flows["solar_w"] + flows["storage_w"]
    assert "Power: grid " in status.stdout
    assert "can be paired now" in ores("pair", *place).stdout
    reset = ores("factory-reset", "--yes", *place)
    assert reset.returncode == 1
    assert f"another hub (process {hub.process.pid})" in reset.stderr
    second = ores("demo", *place)
    assert second.returncode == 1
    assert "another hub" in second.stderr


def test_the_command_line_tells_what_modules_have_counted(start):
    hub = start()
    place = ("--data-dir", str(hub.directory))
    hub.until(lambda: hub.ask("energy", module=hub.module("meter")["key"])[0]["imported_lifetime_wh"])
    told = {each["kind"]: each for each in json.loads(ores("energy", "--json", *place).stdout)}
    assert told["meter"]["imported_today_wh"] >= 0
    assert told["battery"]["power_w"] is not None
    name = told["meter"]["name"]
    title, line = ores("energy", name, *place).stdout.splitlines()
    assert "in today [kWh]" in title
    assert line.startswith(name)
    assert "no module is called 'cellar'" in ores("energy", "cellar", *place).stderr


def test_the_demo_loses_its_grid_and_has_it_again(start, tmp_path):
    settings = tmp_path / "home.toml"
    settings.write_text("[island]\noff_s = 2\nspacing_s = 1\nstable_s = 2\n")
    hub = start("--plugs", "2", "--config", str(settings))
    hub.until(lambda: all(module["reachable"] for module in hub.ask("status")["modules"]))
    place = ("--data-dir", str(hub.directory))
    gone = ores("demo-outage", "--for", "1h", *place)
    assert (gone.returncode, gone.stdout[:43]) == (0, "The grid of the simulated home is gone. Sun")
    hub.until(lambda: hub.ask("status")["home"]["off"] and hub.ask("status")["home"]["backup_s"])
    shown = ores("status", *place).stdout
    assert "Home: island, the grid is lost; without the grid for" in shown
    assert "Off: PlusPlugS" in shown
    assert "Without the grid" in ores("alerts", *place).stdout
    back = json.loads(ores("demo-outage", "--over", "--json", *place).stdout)
    assert back["grid"] is True
    hub.until(lambda: hub.ask("status")["home"]["mode"] == "federated", 30)
    assert hub.ask("status")["home"]["off"] == []
    for params in ({"for_s": "long"}, {"for_s": True}, {"for_s": 1e9}, {"for_s": 0}):
        with pytest.raises(ControlError, match=r"for_s|outage lasts"):
            hub.ask("demo-outage", **params)


def test_the_grid_of_the_demo_goes_and_comes_by_itself(start):
    hub = start("--outage-after", "1s", "--outage-for", "4s")
    hub.until(lambda: hub.ask("status")["home"]["mode"] == "island")
    hub.until(lambda: hub.ask("status")["home"]["mode"] == "returning")
    assert "--outage-after is a time" in ores("demo", "--outage-after", "soon").stderr


def test_without_a_hub_the_command_line_reads_what_it_has_left(start, tmp_path):
    hub = start()
    before, codes = identities(hub), hub.ask("pair")
    unique = ReadOnlyStorage(hub.directory / "state.db").scan("module/")
    hub.end(signal.SIGTERM)
    place = ("--data-dir", str(hub.directory))
    shown = json.loads(ores("status", "--json", *place).stdout)
    assert not shown["running"]
    assert {module["key"] for module in shown["modules"]} == set(before)
    assert codes["manual_code"] in ores("pair", *place).stdout
    assert "no hub is running" in ores("set", "x", "off", *place).stderr

    reset = ores("factory-reset", "--yes", *place)
    assert reset.stdout == "Forgotten: 0 apps, 4 modules. The setup code stays.\n"
    assert json.loads(ores("status", "--json", *place).stdout)["modules"] == []
    assert not [
        file.name for file in hub.directory.iterdir() if file.name.startswith(("telemetry", "events"))
    ]
    again = start()
    assert again.ask("pair")["qr_code"] == codes["qr_code"]
    assert set(identities(again)) == set(before)
    ids = {json.loads(value)["unique_id"] for _, value in unique}
    new = ReadOnlyStorage(hub.directory / "state.db").scan("module/")
    assert ids.isdisjoint(json.loads(value)["unique_id"] for _, value in new)


def test_history_is_asked_of_the_running_hub_and_later_read_from_what_it_has_left(start):
    hub = start()
    place = ("--data-dir", str(hub.directory))

    hub.until(lambda: hub.module("microinverter")["reachable"])
    ambiguous = ores("history", "micro", *place)
    assert (ambiguous.returncode, "fits several modules" in ambiguous.stderr) == (1, True)
    key = hub.module("microinverter")["key"]

    def told(*options):
        return ores("history", key, "power", "energy_exported", "--resolution", "1s", *options, *place)

    hub.until(lambda: told("--csv").stdout.count("\n") > 3)
    assert hub.end(signal.SIGTERM)[0] == 0
    time.sleep(1)  # the second in which it ended is told when it is over
    rows = json.loads(told("--json").stdout)["rows"]
    assert len(rows) >= 3, "stopping has written everything down"
    assert all(row["power_w"]["mean"] <= 0 for row in rows), "a microinverter exports"
    header, first, *_ = told("--csv").stdout.splitlines()
    assert header.startswith("time,end,power_w,power_w_min,power_w_max,energy_exported_wh,")
    assert first.startswith(rows[0]["start"])
    table = told().stdout.splitlines()
    assert table[0].endswith(", 1s")
    assert table[1].split() == ["time", "power_w", "[W]", "energy_exported_wh", "[Wh]"]
    assert len(table) == len(rows) + 2
    unknown = ores("history", key, "volume", *place)
    assert (unknown.returncode, "no history of 'volume'; there are" in unknown.stderr) == (1, True)
    wrong = ores("history", key, "--from", "tomorrow", *place)
    assert (wrong.returncode, "--from is a time such as" in wrong.stderr) == (2, True)
    backwards = ores("history", key, "--from", "1h", "--to", "2h", *place)
    assert (backwards.returncode, "--to is before --from" in backwards.stderr) == (2, True)


def test_settings_are_checked_with_their_place(tmp_path):
    file = tmp_path / "home.toml"
    file.write_text("prot = 1\n")
    checked = ores("config", "check", "--config", str(file))
    assert checked.returncode == 2
    assert checked.stderr == f"{file}:1:1: prot: there is no such key; did you mean port?\n"
    file.write_text("port = 5541\n")
    assert ores("config", "check", "--config", str(file)).stdout == "The settings are in order.\n"
    shown = json.loads(ores("config", "check", "--json", "--config", str(file)).stdout)
    assert shown["port"] == 5541


@pytest.mark.parametrize(
    "command", ["", "demo", "run", "pair", "status", "set", "history", "factory-reset", "config check"]
)
def test_help_teaches_by_example(command):
    shown = ores(*command.split(), "--help")
    assert shown.returncode == 0
    assert f"ores-bridge {command}".strip() in shown.stdout


def test_help_imports_nothing_heavy():
    code = "import sys; from bridge.cli import main; "
    code += "main(['--help'], standalone_mode=False); print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    loaded = set(shown.stdout.splitlines()[-1].split())
    assert loaded.isdisjoint({"pydantic", "cryptography", "pymodbus", "zeroconf", "rich", "segno", "asyncio"})
