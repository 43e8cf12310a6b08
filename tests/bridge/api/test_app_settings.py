from datetime import time

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.preferences import Notifications, Preferences

PATH = "/app/settings"


async def patch(client, body):
    return await client._ask("PATCH", PATH, json=body)


async def test_everybody_has_settings_of_their_own_that_survive_a_restart(house, make_house):
    anna = house.client(house.user("anna", Role.GUEST))
    changes = {
        "units": "imperial",
        "language": "de-CH",
        "currency": "CHF",
        "tariffs_shown": ["carbon", "carbon", "import"],
        "notifications": {"least": "critical", "quiet_from": "22:30", "quiet_until": "06:00"},
    }
    answer = await patch(anna, changes)
    assert answer.status == 200, await answer.text()
    shown = await answer.json()
    assert (shown["user"], shown["units"], shown["language"], shown["currency"]) == (
        "anna", "imperial", "de-CH", "CHF",
    )  # fmt: skip
    assert shown["tariffs_shown"] == ["carbon", "import"]
    assert shown["notifications"] == {
        "enabled": True,
        "least": "critical",
        "over_least": "critical",
        "quiet_from": "22:30",
        "quiet_until": "06:00",
        "critical_in_quiet": True,
    }
    other = await (await house.client(house.user("bert")).get(PATH)).json()
    assert (other["user"], other["units"]) == ("bert", "metric")
    again = await make_house(storage=house.hub.storage)
    assert await (await again.client(again.user("anna")).get(PATH)).json() == shown


async def test_what_is_left_out_stays_and_null_ends_the_quiet_hours(house):
    owner = house.owner()
    await patch(owner, {"notifications": {"quiet_from": "22:00", "quiet_until": "07:00"}})
    await patch(owner, {"notifications": {"enabled": False}})
    shown = await (await patch(owner, {})).json()
    assert (shown["notifications"]["enabled"], shown["notifications"]["quiet_from"]) == (False, "22:00")
    body = {"notifications": {"quiet_from": None, "quiet_until": None}}
    shown = await (await patch(owner, body)).json()
    assert shown["notifications"]["quiet_from"] is None
    for over in ("warning", None):
        shown = await (await patch(owner, {"notifications": {"over_least": over}})).json()
        assert shown["notifications"]["over_least"] == over
        await patch(owner, {"notifications": {"enabled": True}})
        assert (await (await owner.get(PATH)).json())["notifications"]["over_least"] == over


@pytest.mark.parametrize(
    "body",
    [
        {"language": "english"},
        {"currency": "euro"},
        {"units": "furlongs"},
        {"tariffs_shown": ["water"]},
        {"notifications": {"quiet_from": "24:00"}},
        {"notifications": {"quiet_from": "22:00"}},
        {"notifications": {"quiet_until": "22:00"}},
        {"color": "red"},
    ],
)
async def test_what_cannot_be_meant_changes_nothing(house, body):
    owner = house.owner()
    before = await (await owner.get(PATH)).json()
    answer = await patch(owner, body)
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert await (await owner.get(PATH)).json() == before


async def test_settings_are_a_persons_and_go_with_the_account(house):
    key, _ = house.add()
    for client in (house.client(), house.client(house.access.modules.issue_token(key))):
        assert (await client.get(PATH)).status in {401, 403}
        assert (await patch(client, {"currency": "CHF"})).status in {401, 403}
    house.user("root", Role.ADMIN)
    bert = house.client(house.user("bert"))
    await patch(bert, {"currency": "CHF"})
    house.access.remove_user("bert")
    house.clock.ahead += 5
    later = house.client(house.user("bert"))
    assert (await (await later.get(PATH)).json())["currency"] == "EUR"


@pytest.mark.parametrize(
    ("begin", "end", "quiet", "loud"),
    [
        ("22:00", "07:00", ("22:00", "03:00", "06:59"), ("07:00", "21:59")),
        ("13:00", "14:00", ("13:30",), ("14:00",)),
    ],
)
def test_quiet_hours(begin, end, quiet, loud):
    hours = Notifications(quiet_from=time.fromisoformat(begin), quiet_until=time.fromisoformat(end))
    assert all(hours.is_quiet(time.fromisoformat(each)) for each in quiet)
    assert not any(hours.is_quiet(time.fromisoformat(each)) for each in loud)
    assert not Notifications().is_quiet(time(3))
    kept = Preferences(notifications=hours)
    assert Preferences.from_json(kept.to_json()) == kept
