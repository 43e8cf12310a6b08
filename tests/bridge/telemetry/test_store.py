import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.telemetry.catalog import metrics_of
from bridge.telemetry.database import DamagedError, NewerFileError, StoreError
from bridge.telemetry.samples import block_samples
from bridge.telemetry.schema import TELEMETRY
from bridge.telemetry.store import Store

ROOT = Path(__file__).parents[3]


def test_a_quarter_of_an_hour_becomes_blocks_and_rollups_and_its_frames_go(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 1000), power_w=100.0, energy_imported_wh=lambda time: float(time - noon))
    diary.compact(now=noon + 1000)
    assert diary.query("SELECT min(ts), count(*) FROM frame") == [(noon + 900, 100)]
    blocks = diary.query("SELECT name, ts, n FROM block JOIN metric ON id = metric ORDER BY id")
    assert blocks == [("power_w", noon, 900), ("energy_imported_wh", noon, 900), ("state", noon, 900)]
    minutes = (
        "SELECT ts, n, mean, mn, mx, delta FROM r60 JOIN metric ON id = metric WHERE name = ? ORDER BY ts"
    )
    assert diary.query(minutes, "power_w") == [
        (noon + 60 * each, 60, 1000.0, 1000.0, 1000.0, None) for each in range(15)
    ]
    energy = diary.query(minutes, "energy_imported_wh")
    assert [row[5] for row in energy] == [590] + [600] * 14
    assert diary.query("SELECT day, first, last, delta FROM counter_day") == [(20260621, 0, 8990, 8990)]


def test_rollups_take_few_bytes_because_they_are_whole_steps(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), power_w=lambda time: 100.0 + time % 60)
    diary.compact()
    with diary.store.connection() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # The file format has no bytes for 0 and 1, and one to six for other whole numbers.
    (row,) = diary.query(
        "SELECT typeof(mn), mn, mx FROM r900 JOIN metric ON id = metric WHERE name = 'power_w'"
    )
    assert row == ("real", 1000.0, 1590.0)


def test_compacting_again_changes_nothing(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), power_w=float, energy_imported_wh=float)
    everything = [f"SELECT * FROM {table}" for table in ("block", "r60", "r900", "counter_day")]
    diary.compact()
    before = [diary.query(each) for each in everything]
    diary.write(range(noon, noon + 900), power_w=float, energy_imported_wh=float)
    diary.compact()
    assert [diary.query(each) for each in everything] == before


def test_frames_that_come_while_their_quarter_is_compacted_are_not_lost(diary, at):
    from bridge.telemetry.compaction import compact

    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 600), power_w=1.0)
    for step, _ in enumerate(compact(diary.store, noon + 900)):
        if step < 3:
            diary.write([noon + 600 + step], power_w=2.0)
    diary.compact()
    points = diary.points("power_w", noon, noon + 900, "1s")
    assert len(points) == 603
    (quarter,) = diary.points("power_w", noon, noon + 900, "15m").values()
    assert quarter.n == 603


def test_a_late_frame_is_added_to_the_history(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write([noon, noon + 20], energy_imported_wh=lambda time: float(time - noon))
    diary.write([noon + 900], energy_imported_wh=100.0)
    diary.compact()
    diary.write([noon + 899], energy_imported_wh=90.0)
    diary.compact()
    points = diary.points("energy_imported_wh", noon, noon + 1800, "15m")
    assert {start - noon: point.delta for start, point in points.items()} == {0: 90.0, 900: 10.0}
    assert diary.query("SELECT first, last, delta FROM counter_day") == [(0, 1000, 1000)]


def test_the_file_is_closed_to_other_users(diary, at):
    diary.write([at(2026, 6, 21)], power_w=1.0)
    for file in diary.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_newer_hubs_file_is_left_alone(diary, at, tmp_path):
    diary.write([at(2026, 6, 21)], power_w=1.0)
    diary.store.close()
    with sqlite3.connect(diary.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = diary.path.read_bytes()
    with pytest.raises(NewerFileError, match="newer ores-bridge"):
        diary.write([at(2026, 6, 21)], power_w=1.0)
    assert diary.path.read_bytes() == before
    assert not list(tmp_path.glob("*.damaged-*"))


def test_another_programs_file_is_set_aside_and_not_changed(diary, at, tmp_path):
    with sqlite3.connect(diary.path) as connection:
        connection.execute("PRAGMA application_id = 77")
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(DamagedError, match="belongs to another program"):
        diary.write([at(2026, 6, 21)], power_w=1.0)
    (aside,) = tmp_path.glob("*.damaged-*")
    with sqlite3.connect(aside) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_an_old_file_is_migrated_step_by_step(tmp_path, monkeypatch, new_diary, at):
    path = tmp_path / "telemetry.db"
    diary = new_diary(path)
    diary.write([at(2026, 6, 21)], power_w=1.0)
    diary.store.close()
    newer = (*TELEMETRY.migrations, ("CREATE TABLE later (x INTEGER) STRICT",))
    monkeypatch.setattr(
        "bridge.telemetry.store.TELEMETRY",
        type(TELEMETRY)(TELEMETRY.application_id, newer, TELEMETRY.pragmas),
    )
    diary = new_diary(path)
    assert diary.query("PRAGMA user_version") == [(2,)]
    assert diary.query("SELECT count(*) FROM frame") == [(1,)]
    assert diary.query("SELECT count(*) FROM later") == [(0,)]
    diary.store.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"this is no database " * 500,
        lambda data: data[:4096] + bytes(len(data) - 4096),
        lambda data: data[:100] + bytes(byte ^ 0xFF for byte in data[100:4096]) + data[4096:],
        lambda data: data[:5000],
    ],
    ids=["overwritten", "zeroed pages", "flipped bytes", "cut off"],
)
def test_a_damaged_file_is_set_aside_with_the_time_and_a_new_one_begun(diary, at, damage):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), power_w=1.0)
    diary.compact()
    diary.store.close()
    diary.path.write_bytes(damage(diary.path.read_bytes()))
    said = r"was set aside as telemetry\.db\.damaged-\d{8}T\d{6}"
    with pytest.raises(DamagedError, match=said):  # noqa: PT012 - where it is noticed depends on the damage
        for _ in range(5):
            diary.write(range(noon + 900, noon + 910), power_w=2.0)
            diary.store.examine()
    diary.write(range(noon + 900, noon + 910), power_w=2.0)
    assert [point.mean for point in diary.points("power_w", noon, noon + 1800, "1s").values()] == [2.0] * 10
    assert len(list(diary.path.parent.glob("telemetry.db.damaged-*"))) == 1


def found_damaged(diary, noon):
    """Whether one of the things that are done to a file finds it damaged."""
    try:
        diary.write([noon + 5000], power_w=1.0)
        diary.compact()
        diary.store.examine()
        diary.write([noon + 5001], power_w=1.0)
    except DamagedError:
        return True
    return False


def test_random_flips_are_noticed_or_harmless_but_never_fatal(tmp_path, new_diary, at):
    noon = at(2026, 6, 21, 12)
    randomness = random.Random(20261126)
    original = new_diary(tmp_path / "original.db")
    original.write(
        range(noon, noon + 1800),
        power_w=lambda time: time % 97.0,
        energy_imported_wh=lambda time: time - noon,
    )
    original.compact(now=noon + 1000)
    original.store.close()
    data = original.path.read_bytes()
    places = sorted(
        set(range(len(data))) - set(range(60, 64))
    )  # there is the version, which is not judged here
    noticed = 0
    for round_ in range(100):
        damaged = bytearray(data)
        for _ in range(randomness.choice([1, 20, 500])):
            damaged[randomness.choice(places)] ^= randomness.randrange(1, 256)
        diary = new_diary(tmp_path / f"{round_}.db")
        diary.path.write_bytes(damaged)
        if found_damaged(diary, noon):
            noticed += 1
            diary.write([noon + 5002], power_w=3.0)
            assert diary.points("power_w", noon + 5002, noon + 5003, "1s")[noon + 5002].mean == 3.0
        else:
            # No page is damaged; a number may have become another one, and a name.
            with contextlib.suppress(StoreError):
                diary.rows([], noon, noon + 6000, "1s")
        diary.store.close()
    assert noticed > 20


def test_a_damaged_block_costs_itself_alone(diary, at, caplog):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 1800), power_w=float)
    diary.compact()
    with diary.store.transaction() as connection:
        connection.execute("UPDATE block SET data = substr(data, 1, 20) WHERE ts = ?", (noon,))
    assert list(diary.points("power_w", noon, noon + 1800, "1s")) == list(range(noon + 900, noon + 1800))
    assert "a quarter of an hour of power_w is damaged" in caplog.text
    assert len(diary.points("power_w", noon, noon + 1800, "1m")) == 30


def test_a_file_that_was_deleted_is_begun_anew(diary, at, caplog):
    noon = at(2026, 6, 21, 12)
    diary.write([noon], module="a", power_w=1.0)
    for file in diary.path.parent.glob("telemetry.db*"):
        file.unlink()
    diary.write([noon], module="b", power_w=2.0)
    assert "was deleted while the hub was running" in caplog.text
    assert diary.query("SELECT key FROM device") == [("b",)]
    assert diary.points("power_w", noon, noon + 1, "1s", module="b")[noon].mean == 2.0


WRITER = """
import random, sys
from datetime import UTC, datetime
from pathlib import Path
from bridge.telemetry.compaction import compact
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from hw.module import Capabilities
from hw.reading import Reading
store = Store(Path(sys.argv[1]), UTC)
randomness = random.Random(int(sys.argv[2]))
time = int(sys.argv[3])
maker = FrameMaker()
while True:
    frames = []
    for _ in range(randomness.randrange(1, 200)):
        now = datetime.fromtimestamp(time, UTC)
        reading = Reading("m", now, power_w=float(time % 10_000), voltage_v=230.0)
        frames.append(maker.frame(reading, Capabilities(imported_energy=True, exported_energy=True)))
        time += 1
    store.commit(frames)
    print(time, flush=True)
    if randomness.randrange(4) == 0:
        for _ in compact(store, time):
            pass
"""


def test_kill_9_at_any_instant_loses_no_committed_second_and_leaves_nothing_half(diary, at):
    begin = time_ = at(2026, 6, 21, 12)
    randomness = random.Random(20261126)
    for round_ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(diary.path), str(round_), str(time_)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        first = writer.stdout.readline()
        assert first, "the writer runs"
        time.sleep(randomness.uniform(0, 0.4))
        writer.send_signal(signal.SIGKILL)
        lines = [line for line in [first, *writer.stdout] if line.endswith(b"\n")]
        writer.stdout.close()
        writer.wait()
        time_ = max(time_, int(lines[-1]))
        rows = diary.rows(["power", "voltage"], begin, begin + 10**7, "1s")
        # What was committed is there without a gap; of the commit that was killed, all of it or nothing.
        starts = [row.start for row in rows]
        assert starts == list(range(begin, begin + len(starts)))
        assert starts[-1] + 1 >= time_
        assert all(row.points[0].mean == row.start % 10_000 for row in rows)
        assert all(row.points[1].mean == 230.0 for row in rows)
        time_ = starts[-1] + 1
    diary.compact()
    (month,) = diary.points("power", begin, begin + 1, "1mo").values()
    assert month.n == time_ - begin


def test_blocks_are_those_of_the_samples_whatever_came_first(diary, at):
    noon = at(2026, 6, 21, 12)
    times = list(range(noon, noon + 900))
    random.Random(3).shuffle(times)
    for start in range(0, 900, 100):
        diary.write(sorted(times[start : start + 100]), power_w=lambda time: float(time - noon))
        diary.compact()
    with diary.store.connection() as connection:
        metric = metrics_of(connection, 1)[0]
        assert block_samples(connection, metric, noon) == {noon + each: float(each) for each in range(900)}


def test_a_store_does_nothing_until_it_is_needed(tmp_path):
    Store(tmp_path / "telemetry.db", None)
    assert not list(tmp_path.iterdir())
