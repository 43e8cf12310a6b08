import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.telemetry.database import DamagedError
from bridge.telemetry.event_log import Deed, Event, EventLog, read_audit, read_events, reading, verify
from bridge.telemetry.event_queue import MOST, EventQueue

ROOT = Path(__file__).parents[3]


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path / "events.db")
    yield log
    log.close()


@pytest.fixture
def path(log):
    return log.database.path


def deeds(count, start=1):
    return [
        Deed(each, 1000.0 + each, "user anna", "command", f"module-{each}", {"value": each})
        for each in range(start, start + count)
    ]


def test_events_are_read_the_newest_first_and_by_module(log, path):
    log.append([Event(each, each / 2, "fault", "ab"[each % 2], {"raised": ["X"]}) for each in range(1, 9)])
    with reading(path) as connection:
        newest = read_events(connection, limit=3)
        assert [event.id for event in newest] == [8, 7, 6]
        assert newest[0] == Event(8, 4.0, "fault", "a", {"raised": ["X"]})
        assert [event.id for event in read_events(connection, limit=3, before=6)] == [5, 4, 3]
        assert [event.id for event in read_events(connection, module="b")] == [7, 5, 3, 1]


def test_without_a_file_there_are_no_events(tmp_path):
    with reading(tmp_path / "none.db") as connection:
        assert read_events(connection) == []
        assert read_audit(connection) == []
        assert verify(connection) is None


def test_an_entry_that_comes_again_is_stored_once(log, path):
    entries = [Event(1, 1.0, "x"), *deeds(3, start=2)]
    log.append(entries)
    log.append([*entries, Event(9, 9.0, "y")])
    with reading(path) as connection:
        assert [event.id for event in read_events(connection)] == [9, 1]
        assert [(entry.number, entry.deed.id) for entry in read_audit(connection)] == [(1, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE id = 2",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT 2, event + 99, ts, '?', action, subject, data, hash FROM audit LIMIT 1",
        "INSERT INTO audit SELECT 9, event + 100, ts, actor, action, subject, data, hash FROM audit LIMIT 1",
        "UPDATE OR REPLACE audit SET id = 2 WHERE id = 3",
    ],
)
def test_the_audit_trail_cannot_be_changed(log, path, statement):
    log.append(deeds(3))
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="audit trail"):
        connection.execute(statement)
    connection.close()
    with reading(path) as connection:
        assert [entry.deed for entry in read_audit(connection)] == deeds(3)
        assert verify(connection) is None


@pytest.mark.parametrize(
    ("tampering", "first"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE id = 2", 2),
        ("UPDATE audit SET data = '{}' WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 3", 3),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("UPDATE audit SET hash = zeroblob(32) WHERE id = 5", 5),
    ],
)
def test_who_gets_around_the_triggers_is_found_out(log, path, tampering, first):
    log.append(deeds(5))
    log.close()
    with sqlite3.connect(path) as connection:
        for trigger in ("audit_stays", "audit_remains"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(tampering)
    connection.close()
    with reading(path) as connection:
        assert verify(connection) == first
    with pytest.raises(DamagedError, match="its tables are not as they were made"):
        log.append(deeds(1, start=9))


def test_old_events_go_and_the_audit_trail_stays(log, path):
    log.append([Event(each, float(each), "x") for each in range(1, 1201)] + deeds(3, start=2000))
    steps = sum(1 for _ in log.retain(1100.0))
    assert steps == 3
    with reading(path) as connection:
        assert len(read_events(connection, limit=2000)) == 101
        assert len(read_audit(connection)) == 3


class Woken:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


def test_an_entry_waits_in_the_queue_until_it_is_stored(tmp_path):
    journal = tmp_path / "events.journal"
    woken = Woken()
    queue = EventQueue(journal, woken)
    queue.event("fault", "m", {"raised": ["GROUND_FAULT"]})
    queue.deed("user anna", "erase", "m")
    assert woken.count == 2
    assert oct(journal.stat().st_mode)[-3:] == "600"
    taken = queue.take()
    queue.event("late", "m")
    queue.stored()
    assert journal.stat().st_size > 0, "an event has come meanwhile"
    assert [each.kind for each in queue.take()] == ["late"]
    queue.stored()
    assert journal.stat().st_size == 0
    assert [each.id for each in taken] == sorted({each.id for each in taken})
    assert taken[1].actor == "user anna"
    queue.close()


def test_what_a_killed_hub_has_left_is_taken_up(tmp_path):
    journal = tmp_path / "events.journal"
    queue = EventQueue(journal, Woken())
    queue.event("fault", "m", {"raised": ["é"]})
    queue.deed("hub", "start")
    left = queue.take()
    with journal.open("ab") as file:
        file.write(b'["Event",5,1.0,"half')
    again = EventQueue(journal, Woken())
    assert again.take() == left
    again.event("next")
    assert again.take()[-1].id > left[-1].id


def test_while_the_disk_is_full_the_newest_entries_are_kept(tmp_path):
    journal = tmp_path / "missing" / "events.journal"
    queue = EventQueue(journal, Woken())
    for each in range(MOST + 5):
        queue.event("x", data={"number": each})
    assert len(queue) == MOST
    assert queue.lost == 5
    assert queue.take()[0].data == {"number": 5}


def test_noting_an_event_costs_the_event_loop_microseconds(tmp_path):
    queue = EventQueue(tmp_path / "events.journal", Woken())
    best = float("inf")
    for _ in range(25):  # the best of many: others may want the processor
        started = time.perf_counter()
        for _ in range(100):
            queue.event("command", "sma-3005067415", {"state": "applied", "value": 50.0})
        best = min(best, (time.perf_counter() - started) / 100)
    queue.close()
    assert best < 500e-6, f"{best * 1e6:.0f} us"


HUB = """
import random, sys, time
from pathlib import Path
from bridge.telemetry.backlog import Backlog
from bridge.telemetry.event_log import EventLog
from bridge.telemetry.event_queue import EventQueue
from bridge.telemetry.retention import Keeping
from bridge.telemetry.store import Store
from bridge.telemetry.writer import Writer
directory = Path(sys.argv[1])
store, log = Store(directory / "telemetry.db", None), EventLog(directory / "events.db")
writer = Writer(store, log, Backlog(), Keeping(), 0)
queue = EventQueue(directory / "events.journal", writer.wake)
writer.begin(queue)
randomness = random.Random(int(sys.argv[2]))
for number in range(1 << 30):
    if randomness.randrange(2):
        queue.event("x", data={"round": sys.argv[2], "number": number})
    else:
        queue.deed("hub", "x", data={"round": sys.argv[2], "number": number})
    print(number, flush=True)
    time.sleep(randomness.uniform(0, 0.004))
"""


def test_kill_9_at_any_instant_loses_no_event_and_no_deed(log, path):
    randomness = random.Random(20261126)
    acknowledged = set()
    for round_ in range(8):
        hub = subprocess.Popen(
            [sys.executable, "-c", HUB, str(path.parent), str(round_)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        first = hub.stdout.readline()
        assert first, "the hub runs"
        time.sleep(randomness.uniform(0, 0.3))
        hub.send_signal(signal.SIGKILL)
        lines = [line for line in [first, *hub.stdout] if line.endswith(b"\n")]
        acknowledged |= {(str(round_), int(line)) for line in lines}
        hub.stdout.close()
        hub.wait()
    log.append(EventQueue(path.parent / "events.journal", Woken()).take())
    with reading(path) as connection:
        entries = [event.data for event in read_events(connection, limit=10**6)]
        entries += [entry.deed.data for entry in read_audit(connection, limit=10**6)]
        assert verify(connection) is None
    found = [(data["round"], data["number"]) for data in entries]
    assert len(found) == len(set(found)), "each once"
    assert acknowledged <= set(found)
    assert len(acknowledged) > 100
