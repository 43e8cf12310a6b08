import asyncio

import pytest
from api_lab.client import problem

from bridge.command import Origin
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

STATUS, CONTROL = "/microinverter/status", "/microinverter/control"


async def until(client, command, state):
    """Follow a command to a state."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.get(CONTROL, params={"command": command})
            (shown,) = (await answer.json())["commands"]
            if shown["state"] == state:
                return shown
            await asyncio.sleep(0.02)


async def told(client, body):
    """Tell a microinverter something; return the id of the command."""
    answer = await client.command(CONTROL, body)
    assert answer.status == 202, await answer.text()
    (command,) = (await answer.json())["commands"]
    assert answer.headers["Location"] == f"{CONTROL}?command={command['command']}"
    return command["command"]


async def test_status_tells_of_all_microinverters_and_of_nothing_else(house):
    house.add("1001")
    house.add("1002")
    house.add("2001", kind=ModuleKind.BATTERY)
    answer = await house.owner().get(STATUS)
    assert answer.status == 200
    shown = (await answer.json())["microinverters"]
    assert [each["serial"] for each in shown] == ["1001", "1002"]
    measured = shown[0]["measurements"]
    assert (measured["power_w"], measured["state"], measured["time"]) == (
        -333,
        "running",
        "2026-06-21T12:00:00Z",
    )
    assert measured["strings"][0]["power_w"] == 340
    assert measured["faults"] == [{"code": "OVER_TEMP", "source": "103.Evt1"}]


async def test_status_of_one_that_does_not_answer_is_stale_and_says_why(house):
    key, _ = house.add()
    house.hub.registry.lost(house.hub.registry[key], "10.0.0.1: no answer")
    (shown,) = (await (await house.owner().get(STATUS, params={"module": key})).json())["microinverters"]
    assert not shown["reachable"]
    assert shown["unreachable_because"] == "10.0.0.1: no answer"
    assert shown["measurements"]["quality"] == "stale"


async def test_status_of_what_is_no_microinverter_is_unknown(house):
    battery, _ = house.add("2001", kind=ModuleKind.BATTERY)
    for key in (battery, "acme-9"):
        answer = await house.owner().get(STATUS, params={"module": key})
        assert (answer.status, await problem(answer)) == (404, "unknown-module")


async def test_a_limit_is_applied_in_the_name_of_the_person_who_asked(house):
    key, device = house.add()
    owner = house.owner()
    command = await told(owner, {"module": key, "power_limit_percent": 40, "duration_s": 600})
    shown = await until(owner, command, "applied")
    assert device.values == [(SetpointKind.POWER_LIMIT_PERCENT, 40)]
    assert (shown["origin"], shown["source"], shown["applied_value"]) == ("user", "api/anna", 40)
    assert shown["expires"] > shown["created"]
    live = (await (await owner.get(CONTROL, params={"module": key})).json())["commands"]
    assert [each["command"] for each in live] == [command]


@pytest.mark.parametrize(
    ("body", "setpoint"),
    [
        ({"power_limit_w": 150.5}, (SetpointKind.POWER_LIMIT_W, 150.5)),
        ({"on": False}, (SetpointKind.CONNECT, 0)),
        ({"mode": "auto"}, (SetpointKind.AUTO, None)),
    ],
)
async def test_each_kind_of_command_reaches_the_device(house, body, setpoint):
    key, device = house.add()
    owner = house.owner()
    command = await told(owner, {"module": key, **body})
    await until(owner, command, "applied")
    assert device.values == [setpoint]


async def test_a_command_that_is_superseded_says_by_whom(house):
    key, _ = house.add()
    owner = house.owner()
    command = await told(owner, {"module": key, "power_limit_percent": 90})
    house.hub.arbiter.submit(
        key, SetpointKind.POWER_LIMIT_PERCENT, 60, origin=Origin.GRID_OPERATOR, source="paragraph 14a"
    )
    shown = await until(owner, command, "superseded")
    assert shown["superseded_by"]["origin"] == "grid_operator"
    assert shown["superseded_by"]["source"] == "paragraph 14a"


async def test_a_module_that_cannot_is_a_conflict_and_the_refusal_is_remembered(house):
    key, device = house.add(kinds=(SetpointKind.CONNECT,))
    owner = house.owner()
    answer = await owner.command(CONTROL, {"module": key, "power_limit_w": 100})
    assert (answer.status, await problem(answer)) == (409, "not-supported")
    refused = (await answer.json())["command"]
    assert (await until(owner, refused, "refused"))["reason"]
    assert device.told == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"on": True, "power_limit_w": 5},
        {"power_limit_w": -1},
        {"power_limit_percent": 101},
        {"power_limit_percent": "50"},
        {"mode": "auto", "duration_s": 60},
        {"on": True, "duration_s": 0},
        {"on": True, "untill": 3},
    ],
)
async def test_what_cannot_be_meant_is_said_with_its_place_and_nothing_is_commanded(house, body):
    key, device = house.add()
    answer = await house.owner().command(CONTROL, {"module": key, **body})
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert (await answer.json())["errors"]
    assert device.told == []
    assert house.hub.arbiter.live(key) == ()


async def test_an_unknown_command_is_unknown(house):
    answer = await house.owner().get(CONTROL, params={"command": "nope"})
    assert (answer.status, await problem(answer)) == (404, "unknown-command")
