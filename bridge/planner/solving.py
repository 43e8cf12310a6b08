"""Having plans made by a process of its own, with limits on its time, its memory and what it may say.

One line of JSON goes in for each line that comes out:

    {"number": 7, "ask": "plan", "about": {...}}
    {"number": 7, "told": {...}}    or    {"number": 7, "error": "what went wrong, for a person"}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.planner.plan import HomePlan
from bridge.planner.plan_step import steps_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.planner.question import Question

WORKER: Final = (sys.executable, "-m", "bridge.planner.worker")
MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a line, either way."""
MOST_MEMORY: Final = 256 * 1024 * 1024
"""Bytes of resident memory above which another process takes its place; it has about 100 MB."""
MOST_ANSWERS: Final = 1000
"""After so many another process takes its place, for whatever it may have lost meanwhile: three days."""
_ROOT: Final = str(Path(__file__).parents[2])
_COMPLAINT: Final = 2000
_FAREWELL: Final = 1.0

_log = logging.getLogger(__name__)


class SolveError(Exception):
    """No plan came of it; the message is for a person."""


class _EndedError(SolveError):
    """The process ended, or says what nobody asked; another one may do better."""


@dataclass(slots=True)
class _Run:
    """One life of the process."""

    process: asyncio.subprocess.Process
    complaint: bytearray = field(default_factory=bytearray)
    drain: asyncio.Task[None] | None = None
    answers: int = 0

    async def hear_complaints(self) -> None:
        """Keep the end of what it says on its standard error, so that it never waits for a reader."""
        assert self.process.stderr is not None
        while heard := await self.process.stderr.read(4096):
            self.complaint = (self.complaint + heard)[-_COMPLAINT:]

    @property
    def memory(self) -> int:
        """Bytes of resident memory; 0 when that cannot be told."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


class PlanningProcess:
    """The process that plans and reckons. It answers one question after the other."""

    def __init__(self, *, resident: bool = True, worker: Sequence[str] = WORKER) -> None:
        """Have none yet; it starts with `start` or with the first question.

        :param resident: it stays between questions, so that the next plan is there at once; else each
            question has a process of its own, which costs time and no memory
        :param worker: what to run
        """
        self.resident = resident
        """Whether it stays between questions."""
        self._worker = worker
        self._run: _Run | None = None
        self._number = 0
        self._turn = asyncio.Lock()
        self._warming: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Of the process that waits or works, None if there is none."""
        return None if self._run is None else self._run.process.pid

    @property
    def memory(self) -> int:
        """Bytes of its resident memory, 0 without one."""
        return 0 if self._run is None else self._run.memory

    def start(self) -> None:
        """Have the process ready before it is asked something, if it is to stay."""
        self._stopped = False
        self._warm()

    async def stop(self) -> None:
        """End the process, whatever it does."""
        self._stopped = True
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._end()

    async def plan(self, question: Question, time_limit: float) -> HomePlan:
        """Return the plan to a question. Raise SolveError; then nothing works on it any more.

        :param time_limit: seconds after which it is given up
        """
        told = await self.ask("plan", asdict(question), time_limit)
        try:
            return HomePlan.from_values(told)
        except ValueError as error:
            await self._end()
            raise SolveError(f"the planning process said something else: {error}") from error

    async def ask(self, what: str, about: dict[str, Any], time_limit: float) -> Any:
        """Return what the process says to something. Raise SolveError; then nothing works on it any more.

        A process that dies of a question, or says what nobody asked, is given one successor to try it.

        :param what: one of `bridge.planner.worker.ANSWERS`
        :param about: plain values
        :param time_limit: seconds after which it is given up
        """
        try:
            async with self._turn, asyncio.timeout(time_limit):
                try:
                    return await self._exchange(what, about)
                except _EndedError as error:
                    if self._stopped:
                        raise
                    _log.warning("%s; another one is asked", error)
                    return await self._exchange(what, about)
        except TimeoutError as error:
            raise SolveError(f"the planning process took longer than {time_limit:g} s") from error
        finally:
            self._warm()

    async def _exchange(self, what: str, about: dict[str, Any]) -> Any:
        if self._run is not None and self._run.process.returncode is not None:
            await self._end()
        if self._run is None:
            self._run = await self._spawn()
        run, done = self._run, False
        self._number += 1
        asked = {"number": self._number, "ask": what, "about": about}
        line = json.dumps(asked, separators=(",", ":")).encode() + b"\n"
        try:
            if len(line) > MOST_BYTES:
                raise SolveError("the question is too long")
            said = await self._line(run, line)
            done = True
        finally:
            if not done:
                await self._end()
        run.answers += 1
        if not self.resident or run.answers >= MOST_ANSWERS or run.memory > MOST_MEMORY:
            await self._end()
        if "error" in said:
            raise SolveError(str(said["error"])[:_COMPLAINT])
        return said["told"]

    async def _line(self, run: _Run, line: bytes) -> dict[str, Any]:
        """Say a line, and return the one that answers it."""
        process = run.process
        assert process.stdin is not None
        assert process.stdout is not None
        # It may be ending without having read; what it said before counts.
        with contextlib.suppress(ConnectionError):
            process.stdin.write(line)
            await process.stdin.drain()
        try:
            heard = await process.stdout.readline()
        except ValueError as error:
            raise _EndedError(f"the planning process said more than {MOST_BYTES} bytes") from error
        if not heard.endswith(b"\n"):
            code = await process.wait()
            if run.drain is not None:
                await asyncio.wait([run.drain], timeout=_FAREWELL)
            last = bytes(run.complaint).decode(errors="replace").strip().splitlines()[-1:]
            raise _EndedError(f"the planning process ended with {code}: {' '.join(last)}")
        try:
            said = json.loads(heard, object_hook=steps_written)
        except (ValueError, RecursionError) as error:
            raise _EndedError(f"the planning process said something else: {error}") from error
        if (
            not isinstance(said, dict)
            or said.get("number") != self._number
            or not said.keys()
            & {
                "told",
                "error",
            }
        ):
            raise _EndedError("the planning process said something else: it answers another question")
        return said

    async def _spawn(self) -> _Run:
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        # One thread: on a small computer the others belong to the hub.
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._worker,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                # A Ctrl-C at the terminal is for the hub.
                start_new_session=True,
                limit=MOST_BYTES,
            )
        except OSError as error:
            raise SolveError(f"the planning process cannot be started: {error}") from error
        run = _Run(process)
        run.drain = asyncio.get_running_loop().create_task(run.hear_complaints(), name="planning complaints")
        run.drain.add_done_callback(lambda _: self._fell_silent(run))
        return run

    def _fell_silent(self, run: _Run) -> None:
        """Replace a process that ended while it had nothing to do, unless it never did anything."""
        if self._run is run and not self._turn.locked():
            self._run = None
            if run.answers:
                self._warm()

    def _warm(self) -> None:
        """Start a process without waiting for it, where one is to be ready and none is."""
        if not self.resident or self._stopped or self._run is not None or self._turn.locked():
            return
        if self._warming is None or self._warming.done():
            self._warming = asyncio.get_running_loop().create_task(self._ready(), name="planning process")

    async def _ready(self) -> None:
        async with self._turn:
            if self._run is None:
                try:
                    self._run = await self._spawn()
                except SolveError as error:
                    # Whoever asks hears the same.
                    _log.warning("%s", error)

    async def _end(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        process = run.process
        assert process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                # While something is left in its pipes it is not gone.
                while await process.stdout.read(MOST_BYTES):
                    pass
                await process.wait()
        if run.drain is not None:
            run.drain.cancel()
            await asyncio.gather(run.drain, return_exceptions=True)
