"""A simulated home in a process of its own, for the demo and the tests.

async with SimulatedHome(modules=4) as home:
    modules = await discover(home.devices[0].address)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from datetime import datetime

ROOT = str(Path(__file__).resolve().parents[2])
"""Where the package `hw` is found; the hub may run from elsewhere."""
START_TIMEOUT = 30.0
ANSWER_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0


class SimulationError(Exception):
    """The simulated home did not start, or refused a command."""


@dataclass(frozen=True, slots=True)
class SimulatedAddress:
    """Where a simulated device answers."""

    address: str
    """`host:port:unit`, as `hw.sunspec.discover` takes it; of plugs and chargers `host:port`."""
    kind: str
    """A `ModuleKind`."""
    serial: str
    model: str


class SimulatedHome:
    """Starts the process, waits until it listens, hands on faults, ends it. It ends with its parent, too."""

    def __init__(  # noqa: PLR0913 - the options of the program
        self,
        modules: int = 4,
        *,
        plugs: int = 0,
        evse: int = 0,
        battery_kw: float = 2.5,
        seed: int = 1,
        speed: float = 1.0,
        start: datetime | None = None,
        host: str = "127.0.0.1",
        port_base: int = 0,
    ) -> None:
        """`start`: simulated UTC to begin at; None for a morning in June. Port base 0 takes free ports."""
        self.devices: list[SimulatedAddress] = []
        self.pid = 0
        self._arguments = ["--modules", modules, "--seed", seed, "--speed", speed, "--host", host]
        self._arguments += ["--port-base", port_base, "--plugs", plugs, "--evse", evse, "--control"]
        self._arguments += ["--battery-kw", battery_kw]
        if start is not None:
            self._arguments += ["--start-time", start.isoformat()]
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until every device answers. Raise SimulationError, or OSError without Python."""
        path = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hw.simulator",
            *map(str, self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
            # A Ctrl-C at the terminal is for the hub, which then ends this process in order.
            start_new_session=True,
            limit=1 << 20,
        )
        try:
            hello = await self._line(START_TIMEOUT)
        except SimulationError:
            await self.stop()
            raise
        self.pid = hello["pid"]
        self.devices = [SimulatedAddress(**device) for device in hello["devices"]]

    async def stop(self) -> None:
        """End the process; harmless when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def device(self, kind: str, index: int = 0) -> SimulatedAddress:
        """Return the n-th device of a kind. Raise IndexError."""
        return [device for device in self.devices if device.kind == kind][index]

    async def fault(self, serial: str, kind: str, value: float | None = None) -> None:
        """Break a device until it is healed. Raise SimulationError.

        `link`: hangs up and does not listen. `dead`, `sagging`, `asleep`: an inverter's panels; of a charger
        `dead` is the error `value` (8, a ground fault). `garbage`: scale factors, or all keys of a charger.
        `deaf`: an inverter that heeds no frequency. `leaking`: one whose isolation resistance is `value` ohms
        (1000). `exception`: every answer is Modbus exception `value` (4), or refused. `slow`: every answer
        takes `value` seconds (0.5).
        """
        await self._ask({"do": "fault", "serial": serial, "kind": kind, "value": value})

    async def heal(self, serial: str) -> None:
        """Repair everything about a device. Raise SimulationError."""
        await self._ask({"do": "heal", "serial": serial})

    async def car(self, serial: str, *, plugged: bool, needs_wh: float | None = None) -> None:
        """Plug the car of a charger in or out; it comes and goes by hand alone then. Raise SimulationError.

        :param needs_wh: what is missing in its battery then; as it was by default
        """
        await self._ask({"do": "car", "serial": serial, "plugged": plugged, "needs_wh": needs_wh})

    async def outage(self, *, meter_silent: bool = False) -> None:
        """Take the grid away until `grid`; the battery supplies the home as long as it can.

        :param meter_silent: the meter at the supply falls silent with it, and does not read 0 V
        """
        await self._ask({"do": "outage", "meter_silent": meter_silent})

    async def grid(self, *, sag_v: float = 0.0) -> None:
        """Give the grid back, with so much less voltage than usual."""
        await self._ask({"do": "grid", "sag_v": sag_v})

    async def charge(self, soc_percent: float) -> None:
        """Fill the battery so far. Raise SimulationError."""
        await self._ask({"do": "charge", "soc_percent": soc_percent})

    async def skip(self, seconds: float) -> None:
        """Let so many simulated seconds pass at once. Raise SimulationError."""
        await self._ask({"do": "skip", "seconds": seconds})

    async def state(self) -> dict[str, Any]:
        """Return the truth about the home: time, solar_w, load_w, plugs_w, evse_w, grid_w and more."""
        return await self._ask({"do": "state"})

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            if self._process is None or self._process.stdin is None:
                raise SimulationError("the simulated home is not running")
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            answer = await self._line(ANSWER_TIMEOUT)
        if "error" in answer:
            raise SimulationError(answer["error"])
        return answer

    async def _line(self, timeout: float) -> dict[str, Any]:  # noqa: ASYNC109 - one deadline a line
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout)
        except TimeoutError as error:
            raise SimulationError("the simulated home does not answer") from error
        if not line:
            raise SimulationError("the simulated home has ended; its reason is on standard error")
        answer: dict[str, Any] = json.loads(line)
        return answer
