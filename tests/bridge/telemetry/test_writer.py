import json
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.telemetry import writer as writer_module
from bridge.telemetry.backlog import Backlog
from bridge.telemetry.event_log import EventLog, read_audit, read_events, reading
from bridge.telemetry.event_queue import EventQueue
from bridge.telemetry.retention import Keeping
from bridge.telemetry.writer import Writer

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[3]
NOON = int(datetime(2026, 6, 21, 12, tzinfo=UTC).timestamp())


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class Desk:
    """A writer with what it stands on, in a hurry."""

    def __init__(self, diary, now=NOON + 900):
        self.diary = diary
        self.directory = diary.path.parent
        self.backlog = Backlog()
        self.log = EventLog(self.directory / "events.db")
        self.writer = Writer(diary.store, self.log, self.backlog, Keeping(), 365, clock=lambda: now)
        self.queue = EventQueue(self.directory / "events.journal", self.writer.wake)
        self.writer.begin(self.queue)

    def read(self, times, **values):
        for each in times:
            self.backlog.add(self.diary.frame(each, **values))

    def stored(self):
        until(lambda: not len(self.backlog) and not len(self.queue))

    def events(self):
        with reading(self.directory / "events.db") as connection:
            return [(event.kind, event.data.get("state")) for event in read_events(connection)]

    def damage(self, database):
        def damage():
            database.close()
            database.path.write_bytes(b"no database" * 1000)

        self.writer.submit(damage).result(20)

    def stop(self):
        self.writer.stop()
        self.writer.ended.result(20)
        self.queue.close()


@pytest.fixture
def desk(tmp_path, new_diary, monkeypatch):
    monkeypatch.setattr(writer_module, "COMMIT", 0.05)
    monkeypatch.setattr(writer_module, "RETRY", 0.05)
    desk = Desk(new_diary(tmp_path / "telemetry.db", UTC))
    yield desk
    if desk.writer.is_alive():
        desk.stop()


def test_frames_become_history_by_themselves(desk):
    desk.read(range(NOON, NOON + 900), power_w=5.0)
    desk.stored()
    reader = desk.diary.reader()
    until(lambda: reader.framed("m") == [])
    reader.close()
    (quarter,) = desk.diary.points("power_w", NOON, NOON + 900, "15m").values()
    assert (quarter.n, quarter.mean) == (900, 5.0)


def test_stopping_writes_everything_down(desk, monkeypatch):
    desk.stored()
    monkeypatch.setattr(writer_module, "COMMIT", 60.0)
    desk.read(range(NOON, NOON + 10), power_w=5.0)
    desk.stored()  # the commit that was due
    desk.read(range(NOON + 10, NOON + 20), power_w=5.0)
    desk.queue.event("last")
    desk.stop()
    assert len(desk.diary.points("power_w", NOON, NOON + 900, "1s")) == 20
    assert desk.events() == [("last", None)]


def test_many_frames_do_not_wait_for_the_minute(desk, monkeypatch):
    monkeypatch.setattr(writer_module, "COMMIT", 60.0)
    desk.stored()
    time.sleep(0.1)
    desk.read(range(NOON, NOON + writer_module.MANY), power_w=5.0)
    desk.writer.wake()
    desk.stored()


def test_a_damaged_file_costs_the_past_and_not_the_present(desk, caplog):
    desk.read(range(NOON, NOON + 10), power_w=5.0)
    desk.stored()
    desk.damage(desk.diary.store.database)
    with caplog.at_level(logging.ERROR):
        desk.read(range(NOON + 10, NOON + 20), power_w=6.0)
        desk.stored()
    desk.stored()
    assert list(desk.diary.points("power_w", NOON, NOON + 900, "1s")) == list(range(NOON + 10, NOON + 20))
    (aside,) = desk.directory.glob("telemetry.db.damaged-*")
    assert aside.name in caplog.text
    until(lambda: ("storage", "damaged") in desk.events())


def test_a_damaged_event_log_is_replaced_and_the_new_audit_trail_says_so(desk):
    desk.queue.deed("hub", "start")
    desk.stored()
    desk.damage(desk.log.database)
    desk.queue.deed("user/anna", "command")

    def entries():
        if not list(desk.directory.glob("events.db.damaged-*")):
            return []
        with reading(desk.directory / "events.db") as connection:
            return [(entry.deed.actor, entry.deed.action) for entry in read_audit(connection)]

    until(lambda: entries() == [("user/anna", "command"), ("hub", "begin a new audit trail")])
    assert len(list(desk.directory.glob("events.db.damaged-*"))) == 1


def test_a_place_that_is_not_there_yet_is_taken_when_it_comes(tmp_path, new_diary, monkeypatch, caplog):
    monkeypatch.setattr(writer_module, "COMMIT", 0.05)
    monkeypatch.setattr(writer_module, "RETRY", 0.05)
    (tmp_path / "here").mkdir()
    diary = new_diary(tmp_path / "here" / "disk" / "telemetry.db")
    desk = Desk(diary)
    desk.log.database.path = tmp_path / "events.db"
    with caplog.at_level(logging.INFO):
        desk.read(range(NOON, NOON + 10), power_w=5.0)
        until(lambda: desk.writer.trouble)
        assert "No such file or directory" in desk.writer.trouble[0]
        time.sleep(0.3)
        (tmp_path / "here" / "disk").mkdir()
        until(lambda: not desk.writer.trouble)
    desk.stop()
    assert len(diary.points("power_w", NOON, NOON + 900, "1s")) == 10
    warnings = [line for line in caplog.messages if "until then readings wait in memory" in line]
    assert len(warnings) == 1


def test_a_job_that_fails_fails_whoever_asked_and_nobody_else(desk):
    def job():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        desk.writer.submit(job).result(20)
    assert desk.writer.submit(lambda: 7).result(20) == 7


def test_frames_that_cannot_be_stored_whatever_one_does_are_dropped(desk, caplog):
    desk.backlog.add("no frame")
    desk.stored()
    assert "some readings cannot be stored and are dropped" in caplog.text
    desk.read([NOON], power_w=5.0)
    desk.stored()
    assert list(desk.diary.points("power_w", NOON, NOON + 900, "1s")) == [NOON]


def test_a_backlog_keeps_the_newest(diary):
    backlog = Backlog(most=10)
    frames = [diary.frame(NOON + each, power_w=1.0) for each in range(25)]
    for frame in frames[:8]:
        backlog.add(frame)
    assert backlog.take() == frames[:8]
    for frame in frames[8:12]:
        backlog.add(frame)
    assert backlog.of("m") == frames[:12], "what is being written is not thrown away"
    backlog.give_back()
    assert backlog.of("m") == frames[2:12]
    for frame in frames[12:]:
        backlog.add(frame)
    assert backlog.of("m") == frames[-10:]
    assert backlog.lost == 15


def scenario(kind, directory, *prefix):
    directory.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*prefix, sys.executable, str(HERE / "full_disk.py"), str(directory), kind]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def own_mounts():
    """Return what runs a command with mounts of its own, or skip the test and say why not."""
    prefix = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    try:
        probe = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False, timeout=10)
    except FileNotFoundError:
        pytest.skip("unshare (util-linux) is not installed: no small file system to fill")
    if probe.returncode:
        pytest.skip(f"no mount namespace on this machine: {probe.stderr.strip()}")
    return prefix


@pytest.mark.parametrize("kind", ["rlimit", "tmpfs"])
def test_on_a_full_disk_the_newest_is_kept_and_stored_when_there_is_room(tmp_path, kind):
    saw = scenario(kind, tmp_path / "disk", *(own_mounts() if kind == "tmpfs" else ()))
    assert saw["errors"] == []
    if kind == "tmpfs":
        assert "free some disk space" in saw["trouble"][0]
    assert 1 <= len(saw["warnings"]) <= 3, "once for readings, events and rollups each"
    assert len(saw["warnings"]) == len(set(saw["warnings"]))
    assert saw["again"]
    assert saw["waiting"] == 2000, "memory is bounded"
    newest = list(range(saw["last"] - 9 - 2000, saw["last"] + 1))
    assert saw["times"][-len(newest) :] == newest
    assert saw["times"][:100] == list(range(100))
    kinds = [kind for kind, _ in saw["events"]]
    assert kinds.count("while") >= 1
    assert {"before", "after"} <= set(kinds)
    assert any(
        kind == "storage" and json.loads(data)["state"] == "stored again" for kind, data in saw["events"]
    )
