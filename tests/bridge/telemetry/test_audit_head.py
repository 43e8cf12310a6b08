"""An audit trail whose end was cut off, and one that only looks so because a hub was killed."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path

import pytest

from bridge.alert_sources import AlertSources
from bridge.data_dir import DataDirectory
from bridge.faults import Severity
from bridge.settings import TelemetrySettings
from bridge.state import SqliteStorage
from bridge.telemetry.audit_head import AuditHead, AuditHeads
from bridge.telemetry.event_log import EventLog, read_audit, reading, verify
from bridge.telemetry.event_queue import EventQueue
from bridge.telemetry.telemetry import Telemetry
from matter_node.storage import MemoryStorage

ROOT = Path(__file__).parents[3]


class Recorded:
    """A home whose deeds are recorded, over and over."""

    def __init__(self, home, path):
        self.home, self.path = home, path
        self.heads = AuditHeads(home.storage)
        self.home.alerts.start()
        AlertSources(home.alerts, home.bus, home.registry).start()

    async def run(self, deeds=0):
        """Start, do something, and stop in order; return what the check says meanwhile."""
        telemetry = Telemetry(
            TelemetrySettings(),
            DataDirectory(self.path),
            UTC,
            self.home.registry,
            self.home.bus,
            self.heads,
        )
        before = await telemetry.verify_audit_trail()
        telemetry.start()
        for number in range(deeds):
            telemetry.audit("user/anna", "do", str(number))
        await telemetry.flush()
        await telemetry.stop()
        return before

    def change(self, statement):
        """Change the trail as somebody does who has the file and no scruples."""
        with sqlite3.connect(self.path / "events.db") as connection:
            for trigger in ("audit_grows", "audit_stays", "audit_remains"):
                sql = connection.execute(
                    "SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)
                ).fetchone()[0]
                connection.execute(f"DROP TRIGGER {trigger}")
                if trigger == "audit_remains":
                    connection.execute(statement)
                connection.execute(sql)
        connection.close()

    @property
    def alerts(self):
        return [alert.title for alert in self.home.alerts.unresolved()]

    @property
    def trail(self):
        with reading(self.path / "events.db") as connection:
            return [entry.deed for entry in read_audit(connection)]


@pytest.fixture
def recorded(home, tmp_path):
    return Recorded(home, tmp_path)


async def test_a_trail_that_is_whole_alarms_nobody(recorded):
    for _ in range(3):
        assert await recorded.run(deeds=4) is None
    assert recorded.alerts == []
    assert recorded.heads.kept().number == len(recorded.trail) == 18


async def test_one_without_its_end_is_noticed_before_anything_is_added(recorded):
    await recorded.run(deeds=4)
    recorded.change("DELETE FROM audit WHERE id > 3")
    assert await recorded.run(deeds=8) == 4
    (alert,) = recorded.home.alerts.unresolved()
    assert (alert.title, alert.severity) == ("The audit trail was cut off", Severity.CRITICAL)
    assert "Entry 6 was its last" in alert.text
    assert "ends with 3" in alert.text
    found = recorded.trail[3]
    assert (found.actor, found.action) == ("hub", "find the audit trail cut off")
    assert (found.data["missing"], found.data["left"]) == (6, 3)
    assert await recorded.run() is None, "it is watched anew"
    assert len(recorded.alerts) == 1
    recorded.change("DELETE FROM audit WHERE id > 10")
    assert await recorded.run() == 11


async def test_one_that_was_deleted_or_exchanged_is_noticed(recorded, tmp_path):
    await recorded.run(deeds=2)
    for path in tmp_path.glob("events.db*"):
        path.unlink()
    assert await recorded.run() == 1
    assert recorded.alerts == ["The audit trail was cut off"]
    assert recorded.trail[0].data["left"] == 0
    await recorded.run(deeds=2)
    await recorded.run(deeds=2)
    kept = recorded.heads.kept()
    recorded.heads.keep(AuditHead(kept.number - 1, kept.hash))
    assert await recorded.run() == kept.number - 1, "another entry has its number"


async def test_one_that_was_deleted_while_the_hub_runs_is_noticed_with_the_next_deed(recorded, tmp_path):
    telemetry = Telemetry(
        TelemetrySettings(),
        DataDirectory(tmp_path),
        UTC,
        recorded.home.registry,
        recorded.home.bus,
        recorded.heads,
    )
    telemetry.start()
    telemetry.audit("user/anna", "do")
    await telemetry.flush()
    for path in tmp_path.glob("events.db*"):
        path.unlink()
    telemetry.audit("user/anna", "do")
    await telemetry.flush()
    await telemetry.stop()
    assert recorded.alerts == ["The audit trail was cut off"]


async def test_somebody_who_has_taken_note_is_not_told_for_ever(recorded):
    await recorded.run(deeds=2)
    recorded.change("DELETE FROM audit WHERE id > 1")
    await recorded.run()
    (alert,) = recorded.home.alerts.unresolved()
    home = recorded.home
    AlertSources(home.alerts, home.bus, home.registry).start()
    assert len(recorded.alerts) == 1
    home.alerts.acknowledge(alert.number, "anna")
    AlertSources(home.alerts, home.bus, home.registry).start()
    assert recorded.alerts == []


async def test_a_trail_from_before_is_watched_from_now_on(recorded):
    await recorded.run(deeds=2)
    recorded.heads = AuditHeads(MemoryStorage())
    assert await recorded.run() is None
    assert recorded.heads.kept().number == len(recorded.trail)
    assert recorded.alerts == []


@pytest.mark.parametrize("stored", [b"", b"[1]", b"[1, 2]", b'["x", "00"]', b'[1, "xy"]'])
def test_what_cannot_be_read_of_the_head_is_none(stored):
    storage = MemoryStorage()
    storage.put("audit-trail-head", stored)
    assert AuditHeads(storage).kept() is None


HUB = """
import asyncio, sys
from datetime import UTC
from pathlib import Path
from bridge.data_dir import DataDirectory
from bridge.home import Home
from bridge.settings import TelemetrySettings
from bridge.state import SqliteStorage
from bridge.telemetry.audit_head import AuditHeads
from bridge.telemetry.telemetry import Telemetry
from matter_node.clock import AsyncioClock

async def main():
    directory = Path(sys.argv[1])
    storage = SqliteStorage(directory / "state.db")
    home = Home(storage, AsyncioClock())
    settings, heads = TelemetrySettings(enabled=False), AuditHeads(storage)
    telemetry = Telemetry(settings, DataDirectory(directory), UTC, home.registry, home.bus, heads)
    telemetry.start()
    for number in range(1 << 30):
        telemetry.audit("hub", "x", str(number))
        print(number, flush=True)
        await asyncio.sleep(0.002 * (number % 3))

asyncio.run(main())
"""


def test_kill_9_at_any_instant_is_no_false_alarm(tmp_path):
    randomness = random.Random(20261126)
    for round_ in range(5):
        hub = subprocess.Popen(
            [sys.executable, "-c", HUB, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert hub.stdout.readline(), "the hub runs"
        time.sleep(randomness.uniform(0, 0.3))
        hub.send_signal(signal.SIGKILL)
        hub.stdout.close()
        hub.wait()
        storage = SqliteStorage(tmp_path / "state.db")
        head = AuditHeads(storage).kept()
        storage.close()
        cuts, log = [], EventLog(tmp_path / "events.db")
        with reading(tmp_path / "events.db") as connection:
            assert verify(connection, head) is None
        log.watch(head, lambda _: None, cuts.append)
        log.append(EventQueue(tmp_path / "events.journal", lambda: None).take())
        log.close()
        assert cuts == []
        if round_:
            assert head is not None
            assert head.number > round_
