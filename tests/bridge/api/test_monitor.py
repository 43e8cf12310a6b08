import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from bridge.access.role import Role
from bridge.choices import Policy
from hw.module import ModuleKind
from hw.reading import BatteryReading

MONITOR = "/app/monitor"


@pytest.fixture
def home(house):
    """A home with a meter, the sun and a battery."""
    house.hub.home.flow_meter.start()
    house.hub.home.grid.start()
    keys = [
        house.add(serial, kind=kind)[0]
        for serial, kind in (
            ("1001", ModuleKind.METER),
            ("1002", ModuleKind.MICROINVERTER),
            ("1003", ModuleKind.BATTERY),
        )
    ]
    for key, power in zip(keys, (-900.4, -3000.0, 600.2), strict=True):
        house.reads(key, power_w=power, voltage_v=230.0)
    house.clock.ahead += 2
    house.reads(keys[0], power_w=-900.4, voltage_v=230.0)
    return keys


async def test_the_balance_adds_up_exactly(house, home):
    shown = await (await house.client(house.user("gast", Role.GUEST)).get(MONITOR)).json()
    flows = shown["flows"]
    assert flows["grid_w"] == flows["load_w"] + flows["solar_w"] + flows["storage_w"] == -900
    assert (shown["grid"], shown["operating_mode"]) == ("connected", "federated")
    assert [module["power_w"] for module in shown["modules"]] == [-900.4, -3000, 600.2]


async def test_a_module_that_does_not_answer_has_no_power(house, home):
    house.hub.registry.lost(house.hub.registry[home[1]], "dark")
    shown = await (await house.owner().get(MONITOR)).json()
    assert (shown["modules"][1]["reachable"], shown["modules"][1]["power_w"]) == (False, None)


async def test_an_outage_is_shown_with_what_it_made_of_the_home(house, home):
    house.hub.home.island.start()
    plug = house.add("1004", kind=ModuleKind.LOAD)[0]
    house.reads(home[2], power_w=-7000.0, battery=BatteryReading(soc_percent=50.0, capacity_wh=8000.0))
    house.reads(plug, power_w=2500.0)
    client = house.owner()
    calm = await (await client.get(MONITOR)).json()
    assert (calm["mode"], calm["island"]) == ("federated", None)
    for _ in range(2):
        house.reads(home[0], power_w=0.0, voltage_v=0.0)
    shown = await (await client.get(MONITOR)).json()
    assert (shown["grid"], shown["mode"], shown["operating_mode"]) == ("lost", "island", "federated")
    (off,) = shown["island"]["off"]
    assert (off["module"], off["because"]) == (plug, "the batteries cannot carry it")
    configured = await (await client.get("/hub/configure")).json()
    assert (configured["mode"], configured["configuration"]["operating_mode"]) == ("island", "federated")


async def test_a_stranger_sees_nothing(house, home):
    assert (await house.client().get(MONITOR)).status == 401
    assert (await house.client().get(MONITOR, headers={"Accept": "text/event-stream"})).status == 401


@asynccontextmanager
async def stream(client, **headers):
    """Open a stream of events; what is given waits for the next one: its number and its data."""
    accept = {"Accept": "text/event-stream", **headers}
    async with client.http.get(MONITOR, headers=accept) as response:
        assert response.status == 200

        async def upcoming():
            number = ""
            async with asyncio.timeout(20):
                async for line in response.content:
                    if line.startswith(b"id: "):
                        number = line[4:].decode().strip()
                    elif line.startswith(b"data: "):
                        return number, json.loads(line[6:])
            raise AssertionError("the stream ended")

        yield upcoming


async def test_the_stream_begins_with_what_is_and_goes_on_with_what_changes(house, home):
    async with stream(house.owner()) as upcoming:
        first, before = await upcoming()
        house.hub.home.choices.choose(policy=Policy.BACKUP)
        second, after = await upcoming()
    assert (first, second) == ("1", "2")
    assert (before["policy"], after["policy"]) == ("self-consumption", "backup")


async def test_a_stream_is_taken_up_again_where_it_was(house, home):
    async with stream(house.owner(), **{"Last-Event-ID": "41"}) as upcoming:
        number, _ = await upcoming()
    assert number == "42"


async def test_the_same_comes_on_a_websocket(house, home):
    client = house.owner()
    async with client.http.ws_connect(MONITOR) as socket:
        first = await socket.receive_json(timeout=10)
        house.hub.home.choices.choose(policy=Policy.GREEN)
        second = await socket.receive_json(timeout=10)
    assert (first["policy"], second["policy"]) == ("self-consumption", "green")
