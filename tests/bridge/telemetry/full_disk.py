"""A store on a disk that fills up and is emptied again, in a process of its own. Prints what it saw as JSON.

python full_disk.py DIRECTORY rlimit    nothing can be written to any file for a while
python full_disk.py DIRECTORY tmpfs     DIRECTORY becomes a small file system, which another file fills
"""

import json
import logging
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bridge.telemetry import writer as writer_module
from bridge.telemetry.backlog import Backlog
from bridge.telemetry.event_log import EventLog
from bridge.telemetry.event_queue import EventQueue
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.history import History
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import resolution
from bridge.telemetry.retention import Keeping
from bridge.telemetry.store import Store
from bridge.telemetry.writer import Writer
from hw.module import Capabilities
from hw.reading import Reading

BEGIN = int(datetime(2026, 6, 21, 12, tzinfo=UTC).timestamp())
BOUND = 2000


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.levelname} {record.getMessage()}")


class LimitedFiles:
    def __init__(self, directory):
        self.directory = directory

    def fill(self):
        self._set(512)

    def free(self):
        self._set(resource.RLIM_INFINITY)

    def _set(self, limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


class SmallDisk:
    def __init__(self, directory):
        self.filler = directory / "filler"

    def fill(self):
        with self.filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self):
        self.filler.unlink()


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def main(directory, kind):
    if kind == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)], check=True)
    lines = Lines()
    logging.getLogger().addHandler(lines)
    logging.getLogger().setLevel("INFO")
    writer_module.COMMIT = writer_module.RETRY = 0.05
    backlog = Backlog(BOUND)
    store, log = Store(directory / "telemetry.db", UTC), EventLog(directory / "events.db")
    writer = Writer(store, log, backlog, Keeping(), 0, clock=lambda: BEGIN)
    queue = EventQueue(directory / "events.journal", writer.wake)
    writer.begin(queue)
    maker, second = FrameMaker(), 0

    def read(count):
        nonlocal second
        for _ in range(count):
            now = datetime.fromtimestamp(BEGIN + second, UTC)
            backlog.add(maker.frame(Reading("m", now, power_w=float(second)), Capabilities(True, True)))
            second += 1

    read(100)
    queue.event("before")
    until(lambda: not len(backlog) and not len(queue))
    disk = {"rlimit": LimitedFiles, "tmpfs": SmallDisk}[kind](directory)
    disk.fill()
    while not any("telemetry.db" in trouble for trouble in writer.trouble):
        read(50)
        queue.event("while", data={"filler": "x" * 2000})
        time.sleep(0.02)
        assert second < 20_000, "the disk never was full"
    full_at, trouble = second, writer.trouble
    read(BOUND + 500)
    time.sleep(0.3)
    waiting = len(backlog)
    warnings = [line for line in lines.lines if line.startswith("WARNING") and "until then" in line]
    disk.free()
    until(lambda: not writer.trouble and not len(backlog) and not len(queue))
    read(10)
    queue.event("after")
    until(lambda: not len(queue))
    writer.stop()
    writer.ended.result(20)
    with Reader(store.database.path) as reader:
        span = resolution("1s", BEGIN, BEGIN)
        history = History(reader, "m", reader.find("m", ["power_w"]), BEGIN, BEGIN + second, span)
        times = [row.start - BEGIN for chunk in history.chunks() for row in chunk]
    with log.database.connection() as connection:
        events = connection.execute("SELECT kind, data FROM event ORDER BY id").fetchall()
    sys.stdout.write(
        json.dumps(
            {
                "trouble": trouble,
                "warnings": warnings,
                "again": [line for line in lines.lines if "stored again" in line],
                "waiting": waiting,
                "full_at": full_at,
                "last": second - 1,
                "times": times,
                "events": events,
                "errors": [line for line in lines.lines if line.startswith(("ERROR", "CRITICAL"))],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
