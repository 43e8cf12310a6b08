"""The command line's way to find devices and to make them modules."""

import json

from api_lab.modules import CODE, KEY, until

from hw.simulator.process import SimulatedHome


async def test_a_device_is_looked_for_added_and_listed(house, ores_bridge):
    async with SimulatedHome(modules=1) as home:
        address = home.devices[0].address
        found = json.loads(await ores_bridge("discover", address, "--json"))
        assert [each["driver"] for each in found["candidates"]] == ["sunspec"]
        assert found["scan"]["state"] == "done"
        assert "less than a day ago" in await ores_bridge("discover", address, fails=True)
        (candidate,) = found["candidates"]
        added = json.loads(await ores_bridge("module", "add", candidate["id"], "--name", "Roof", "--json"))
        assert added["modules"] == [candidate["id"]]
        listed = json.loads(await ores_bridge("module", "list", "--json"))
        assert [(each["name"], each["priority"]) for each in listed["modules"]] == [("Roof", 8)]
        assert "has the priority 1" in await ores_bridge("module", "priority", "roof", "1")
        assert "priority 1" in await ores_bridge("module", "list")
    assert "nothing at 127.0.0.1:9" in await ores_bridge("module", "add", "127.0.0.1:9", fails=True)
    deeds = [(deed.actor, deed.action) for deed in await house.audited(20)]
    assert ("console", "module add") in deeds


async def test_a_module_that_asks_is_let_in_by_its_code(house, ores_bridge, modules):
    assert "No module asks" in await ores_bridge("module", "requests")
    modules.start()
    asked = await modules.asked()
    assert asked["registration"] in await ores_bridge("module", "requests")
    wrong = await ores_bridge("module", "accept", asked["registration"], "--code", "0" * 16, fails=True)
    assert "another code" in wrong
    told = await ores_bridge("module", "accept", asked["registration"], "--code", CODE, "--name", "Shed")
    assert f"{KEY} is a module of the home" in told
    await until(lambda: house.hub.registry[KEY].reachable)
    assert house.hub.registry[KEY].record.name == "Shed"


async def test_a_module_that_asks_is_sent_away(house, ores_bridge, modules):
    modules.start(code="")
    asked = await modules.asked()
    assert "Press the module's button" in await ores_bridge(
        "module", "accept", asked["registration"], "--button"
    )
    assert f"{KEY} was sent away" in await ores_bridge("module", "refuse", asked["registration"])
    assert "has to ask anew" in await ores_bridge("module", "refuse", asked["registration"], fails=True)
    assert KEY not in house.hub.registry
