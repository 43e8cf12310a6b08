import logging
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time

import pytest

from bridge.data_dir import DataDirectory, DataDirectoryError
from bridge.state import SqliteStorage, StateError, StateFullError
from bridge.state_file import backup_path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def storage(path):
    storage = SqliteStorage(path)
    yield storage
    storage.close()


def reopened(path):
    storage = SqliteStorage(path)
    try:
        return dict(storage.scan(""))
    finally:
        storage.close()


def test_what_was_put_is_there_after_reopening(path):
    storage = SqliteStorage(path)
    storage.put("fabric/1", b"one")
    storage.put("fabric/2", b"two")
    storage.put("fabric/1", b"uno")
    storage.delete("fabric/2")
    storage.delete("never/was")
    storage.close()
    assert reopened(path) == {"fabric/1": b"uno"}


def test_scan_returns_a_prefix_in_key_order(storage):
    for key in ("b/2", "b/1", "a", "b", "c/1", "b/\u00e9"):
        storage.put(key, key.encode())
    assert [key for key, _ in storage.scan("b/")] == ["b/1", "b/2", "b/\u00e9"]
    assert storage.get("b/1") == b"b/1"
    assert storage.get("b/3") is None


def test_a_transaction_that_raises_changes_nothing(storage):
    storage.put("a", b"before")
    with pytest.raises(RuntimeError), storage.transaction():  # noqa: PT012 - the body is what is tested
        storage.put("a", b"after")
        storage.put("b", b"new")
        raise RuntimeError
    assert storage.scan("") == [("a", b"before")]


def test_an_inner_transaction_takes_back_its_own_changes_only(storage):
    with storage.transaction():
        storage.put("outer", b"1")
        with pytest.raises(RuntimeError), storage.transaction():  # noqa: PT012 - the body is what is tested
            storage.put("inner", b"1")
            raise RuntimeError
    assert storage.scan("") == [("outer", b"1")]


def test_the_state_is_closed_to_other_users(tmp_path):
    directory = DataDirectory(tmp_path / "hub")
    directory.create()
    storage = SqliteStorage(directory.state)
    storage.put("key", b"secret")
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    for file in directory.path.glob("state.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    storage.close()


def test_only_bytes_are_stored(storage):
    with pytest.raises(TypeError):
        storage.put("key", "text")
    assert storage.get("key") is None


def test_a_full_disk_is_said_and_nothing_is_half_changed(storage):
    storage.put("a", b"before")
    pages = storage._connection.execute("PRAGMA page_count").fetchone()[0]
    storage._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StateFullError, match="free some disk space"), storage.transaction():  # noqa: PT012 - the body is what is tested
        storage.put("a", b"after")
        for number in range(100):
            storage.put(f"filler/{number}", bytes(4000))
    assert storage.scan("") == [("a", b"before")]
    with pytest.raises(StateFullError):
        storage.put("b", bytes(100_000))
    storage.put("a", b"still works")
    assert storage.scan("") == [("a", b"still works")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"this is no database " * 500),
        lambda file: file.write_bytes(file.read_bytes()[:4096] + bytes(len(file.read_bytes()) - 4096)),
        lambda file: file.write_bytes(file.read_bytes()[:700]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"CREATE TABLE kv", b"CREATE \xe2ABLE kv")),
    ],
    ids=["overwritten", "zeroed pages", "cut off", "a name that is no text"],
)
def test_a_damaged_file_is_set_aside_and_the_last_good_copy_restored(path, caplog, damage):
    storage = SqliteStorage(path)
    for number in range(200):
        storage.put(f"fabric/{number:03}", bytes(100))
    storage.close()
    damage(path)
    with caplog.at_level(logging.ERROR):
        values = reopened(path)
    assert len(values) == 200
    assert "set aside as state.db.damaged-" in caplog.text
    assert "restored the copy of" in caplog.text
    assert len(list(path.parent.glob("state.db.damaged-*"))) == 1


def test_without_a_good_copy_the_hub_starts_empty_and_says_so(path, caplog):
    path.write_bytes(b"garbage" * 1000)
    backup_path(path).write_bytes(b"garbage too" * 1000)
    assert reopened(path) == {}
    assert "must be paired again" in caplog.text


def test_a_newer_state_is_refused_and_left_alone(path):
    SqliteStorage(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="newer ores-bridge"):
        SqliteStorage(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_not_taken_over(path, caplog):
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 77")
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    assert reopened(path) == {}
    aside = next(path.parent.glob("state.db.damaged-*"))
    with sqlite3.connect(aside) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_writing_behind_reaches_the_disk_without_being_asked(storage, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(time.monotonic()))
    started = time.monotonic()
    storage.put("a", b"1")
    while not synced and time.monotonic() < started + 5:
        time.sleep(0.005)
    assert synced
    time.sleep(0.2)
    assert len(synced) == 1, "an idle hub leaves the disk alone"


def test_a_disk_that_failed_is_never_believed_again(storage, monkeypatch):
    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    storage.put("a", b"1")
    with pytest.raises(StateError, match="Input/output error"):
        storage.flush()
    monkeypatch.undo()
    with pytest.raises(StateError, match="check the disk"):
        storage.flush()
    storage._disk._failure = None  # so that closing succeeds


def test_a_long_log_is_folded_away_in_the_background(path, storage):
    for round_ in range(60):
        with storage.transaction():
            for number in range(100):
                storage.put(f"key/{number:03}", bytes([round_]) * 3000)
    deadline = time.monotonic() + 10
    while path.stat().st_size < 300_000 and time.monotonic() < deadline:
        storage.put("tick", b"1")
        time.sleep(0.05)
    assert path.stat().st_size >= 300_000


def test_a_second_hub_is_kept_out_of_the_directory(tmp_path):
    first, second = DataDirectory(tmp_path), DataDirectory(tmp_path)
    first.lock()
    with pytest.raises(DataDirectoryError, match=f"process {os.getpid()}"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


WRITER = """
import random, sys
from pathlib import Path
from bridge.state import SqliteStorage
storage = SqliteStorage(Path(sys.argv[1]))
randomness = random.Random(int(sys.argv[2]))
start = max((int.from_bytes(value) for _, value in storage.scan("key/")), default=0)
for number in range(start + 1, 1 << 40):
    kind = randomness.randrange(4)
    if kind == 0:
        with storage.transaction():
            storage.put(f"key/{number % 50}", number.to_bytes(8))
            storage.put(f"twin/{number % 50}", number.to_bytes(8))
    elif kind == 1:
        storage.put(f"key/{number % 50}", number.to_bytes(8))
        storage.flush()
    else:
        storage.put(f"key/{number % 50}", number.to_bytes(8))
    sys.stdout.buffer.write(b"%d %d\\n" % (number, kind))
    sys.stdout.buffer.flush()
"""


def test_kill_9_at_any_instant_loses_nothing_acknowledged(path):
    randomness = random.Random(20261123)
    acknowledged, twins = {}, {}
    for round_ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(round_)], stdout=subprocess.PIPE
        )
        first = writer.stdout.readline()
        assert first, "the writer runs"
        time.sleep(randomness.uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        for line in [first, *writer.stdout]:
            if not line.endswith(b"\n"):
                continue  # killed while acknowledging
            number, kind = map(int, line.split())
            acknowledged[number % 50] = number
            if kind == 0:
                twins[number % 50] = number
        writer.stdout.close()
        writer.wait()
        values = reopened(path)
        for slot, number in acknowledged.items():
            assert int.from_bytes(values[f"key/{slot}"]) >= number
        for slot, number in twins.items():
            twin = int.from_bytes(values[f"twin/{slot}"])
            assert twin >= number
            assert int.from_bytes(values[f"key/{slot}"]) >= twin, "a transaction is stored whole"
    assert len(acknowledged) == 50


def test_a_put_costs_microseconds(storage):
    for _ in range(200):
        storage.put("warm", b"up")
    best = float("inf")
    for _ in range(25):  # the best of many: others may want the processor
        started = time.perf_counter()
        for number in range(200):
            storage.put(f"attribute/{number}/57/5", b"\x0c\x05label")
        best = min(best, (time.perf_counter() - started) / 200)
    assert best < 200e-6, f"{best * 1e6:.0f} us"
