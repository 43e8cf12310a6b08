"""A hub in a process of its own, with a simulated home and its API, all of it on the loopback interface."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp

from bridge.control import ControlClient

ROOT = Path(__file__).parents[2]
HASH = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
"""What no password opens: people in these tests have tokens."""


class HubProcess:
    """Start it with `start`, end it as you like, and start it again on the same data directory."""

    def __init__(self, directory, *options):
        self.directory = directory
        self.options = options
        self.process = None
        self.log = directory.parent / f"{directory.name}.log"

    def start(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
            port = probe.getsockname()[1]
        settings = {
            "PYTHONPATH": str(ROOT),
            "ORES_BRIDGE_API__HOST": "127.0.0.1",
            "ORES_BRIDGE_API__PORT": "0",
            "ORES_BRIDGE_API__HTTP": "false",
        }
        command = [sys.executable, "-c", "from bridge.cli import main; main()", "demo"]
        arguments = ["--data-dir", str(self.directory), "--interface", "lo", "--port", str(port)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *arguments, *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **settings},
                text=True,
            )
        for line in self.process.stdout:
            if line.startswith("API: https://"):
                break
        else:
            raise AssertionError(f"the hub did not start: {self.log.read_text()[-3000:]}")
        self.api_port = self.ask("status")["api"]["port"]
        return self

    def ask(self, method, **params):
        client = ControlClient(self.directory / "control.sock")
        try:
            return client.ask(method, **params)
        finally:
            client.close()

    def module(self, kind):
        return next(module for module in self.ask("status")["modules"] if module["kind"] == kind)

    def user(self, name, role="owner"):
        """Make an account; return a token for it."""
        self.ask("user", do="add", name=name, role=role, password_hash=HASH)
        return self.ask("token", do="add", name=name)["token"]

    def client(self, token, **options):
        """Return an HTTP session that speaks with the hub."""
        context = ssl.create_default_context(cafile=str(self.directory / "tls/ca.crt"))
        return aiohttp.ClientSession(
            base_url=f"https://localhost:{self.api_port}",
            connector=aiohttp.TCPConnector(ssl=context, limit=0, **options),
            headers={"Authorization": f"Bearer {token}"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    @property
    def resident_megabytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024 / 1e6

    def kill(self):
        """`kill -9`, and the end of the simulated home with it."""
        self.process.kill()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def close(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
