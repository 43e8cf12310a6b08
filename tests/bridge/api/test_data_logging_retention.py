"""PATCH /device/data/logging, and its twin on the command line."""

import json
import time
from datetime import UTC, datetime

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from hw.module import ModuleKind

LOG = "/device/data/logging"
DAY = 86_400
USUAL = {"seconds_days": 30, "minutes_days": 365, "quarters_days": None, "events_days": 365}


async def patch(client, **body):
    return await client._ask("PATCH", LOG, json=body)


async def changed(client, **body):
    answer = await patch(client, **body)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def shown(client):
    return await (await client.get(LOG)).json()


async def test_what_is_chosen_goes_before_the_settings_over_a_restart(house, make_house):
    owner = house.owner()
    answer = await changed(owner, seconds_days=90, events_days=0)
    kept = USUAL | {"seconds_days": 90, "events_days": None}
    assert (answer["retention"], answer["chosen"], answer["removes"]) == (kept, True, [])
    again = await make_house(house.hub.storage)
    found = await shown(again.owner())
    assert found["retention"] == kept
    (revision,) = found["retention_history"]
    assert (revision["by"], revision["before"], revision["after"]) == ("user/anna", USUAL, kept)
    taken_back = await changed(again.owner(), as_settings=True)
    assert (taken_back["retention"], taken_back["chosen"]) == (USUAL, False)


async def test_a_dry_run_says_what_would_be_removed_and_removes_nothing(house):
    owner = house.owner()
    today = house.access.now // DAY * DAY
    answer = await changed(owner, seconds_days=7, quarters_days=3650, dry_run=True)
    assert {
        each["what"]: datetime.fromisoformat(each["before"]).timestamp() for each in answer["removes"]
    } == {
        "seconds_days": today - 7 * DAY,
        "quarters_days": today - 3650 * DAY,
    }
    assert (await shown(owner))["retention"] == USUAL
    assert answer["history"] == []


async def test_one_can_go_back(house):
    owner = house.owner()
    await changed(owner, seconds_days=60)
    await changed(owner, minutes_days=0)
    answer = await changed(owner, back_to_before=2)
    assert answer["retention"] == USUAL | {"seconds_days": 60}
    assert [each["revision"] for each in answer["history"]] == [1, 2, 3]
    assert (await changed(owner, seconds_days=60))["history"][-1]["revision"] == 3, "it was so already"


async def test_what_is_too_old_now_is_removed(house):
    key, _ = house.add("1001", kind=ModuleKind.METER)
    telemetry, now = house.hub.telemetry, int(time.time())
    samples = [{"time": now - days * DAY, "power_w": float(days)} for days in (25, 1)]
    await telemetry.ingest(key, {"samples": samples})
    await changed(house.owner(), seconds_days=7)
    with pytest.raises(ValueError, match="longer ago than single samples are kept"):
        await telemetry.ingest(key, {"samples": [{"time": now - 8 * DAY, "power_w": 1.0}]})
    await telemetry.flush()
    writer = telemetry._writer
    for _ in range(40):  # it looks once an hour, and removes a week at most each time
        writer._retain_at = 0.0
        writer.submit(lambda: list(writer._housekeeping(now))).result(10)
    stream = await telemetry.history(key, ["power"], now - 30 * DAY, now, "1s")
    rows = [row async for chunk in stream for row in chunk]
    assert [(row.points[0].mean, row.end - row.start) for row in rows] == [(25.0, 60), (1.0, 1)]


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"seconds_days": -1}, 422, "invalid"),
        ({"seconds_days": 36_501}, 422, "invalid"),
        ({"seconds_days": 400}, 422, "invalid"),  # longer than minutes
        ({"seconds_days": 0}, 422, "invalid"),  # for ever, and minutes are not
        ({"minutes_days": 10}, 422, "invalid"),  # shorter than seconds
        ({"audit_days": 1}, 422, "invalid"),
        ({"back_to_before": 1}, 404, "unknown-revision"),
        ({"back_to_before": 1, "seconds_days": 7}, 422, "invalid"),
        ({"as_settings": True, "seconds_days": 7}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_changes_nothing(house, body, status, slug):
    owner = house.owner()
    answer = await patch(owner, **body)
    assert (answer.status, await problem(answer)) == (status, slug)
    assert (await shown(owner))["retention_history"] == []


async def test_neither_guests_nor_modules_nor_strangers_choose(house):
    key, _ = house.add("1001")
    module = house.client(house.access.modules.issue_token(key))
    for client, status in (
        (house.client(house.user("gast", Role.GUEST)), 403),
        (module, 403),
        (house.client(), 401),
    ):
        assert (await patch(client, seconds_days=1)).status == status
    assert house.hub.retention.now.seconds_days == 30


async def test_the_command_line_tells_and_changes_the_same(house, ores_bridge):
    assert "every second              30 days" in await ores_bridge("retention")
    told = json.loads(await ores_bridge("retention", "--seconds", "7", "--dry-run", "--json"))
    assert (told["retention"]["seconds_days"], list(told["removes"])) == (7, ["seconds_days"])
    assert house.hub.retention.now.seconds_days == 30
    assert "(settings: 30 days)" in await ores_bridge("retention", "--seconds", "7")
    assert house.hub.retention.now.seconds_days == 7
    assert "less than seconds_days" in await ores_bridge("retention", "--minutes", "3", fails=True)
    assert "there is no revision 9" in await ores_bridge("retention", "--back-to-before", "9", fails=True)
    assert "exclude each other" in await ores_bridge(
        "retention", "--events", "1", "--as-settings", fails=True
    )
    told = json.loads(await ores_bridge("retention", "--as-settings", "--json"))
    assert (told["retention"]["seconds_days"], told["history"][-1]["by"]) == (30, "console")
    assert ("console", "retention") in {(deed.actor, deed.action) for deed in await house.audited(20)}


async def test_the_command_line_tells_what_is_usual_at_each_hour(house, ores_bridge):
    key, _ = house.add("1001", kind=ModuleKind.METER)
    now = int(time.time())
    samples = [{"time": now - 600 - step, "power_w": 100.0 + step} for step in range(11)]
    await house.hub.telemetry.ingest(key, {"samples": samples})
    told = json.loads(await ores_bridge("hours-of-day", key, "power", "--from", "2h", "--json"))
    hours = told["metrics"]["power"]
    assert (min(each["minimum"] for each in hours), max(each["maximum"] for each in hours)) == (100, 110)
    (each, *_) = hours
    assert each["hour"] in {datetime.fromtimestamp(now - at, UTC).astimezone().hour for at in (600, 620)}
    assert "50 %" in await ores_bridge("hours-of-day", key, "power")
    assert "no history of 'colour'" in await ores_bridge("hours-of-day", key, "colour", fails=True)
    assert "no module is called" in await ores_bridge("hours-of-day", "nobody", "power", fails=True)
