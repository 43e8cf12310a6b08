"""Having a question answered by a short process of its own: JSON goes in, JSON comes out, and it is gone.

What it loads is never in the hub's memory, and what it chokes on takes nothing with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT: Final = str(Path(__file__).parents[1])


class ChildError(Exception):
    """Nothing came of it; the message is for a person."""


async def answered(command: Sequence[str], question: object, *, patience: float) -> Any:
    """Return what a process prints when it is told a question. Raise ChildError; then it is gone, too.

    :param command: what the Python interpreter is to run, such as `-m` and a module
    :param patience: seconds after which it is given up
    """
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    # One thread: on a small computer the others belong to the hub.
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            # A Ctrl-C at the terminal is for the hub.
            start_new_session=True,
        )
    except OSError as error:
        raise ChildError(f"a process cannot be started: {error}") from error
    try:
        async with asyncio.timeout(patience):
            said, _ = await child.communicate(json.dumps(question).encode())
    except TimeoutError as error:
        raise ChildError(f"it took longer than {patience:g} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    try:
        return json.loads(said)
    except ValueError as error:
        raise ChildError(f"the process that was asked failed ({child.returncode})") from error
