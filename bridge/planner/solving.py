"""Having a plan made by a process of its own, with a limit on its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.planner.plan import HomePlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.planner.question import Question

WORKER: Final = (sys.executable, "-m", "bridge.planner.worker")
_ROOT: Final = str(Path(__file__).parents[2])
_MOST_BYTES: Final = 8 * 1024 * 1024


class SolveError(Exception):
    """No plan came of it; the message is for a person."""


async def solve(question: Question, time_limit: float, *, worker: Sequence[str] = WORKER) -> HomePlan:
    """Return the plan to a question. Raise SolveError; then the process is gone, too.

    :param time_limit: seconds after which it is given up
    :param worker: what to run
    """
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    # One thread: on a small computer the others belong to the hub.
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        process = await asyncio.create_subprocess_exec(
            *worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            # A Ctrl-C at the terminal is for the hub.
            start_new_session=True,
            limit=_MOST_BYTES,
        )
    except OSError as error:
        raise SolveError(f"the planning process cannot be started: {error}") from error
    try:
        async with asyncio.timeout(time_limit):
            said, complaint = await process.communicate(question.to_json())
    except TimeoutError as error:
        raise SolveError(f"making the plan took longer than {time_limit:g} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode != 0:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:]
        raise SolveError(f"the planning process ended with {process.returncode}: {' '.join(last)}")
    try:
        return HomePlan.from_json(said)
    except ValueError as error:
        raise SolveError(f"the planning process said something else: {error}") from error
