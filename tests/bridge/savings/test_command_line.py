"""`ores-bridge savings` against a hub that runs with a simulated home."""

import json
from datetime import datetime

import pytest
from plan_lab import SETTINGS, TARIFF, hubs

from bridge.savings.book import ReckonedDay, SavingsBook
from bridge.savings.day import Reckoned
from bridge.state import SqliteStorage
from bridge.time_zone import time_zone

FIGURES = Reckoned(
    seconds=86_400.0, known_s=86_400.0, currency="EUR", bill=1.25, bill_without_battery=2.0,
    bill_with_rule=1.5, bill_without_sun=4.0, saved_by_battery=0.75, saved_by_plan=0.25, produced_wh=8000.0,
    used_wh=10_000.0, imported_wh=4000.0, exported_wh=2000.0, co2_kg=None, co2_saved_kg=None,
)  # fmt: skip


@pytest.fixture
def start(tmp_path):
    with hubs(tmp_path) as start:
        yield start


def test_what_was_saved_is_shown_and_survives_kill_9(start, tmp_path):
    hub = start(SETTINGS + TARIFF)
    assert "Nothing is known yet" in hub.ask("savings").stdout
    hub.kill()
    storage = SqliteStorage(tmp_path / "hub" / "state.db")
    today = datetime.now(time_zone("Europe/Berlin")).date()
    SavingsBook(storage).put(ReckonedDay(today, 0.0, FIGURES))
    storage.close()
    hub = start(SETTINGS + TARIFF)
    found = json.loads(hub.ask("savings", "--json").stdout)
    assert found["today"]["saved_by_battery"] == 0.75
    assert found["month"]["self_consumption"] == 0.75
    assert found["year"]["coverage"] == 1.0
    shown = hub.ask("savings")
    assert shown.returncode == 0, shown.stderr
    rows = {line[:24].strip(): line[24:].split() for line in shown.stdout.splitlines()}
    assert rows["saved by the battery"] == ["0.75", "0.75", "0.75", "EUR"]
    assert rows["covered by own sun"] == ["60.00", "60.00", "60.00", "%"]
    assert "CO2" not in rows
