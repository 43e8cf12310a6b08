"""The API's documents: OpenAPI, the page of it, and the explanations of problems.

They are made of all operations at once, which takes megabytes that nothing else needs: a child process makes
them when somebody first asks, and the hub keeps what it printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.api.problems import UNAVAILABLE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE: Final = 60.0
"""Seconds that the child may take; a small computer needs some."""

_ROOT: Final = str(Path(__file__).parents[2])


class Published:
    """What is published, made at the first request."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._making = asyncio.Lock()

    async def text(self, path: str) -> str | None:
        """Return what is at a path: JSON, or the inside of a page; None when nothing is.

        :raises Problem: it cannot be made
        """
        async with self._making:
            if not self._texts:
                self._texts = await _made()
        return self._texts.get(path)


def documents() -> Mapping[str, str]:
    """Return every document by its path. It imports all operations."""
    from bridge.api.docs_page import body
    from bridge.api.explanations import explanations
    from bridge.api.openapi import document
    from bridge.api.router import Router

    operations = Router().every()
    described = document(operations)
    return {
        "/openapi.json": json.dumps(described, ensure_ascii=False, separators=(",", ":")),
        "/docs": body(described),
        **explanations(operations),
    }


async def _made() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge.api.published"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            printed, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        raise Problem(UNAVAILABLE, "the documents take too long to make") from None
    if child.returncode != 0:
        raise Problem(UNAVAILABLE, "the documents cannot be made; the hub's log says why")
    made: dict[str, str] = json.loads(printed)
    return made


if __name__ == "__main__":
    json.dump(documents(), sys.stdout)
