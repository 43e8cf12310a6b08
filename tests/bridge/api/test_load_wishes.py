"""What is wanted of loads, over HTTP: said, shown, judged, and kept."""

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.api.models import moment
from hw.module import ModuleKind

PATH = "/device/register"


async def shown(owner, key):
    (module,) = (await (await owner.get(PATH, params={"module": key})).json())["modules"]
    return module["load"]


async def test_a_dishwasher_is_to_be_done_by_seven(house):
    key, _ = house.add("1", kind=ModuleKind.LOAD)
    owner = house.owner()
    assert (await shown(owner, key))["kind"] == "fixed"
    wish = {
        "kind": "machine",
        "energy_wh": 1100,
        "run_minutes": 120,
        "done_by": "07:00",
        "days": ["tue", "mon"],
    }
    answer = await owner.patch(PATH, json={"module": key, "load": wish})
    assert answer.status == 200, await answer.text()
    load = (await answer.json())["load"]
    assert {name: load[name] for name in wish} == wish | {"days": ["mon", "tue"]}
    assert (load["planned"], load["hours"], load["state"], load["once_by"]) == (True, "any", "idle", None)
    # What is left out stays; null gives back the usual.
    load = await (await owner.patch(PATH, json={"module": key, "load": {"energy_wh": None}})).json()
    assert (load["load"]["energy_wh"], load["load"]["run_minutes"]) == (None, 120)


async def test_a_room_is_kept_within_a_band(house):
    key, _ = house.add("1", kind=ModuleKind.LOAD)
    owner = house.owner()
    day = {"lowest_c": 20, "highest_c": 22, "start": "06:00", "end": "22:00"}
    bands = [day, {"lowest_c": 17, "highest_c": 20, "start": None, "end": None}]
    answer = await owner.patch(PATH, json={"module": key, "load": {"kind": "comfort", "bands": bands}})
    assert answer.status == 200, await answer.text()
    load = await shown(owner, key)
    assert (load["kind"], load["bands"]) == ("comfort", bands)
    thermostat = load["thermostat"]
    assert thermostat["lowest_c"] in {20, 17}
    assert (thermostat["planned_c"], thermostat["own_c"]) == (None, None)
    assert thermostat["why_not"] == "it does not answer, or is not to be commanded"


async def test_once_by_some_instant(house):
    key, _ = house.add("1", kind=ModuleKind.LOAD)
    owner = house.owner()
    by = house.hub.clock.utc() + 3600
    wish = {"kind": "interruptible", "energy_wh": 500, "power_w": 1000, "once_by": moment(by).isoformat()}
    answer = await owner.patch(PATH, json={"module": key, "load": wish})
    assert answer.status == 200, await answer.text()
    assert house.hub.registry[key].record.wish.once_by == pytest.approx(by, abs=1)
    await owner.patch(PATH, json={"module": key, "load": {"once_by": None}})
    assert (await shown(owner, key))["once_by"] is None


@pytest.mark.parametrize(
    ("load", "pointer"),
    [
        ({"kind": "toaster"}, "#/load/kind"),
        ({"kind": "machine", "energy_wh": -5}, "#/load/energy_wh"),
        ({"kind": "machine", "done_by": "25:00"}, "#/load/done_by"),
        ({"kind": "machine", "days": ["mon"]}, "#/load/done_by"),
        ({"kind": "machine", "days": ["someday"]}, "#/load/days/0"),
        ({"kind": "machine", "once_by": "2001-01-01T00:00:00Z"}, "#/load/once_by"),
        ({"once_by": "2099-01-01T00:00:00Z"}, "#/load/kind"),
        ({"min_on_minutes": 1000}, "#/load/min_on_minutes"),
        ({"colour": "red"}, "#/load/colour"),
        ({"kind": "comfort"}, "#/load/bands"),
        ({"kind": "comfort", "bands": [{"lowest_c": 99, "highest_c": 20}]}, "#/load/bands/0/lowest_c"),
        ({"kind": "comfort", "bands": [{"lowest_c": 22, "highest_c": 20}]}, "#/load/bands"),
    ],
)
async def test_what_cannot_be_meant_is_refused_and_changes_nothing(house, load, pointer):
    key, _ = house.add("1", kind=ModuleKind.LOAD)
    before = house.hub.registry[key].record
    answer = await house.owner().patch(PATH, json={"module": key, "room": "Attic", "load": load})
    assert answer.status == 422
    body = await answer.json()
    assert [each["where"] for each in body["errors"]] == [pointer]
    assert house.hub.registry[key].record == before


async def test_batteries_do_not_wait(house):
    key, _ = house.add("1", kind=ModuleKind.BATTERY)
    answer = await house.owner().patch(PATH, json={"module": key, "load": {"kind": "interruptible"}})
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert await shown(house.owner(), key) is None


async def test_only_owners_say_what_is_wanted(house):
    key, _ = house.add("1", kind=ModuleKind.LOAD)
    guest = house.client(house.user("gus", Role.GUEST))
    answer = await guest.patch(PATH, json={"module": key, "load": {"kind": "machine"}})
    assert answer.status == 403
