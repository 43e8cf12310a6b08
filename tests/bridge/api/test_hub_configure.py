import json

import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.choices import Policy

CONFIGURE = "/hub/configure"


async def patch(client, **body):
    return await client._ask("PATCH", CONFIGURE, json=body)


async def shown(client):
    return await (await client.get(CONFIGURE)).json()


async def test_what_is_changed_is_kept_and_remembered(house, make_house):
    owner = house.owner()
    answer = await patch(owner, policy="backup", savings_percent=80)
    assert answer.status == 200, await answer.text()
    configured = (await answer.json())["configuration"]
    assert configured == {"policy": "backup", "operating_mode": "federated", "savings_percent": 80}
    again = await make_house(house.hub.storage)
    kept = await shown(again.owner())
    assert kept["configuration"] == configured
    (revision,) = kept["history"]
    assert (revision["revision"], revision["by"]) == (1, "user/anna")
    assert revision["before"]["policy"] == "self-consumption"


async def test_a_dry_run_judges_and_changes_nothing(house):
    owner = house.owner()
    answer = await (await patch(owner, policy="green", dry_run=True)).json()
    assert answer["configuration"]["policy"] == "green"
    assert (await shown(owner))["configuration"]["policy"] == "self-consumption"
    assert (await shown(owner))["history"] == []


async def test_one_can_go_back(house):
    owner = house.owner()
    await patch(owner, policy="backup")
    await patch(owner, policy="green", operating_mode="autonomous")
    answer = await (await patch(owner, back_to_before=2)).json()
    assert answer["configuration"] == {
        "policy": "backup",
        "operating_mode": "federated",
        "savings_percent": 50,
    }
    assert [each["revision"] for each in answer["history"]] == [1, 2, 3]
    assert house.hub.home.choices.policy is Policy.BACKUP


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"policy": "greed"}, 422, "invalid"),
        ({"savings_percent": 101}, 422, "invalid"),
        ({"colour": "red"}, 422, "invalid"),
        ({"window": "open", "window_s": 5}, 422, "invalid"),
        ({"back_to_before": 7}, 404, "unknown-revision"),
        ({"remove_app": 3, "policy": "green"}, 404, "unknown-app"),
    ],
)
async def test_what_cannot_be_changes_nothing(house, body, status, slug):
    owner = house.owner()
    answer = await patch(owner, **body)
    assert (answer.status, await problem(answer)) == (status, slug)
    assert (await shown(owner))["history"] == []


async def test_an_app_is_let_in_for_a_time(house):
    house.hub.matter.node.window._announcer.announce = lambda *_: None
    owner = house.owner()
    answer = await (await patch(owner, window="open", window_s=300)).json()
    assert answer["pairing"]["open"]
    assert answer["pairing"]["qr_code"].startswith("MT:")
    assert not (await (await patch(owner, window="close")).json())["pairing"]["open"]


async def test_guests_see_no_codes_and_change_nothing(house):
    guest = house.client(house.user("gast", Role.GUEST))
    pairing = (await shown(guest))["pairing"]
    assert (pairing["qr_code"], pairing["manual_code"]) == (None, None)
    assert (await patch(guest, policy="green")).status == 403
    assert (await house.client().get(CONFIGURE)).status == 401
    assert (await patch(house.client(), policy="green")).status == 401


async def test_the_command_line_tells_and_changes_the_same(house, ores_bridge):
    assert "Policy: self-consumption" in await ores_bridge("configure")
    told = json.loads(await ores_bridge("configure", "--policy", "green", "--dry-run", "--json"))
    assert (told["configuration"]["policy"], told["history"]) == ("green", [])
    told = await ores_bridge("configure", "--policy", "backup", "--savings", "20")
    assert "policy self-consumption to backup, savings_percent 50 to 20" in told
    assert (await shown(house.owner()))["configuration"]["policy"] == "backup"
    told = json.loads(await ores_bridge("configure", "--back-to-before", "1", "--json"))
    assert told["configuration"] == {
        "policy": "self-consumption",
        "operating_mode": "federated",
        "savings_percent": 50,
    }
    assert "there is no revision 7" in await ores_bridge("configure", "--back-to-before", "7", fails=True)
    assert "given alone" in await ores_bridge(
        "configure", "--back-to-before", "1", "--policy", "green", fails=True
    )
    assert ("console", "configure") in {(deed.actor, deed.action) for deed in await house.audited(20)}
