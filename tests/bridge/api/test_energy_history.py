import csv
import io
import time
from datetime import UTC, datetime

import aiohttp
import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.telemetry.database import StoreError
from hw.module import ModuleKind
from hw.reading import BatteryReading

ENERGY, STORAGE = "/microinverter/energy", "/energystorage/storage"


def instant(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.fixture
def minutes():
    """Two whole minutes of the hub's past: when they began."""
    return int(time.time()) // 60 * 60 - 120


@pytest.fixture
async def inverter(house, minutes):
    """An inverter that produced 1 Wh each second for two minutes."""
    key = house.counts(house.add("1001")[0])
    for second in range(120):
        house.reads(
            key,
            time=datetime.fromtimestamp(minutes + second, UTC),
            power_w=-3600.0 + second % 2,
            energy_exported_wh=50_000.0 + second,
        )
    return key


@pytest.fixture
async def battery(house, minutes):
    """A battery that charged 2 Wh each second for a minute, and gave 1 Wh each second for another one."""
    key = house.counts(house.add("2001", kind=ModuleKind.BATTERY)[0])
    for second in range(120):
        house.reads(
            key,
            time=datetime.fromtimestamp(minutes + second, UTC),
            power_w=7200.0 if second < 60 else -3600.0,
            energy_imported_wh=1000.0 + 2 * min(second, 60),
            energy_exported_wh=800.0 + max(0, second - 60),
            battery=BatteryReading(
                soc_percent=50.0 + second / 60,
                available_wh=5100.0,
                capacity_wh=10_000.0,
                reserve_percent=20.0,
                cycles=7,
            ),
        )
    return key


async def answered(client, path, **params):
    answer = await client.get(path, params=params)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_production_now_today_and_in_a_lifetime(house, inverter):
    shown = await answered(house.owner(), ENERGY)
    (one,) = shown["microinverters"]
    assert (one["module"], one["power_w"], one["lifetime_wh"]) == (inverter, -3599, 50_119)
    assert 0 <= one["today_wh"] <= 119, "all of it, unless midnight was in these minutes"
    assert (one["estimated"], shown["history"], shown["resolution"]) == (False, [], None)


@pytest.mark.parametrize(("resolution", "rows"), [("1s", 120), ("30s", 4), ("1m", 2)])
async def test_what_was_produced_adds_up_to_the_same_at_every_resolution(
    house, inverter, minutes, resolution, rows
):
    await house.hub.telemetry.flush()
    params = {"from": instant(minutes), "to": instant(minutes + 120), "resolution": resolution}
    shown = await answered(house.owner(), ENERGY, module=inverter, **params)
    history = shown["history"]
    assert (len(history), shown["resolution"]) == (rows, resolution)
    assert sum(row["energy_wh"] for row in history) == pytest.approx(119)
    assert history[0]["start"] == instant(minutes).replace("+00:00", "Z")
    assert (history[0]["power_min_w"], history[-1]["power_max_w"]) == (-3600, -3599)


async def test_what_was_produced_as_a_table(house, inverter, minutes):
    params = {"from": instant(minutes), "to": instant(minutes + 120), "resolution": "1m"}
    answer = await house.owner().get(ENERGY, params=params, headers={"Accept": "text/csv"})
    assert (answer.status, answer.content_type) == (200, "text/csv")
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [(row["module"], float(row["power_w"])) for row in rows] == [(inverter, -3599.5)] * 2
    assert sum(float(row["energy_wh"]) for row in rows) == pytest.approx(119)


async def test_a_table_has_the_last_day_when_nobody_says_how_far(house, inverter):
    answer = await house.owner().get(ENERGY, headers={"Accept": "text/csv"})
    assert len((await answer.text()).splitlines()) > 1


async def test_a_device_that_does_not_count_is_estimated(house, minutes):
    key, _ = house.add("1002")
    for second in range(61):
        house.reads(key, time=datetime.fromtimestamp(minutes + second, UTC), power_w=-3600.0)
    shown = await answered(
        house.owner(),
        ENERGY,
        module=key,
        resolution="1m",
        **{"from": instant(minutes), "to": instant(minutes + 120)},
    )
    assert shown["microinverters"][0]["estimated"]
    assert sum(row["energy_wh"] for row in shown["history"]) == pytest.approx(60, abs=1)


async def test_storage_levels_throughput_and_history(house, battery, minutes):
    params = {"from": instant(minutes), "to": instant(minutes + 120), "resolution": "1m"}
    shown = await answered(house.owner(), STORAGE, **params)
    (one,) = shown["batteries"]
    assert one["levels"] | {"time": None} == {
        "time": None,
        "soc_percent": pytest.approx(51.98, abs=0.01),
        "available_wh": 5100,
        "capacity_wh": 10_000,
        "reserve_percent": 20,
    }
    through = one["throughput"]
    assert (through["charged_lifetime_wh"], through["discharged_lifetime_wh"]) == (1120, 859)
    assert (through["cycles"], through["equivalent_cycles"], through["estimated"]) == (7, 0.09, False)
    first, second = shown["history"]
    assert (first["charged_wh"], second["charged_wh"]) == (118, 2)
    assert (first["discharged_wh"], second["discharged_wh"]) == (0, 59)
    assert first["soc_min_percent"] < first["soc_percent"] < first["soc_max_percent"]


@pytest.mark.parametrize(
    ("path", "kind"), [(ENERGY, ModuleKind.MICROINVERTER), (STORAGE, ModuleKind.BATTERY)]
)
async def test_a_module_sees_itself_and_a_stranger_nothing(house, path, kind):
    key, _ = house.add("3001", kind=kind)
    other, _ = house.add("3002", kind=kind)
    assert (await house.client().get(path)).status == 401
    itself = house.client(house.access.modules.issue_token(key))
    shown = await answered(itself, path)
    assert [each["module"] for each in shown.get("microinverters") or shown["batteries"]] == [key]
    refused = await itself.get(path, params={"module": other})
    assert (refused.status, await problem(refused)) == (403, "forbidden")
    assert (await house.client(house.user("gast", Role.GUEST)).get(path)).status == 200


@pytest.mark.parametrize("path", [ENERGY, STORAGE])
@pytest.mark.parametrize(
    ("params", "status", "slug"),
    [
        ({"module": "acme-9"}, 404, "unknown-module"),
        ({"from": "yesterday"}, 422, "invalid"),
        ({"from": "2026-06-21T12:00:00"}, 422, "invalid"),
        ({"from": "1969-06-21T12:00:00Z"}, 422, "invalid"),
        ({"from": "0001-01-01T00:00:00+14:00"}, 422, "invalid"),
        ({"from": "2026-06-22T12:00:00Z", "to": "2026-06-21T12:00:00Z"}, 422, "invalid"),
        ({"resolution": "7m"}, 422, "invalid"),
        ({"since": "1"}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_meant_is_refused(house, path, params, status, slug):
    answer = await house.owner().get(path, params=params)
    assert (answer.status, await problem(answer)) == (status, slug)


async def test_a_history_that_breaks_off_is_cut_off_and_not_ended(house, inverter, minutes, monkeypatch):
    async def history(*_):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(house.hub.telemetry, "history", history)
    with pytest.raises(aiohttp.ClientPayloadError):
        await house.owner().get(ENERGY, params={"from": instant(minutes)})


async def test_what_was_erased_is_not_there(house, inverter, minutes):
    await house.hub.telemetry.erase(inverter)
    shown = await answered(house.owner(), ENERGY, module=inverter, **{"from": instant(minutes)})
    assert (shown["microinverters"][0]["today_wh"], shown["history"]) == (None, [])
