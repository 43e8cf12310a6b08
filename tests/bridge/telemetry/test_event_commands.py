"""Looking back on the command line: what happened, and who did what."""

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.state import SqliteStorage
from bridge.telemetry.audit_head import AuditHead, AuditHeads
from bridge.telemetry.event_log import Deed, Event, EventLog

NOW = 1_800_000_000.0
COMMAND = {"kind": "charge_w", "value": 1500.0, "origin": "plan", "source": "planner"}


@pytest.fixture
def told(tmp_path):
    """Write a few entries, as a hub leaves them, and give a way to ask about them."""
    with closing(EventLog(tmp_path / "events.db")) as log:
        log.append(
            [
                Event(1, NOW, "command", "acme-b1", COMMAND | {"state": "applied", "reason": ""}),
                Deed(2, NOW, "plan/planner", "command", "acme-b1", {"kind": "charge_w"}),
                Event(3, NOW + 1, "grid", "", {"state": "lost"}),
                Event(4, NOW + 2, "command", "acme-b1", COMMAND | {"state": "superseded", "reason": "why"}),
                Deed(5, NOW + 3, "nobody", "POST /a", "eve\x1b[31m\nroot", {"result": "401"}),
            ]
        )

    def run(*arguments):
        result = CliRunner().invoke(main, [*arguments, "--data-dir", str(tmp_path)])
        return result.exit_code, result.output

    run.path = tmp_path / "events.db"
    return run


def test_events_say_what_became_of_commands_and_why(told):
    code, text = told("events")
    assert code == 0
    first, grid, last = text.splitlines()
    assert first.endswith("acme-b1: charge_w 1500 by plan (planner) is applied")
    assert grid.endswith("grid state lost")
    assert last.endswith("is superseded: why")
    assert told("events", "acme-b1", "--last", "1")[1] == last + "\n"
    assert [each["id"] for each in json.loads(told("events", "--json")[1])] == [1, 3, 4]


def test_the_audit_trail_says_who_did_what(told):
    code, text = told("audit")
    assert code == 0
    first, second = text.splitlines()
    assert first.endswith("plan/planner command acme-b1 kind charge_w")
    assert second.endswith("nobody POST /a eve [31m root result 401"), "it tells the terminal nothing"
    assert json.loads(told("audit", "--last", "1", "--json")[1])[0]["number"] == 2


def test_a_changed_entry_is_found(told):
    assert told("audit", "--verify") == (0, "All 2 entries are as they were written.\n")
    with closing(sqlite3.connect(told.path)) as connection:
        connection.execute("DROP TRIGGER audit_stays")
        connection.execute("UPDATE audit SET actor = 'user/anna' WHERE id = 1")
        connection.commit()
    code, text = told("audit", "--verify")
    assert code == 1
    assert "entry 1 of 2 is not as it was written" in text


def test_a_trail_that_was_cut_off_is_found_by_its_head(told):
    with closing(SqliteStorage(told.path.with_name("state.db"))) as storage:
        AuditHeads(storage).keep(AuditHead(5, bytes(32)))
    code, text = told("audit", "--verify")
    assert code == 1
    assert "the trail was cut off: it had 5 entries and has 2" in text
