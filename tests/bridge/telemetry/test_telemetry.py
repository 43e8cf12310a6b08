import asyncio
import gc
import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.access.access import Access
from bridge.access.audit import StoredAuditTrail
from bridge.choices import Policy
from bridge.command import Origin
from bridge.data_dir import DataDirectory
from bridge.grid import GridChanged, GridState
from bridge.registry import UnknownModuleError
from bridge.settings import TelemetrySettings
from bridge.state_file import StateError
from bridge.telemetry.database import StoreError, UnknownMetricError
from bridge.telemetry.ingest import BatchError
from bridge.telemetry.pages import HistoryQuestion
from bridge.telemetry.telemetry import Telemetry
from hw.reading import Fault, Quality, Reading
from hw.setpoint import SetpointKind

NOW = int(time.time())


@pytest.fixture
def make(tmp_path, home):
    """Start the telemetry of the home; whoever does stops it."""

    def make(**settings):
        directory = DataDirectory(tmp_path)
        telemetry = Telemetry(TelemetrySettings(**settings), directory, UTC, home.registry, home.bus)
        telemetry.start()
        return telemetry

    return make


@pytest.fixture
async def telemetry(make):
    telemetry = make()
    yield telemetry
    await telemetry.stop()


@pytest.fixture
def module(home, make_device, clock):
    (module,) = home.registry.found([make_device("1001", clock=clock)], "sunspec")
    return module


def take(home, module, ago, **values):
    moment = datetime.fromtimestamp(NOW - ago, UTC)
    home.registry.took(module, Reading(module=module.key, time=moment, **values))


async def rows(telemetry, module, metrics, name="1s", start=NOW - 7200, end=NOW + 60):
    stream = await telemetry.history(module.key, metrics, start, end, name)
    return [row async for rows in stream for row in rows]


async def test_a_reading_is_history_from_the_instant_it_was_taken(telemetry, home, module):
    take(home, module, 2, power_w=5.0)
    take(home, module, 1, power_w=7.0)
    assert [row.points[0].mean for row in await rows(telemetry, module, ["power"])] == [5.0, 7.0]
    await telemetry.flush()
    take(home, module, 0, power_w=9.0)
    assert [row.points[0].mean for row in await rows(telemetry, module, ["power"])] == [5.0, 7.0, 9.0]
    newest = {each.spec.name: each.value for each in await telemetry.latest(module.key)}
    assert newest["power_w"] == 9.0
    names = {spec.name for spec in await telemetry.metrics(module.key)}
    assert names == {"power_w", "state", "energy_imported_estimated_wh"}
    assert await telemetry.metrics("nobody") == []
    assert await telemetry.latest("nobody") == []


async def test_stale_readings_and_those_of_a_wrong_clock_are_not_recorded(telemetry, home, module, caplog):
    take(home, module, 1, power_w=5.0, quality=Quality.STALE)
    take(home, module, NOW, power_w=5.0)
    take(home, module, NOW - 1, power_w=5.0)
    assert await telemetry.metrics(module.key) == []
    warnings = [line for line in caplog.messages if "clock of this computer was never set" in line]
    assert len(warnings) == 1


async def test_after_a_restart_everything_is_there(make, home, module):
    telemetry = make()
    take(home, module, 1, power_w=5.0)
    telemetry.event("custom", module.key, {"number": 1})
    await telemetry.stop()
    telemetry = make()
    assert [row.points[0].mean for row in await rows(telemetry, module, ["power"])] == [5.0]
    assert "custom" in {event.kind for event in await telemetry.events()}
    await telemetry.stop()


async def test_what_happens_becomes_events_and_what_somebody_does_an_audit_trail(telemetry, home, module):
    home.start()
    take(home, module, 3, faults=(Fault("FAN", "103.Evt1"),))
    take(home, module, 2)
    command = home.arbiter.submit(
        module.key, SetpointKind.POWER_LIMIT_PERCENT, 50.0, origin=Origin.USER, source="cli", duration=60
    )
    await home.clock.pass_(1)
    home.choices.choose(policy=Policy.GREEN)
    home.bus.publish(GridChanged(GridState.LOST, None))
    home.registry.rename(module.key, name="House battery")
    home.registry.lost(module, "no connection")
    home.registry.remove(module.key)
    telemetry.audit("user/anna", "export", module.key)
    await telemetry.flush()
    events = (await telemetry.events())[::-1]
    assert [(event.kind, event.module) for event in events if event.kind != "command"] == [
        ("registered", module.key),
        ("fault raised", module.key),
        ("reachability", module.key),
        ("fault cleared", module.key),
        ("choices", ""),
        ("grid", ""),
        ("changed", module.key),
        ("reachability", module.key),
        ("removed", module.key),
    ]
    data = {event.kind: event.data for event in events}
    assert data["fault raised"] == {"code": "FAN", "source": "103.Evt1", "severity": "warning"}
    assert data["choices"] == {"policy": "green", "mode": "federated"}
    assert data["grid"] == {"state": "lost"}
    assert data["changed"] == {"name": ["Device 1001", "House battery"]}
    states = [event.data["state"] for event in events if event.kind == "command"]
    assert states[:2] == ["queued", "applied"]
    trail = await telemetry.audit_trail()
    assert [(entry.deed.actor, entry.deed.action, entry.deed.subject) for entry in trail] == [
        ("hub", "start", ""),
        ("hub", "register", module.key),
        ("user/cli", "command", module.key),
        ("hub", "remove", module.key),
        ("user/anna", "export", module.key),
    ]
    assert trail[2].deed.data["id"] == command.id
    assert await telemetry.verify_audit_trail() is None
    await home.arbiter.close()


async def test_what_people_do_over_http_and_did_while_no_hub_ran_is_in_the_same_trail(telemetry, home):
    StoredAuditTrail(home.storage, home.clock).audit("console", "user add", "anna", {"result": "done"})
    access = Access(home.storage, home.clock, home.bus, home.arbiter, audit=telemetry)
    access.note("user/anna", "POST /test", "201", address="10.0.0.7")
    await telemetry.flush()
    trail = await telemetry.audit_trail(after=1)
    assert [(entry.deed.actor, entry.deed.action, entry.deed.subject) for entry in trail] == [
        ("console", "user add", "anna"),
        ("user/anna", "POST /test", ""),
    ]


async def test_what_cannot_be_noted_for_sure_is_said_and_nothing_is_half_noted(telemetry, tmp_path):
    telemetry._events.close()
    (tmp_path / "events.journal").unlink(missing_ok=True)
    (tmp_path / "events.journal").mkdir()  # nothing can be written there
    with pytest.raises(StateError, match="Is a directory"):
        telemetry.audit("user/anna", "erase", "sma-1")
    telemetry.event("x")
    await telemetry.flush()
    assert [event.kind for event in await telemetry.events()] == ["x"]
    assert [entry.deed.action for entry in await telemetry.audit_trail()] == ["start"]
    (tmp_path / "events.journal").rmdir()


async def test_energy_of_today_and_of_a_lifetime(telemetry, home, module):
    for ago in (30, 20, 10):
        take(home, module, ago, energy_imported_wh=5000.0 - ago)
    (total,) = await telemetry.energy(module.key)
    assert (total.metric, total.lifetime, total.estimated) == ("energy_imported_wh", 4990.0, False)
    today = datetime.now(UTC).date()
    days = await telemetry.energy_days(
        module.key, "energy_imported", today - timedelta(1), today + timedelta(1)
    )
    assert sum(day.delta for day in days) == 20.0
    assert days[-1].last == 4990.0
    assert total.today == sum(day.delta for day in days if day.day == today)
    assert (
        await telemetry.energy_days(module.key, "energy_imported", date(2020, 1, 1), date(2020, 1, 2)) == []
    )


async def test_a_module_may_log_on_its_own(telemetry, module):
    body = {"samples": [{"time": NOW - 100 + each, "power_w": each} for each in range(100)]}
    done = await telemetry.ingest(module.key, body)
    assert (done.stored, done.known) == (100, 0)
    done = await telemetry.ingest(module.key, body)
    assert (done.stored, done.known) == (0, 100)
    assert len(await rows(telemetry, module, ["power"])) == 100
    with pytest.raises(BatchError, match="longer ago than single samples are kept"):
        await telemetry.ingest(module.key, {"samples": [{"time": NOW - 40 * 86_400, "power_w": 1}]})
    with pytest.raises(UnknownModuleError):
        await telemetry.ingest("nobody", body)
    with pytest.raises(BatchError, match="no metric"):
        await telemetry.ingest(module.key, {"samples": [{"time": NOW, "x": 1}]})


async def test_an_erased_module_has_no_history(telemetry, home, module):
    take(home, module, 5, power_w=1.0)
    await telemetry.flush()
    take(home, module, 4, power_w=1.0)
    assert await telemetry.erase(module.key)
    assert not await telemetry.erase(module.key)
    with pytest.raises(UnknownMetricError):
        await rows(telemetry, module, [])
    take(home, module, 1, power_w=2.0)
    assert [row.points[0].mean for row in await rows(telemetry, module, ["power"])] == [2.0]


async def test_hours_of_the_day(telemetry, module):
    body = {"samples": [{"time": NOW - 600 + each, "power_w": 5} for each in range(0, 600, 10)]}
    await telemetry.ingest(module.key, body)
    hours = await telemetry.hours_of_day(module.key, "power", NOW - 86_400, NOW)
    assert sum(hour.n for hour in hours) in {10, 11}
    assert {hour.mean for hour in hours} == {5.0}


async def test_pages_lead_through_a_long_history(telemetry, module):
    for first in range(0, 12_000, 4000):
        samples = [{"time": NOW - 12_000 + first + each, "power_w": each % 7} for each in range(4000)]
        await telemetry.ingest(module.key, {"samples": samples})
    start, pages = NOW - 12_000, []
    while start is not None:
        page = await telemetry.page(HistoryQuestion(module.key, ("power",), start, NOW, "1s"))
        pages.append(page)
        start = page["next"]
    assert len(pages) == 2
    starts = [row[0] for page in pages for row in page["rows"]]
    assert starts == list(range(NOW - 12_000, NOW))
    assert pages[0]["metrics"][0]["unit"] == "W"
    auto = await telemetry.page(HistoryQuestion(module.key, ("power",), 0, NOW))
    assert auto["resolution"] == "30s", "what suits what there is, not the half century before"


async def test_a_question_that_is_none_is_refused(telemetry, home, module):
    take(home, module, 1, power_w=1.0)
    for metrics, start, name, error in (
        (["volts"], 0, "1h", UnknownMetricError),
        ([], 0, "2h", ValueError),
        ([], NOW + 1000, "1h", ValueError),
    ):
        with pytest.raises(error):
            await telemetry.history(module.key, metrics, start, NOW, name)
    for params in (
        {},
        {"start": "0", "end": 1},
        {"start": True, "end": 1},
        {"start": 0, "end": 1, "metrics": "power"},
        {"start": 0, "end": 1, "metrics": [1]},
        {"start": 0, "end": 1, "resolution": 5},
        {"start": -1, "end": 1},
    ):
        with pytest.raises(ValueError, match="is a"):
            HistoryQuestion.of("m", params)


async def test_whoever_stops_reading_lets_go_of_the_file(telemetry, module):
    samples = [{"time": NOW - 5000 + each, "power_w": 1} for each in range(5000)]
    await telemetry.ingest(module.key, {"samples": samples})
    for _ in range(20):
        stream = await telemetry.history(module.key, [], NOW - 5000, NOW, "1s")
        reading = aiter(stream)
        assert await anext(reading)
        await reading.aclose()
    unread = await telemetry.history(module.key, [], NOW - 5000, NOW, "1s")
    unread.close()
    task = asyncio.create_task(rows(telemetry, module, []))
    await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await rows(telemetry, module, [], "1h")) >= 2
    gc.collect()


async def test_without_recording_events_are_kept_and_readings_are_not(
    make, home, module, tmp_path, monkeypatch
):
    monkeypatch.setattr("bridge.telemetry.writer.COMMIT", 0.02)
    telemetry = make(enabled=False)
    take(home, module, 1, power_w=1.0)
    home.registry.lost(module, "no connection")
    await telemetry.flush()
    assert await telemetry.metrics(module.key) == []
    assert [event.kind for event in await telemetry.events(module=module.key)] == [
        "reachability",
        "reachability",
    ]
    with pytest.raises(StoreError, match="recording is switched off"):
        await telemetry.ingest(module.key, {"samples": [{"time": NOW, "power_w": 1}]})
    await asyncio.sleep(0.2)
    await telemetry.stop()
    assert not (tmp_path / "telemetry.db").exists()


async def test_a_damaged_file_is_replaced_when_a_question_meets_the_damage(telemetry, home, module, tmp_path):
    take(home, module, 2, power_w=1.0)
    await telemetry.flush()
    path = tmp_path / "telemetry.db"
    await asyncio.wrap_future(telemetry._writer.submit(telemetry._store.close))
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        await rows(telemetry, module, [])
    await telemetry.flush()
    assert list(tmp_path.glob("telemetry.db.damaged-*"))
    take(home, module, 1, power_w=3.0)
    await telemetry.flush()
    assert [row.points[0].mean for row in await rows(telemetry, module, ["power"])] == [3.0]


async def test_the_event_loop_does_not_wait_for_a_slow_disk(telemetry, home, module):
    """A writer that hangs delays neither readings nor events."""
    begun, release = threading.Event(), threading.Event()
    blocked = telemetry._writer.submit(lambda: begun.set() or release.wait(60))
    await asyncio.to_thread(begun.wait, 60)
    for ago in range(200, 0, -1):
        take(home, module, ago, power_w=1.0)
        telemetry.event("x", module.key)
    assert not blocked.done(), "nothing of this has waited for it"
    release.set()
    assert len(await rows(telemetry, module, ["power"])) == 200


async def test_dates_are_the_homes(telemetry, home, module):
    take(home, module, 1, energy_imported_wh=1.0)
    assert (
        await telemetry.energy_days(module.key, "energy_imported", date(2020, 1, 1), date(2020, 1, 2)) == []
    )
