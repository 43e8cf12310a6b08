import asyncio

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.command import Origin
from hw.module import ModuleKind
from hw.reading import BatteryReading, ChargeState
from hw.setpoint import SetpointKind

STATUS, CONTROL = "/energystorage/status", "/energystorage/control"


@pytest.fixture
def battery(house):
    """A battery that says how it is; its key and its device."""
    key, device = house.add("2001", kind=ModuleKind.BATTERY)
    house.reads(
        key,
        power_w=500.0,
        battery=BatteryReading(
            soc_percent=61.5, soh_percent=98.0, charge_state=ChargeState.CHARGING, reserve_percent=20.0
        ),
    )
    return key, device


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the hub's own tasks bring it about
            await asyncio.sleep(0.02)


async def test_status_tells_of_all_batteries_and_of_nothing_else(house, battery):
    house.add("1001")
    (shown,) = (await (await house.owner().get(STATUS)).json())["batteries"]
    assert (shown["module"], shown["mode"], shown["mode_origin"]) == (battery[0], "auto", None)
    measured = shown["measurements"]
    assert (measured["soc_percent"], measured["soh_percent"], measured["reserve_percent"]) == (61.5, 98, 20)
    assert (measured["power_w"], measured["charge_state"]) == (500, "charging")


async def test_status_of_what_is_no_battery_is_unknown(house, battery):
    inverter, _ = house.add("1001")
    for key in (inverter, "acme-9"):
        answer = await house.owner().get(STATUS, params={"module": key})
        assert (answer.status, await problem(answer)) == (404, "unknown-module")


@pytest.mark.parametrize(
    ("body", "told", "mode"),
    [
        ({"mode": "charge", "power_w": 800}, (SetpointKind.CHARGE_W, 800), "charge"),
        ({"mode": "charge"}, (SetpointKind.CHARGE_W, 5000), "charge"),
        ({"mode": "discharge", "power_w": 700}, (SetpointKind.DISCHARGE_W, 700), "discharge"),
        ({"mode": "hold", "duration_s": 60}, (SetpointKind.HOLD, None), "hold"),
        ({"mode": "no-charging"}, (SetpointKind.CHARGE_LIMIT_W, 0), "no-charging"),
        ({"reserve_percent": 40}, (SetpointKind.RESERVE_PERCENT, 40), "auto"),
    ],
)
async def test_a_battery_is_told_and_says_who_told_it(house, battery, body, told, mode):
    key, device = battery
    owner = house.owner()
    answer = await owner.command(CONTROL, {"module": key, **body})
    assert answer.status == 202, await answer.text()
    await until(lambda: told in device.values)
    (shown,) = (await (await owner.get(STATUS)).json())["batteries"]
    assert (shown["mode"], shown["mode_origin"]) == (mode, None if mode == "auto" else "user")
    (live,) = (await (await owner.get(CONTROL, params={"module": key})).json())["commands"]
    assert (live["state"], live["source"]) == ("applied", "api/anna")


async def test_charging_ends_at_its_target(house, battery):
    key, device = battery
    body = {"module": key, "mode": "charge", "power_w": 800, "target_soc_percent": 70}
    (command,) = (await (await house.owner().command(CONTROL, body)).json())["commands"]
    await until(lambda: device.values)
    house.reads(key, battery=BatteryReading(soc_percent=70.0))
    assert house.hub.arbiter.command(command["command"]).state == "done"


async def test_auto_takes_back_what_people_told_it(house, battery):
    key, _ = battery
    owner = house.owner()
    await owner.command(CONTROL, {"module": key, "mode": "hold"})
    answer = await owner.command(CONTROL, {"module": key, "mode": "auto"})
    assert answer.status == 202
    await until(lambda: not house.hub.arbiter.live(key))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "charge", "reserve_percent": 20},
        {"mode": "hold", "power_w": 5},
        {"mode": "charge", "power_w": 0},
        {"mode": "charge", "power_w": "much"},
        {"mode": "charge", "target_soc_percent": 101},
        {"reserve_percent": -1},
        {"mode": "auto", "duration_s": 5},
        {"mode": "explode"},
    ],
)
async def test_what_cannot_be_meant_commands_nothing(house, battery, body):
    key, device = battery
    answer = await house.owner().command(CONTROL, {"module": key, **body})
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert device.told == []


async def test_a_battery_that_cannot_is_a_conflict(house):
    key, device = house.add("2001", kind=ModuleKind.BATTERY, kinds=())
    answer = await house.owner().command(CONTROL, {"module": key, "mode": "hold"})
    assert (answer.status, await problem(answer)) == (409, "not-supported")
    assert device.told == []


async def test_strangers_and_guests_command_nothing(house, battery):
    key, device = battery
    body = {"module": key, "mode": "hold"}
    assert (await house.client().command(CONTROL, body)).status == 401
    guest = house.client(house.user("gast", Role.GUEST))
    assert (await guest.command(CONTROL, body)).status == 403
    assert (await guest.get(STATUS)).status == 200
    assert device.told == []


async def test_protection_comes_before_people(house, battery):
    key, _ = battery
    house.hub.arbiter.submit(key, SetpointKind.HOLD, origin=Origin.SAFETY, source="test", duration=60)
    owner = house.owner()
    (command,) = (
        await (await owner.command(CONTROL, {"module": key, "mode": "charge", "power_w": 500})).json()
    )["commands"]
    await until(lambda: house.hub.arbiter.command(command["command"]).state == "superseded")
    shown = (await (await owner.get(CONTROL, params={"command": command["command"]})).json())["commands"][0]
    assert shown["superseded_by"]["origin"] == "safety"
