"""A real Matter controller in a process of its own, asked and heard by lines of JSON.

`sdk_controller.py` describes the requests; both controllers answer the same ones, but only the SDK's process
can be several controllers and subscribe to less than everything.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from interop.network import Side

Kind = Literal["sdk", "matterjs"]
HERE = Path(__file__).parent
START_LIMIT = 60.0
ANSWER_LIMIT = 60.0


class ControllerError(RuntimeError):
    """A request failed; `status` is the interaction model's status when the device gave one."""

    def __init__(self, what: str, kind: str, text: str, status: int | None) -> None:
        super().__init__(f"{what}: {kind}: {text}")
        self.kind, self.status = kind, status


@dataclass(frozen=True, slots=True)
class Reading:
    """A read's outcome: values by (endpoint, cluster, attribute), and what went wrong."""

    values: dict[tuple[int, int, int], Any]
    failures: list[list[Any]]
    unknown: list[tuple[int, int, int]]


@dataclass(slots=True)
class Controller:
    """One controller with one fabric. Tests ask by the methods; `told` holds what its process tells."""

    name: str
    process: subprocess.Popen[bytes]
    node: int = 1  # the node id that it gives the hub
    by: int = 0  # its number in its process
    told: list[dict[str, Any]] = field(default_factory=list)
    _waiting: dict[int, tuple[str, Future[Any]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def start(
        cls, kind: Kind, side: Side, folder: Path, trust: Path, *, fabric: int, arguments: Sequence[str] = ()
    ) -> Controller:
        """Start a controller that keeps all it has under `folder` and trusts the roots under `trust`."""
        folder.mkdir(parents=True, exist_ok=True)
        command = (sdk_command if kind == "sdk" else matterjs_command)(folder, trust, fabric)
        with (folder / "log").open("ab") as log:
            process = side.popen(
                [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.fileno()
            )
        controller = cls(f"{kind}-{fabric}", process)
        threading.Thread(target=controller._listen, name=controller.name, daemon=True).start()
        try:
            controller.wait_for(lambda said: said["told"] == "ready", limit=START_LIMIT)
        except TimeoutError:
            controller.close()
            raise RuntimeError(f"{kind}: {(folder / 'log').read_text(errors='replace')[-3000:]}") from None
        return controller

    def another(self, fabric: int, own_node: int) -> Controller:
        """One more controller in the same process: a node of its own in this or another fabric."""
        number = self.ask("add_controller", fabric=fabric, own_node=own_node)
        return replace(self, name=f"sdk-{fabric}/{own_node}", by=number)

    # ------------------------------------------------------------ asking

    def begin(self, what: str, **arguments: Any) -> Future[Any]:
        """Send a request; its answer comes by the future."""
        future: Future[Any] = Future()
        with self._changed:
            number = next(self._numbers)
            self._waiting[number] = (what, future)
        if self.by:
            arguments["by"] = self.by
        assert self.process.stdin is not None
        self.process.stdin.write((json.dumps({"id": number, "do": what, **arguments}) + "\n").encode())
        self.process.stdin.flush()
        return future

    def ask(self, what: str, *, limit: float = ANSWER_LIMIT, **arguments: Any) -> Any:
        """Send a request and wait for its answer; `ControllerError` when it failed."""
        return self.begin(what, **arguments).result(limit)

    def commission(self, code: str) -> dict[str, Any]:
        """Commission the hub by QR or manual code: it becomes `node`."""
        return self.ask("commission", node=self.node, code=code)

    def connect(self, *, fresh: bool = True) -> dict[str, Any]:
        """Reach the hub over CASE."""
        return self.ask("connect", node=self.node, fresh=fresh)

    def read(
        self, endpoint: int | None = None, cluster: int | None = None, attribute: int | None = None
    ) -> Reading:
        """Read what matches, None for all."""
        answer = self.ask("read", node=self.node, endpoint=endpoint, cluster=cluster, attribute=attribute)
        return Reading(
            {(row[0], row[1], row[2]): row[3] for row in answer["attributes"]},
            answer["failures"],
            [(row[0], row[1], row[2]) for row in answer["unknown"]],
        )

    def value(self, endpoint: int, cluster: int, attribute: int) -> Any:
        """One attribute's value."""
        return self.read(endpoint, cluster, attribute).values[endpoint, cluster, attribute]

    def write(self, endpoint: int, cluster: int, attribute: int, value: Any) -> int:
        """Write one attribute; its status, 0 for success."""
        return self.ask(
            "write", node=self.node, endpoint=endpoint, cluster=cluster, attribute=attribute, value=value
        )

    def subscribe(self, floor: int = 0, ceiling: int = 10) -> dict[str, Any]:
        """Subscribe to everything."""
        return self.ask("subscribe", node=self.node, floor=floor, ceiling=ceiling)

    def open_window(self, seconds: int = 180) -> dict[str, Any]:
        """Open a commissioning window for the next controller; its codes."""
        return self.ask("open_window", node=self.node, seconds=seconds)

    def fabrics(self) -> list[dict[str, Any]]:
        """The hub's whole fabric table."""
        return self.ask("fabrics", node=self.node)

    # ------------------------------------------------------------ hearing

    def wait_for(
        self, wanted: Callable[[dict[str, Any]], bool], *, limit: float, since: int = 0
    ) -> dict[str, Any]:
        """The first telling from number `since` on that is `wanted`; `TimeoutError` when none comes."""
        deadline = time.monotonic() + limit
        position = since
        with self._changed:
            while True:
                for said in self.told[position:]:
                    if wanted(said):
                        return said
                position = len(self.told)
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    raise TimeoutError(f"{self.name} heard nothing of it within {limit:.0f} s")
                self._changed.wait(min(left, 1.0))

    @staticmethod
    def now() -> float:
        """The clock of tellings' `at`: one for all processes of a machine."""
        return time.monotonic()

    def heard(self) -> int:
        """How many tellings there were: a mark for `since`."""
        with self._changed:
            return len(self.told)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            with self._changed:
                if "told" in said:
                    self.told.append(said)
                    self._changed.notify_all()
                    continue
                what, future = self._waiting.pop(said["id"])
            if (error := said.get("error")) is None:
                future.set_result(said["result"])
            else:
                future.set_exception(ControllerError(what, error["kind"], error["text"], error["status"]))
        for what, future in self._waiting.values():
            future.set_exception(ControllerError(what, "gone", f"{self.name} ended", None))

    def close(self) -> None:
        """Let it leave the network, or end it."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


def sdk_command(folder: Path, trust: Path, fabric: int) -> list[str]:
    """The SDK's controller, in a root of its own for the counters that it keeps in /data."""
    root, data = folder / "root", folder / "data"
    root.mkdir(exist_ok=True)
    data.mkdir(exist_ok=True)
    return [
        *("unshare", "--mount", "sh", str(HERE / "private_root.sh"), str(root), str(data)),
        *(sys.executable, str(HERE / "sdk_controller.py")),
        *("--storage", str(folder), "--paa", str(trust / "paa"), "--fabric-id", str(fabric)),
    ]


def matterjs_command(folder: Path, trust: Path, fabric: int) -> list[str]:
    """The controller on matter.js."""
    return [
        *("node", str(HERE / "matterjs" / "controller.mjs")),
        *("--state", str(folder), "--trust", str(trust), "--fabric-id", str(fabric)),
    ]


def sdk_unavailable() -> str | None:
    """Why the SDK's controller cannot run here; None when it can."""
    load = (
        "import ctypes, chip.clusters; from chip.native import FindNativeLibraryPath as find, Library;"
        "ctypes.CDLL(find(Library.CONTROLLER))"
    )
    probe = subprocess.run(
        [sys.executable, "-c", load], capture_output=True, text=True, timeout=60, check=False
    )
    if probe.returncode == 0:
        return None
    return f"the SDK controller does not load: {probe.stderr.splitlines()[-1]}"


def matterjs_unavailable() -> str | None:
    """Why matter.js cannot run here; None when it can."""
    if not (HERE / "matterjs" / "node_modules" / "@matter" / "main").exists():
        return "matter.js is not installed (make setup installs it when there is npm)"
    try:
        version = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"no node on this machine: {error}"
    major = int(version.removeprefix("v").split(".")[0])
    return None if major >= 20 else f"matter.js needs node 20 or newer, here is {version.strip()}"
