"""The QR code as a picture of characters.

The library that draws it stays in memory with 1.3 MB, so a hub, which draws once, has a process of its own do
it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final

_LONGEST: Final = 10.0
"""Seconds after which there is no picture."""


def qr_picture(text: str) -> str:
    """Return a QR code drawn with half blocks, light on dark and dark on light alike."""
    import segno  # see above

    picture = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(picture, border=2, compact=True)
    return picture.getvalue().rstrip("\n")


async def drawn_apart(text: str) -> str:
    """Return the same, drawn by another process; nothing when that fails."""
    command = (sys.executable, "-m", __name__, text)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(_LONGEST):
            picture, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return picture.decode() if process.returncode == 0 else ""


if __name__ == "__main__":
    sys.stdout.buffer.write(qr_picture(sys.argv[1]).encode())
