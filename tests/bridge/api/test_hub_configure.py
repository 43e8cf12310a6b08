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
    assert configured == {
        "policy": "backup",
        "operating_mode": "federated",
        "savings_percent": 80,
        "settings": {},
    }
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
        "settings": {},
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
        "settings": {},
    }
    assert "there is no revision 7" in await ores_bridge("configure", "--back-to-before", "7", fails=True)
    assert "given alone" in await ores_bridge(
        "configure", "--back-to-before", "1", "--policy", "green", fails=True
    )
    assert ("console", "configure") in {(deed.actor, deed.action) for deed in await house.audited(20)}


SOURCE = {"format": "energy-charts", "area": "DE-LU", "token": "s3cret", "url": "http://127.0.0.1:9/?key=k"}


async def test_a_tariff_is_set_while_the_hub_runs_and_survives_a_restart(house, make_house):
    owner = house.owner()
    tariff = {"fee": 0.19, "vat_percent": 19, "source": SOURCE}
    answer = await patch(owner, settings={"tariff": tariff, "grid": {"export_limit_w": 5000}})
    assert answer.status == 200, await answer.text()
    told = await answer.json()
    assert told["configuration"]["settings"]["grid"] == {"export_limit_w": 5000}
    shown_source = told["configuration"]["settings"]["tariff"]["source"]
    assert (shown_source["token"], shown_source["url"]) == ("********", "http://127.0.0.1:9/")
    assert told["settings"]["tariff"]["fee"] == 0.19
    assert "s3cret" not in await answer.text()
    hub = house.hub
    assert hub.book.now.tariff.source.token == "s3cret"
    assert hub.economy.tariff.fees.usual == pytest.approx(0.19 * 1.19)
    assert hub.planner is not None, "the first tariff brings a planner"
    again = await make_house(house.hub.storage)
    assert again.hub.book.now == hub.book.now
    back = await (await patch(again.owner(), settings={"tariff": {"fee": None}})).json()
    assert back["settings"]["tariff"]["fee"] == 0.0
    back = await (await patch(again.owner(), back_to_before=1)).json()
    assert back["configuration"]["settings"] == {}
    assert again.hub.economy.tariff is None


@pytest.mark.parametrize(
    ("tables", "where", "detail"),
    [
        ({"tariff": {"colour": 1}}, "#/settings/tariff/colour", "is no key that can be set"),
        ({"tariff": {"import_price": "much"}}, "#/settings/tariff/import_price", "valid number"),
        ({"tariff": {"import_price": 101}}, "#/settings/tariff/import_price", "less than or equal to 100"),
        ({"tariff": {"fee": 0.1}}, "#/settings/tariff/fee", "there is no [tariff.source]"),
        ({"tariff": {"source": {"url": "http://a/"}}}, "#/settings/tariff/source/format", "is missing"),
        (
            {"tariff": {"source": {"format": "table", "file": "/etc/passwd"}}},
            "#/settings/tariff/source/file",
            "is set in the settings file only",
        ),
        ({"weather": {"service": "open-meteo"}}, "#/settings/planner/latitude", "is missing"),
        ({"carbon": {"kg_per_kwh": -1}}, "#/settings/carbon/kg_per_kwh", "greater than or equal to 0"),
        ({"grid": 5}, "#/settings/grid", "should be an object"),
        ({"modules": {}}, "#/settings/modules", "tariff"),
    ],
)
async def test_settings_that_do_not_fit_are_refused_by_name_and_change_nothing(house, tables, where, detail):
    owner = house.owner()
    answer = await patch(owner, settings=tables)
    assert (answer.status, await problem(answer)) == (422, "invalid")
    found = await answer.json()
    assert any(detail in each["detail"] for each in found["errors"]), found["errors"]
    assert where in [each["where"] for each in found["errors"]]
    assert (await shown(owner))["history"] == []
