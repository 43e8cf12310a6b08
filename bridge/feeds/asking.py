"""Having a source asked by a process of its own, with a limit on its time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.feeds.series import Series, SeriesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROCESS: Final = (sys.executable, "-m", "bridge.feeds.process")
PATIENCE: Final = 30.0
"""Seconds that asking may take."""
_ROOT: Final = str(Path(__file__).parents[2])


class FeedError(Exception):
    """Nothing came of it; the message is for a person and holds no secrets.

    :ivar wait: seconds after which the server wants to be asked again, None if it did not say
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said.

    :ivar rows: series by name; empty when nothing is new
    :ivar seen: what it wants to be told when it is asked again
    """

    rows: Mapping[str, Series]
    seen: Mapping[str, str]


async def ask(
    request: dict[str, Any], *, patience: float = PATIENCE, process: Sequence[str] = PROCESS
) -> Answer:
    """Return what a source says. Raise FeedError; then the process is gone, too.

    :param request: of `bridge.feeds.source.Source.request`
    :param process: what to run
    """
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    try:
        child = await asyncio.create_subprocess_exec(
            *process,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            # A Ctrl-C at the terminal is for the hub.
            start_new_session=True,
        )
    except OSError as error:
        raise FeedError(f"the process that asks cannot be started: {error}") from error
    try:
        async with asyncio.timeout(patience):
            said, _ = await child.communicate(json.dumps(request).encode())
    except TimeoutError as error:
        raise FeedError(f"it took longer than {patience:g} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    try:
        found = json.loads(said)
        if "error" in found:
            raise FeedError(found["error"], found["wait"])
        if "unchanged" in found:
            return Answer({}, request["seen"])
        return Answer(
            {name: Series.from_plain(rows) for name, rows in found["rows"].items()}, dict(found["seen"])
        )
    except (SeriesError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedError("the process that asks failed") from error
