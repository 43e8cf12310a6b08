"""A real Matter server (python-matter-server) as a process in its namespace, and why there may be none."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from interop import trust as roots

if TYPE_CHECKING:
    from interop.network import Side

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv-matter-server"
PYTHON = ENVIRONMENT / "bin" / "python"
PORT = 5580
START_LIMIT = 60.0
READY = "Matter Server successfully initialized"


def matter_server_unavailable() -> str | None:
    """Why the server cannot run here; None when it can."""
    if not PYTHON.exists():
        return f"python-matter-server is not installed in {ENVIRONMENT.name} (make setup installs it)"
    probe = subprocess.run(
        [str(PYTHON), "-m", "matter_server.server", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return None if probe.returncode == 0 else f"the Matter server does not load: {probe.stderr[-300:]}"


@dataclass(slots=True)
class MatterServer:
    """One server with what it remembers; `start`, `kill` and `start` again."""

    side: Side
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """What a hub on the same side is told."""
        return f"ws://127.0.0.1:{PORT}/ws"

    @property
    def log_path(self) -> Path:
        """What it said, of every start."""
        return self.folder / "log"

    def start(self) -> float:
        """Start the server and wait until it listens; seconds that this took."""
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        began = time.monotonic()
        with self.log_path.open("ab") as log:
            self._process = self.side.popen(
                self._command(), stdout=log.fileno(), stderr=subprocess.STDOUT, cwd=self.folder
            )
        while READY not in (said := self.log_path.read_bytes()[begin:].decode(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > began + START_LIMIT:
                raise RuntimeError(f"the Matter server did not start:\n{said[-3000:]}")
            time.sleep(0.05)
        return time.monotonic() - began

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self.kill()

    def _command(self) -> list[str]:
        root, data, storage, trust = (self.folder / name for name in ("root", "data", "storage", "trust"))
        if not trust.exists():
            for folder in (root, data, storage):
                folder.mkdir(parents=True)
            roots.write_test_roots(trust)
        # A younger file of that name keeps it from deleting the roots to fetch all others from the internet.
        (trust / "paa" / ".version").write_text("1")
        return [
            *("unshare", "--mount", "sh", str(HERE / "private_root.sh"), str(root), str(data)),
            *(str(PYTHON), "-m", "matter_server.server", "--storage-path", str(storage)),
            *("--paa-root-cert-dir", str(trust / "paa"), "--ota-provider-dir", str(self.folder / "updates")),
            *("--listen-address", "127.0.0.1", "--port", str(PORT)),
        ]
