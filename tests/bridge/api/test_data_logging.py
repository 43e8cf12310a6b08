import csv
import io
import json
import time
from datetime import UTC, datetime

import aiohttp
import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.telemetry import parquet
from hw.module import ModuleKind
from optimizer.forecast.score import Score

LOG = "/device/data/logging"
NDJSON, PARQUET = "application/x-ndjson", "application/vnd.apache.parquet"


def instant(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.fixture
def noon():
    """A whole quarter of an hour of the hub's past."""
    return int(time.time()) // 900 * 900 - 900


@pytest.fixture
def meter(house, noon):
    """A meter whose power rose by 1 W a second for a minute."""
    key = house.counts(house.add("1001", kind=ModuleKind.METER)[0])
    for second in range(60):
        at = datetime.fromtimestamp(noon + second, UTC)
        house.reads(key, time=at, power_w=float(second), energy_imported_wh=10.0 + second)
    return key


def module(house, key):
    """A client that is the module."""
    return house.client(house.access.modules.issue_token(key))


def asked(noon, **params):
    return {"from": instant(noon), "to": instant(noon + 60), **params}


async def test_what_is_recorded_and_for_how_long(house, meter):
    other, _ = house.add("1002")
    shown = await (await house.owner().get(LOG)).json()
    assert [each["module"] for each in shown["modules"]] == [meter, other]
    metrics = {each["name"]: each for each in shown["modules"][0]["metrics"]}
    assert (metrics["power_w"]["unit"], metrics["power_w"]["value"]) == ("W", 59)
    assert (metrics["energy_imported_wh"]["counter"], metrics["power_w"]["counter"]) == (True, False)
    assert shown["retention"] == {
        "seconds_days": 30,
        "minutes_days": 365,
        "quarters_days": None,
        "events_days": 365,
    }
    assert shown["retention_history"] == []
    assert (shown["history"], shown["hours_of_day"]) == ([], [])


async def test_history_of_chosen_metrics(house, meter, noon):
    params = asked(noon, module=meter, metrics="power_w,energy_imported_wh", resolution="30s")
    shown = await (await house.owner().get(LOG, params=params)).json()
    assert shown["resolution"] == "30s"
    first, second = shown["history"]
    assert first["values"]["power_w"] == {"n": 30, "mean": 14.5, "min": 0, "max": 29}
    assert second["values"]["energy_imported_wh"]["delta"] == 30
    assert second["start"] == instant(noon + 30).replace("+00:00", "Z")


async def test_an_export_has_a_line_a_span(house, meter, noon):
    params = asked(noon, module=meter, metrics="power_w,energy_imported_wh", resolution="1s")
    owner = house.owner()
    table = await owner.get(LOG, params=params, headers={"Accept": "text/csv"})
    assert table.headers["Content-Disposition"] == f'attachment; filename="{meter}.csv"'
    rows = list(csv.DictReader(io.StringIO(await table.text())))
    assert [float(row["power_w"]) for row in rows] == list(range(60))
    lines = await owner.get(LOG, params=params, headers={"Accept": NDJSON})
    parsed = [json.loads(line) for line in (await lines.text()).splitlines()]
    assert [row["energy_imported_wh"] for row in parsed] == list(range(10, 70))
    assert sum(row["energy_imported_wh_delta"] for row in parsed) == 59


async def test_what_is_usual_by_hour_of_the_day(house, meter, noon):
    params = asked(noon, module=meter, metrics="power_w,energy_imported_wh", analysis="hours-of-day")
    shown = await (await house.owner().get(LOG, params=params)).json()
    power, energy = shown["hours_of_day"]
    here = datetime.fromtimestamp(noon, house.hub.telemetry.zone)
    assert (power["metric"], power["hour"], power["n"]) == ("power_w", here.hour, 1)
    assert (power["min"], power["mean"], power["max"]) == (0, pytest.approx(29.5), 59)
    assert power["p5"] == power["p95"] == pytest.approx(29.5), "the mean of the only minute"
    assert (energy["metric"], energy["max"]) == ("energy_imported_wh", 59)


async def test_parquet_needs_pyarrow_and_says_so(house, meter, noon, monkeypatch):
    monkeypatch.setattr(parquet, "is_possible", lambda: False)
    params = asked(noon, module=meter)
    answer = await house.owner().get(LOG, params=params, headers={"Accept": PARQUET})
    assert (answer.status, await problem(answer)) == (406, "not-acceptable")
    assert "pip install 'ores-bridge[parquet]'" in (await answer.json())["remedy"]


@pytest.mark.skipif(not parquet.is_possible(), reason="pyarrow (the extra `parquet`) is not installed")
async def test_parquet_has_the_same_rows(house, meter, noon):
    from pyarrow import BufferReader  # not everybody has it
    from pyarrow.parquet import read_table

    params = asked(noon, module=meter, metrics="power_w", resolution="1s")
    async with house.owner().http.get(LOG, params=params, headers={"Accept": PARQUET}) as answer:
        assert (answer.status, answer.content_type) == (200, PARQUET)
        table = read_table(BufferReader(await answer.read())).to_pylist()
    assert [row["power_w"] for row in table] == list(range(60))


async def test_parquet_whose_writer_fails_is_cut_off(house, meter, noon, monkeypatch):
    monkeypatch.setattr(parquet, "is_possible", lambda: True)
    monkeypatch.setattr(parquet, "__name__", "bridge.telemetry.nothing")
    params = asked(noon, module=meter)
    with pytest.raises(aiohttp.ClientPayloadError):
        await house.owner().get(LOG, params=params, headers={"Accept": PARQUET})


def batch(noon, count=3, **values):
    return {"samples": [{"time": instant(noon + n), "power_w": 100.0 + n, **values} for n in range(count)]}


async def test_a_module_logs_its_samples_and_may_say_them_again(house, noon):
    key, _ = house.add("1001")
    itself = module(house, key)
    sent = batch(noon, state="running")
    first = await itself.post(LOG, json=sent)
    assert (first.status, await first.json()) == (200, {"stored": 6, "known": 0})
    again = await itself.post(LOG, json=sent | {"module": key})
    assert await again.json() == {"stored": 0, "known": 6}
    params = asked(noon, metrics="power_w", resolution="1s")
    shown = await (await itself.get(LOG, params=params)).json()
    assert [row["values"]["power_w"]["mean"] for row in shown["history"]] == [100, 101, 102]


async def test_what_a_module_does_all_day_does_not_fill_the_audit_trail(house, noon):
    key, _ = house.add("1001")
    other, _ = house.add("1002")
    itself = module(house, key)
    await itself.post(LOG, json=batch(noon))
    await itself.post(LOG, json=batch(noon) | {"module": other})
    await house.hub.telemetry.flush()
    trail = [each for each in await house.hub.telemetry.audit_trail() if each.deed.action.endswith(LOG)]
    assert [(each.deed.actor, each.deed.data["result"]) for each in trail] == [(f"module/{key}", "403")]


async def test_nobody_logs_for_a_module_but_itself(house, noon):
    key, _ = house.add("1001")
    other, _ = house.add("1002")
    sent = batch(noon)
    assert (await house.client().post(LOG, json=sent)).status == 401
    for client, body in (
        (house.owner(), sent | {"module": key}),
        (house.client(house.user("root", Role.ADMIN)), sent | {"module": key}),
        (module(house, key), sent | {"module": other}),
    ):
        refused = await client.post(LOG, json=body)
        assert (refused.status, await problem(refused)) == (403, "forbidden")
    assert all(each.time < noon for each in await house.hub.telemetry.latest(other))


async def test_a_module_reads_its_own_log_alone(house, meter, noon):
    other, _ = house.add("1002")
    itself = module(house, other)
    refused = await itself.get(LOG, params=asked(noon, module=meter))
    assert (refused.status, await problem(refused)) == (403, "forbidden")
    shown = await (await itself.get(LOG)).json()
    assert [each["module"] for each in shown["modules"]] == [other]
    assert (await house.client().get(LOG)).status == 401


@pytest.mark.parametrize(
    "flaw",
    [
        {"power_w": "much"},
        {"power_w": 1e300},
        {"power": 5.0},
        {"time": "yesterday"},
        {"time": instant(2**32 - 1)},
        {"time": 5},
        {"state": 4},
        {"power_w": [1]},
    ],
)
async def test_a_batch_with_one_flaw_stores_nothing(house, noon, flaw):
    key, _ = house.add("1001")
    sent = batch(noon)
    sent["samples"][2] |= flaw
    refused = await module(house, key).post(LOG, json=sent)
    assert (refused.status, await problem(refused)) == (422, "invalid")
    assert all(each.time < noon for each in await house.hub.telemetry.latest(key))


@pytest.mark.parametrize(
    ("params", "accept", "status", "slug"),
    [
        ({}, "text/csv", 422, "invalid"),
        ({"from": "2026-06-21T12:00:00Z"}, "*/*", 422, "invalid"),
        ({"module": "acme-9"}, "*/*", 404, "unknown-module"),
        ({"module": "acme-1001", "metrics": "power_w"}, "*/*", 422, "invalid"),
        (
            {"module": "acme-1001", "metrics": "power_w,", "from": "2026-06-21T12:00:00Z"},
            "*/*",
            422,
            "invalid",
        ),
        (
            {"module": "acme-1001", "metrics": "colour", "from": "2026-06-21T12:00:00Z"},
            "*/*",
            404,
            "unknown-metric",
        ),
        ({"module": "acme-1001", "analysis": "hours-of-day"}, "*/*", 422, "invalid"),
        (
            {"module": "acme-1001", "analysis": "hours-of-day", "from": "2026-06-21T12:00:00Z"},
            "*/*",
            422,
            "invalid",
        ),
        (
            {
                "module": "acme-1001",
                "analysis": "hours-of-day",
                "metrics": "power_w",
                "from": "1990-06-21T12:00:00Z",
            },
            "*/*",
            422,
            "invalid",
        ),
        (
            {"module": "acme-1001", "analysis": "hours-of-day", "metrics": "power_w"},
            "text/csv",
            406,
            "not-acceptable",
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused(house, meter, params, accept, status, slug):
    answer = await house.owner().get(LOG, params=params, headers={"Accept": accept})
    assert (answer.status, await problem(answer)) == (status, slug)


async def test_what_is_foreseen_and_how_good_it_was(house):
    score = {name: dict.fromkeys(Score.__dataclass_fields__, 0.25) for name in ("load", "solar", "price")}
    stored = {"day": "2026-06-17", "issued": 1_781_604_060, "sun_from": "weather", **score}
    house.hub.storage.put("forecast-score/2026-06-17", json.dumps(stored).encode())
    guest = house.client(house.user("gast", Role.GUEST))
    shown = (await (await guest.get(LOG, params={"analysis": "forecasts"})).json())["forecasts"]
    assert (shown["steps"], shown["feeds"], shown["issued"]) == ([], [], None)
    (day,) = shown["scores"]
    assert (day["day"], day["issued"], day["load"]["nmae"]) == ("2026-06-17", "2026-06-16T10:01:00Z", 0.25)
    key, _ = house.add("1001")
    for params in ({"module": key}, {"from": instant(0)}, {"metrics": "power_w"}):
        refused = await guest.get(LOG, params={"analysis": "forecasts", **params})
        assert (refused.status, await problem(refused)) == (422, "invalid")
