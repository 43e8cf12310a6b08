"""Somebody else's Matter plug: `matterjs/plug.mjs` as a process that tests ask for the truth, and kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interop.network import Side

HERE = Path(__file__).parent
PASSCODE = 20302030
DISCRIMINATOR = 3841


@dataclass(slots=True)
class ForeignPlug:
    """A plug with a meter and a thermostat; killed and started again, it is the same one."""

    side: Side
    folder: Path
    serial: str = "FP0001"
    manual_code: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def start(self) -> None:
        """Start it, and wait until it is on the network."""
        command = ["node", str(HERE / "matterjs" / "plug.mjs"), "--state", str(self.folder / "state")]
        command += ["--passcode", str(PASSCODE), "--discriminator", str(DISCRIMINATOR)]
        with (self.folder / "log").open("ab") as log:
            self._process = self.side.popen(
                [*command, "--serial", self.serial],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log.fileno(),
            )
        self.manual_code = self._line()["manual"]

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask it: `state`, `load` with `watts`, `press`, or `turn` its thermostat to `setpoint`."""
        assert self._process is not None
        assert self._process.stdin is not None
        request = {"id": next(self._numbers), "do": what, **arguments}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._line()["result"]

    def kill(self) -> None:
        """Pull it out of the wall."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self.kill()

    def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the plug ended:\n{(self.folder / 'log').read_text()[-3000:]}")
        said: dict[str, Any] = json.loads(line)
        return said
