import asyncio
import json

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.poller import Source
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from hw.simulator.process import SimulatedHome

PATH = "/device/safety/fault-detection"


@pytest.fixture
def battery(house):
    key, device = house.add("2001", kind=ModuleKind.BATTERY)
    house.reads(key, faults=())
    return key, device


def hot(house, key):
    """The battery is too hot for as long as it must be."""
    for _ in range(2):
        house.reads(key, temperature_c=60.0, faults=())
        house.clock.ahead += 6


async def test_a_fault_has_severity_evidence_and_what_was_done(house, battery):
    key, _ = battery
    hot(house, key)
    answer = await house.owner().get(PATH, params={"module": key, "state": "open"})
    assert answer.status == 200, await answer.text()
    report = await answer.json()
    (fault,) = report["faults"]
    assert (fault["code"], fault["severity"], fault["state"]) == ("BATTERY_TOO_HOT", "critical", "open")
    assert fault["evidence"].startswith("temperature_c is 60")
    assert fault["action"].startswith("hold: ")
    assert house.hub.arbiter.command(fault["command"]).kind is SetpointKind.HOLD
    assert fault["acknowledged"] is None
    (rule,) = [each for each in report["rules"] if each["code"] == "BATTERY_TOO_HOT"]
    assert (rule["quantity"], rule["limit"], rule["release"]) == ("temperature_c", 55, 45)


async def test_what_a_device_says_of_itself_is_there_and_then_past(house):
    key, _ = house.add()
    owner = house.owner()
    (fault,) = (await (await owner.get(PATH)).json())["faults"]
    assert (fault["code"], fault["source"]) == ("OVER_TEMP", "103.Evt1")
    house.reads(key, faults=())
    past = (await (await owner.get(PATH, params={"state": "past"})).json())["faults"]
    assert [each["fault"] for each in past] == [fault["fault"]]
    assert past[0]["cleared"] is not None


async def test_acknowledging_says_who_and_twice_changes_nothing(house):
    house.add()
    owner = house.owner()
    (fault,) = (await (await owner.get(PATH)).json())["faults"]
    body = {"do": "acknowledge", "fault": fault["fault"]}
    first = (await (await owner.command(PATH, body)).json())["fault"]
    assert first["acknowledged_by"] == "user/anna"
    other = house.client(house.user("root", Role.ADMIN))
    assert (await (await other.command(PATH, body)).json())["fault"] == first


async def test_an_installer_tests_a_rule_on_the_module_itself(house, battery):
    key, device = battery
    installer = house.client(house.user("ivo", Role.INSTALLER))
    body = {"do": "test", "module": key, "code": "BATTERY_TOO_HOT", "duration_s": 30}
    answer = await installer.command(PATH, body)
    assert answer.status == 200, await answer.text()
    fault = (await answer.json())["fault"]
    assert (fault["test"], fault["state"]) == (True, "open")
    assert device.values == [(SetpointKind.HOLD, None)]
    again = await installer.command(PATH, body)
    assert (again.status, await problem(again)) == (409, "conflict")
    unfit = await installer.command(PATH, body | {"code": "INVERTER_TOO_HOT"})
    assert (unfit.status, await problem(unfit)) == (422, "invalid")


async def test_who_may_what(house, battery):
    key, device = battery
    house.add()
    test = {"do": "test", "module": key, "code": "BATTERY_TOO_HOT"}
    refused = await house.owner().command(PATH, test)
    assert (refused.status, await problem(refused)) == (403, "forbidden")
    guest = house.client(house.user("gus", Role.GUEST))
    assert (await guest.get(PATH)).status == 200
    assert (await guest.command(PATH, test)).status == 403
    nobody = house.client()
    assert (await nobody.get(PATH)).status == 401
    assert (await nobody.command(PATH, test)).status == 401
    module = house.client(house.access.modules.issue_token(key))
    own = (await (await module.get(PATH)).json())["faults"]
    assert {fault["module"] for fault in own} == {key}
    assert (await module.get(PATH, params={"module": "acme-1001"})).status == 403
    assert (await module.command(PATH, test)).status == 403
    assert device.told == []


async def test_an_unknown_fault_is_unknown(house):
    answer = await house.owner().command(PATH, {"do": "acknowledge", "fault": "nothing"})
    assert (answer.status, await problem(answer)) == (404, "unknown-fault")


async def until(condition):
    """Wait until something is so, and return it."""
    async with asyncio.timeout(20):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.05)


async def test_a_charger_with_a_ground_fault_is_switched_off_until_somebody_has_looked(house):
    owner = house.owner()

    async def seen(state="open"):
        faults = (await (await owner.get(PATH, params={"state": state})).json())["faults"]
        return next((each for each in faults if each["code"] == "ISOLATION_FAULT"), None)

    async def off():
        fault = await seen()
        return fault if fault and fault["action"] == "connect 0: applied" else None

    async def over():
        return await seen("past")

    async def healthy():
        (module,) = [each for each in house.hub.registry if each.record.driver == "goe"]
        return module.reading is not None and not module.reading.faults

    async with SimulatedHome(1, evse=1) as simulated:
        charger = simulated.device("evse")
        await simulated.car(charger.serial, plugged=True, needs_wh=30_000)
        house.hub.poller.start([Source("goe", charger.address)])
        try:
            await until(lambda: asyncio.sleep(0, len(house.hub.registry)))
            await simulated.fault(charger.serial, "dead", 8)
            fault = await until(off)
            assert not (await simulated.state())["evse"][0]["allowed"]
            await simulated.heal(charger.serial)
            await until(healthy)
            house.clock.ahead += 70
            await asyncio.sleep(1.5)
            assert await seen(), "it is over, and nobody has looked"
            await owner.command(PATH, {"do": "acknowledge", "fault": fault["fault"]})
            assert (await until(over))["acknowledged_by"] == "user/anna"
            assert house.hub.arbiter.live(fault["module"]) == ()
        finally:
            await house.hub.poller.stop()


async def test_an_inverter_with_too_little_isolation_is_off_until_it_has_dried_and_somebody_has_looked(
    house, monkeypatch
):
    monkeypatch.setattr("hw.sunspec.isolation.EVERY_S", 0.0)
    owner = house.owner()

    async def seen(state="open"):
        faults = (await (await owner.get(PATH, params={"state": state})).json())["faults"]
        return next((each for each in faults if each["code"] == "ISOLATION_LOW"), None)

    async def off():
        fault = await seen()
        return fault if fault and fault["action"] == "connect 0: applied" else None

    async def ohms():
        shown = await (await owner.get("/microinverter/status")).json()
        measured = [each["measurements"] for each in shown["microinverters"]]
        return [each["isolation_ohm"] for each in measured if each is not None]

    async with SimulatedHome(1, seed=7) as simulated:
        inverter = simulated.device("microinverter")
        house.hub.poller.start([Source("sunspec", inverter.address)])

        async def tells(ohm):
            return await ohms() == [ohm]

        async def produces():
            return (await simulated.state())["inverters_w"][0] < 0

        async def stands_still():
            return not await produces()

        try:
            await until(lambda: tells(2_000_000))
            assert await produces()
            await simulated.fault(inverter.serial, "leaking", 1500)
            await until(lambda: tells(1500))
            house.clock.ahead += 95
            fault = await until(off)
            assert fault["evidence"].startswith("isolation_percent is 56.25; a fault below 100 for 90 s")
            await until(stands_still)
            await simulated.heal(inverter.serial)
            await until(lambda: tells(2_000_000))
            house.clock.ahead += 125
            await asyncio.sleep(1.5)
            assert await seen(), "it is over, and nobody has looked"
            await owner.command(PATH, {"do": "acknowledge", "fault": fault["fault"]})
            assert (await until(lambda: seen("past")))["acknowledged_by"] == "user/anna"
            assert house.hub.arbiter.live(fault["module"]) == ()
            assert await until(produces)
        finally:
            await house.hub.poller.stop()


async def test_the_command_line_tests_a_rule_too(house, battery, ores_bridge):
    key, device = battery
    (fault,) = json.loads(
        await ores_bridge("faults", key, "--test", "BATTERY_TOO_HOT", "--for", "30s", "--json")
    )
    assert (fault["code"], fault["state"]) == ("BATTERY_TOO_HOT", "open")
    assert device.values == [(SetpointKind.HOLD, None)]
    for arguments, why in (
        ((key, "--test", "BATTERY_TOO_HOT"), "raised already"),
        ((key, "--test", "INVERTER_TOO_HOT"), "no rule for a battery"),
        ((key, "--test", "BATTERY_TOO_COLD", "--for", "2h"), "2 to 60 s"),
        (("--test", "BATTERY_TOO_COLD"), "needs a MODULE"),
    ):
        assert why in await ores_bridge("faults", *arguments, fails=True)
    assert ("console", "test the protection") in {
        (deed.actor, deed.action) for deed in await house.audited(20)
    }
