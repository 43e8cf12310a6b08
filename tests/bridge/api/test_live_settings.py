"""Settings that are changed while the hub runs: where each holds, what is refused, and the way back."""

import json
import logging
from dataclasses import replace
from datetime import datetime

import pytest
from api_lab.client import problem

from bridge.island.settings import IslandSettings
from bridge.live_settings import AT_START, IN_THE_FILE, LiveSettings
from bridge.planner.settings import TariffSettings
from bridge.settings import Settings
from bridge.settings_book import SettingsBook
from bridge.settings_loader import load
from hw.module import ModuleKind
from matter_node.storage import MemoryStorage

CONFIGURE = "/hub/configure"
ALL = {
    "island": {"hours": 12.5, "spacing_s": 5},
    "polling": {"interval": 2.5, "cpu": 0.3},
    "faces": {"full": True, "charging": False},
    "firmware": {"rollout_percent": 0},
    "log_level": "error",
    "planner": {"time_limit": 20, "resident": False},
    "api": {"names": ["ores.example.org"]},
}


@pytest.fixture(autouse=True)
def same_log_level():
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


async def patch(house, **body):
    return await house.owner()._ask("PATCH", CONFIGURE, json=body)


async def shown(house):
    return await (await house.owner().get(CONFIGURE)).json()


def held(hub):
    """What holds, asked of those who go by it."""
    return {
        "hours": hub.home.island.settings.hours,
        "interval": hub.pace.interval,
        "faces": sorted(hub.matter.faces._faces.get("acme-1003", {})),
        "level": logging.getLogger().level,
    }


@pytest.fixture
async def battery(house):
    key, _ = house.add("1003", ModuleKind.BATTERY)
    house.hub.matter.faces.start()
    yield key
    house.hub.matter.faces.stop()


async def test_each_holds_at_once_where_it_is_gone_by_and_one_can_go_back(house, battery, make_house):
    before = held(house.hub)
    assert before["faces"] == ["charging", "energy"]
    answer = await patch(house, settings=ALL)
    assert answer.status == 200, await answer.text()
    told = await answer.json()
    assert told["configuration"]["settings"] == ALL
    assert told["restart_required"] == ["api.names"]
    assert (told["settings"]["island"]["hours"], told["settings"]["island"]["floor_percent"]) == (12.5, 10.0)
    now = held(house.hub)
    assert now == {
        "hours": 12.5,
        "interval": 2.5,
        "faces": ["energy", "full"],
        "level": logging.ERROR,
    }
    again = await make_house(house.hub.storage)
    assert (await shown(again))["restart_required"] == []
    assert again.hub.home.island.settings.hours == 12.5
    assert (again.hub.pace.interval, again.hub.book.now.log_level) == (2.5, "error")
    assert again.hub.api._hosts.is_own("ores.example.org:8443")
    assert (await patch(house, back_to_before=1)).status == 200
    assert held(house.hub) == {**before, "level": logging.INFO}
    assert (await shown(house))["restart_required"] == []


async def test_how_the_planner_is_run_holds_at_once(make_house):
    house = await make_house(tariff=TariffSettings(import_price=0.3))
    hub = house.hub
    assert (hub.planner.time_limit, hub.planning.resident) == (60, True)
    assert (await patch(house, settings={"planner": ALL["planner"]})).status == 200
    assert (hub.planner.time_limit, hub.planning.resident) == (20, False)


async def test_a_dry_run_says_what_would_need_a_restart_and_changes_nothing(house, battery):
    before = held(house.hub)
    told = await (await patch(house, settings=ALL, dry_run=True)).json()
    assert (told["restart_required"], told["settings"]["polling"]["interval"]) == (["api.names"], 2.5)
    assert held(house.hub) == before
    assert (await shown(house))["history"] == []


@pytest.mark.parametrize(
    ("settings", "where", "detail"),
    [
        ({"island": {"floor_percent": 30}}, "#/settings/island/black_start_percent", "is not above floor"),
        ({"island": {"hours": -1}}, "#/settings/island/hours", "greater than or equal to 0"),
        ({"island": {"enabled": "yes"}}, "#/settings/island/enabled", "valid boolean"),
        ({"polling": {"interval": 0.1}}, "#/settings/polling/interval", "greater than or equal to 0.2"),
        ({"faces": {"reserve_as": "lamp"}}, "#/settings/faces/reserve_as", "'plug' or 'light'"),
        ({"firmware": {"url": "https://evil.example"}}, "#/settings/firmware/url", "settings file only"),
        ({"firmware": {"root": "/etc/passwd"}}, "#/settings/firmware/root", "settings file only"),
        ({"api": {"enabled": False}}, "#/settings/api/enabled", "settings file only"),
        ({"api": {"origins": ["panel"]}}, "#/settings/api/origins/0", "is like https://panel"),
        ({"log_level": "loud"}, "#/settings/log_level", "'debug', 'info'"),
        ({"log_level": {"level": "debug"}}, "#/settings/log_level", "'debug', 'info'"),
        ({"port": 5541}, "#/settings/port", "'tariff', 'grid'"),
    ],
)
async def test_what_cannot_be_is_refused_by_name_and_changes_nothing(house, settings, where, detail):
    answer = await patch(house, settings=settings)
    assert (answer.status, await problem(answer)) == (422, "invalid")
    found = (await answer.json())["errors"]
    assert [each["where"] for each in found] == [where]
    assert detail in found[0]["detail"]
    assert (await shown(house))["history"] == []
    assert house.hub.book.set == {}


FEES = [{"start": "22:00", "end": "06:00", "fee": 0.01}, {"start": "06:00", "end": "09:00", "fee": 0.2}]
MARKET = {"source": {"format": "awattar", "url": "http://127.0.0.1:9/"}, "fee": 0.1, "vat_percent": 20}


async def test_fees_by_the_clock_are_set_and_go_with_the_market(house):
    assert (await patch(house, settings={"tariff": {**MARKET, "fees": FEES}})).status == 200
    fees, zone = house.hub.economy.tariff.fees, house.hub.home.zone
    by_hour = [fees.at(datetime(2026, 11, 20, hour, tzinfo=zone).timestamp()) for hour in (3, 7, 12, 23)]
    assert by_hour == pytest.approx([0.012, 0.24, 0.12, 0.012])
    for change, where in (
        ({"fees": [{**FEES[0], "start": "22h"}]}, "#/settings/tariff/fees/0/start"),
        ({"fees": [{**FEES[0], "months": [13]}]}, "#/settings/tariff/fees/0/months/0"),
        ({"source": None}, "#/settings/tariff/fees"),
    ):
        answer = await patch(house, settings={"tariff": change})
        assert answer.status == 422
        assert where in [each["where"] for each in (await answer.json())["errors"]]
    assert (await shown(house))["configuration"]["settings"]["tariff"]["fees"] == FEES


async def test_the_command_line_sets_and_shows_the_same(house, ores_bridge):
    told = await ores_bridge("configure", "--set", "island.hours=12", "--set", "api.names=['ores.example']")
    assert "island.hours: 12" in told
    assert "api.names holds from the next start of the hub on." in told
    assert house.hub.home.island.settings.hours == 12
    told = json.loads(await ores_bridge("configure", "--set", "log_level=warning", "--json"))
    assert told["settings"]["log_level"] == "warning"
    assert (told["settings"], told["restart_required"]) == (
        (await shown(house))["settings"],
        (await shown(house))["restart_required"],
    )
    assert "island.floor_percent: 10.0" in await ores_bridge("configure", "--all")
    assert "island.floor_percent" not in await ores_bridge("configure")
    refused = await ores_bridge("configure", "--set", "island.floor_percent=50", fails=True)
    assert "island.black_start_percent 20 is not above floor_percent, 50" in refused


def test_a_table_that_does_not_fit_to_the_file_any_more_is_dropped_and_the_others_hold(tmp_path, caplog):
    storage, file = MemoryStorage(), Settings(data_dir=tmp_path)
    book = SettingsBook(storage, LiveSettings.of(file), lambda *_: None)
    book.put({"island": {"floor_percent": 15}, "tariff": {"import_price": 0.3}})
    other = replace(file, island=IslandSettings(black_start_percent=12))
    again = SettingsBook(storage, LiveSettings.of(other), lambda *_: None)
    assert again.set == {"tariff": {"import_price": 0.3}}
    assert (again.now.tariff.import_price, again.now.island) == (0.3, other.island)
    assert "island.black_start_percent 12 is not above floor_percent, 15" in caplog.text


def test_every_key_with_a_rule_of_its_own_is_a_key(tmp_path):
    live = LiveSettings.of(load(environment={"ORES_BRIDGE_DATA_DIR": str(tmp_path)}))
    assert live == LiveSettings.of(Settings(data_dir=tmp_path))
    for path in (*IN_THE_FILE, *AT_START):
        found = live
        for name in path:
            found = getattr(found, name)


async def test_what_is_shown_can_be_sent_back_and_secrets_stay(house):
    """A page that reads all settings, changes one and sends them all must not store stars for a key."""
    secret = {"service": "solcast", "site": "abcd", "token": "key", "url": "https://sun.example.org/?k=1"}
    assert (await patch(house, settings={"weather": secret})).status == 200
    seen = (await shown(house))["settings"]["weather"]
    assert (seen["token"], seen["url"]) == ("********", "https://sun.example.org/")
    assert (await patch(house, settings={"weather": seen | {"fresh_h": 6.0}})).status == 200
    now = house.hub.book.now.weather
    assert (now.token, now.url, now.fresh_h) == ("key", "https://sun.example.org/?k=1", 6.0)
    assert (await patch(house, settings={"tariff": {"source": {"token": "********"}}})).status == 200
    assert house.hub.book.now.tariff.source.token == ""
    assert (await patch(house, settings={"weather": {"token": "other"}})).status == 200
    assert house.hub.book.now.weather.token == "other"
