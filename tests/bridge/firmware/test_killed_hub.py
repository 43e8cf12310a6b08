"""A real hub in a process of its own that is killed in the middle of an update, and the command line."""

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest
from firmware_lab.workshop import until

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PATH = "/device/firmware/update"
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]


def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::", 0))
        return probe.getsockname()[1]


class HubProcess:
    """A hub on the loopback interface, and the commands that ask it."""

    def __init__(self, config):
        self.config = config
        self._process = None

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND, "run", "--config", str(self.config), stdout=asyncio.subprocess.PIPE, env=ENVIRONMENT
        )
        async with asyncio.timeout(30):
            while not (line := await self._process.stdout.readline()).startswith(b"Manual pairing code"):
                assert line, "the hub did not start"

    async def end(self, number):
        if self._process is not None:
            self._process.send_signal(number)
            await self._process.communicate()
            self._process = None

    async def ores(self, *arguments, said=""):
        """Run a command, saying something on its standard input; return its code and what it says."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            "--config",
            str(self.config),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=ENVIRONMENT,
        )
        out, _ = await process.communicate(said.encode())
        return process.returncode, out.decode()

    async def token(self):
        """Make an installer's account; return a token for it."""
        code, text = await self.ores(
            "user", "add", "ida", "--role", "installer", "--password-stdin", said="correct horse battery\n"
        )
        assert code == 0, text
        code, text = await self.ores("token", "add", "--user", "ida", "--json")
        assert code == 0, text
        return json.loads(text)["token"]

    async def https(self, token):
        """Return a session with the API, as whoever the token is of."""
        code, text = await self.ores("status", "--json")
        assert code == 0, text
        authority = self.config.parent / "hub" / "tls" / "ca.crt"
        context = ssl.create_default_context(cafile=authority)
        return aiohttp.ClientSession(
            base_url=f"https://localhost:{json.loads(text)['api']['port']}",
            connector=aiohttp.TCPConnector(ssl=context),
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "once"},
        )

    async def status(self):
        code, text = await self.ores("firmware", "status", "--json")
        assert code == 0, text
        return json.loads(text)

    async def reaches(self, condition, seconds=40):
        async with asyncio.timeout(seconds):
            while not condition(status := await self.status()):
                pass
        return status


@pytest.fixture
async def hub(tmp_path, maker, shop, module):
    config = tmp_path / "home.toml"
    config.write_text(
        f"""
        data_dir = "{tmp_path / "hub"}"
        interface = "lo"
        port = {free_port()}
        polling.interval = 0.2
        [api]
        host = "127.0.0.1"
        port = 0
        http_port = 0
        [firmware]
        url = "{shop.url}"
        root = "{maker.root}"
        back_s = 10
        observe_s = 1
        [[modules]]
        driver = "bench"
        address = "{module.address}"
        name = "Bench"
        """
    )
    hub = HubProcess(config)
    await hub.start()
    yield hub
    await hub.end(signal.SIGKILL)


async def test_a_hub_that_is_killed_while_it_writes_ends_the_update_later(hub, maker, shop, module):
    data = maker.release("1.1.0", data=maker.image(2_000_000))
    await hub.reaches(lambda status: status["modules"])
    module.delay_s = 0.05
    token = await hub.token()
    async with await hub.https(token) as api:
        accepted = await api.post(PATH, json={"module": "ores-b1"})
        assert accepted.status == 202
        job = (await accepted.json())["job"]
    await until(lambda: len(module.device.bootloader._image) > 100_000)
    await hub.end(signal.SIGKILL)
    written = len(module.device.bootloader._image)
    assert 0 < written < len(data)
    (module_before, asked_before) = (module.device.bootloader.restarts, len(shop.ranges))
    assert module_before == 0
    await hub.start()
    async with await hub.https(token) as api:
        again = await api.post(PATH, json={"module": "ores-b1"})
        assert (again.headers["Idempotency-Replayed"], (await again.json())["job"]) == ("true", job)
        await hub.reaches(lambda status: status["jobs"][0]["state"] == "done")
        status = await (await api.get(PATH)).json()
    assert [(each["job"], each["version"]) for each in status["jobs"]] == [(job, "1.1.0")]
    assert [entry["installed"] for entry in status["modules"]] == ["1.1.0"]
    assert module.device.bootloader.current.state == "good"
    assert module.device.bootloader.restarts == 1
    assert len(shop.ranges) == asked_before, "the image was not fetched again"


async def test_a_hub_that_is_killed_while_it_downloads_goes_on_in_the_file(hub, maker, shop, module):
    data = maker.release("1.1.0", data=maker.image(3_000_000))
    await hub.reaches(lambda status: status["modules"])
    shop.cut_after = 100_000
    code, text = await hub.ores("firmware", "update", "bench", "--json")
    assert code == 0, text
    await until(lambda: len(shop.ranges) > 1)
    await hub.end(signal.SIGKILL)
    shop.cut_after, asked = None, len(shop.ranges)
    await hub.start()
    await hub.reaches(lambda status: status["jobs"][0]["state"] == "done")
    (range_,) = shop.ranges[asked:]
    assert 0 < int(range_.removeprefix("bytes=").rstrip("-")) < len(data)


async def test_the_command_line_cancels_and_says_why_not(hub, maker, shop, module):
    maker.release("1.1.0")
    await hub.reaches(lambda status: status["modules"])
    shop.cut_after = 1000
    assert (await hub.ores("firmware", "update", "bench"))[0] == 0
    code, text = await hub.ores("firmware", "update", "bench", "1.1.0")
    assert (code, "being updated already" in text) == (1, True)
    assert "cancelled" in (await hub.ores("firmware", "cancel", "bench"))[1]
    code, text = await hub.ores("firmware", "cancel", "bench")
    assert (code, "cannot be cancelled" in text) == (1, True)
    code, text = await hub.ores("firmware", "status")
    assert (code, "Bench: 1.0.0" in text, "cancelled" in text) == (0, True, True)
    assert (await hub.ores("firmware", "update", "roof"))[0] == 1
