"""Looking for devices over HTTP."""

import asyncio

import pytest
from api_lab.client import problem
from api_lab.modules import until

from bridge.access.role import Role
from bridge.announcements import candidate_of
from hw.simulator.process import SimulatedHome
from matter_node.transport.browser import FoundService

PATH = "/device/discovery"
PLUG = FoundService(
    "shellyplusplugs-a8032ab12345",
    "_shelly._tcp",
    "plug.local.",
    80,
    {"gen": "2", "app": "PlusPlugS"},
    ("192.168.1.30",),
)


async def looked(house, owner, **body):
    """Look, and return the scan at its end."""
    answer = await owner.post(PATH, json=body)
    assert answer.status == 202, await answer.text()
    where = answer.headers["Location"]
    await until(lambda: not house.hub.discovery.looking)
    return (await (await owner.get(where)).json())["scan"]


async def test_a_host_is_asked_and_what_is_there_is_a_candidate(house):
    owner = house.owner()
    async with SimulatedHome(modules=2) as home:
        inverter = home.device("microinverter")
        scan = await looked(house, owner, address=inverter.address)
        assert (scan["state"], scan["hosts"], scan["done"], scan["target"]) == (
            "done",
            1,
            1,
            inverter.address,
        )
        (found,) = (await (await owner.get(PATH)).json())["candidates"]
        assert scan["found"] == [found["candidate"]]
        assert (found["driver"], found["serial"], found["kind"], found["source"], found["confidence"]) == (
            "sunspec",
            inverter.serial,
            "microinverter",
            "probe",
            1,
        )
        assert found["address"].startswith(inverter.address)
        assert found["seen"]
        assert len(house.hub.registry) == 0


async def test_nobody_is_asked_twice_a_day(house):
    owner = house.owner()
    async with SimulatedHome(modules=1) as home:
        address = home.devices[0].address
        await looked(house, owner, address=address)
        answer = await owner.post(PATH, json={"address": address})
        assert (answer.status, await problem(answer)) == (409, "scanned-lately")
        assert 80_000 < int(answer.headers["Retry-After"]) <= 86_400
        house.clock.ahead += 86_401
        assert (await owner.post(PATH, json={"address": address})).status == 202
        await until(lambda: not house.hub.discovery.looking)


async def test_who_did_not_take_the_connection_may_be_asked_again(house):
    owner = house.owner()
    for _ in range(2):
        scan = await looked(house, owner, address="127.0.0.1:9")
        assert scan["found"] == []
        assert any("sunspec" in said for said in scan["said"])


async def test_a_network_is_scanned_with_progress(house):
    owner = house.owner()
    async with SimulatedHome(modules=1, host="127.0.0.5") as home:
        port = int(home.devices[0].address.split(":")[1])
        scan = await looked(house, owner, network="127.0.0.0/28", port=port)
        assert (scan["hosts"], scan["done"], scan["state"]) == (14, 14, "done")
        assert len(scan["found"]) == 1
        answer = await owner.post(PATH, json={"network": "127.0.0.0/28", "port": port})
        assert (answer.status, await problem(answer)) == (409, "scanned-lately")


@pytest.mark.parametrize(
    "body",
    [
        {"network": "8.8.8.0/24"},
        {"network": "192.168.0.0/23"},
        {"network": "fd00::/120"},
        {"network": "everything"},
        {"address": "8.8.8.8"},
        {"address": "1:2:3:4"},
        {"address": "127.0.0.1", "network": "192.168.1.0/24"},
        {"network": "192.168.1.0/24", "port": 0},
        {"networks": "192.168.1.0/24"},
    ],
)
async def test_what_must_not_be_scanned_is_not(house, body):
    answer = await house.owner().post(PATH, json=body)
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert (await answer.json())["errors"]
    assert house.hub.discovery.scan is None


async def test_one_looks_at_a_time_and_can_be_stopped(house):
    owner = house.owner()
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    try:
        began = await (await owner.post(PATH, json={"address": f"127.0.0.1:{port}"})).json()
        answer = await owner.post(PATH, json={})
        assert (answer.status, await problem(answer)) == (409, "conflict")
        assert (await owner.delete(PATH)).status == 204
        scan = (await (await owner.get(PATH, params={"scan": began["scan"]})).json())["scan"]
        assert scan["state"] == "stopped"
    finally:
        silent.close()


async def test_an_unknown_scan_is_unknown(house):
    answer = await house.owner().get(PATH, params={"scan": "nope"})
    assert (answer.status, await problem(answer)) == (404, "unknown-scan")


async def test_what_announces_itself_is_listed_until_it_is_a_module(house, make_device):
    owner = house.owner()
    house.hub.discovery._book.note(candidate_of(PLUG))
    (found,) = (await (await owner.get(PATH)).json())["candidates"]
    assert (found["candidate"], found["driver"], found["source"]) == ("shelly-a8032ab12345", "shelly", "mdns")
    device = make_device("7")
    device.address = "192.168.1.30"
    house.hub.registry.found([device], "shelly")
    assert (await (await owner.get(PATH)).json())["candidates"] == []


async def test_guests_look_at_what_was_found_and_strangers_do_not(house):
    guest = house.client(house.user("gus", Role.GUEST))
    key, _ = house.add()
    module = house.client(house.access.modules.issue_token(key))
    assert (await guest.get(PATH)).status == 200
    for client, status in ((house.client(), 401), (module, 403), (guest, 403)):
        assert (await client.post(PATH, json={})).status == status
        assert (await client.delete(PATH)).status == status
    assert (await house.client().get(PATH)).status == 401
    assert (await module.get(PATH)).status == 403
    assert house.hub.discovery.scan is None
