"""Devices that the hub calls become modules over HTTP; what modules are called and may; how they leave."""

import asyncio

import pytest
from api_lab.client import problem
from api_lab.modules import CODE, KEY, accept, until
from matter_server_lab.double import MatterServerDouble
from matter_server_lab.nodes import node, plug

from bridge.poller import Source
from hw.module import ModuleKind
from hw.simulator.ores_client import HubError
from hw.simulator.process import SimulatedHome

PATH = "/device/register"


# ---------------------------------------------------------------------- devices that the hub calls


async def test_a_device_is_adopted_by_its_address_and_by_what_was_found(house):
    owner = house.owner()
    async with SimulatedHome(modules=2, plugs=1) as home:
        inverter, plug = home.device("microinverter"), home.device("load")
        answer = await owner.post(PATH, json={"step": "adopt", "address": inverter.address, "name": "Roof"})
        assert answer.status == 200, await answer.text()
        (key,) = (await answer.json())["modules"]
        record = house.hub.registry[key].record
        assert (record.name, record.driver, record.identity.serial) == ("Roof", "sunspec", inverter.serial)
        again = await owner.post(PATH, json={"step": "adopt", "address": inverter.address})
        assert again.status == 200
        look = await owner.post("/device/discovery", json={"address": plug.address})
        assert look.status == 202
        await until(lambda: not house.hub.discovery.looking)
        (found,) = (await (await owner.get("/device/discovery")).json())["candidates"]
        answer = await owner.post(PATH, json={"step": "adopt", "candidate": found["candidate"]})
        assert answer.status == 200
        assert house.hub.registry[found["candidate"]].record.driver == "shelly"


async def test_an_address_without_a_device_says_what_each_driver_said(house):
    answer = await house.owner().post(PATH, json={"step": "adopt", "address": "127.0.0.1:9"})
    assert (answer.status, await problem(answer)) == (404, "no-device")
    assert "sunspec:" in (await answer.json())["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": "127.0.0.1:9", "candidate": "x"},
        {"address": "1:2:3:4"},
        {"address": "127.0.0.1", "driver": "telepathy"},
        {"candidate": "x", "driver": "shelly"},
        {"setup_code": "34970112333"},
        {"setup_code": "MT:not-a-code"},
    ],
)
async def test_what_cannot_be_adopted_is_said_with_its_place(house, body):
    answer = await house.owner().post(PATH, json={"step": "adopt", **body})
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert (await answer.json())["errors"]


async def test_a_matter_setup_code_needs_a_matter_server(house):
    answer = await house.owner().post(PATH, json={"step": "adopt", "setup_code": "3497-011-2332"})
    assert (answer.status, await problem(answer)) == (409, "no-matter-server")
    assert "Matter server" in (await answer.json())["remedy"]


async def test_a_matter_setup_code_goes_to_the_matter_server_and_its_loads_are_modules(house):
    server = MatterServerDouble()
    await server.start()
    house.hub.poller.add(Source("matter", server.url))
    owner = house.owner()
    try:
        await until(lambda: len(house.hub.registry))
        before = {module.key for module in house.hub.registry}
        server.waiting = node(3, plug("P3"))
        adopt = {"step": "adopt", "setup_code": "34970112332", "name": "Heater", "room": "Bath"}
        answer = await owner.post(PATH, json=adopt)
        assert answer.status == 200, await answer.text()
        keys = (await answer.json())["modules"]
        assert keys
        assert not set(keys) & before
        for key in keys:
            record = house.hub.registry[key].record
            assert (record.driver, record.name, record.room) == ("matter", "Heater", "Bath")
        answer = await owner.post(PATH, json=adopt)  # nobody waits to be commissioned any more
        assert (answer.status, await problem(answer)) == (404, "no-device")
        await owner.delete(PATH, params={"module": keys[0]})
        await asyncio.sleep(1.5)
        assert keys[0] not in house.hub.registry
    finally:
        await house.hub.poller.stop()
        await server.stop()


# ---------------------------------------------------------------------- what becomes of modules


async def test_what_a_module_is_called_and_may_is_changed(house):
    key, _ = house.add("2001", kind=ModuleKind.BATTERY)
    owner = house.owner()
    change = {
        "module": key,
        "name": "Cellar",
        "room": "Cellar",
        "role": "backup",
        "priority": 9,
        "mode": "autonomous",
        "faces": {"reserve": True, "charging": False},
    }
    answer = await owner.patch(PATH, json=change)
    assert answer.status == 200, await answer.text()
    shown = await answer.json()
    assert {name: shown[name] for name in ("name", "room", "role", "priority", "mode")} == {
        name: change[name] for name in ("name", "room", "role", "priority", "mode")
    }
    assert (shown["faces"]["reserve"], shown["faces"]["charging"]) == (True, False)
    assert house.hub.registry[key].record.priority == 9


async def test_the_usual_priority_is_by_kind(house):
    car, _ = house.add("1", kind=ModuleKind.EVSE)
    solar, _ = house.add("2")
    shown = {
        each["module"]: each["priority"] for each in (await (await house.owner().get(PATH)).json())["modules"]
    }
    assert shown == {car: 2, solar: 8}


async def test_a_quarantined_module_is_read_and_not_commanded(house):
    key, device = house.add("1001")
    owner = house.owner()
    command = {"module": key, "power_limit_percent": 40}
    assert (await owner.command("/microinverter/control", command)).status == 202
    await until(lambda: device.told)
    shown = await (await owner.patch(PATH, json={"module": key, "quarantined": True})).json()
    assert shown["state"] == "quarantined"
    assert house.hub.arbiter.live(key) == ()
    answer = await owner.command("/microinverter/control", command)
    assert (answer.status, await problem(answer)) == (409, "not-supported")
    await owner.patch(PATH, json={"module": key, "quarantined": False})
    assert (await owner.command("/microinverter/control", command)).status == 202


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"priority": 10}, 422),
        ({"name": "  "}, 422),
        ({"faces": {"wings": True}}, 422),
        ({"module": "acme-9"}, 404),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(house, change, status):
    key, _ = house.add("1001")
    before = house.hub.registry[key].record
    answer = await house.owner().patch(PATH, json={"module": key, "room": "Attic", **change})
    assert answer.status == status
    assert house.hub.registry[key].record == before


async def test_a_removed_module_vanishes_for_good_and_its_number_is_not_used_again(house, modules):
    hub, owner = house.hub, house.owner()
    hub.matter.faces.start()
    client = await modules.join(owner)
    number = hub.registry.endpoints.number(KEY, "energy")
    answer = await owner.delete(PATH, params={"module": KEY})
    assert (await answer.json()) == {"module": KEY, "state": "retired"}
    assert number not in hub.matter.node.tree.endpoints
    with pytest.raises(HubError, match="who asks"):
        await client._post("/hub/communicate", {"boot": "ab", "messages": []}, client.keys.trusting())
    await modules.close()
    (modules.folder / "S000001" / "certificate.pem").unlink()
    modules.start()  # it asks again, and a person is asked again
    asked = await modules.asked(owner)
    assert (await accept(owner, asked, proof="code", code=CODE)).status == 200
    assert hub.registry.endpoints.number(KEY, "energy") > number


async def test_a_removed_device_stays_away_although_it_still_answers(house):
    owner = house.owner()
    async with SimulatedHome(modules=1) as home:
        address = home.devices[0].address
        (key,) = (await (await owner.post(PATH, json={"step": "adopt", "address": address})).json())[
            "modules"
        ]
        await until(lambda: house.hub.registry[key].reading)
        assert (await owner.delete(PATH, params={"module": key})).status == 200
        await asyncio.sleep(2.5)
        assert key not in house.hub.registry
        assert (await owner.post(PATH, json={"step": "adopt", "address": address})).status == 200
        assert key in house.hub.registry
