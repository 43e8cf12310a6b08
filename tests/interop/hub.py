"""The hub as its users start it: a process in its namespace that says when it is commissionable."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interop.network import Side

Mode = Literal["demo", "run"]
PASSCODE = 20202021
DISCRIMINATOR = 3840
COMMISSIONABLE = r"^Commissionable:"
START_LIMIT = 60.0  # seconds; a loaded machine with two cores must still pass
STOP_LIMIT = 15.0


def ores_bridge(*arguments: str) -> list[str]:
    """The command line of the environment that the tests run in."""
    return [str(Path(sys.executable).with_name("ores-bridge")), *arguments]


def hub_command(mode: Mode, data_dir: Path, link: str, *arguments: str) -> list[str]:
    """The hub on one interface: with the simulated home (demo) or with what its configuration lists (run)."""
    return ores_bridge(
        mode,
        *("--data-dir", str(data_dir), "--interface", link),
        *("--passcode", str(PASSCODE), "--discriminator", str(DISCRIMINATOR)),
        *arguments,
    )


def factory_reset_command(data_dir: Path) -> list[str]:
    """Forget everything; the hub must not be running."""
    return ores_bridge("factory-reset", "--data-dir", str(data_dir), "--yes")


@dataclass(frozen=True, slots=True)
class SetupCodes:
    """What the hub prints for whoever wants to commission it."""

    qr: str
    manual: str


@dataclass(slots=True)
class Hub:
    """One hub with its data directory; `start`, `terminate`, `kill` and `start` again."""

    side: Side
    folder: Path
    mode: Mode = "demo"
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _groups: list[int] = field(default_factory=list, init=False)

    @property
    def data_dir(self) -> Path:
        """Where it keeps what it must not forget."""
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        """What it said, of every start."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Process id of the running hub."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def command(self) -> list[str]:
        """Its command line."""
        return hub_command(self.mode, self.data_dir, self.side.link, *self.arguments)

    def start(self, until: str = COMMISSIONABLE) -> float:
        """Start the hub and wait for a line that matches `until`; seconds from start to that line."""
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        command = self.command()
        started = time.monotonic()
        with self.log_path.open("ab") as log:
            self._process = self.side.popen(
                command, stdout=log.fileno(), stderr=subprocess.STDOUT, env=self.environment
            )
        self._groups.append(self._process.pid)
        line = re.compile(until, re.MULTILINE)
        while time.monotonic() < started + START_LIMIT:
            text = self._text(begin)
            if line.search(text):
                return time.monotonic() - started
            if not self.running:
                raise RuntimeError(f"the hub ended with {self._process.returncode}:\n{text[-3000:]}")
            time.sleep(0.01)
        raise RuntimeError(f"no line {until!r} within {START_LIMIT:.0f} s:\n{self._text(begin)[-3000:]}")

    def codes(self) -> SetupCodes:
        """The codes that it printed last."""
        text = self.log_path.read_text(errors="replace")
        qr = re.findall(r"SetupQRCode: \[(MT:[^\]]+)\]", text)
        manual = re.findall(r"Manual pairing code: \[([0-9-]+)\]", text)
        return SetupCodes(qr[-1], manual[-1].replace("-", ""))

    def resident_megabytes(self) -> float:
        """Resident memory of the hub's own process."""
        return (
            int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[0]) * 1024 / 1e6
        )

    def kill(self) -> None:
        """`kill -9` the hub, and only it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_LIMIT)

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGTERM)
        return self._process.wait(STOP_LIMIT)

    def factory_reset(self) -> None:
        """Forget everything; the hub must have ended."""
        self.side.run(*factory_reset_command(self.data_dir))

    def close(self) -> None:
        """End it and whatever it started."""
        if self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.terminate()
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_LIMIT)

    def _text(self, begin: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")
