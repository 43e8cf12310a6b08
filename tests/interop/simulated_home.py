"""The project's simulated home as a process that a test holds itself, to pull plugs while a hub watches."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from interop.network import Side

PORT_BASE = 15020


@dataclass(slots=True)
class SimulatedHome:
    """Devices on the loopback of the hub's side; it ends with the test."""

    process: subprocess.Popen[bytes]
    devices: list[dict[str, str]]

    @classmethod
    def start(cls, side: Side, modules: int, *, plugs: int = 0, speed: int = 60) -> SimulatedHome:
        """Start a home of `modules` devices, and of plugs, that all listen."""
        command = [sys.executable, "-m", "hw.simulator", "--modules", str(modules), "--speed", str(speed)]
        command += ["--plugs", str(plugs)]
        process = side.popen(
            [*command, "--port-base", str(PORT_BASE), "--control"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        return cls(process, json.loads(process.stdout.readline())["devices"])

    def write_config(self, path: Path, more: str = "") -> None:
        """A configuration file for a hub that knows the devices' addresses, and what `more` says besides."""
        path.write_text(
            more
            + "".join(
                f'[[modules]]\naddress = "{device["address"]}"\n'
                f'driver = "{"shelly" if device["kind"] == "load" else "sunspec"}"\n'
                for device in self.devices
            )
        )

    def unplug(self, serial: str) -> None:
        """Its Modbus server stops; connections end."""
        self._ask(do="fault", serial=serial, kind="link", value=None)

    def plug_in(self, serial: str) -> None:
        """It listens again."""
        self._ask(do="heal", serial=serial)

    def state(self) -> dict[str, Any]:
        """The truth about the home."""
        return self._answer(do="state")

    def _ask(self, **command: Any) -> None:
        answer = self._answer(**command)
        assert answer == {}, answer

    def _answer(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        """The end of its input ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(15)
