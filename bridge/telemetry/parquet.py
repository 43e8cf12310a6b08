"""History as Parquet while it is read. A process of its own writes it, so that pyarrow never fills the hub.

Run as a program, it reads lines of JSON, the metrics and then some rows a line, and writes the file to its
standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.telemetry.database import StoreError
from bridge.telemetry.export import ParquetFile
from bridge.telemetry.history import Point, Row
from bridge.telemetry.metrics import MetricSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bridge.telemetry.telemetry import HistoryStream

PART: Final = 32 * 1024
"""Bytes that are passed on at a time, at most."""

_log = logging.getLogger(__name__)


def is_possible() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


async def parquet(history: HistoryStream) -> AsyncIterator[bytes]:
    """Yield the parts of the file. Raise ConnectionResetError when it breaks off."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(history, process.stdin))
    try:
        while part := await process.stdout.read(PART):
            yield part
        await feeding
        if await process.wait():
            raise ConnectionResetError("the Parquet file could not be written")
    except StoreError as error:
        _log.error("a Parquet file was broken off: %s", error)
        raise ConnectionResetError("the history was broken off") from error
    finally:
        feeding.cancel()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _feed(history: HistoryStream, pipe: asyncio.StreamWriter) -> None:
    pipe.write(json.dumps([asdict(spec) for spec in history.specs]).encode() + b"\n")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit code tells of it
        async for rows in history:
            pipe.write(json.dumps(rows).encode() + b"\n")
            await pipe.drain()
        pipe.close()
        await pipe.wait_closed()


class _Output:
    """Standard output that says how far it is: a pipe cannot tell."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written = 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.flush()


def write(lines: Iterable[bytes], output: BinaryIO) -> None:
    """Write the file that lines of JSON tell. Raise ExportError without pyarrow, OSError."""
    reading = iter(lines)
    specs = [MetricSpec(**values) for values in json.loads(next(reading))]
    file = ParquetFile(_Output(output), specs)
    for line in reading:
        file.write(
            [
                Row(start, end, tuple(None if point is None else Point(*point) for point in points))
                for start, end, points in json.loads(line)
            ]
        )
    file.close()
    output.flush()


if __name__ == "__main__":
    write(sys.stdin.buffer, sys.stdout.buffer)
