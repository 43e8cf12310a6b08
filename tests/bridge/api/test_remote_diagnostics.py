import asyncio
import io
import json
import logging
import zipfile

import pytest
from api_lab.client import problem

from bridge import diagnostics
from bridge.access.role import Role
from bridge.channels import judge
from bridge.hub import Hub
from bridge.logs import set_up
from bridge.poller import Source
from bridge.support_bundle import REDACTED, clean, without_secrets
from hw.simulator.process import SimulatedHome

PATH = "/device/diagnostics/remote"


async def looked(client, body):
    """Begin a run and follow it to its end; return what came of it."""
    answer = await client.post(PATH, json=body)
    assert answer.status == 202, await answer.text()
    async with asyncio.timeout(30):
        while True:
            (run,) = (await (await client.get(answer.headers["Location"])).json())["runs"]
            if run["state"] != "running":
                return run
            await asyncio.sleep(0.05)


def results(run):
    return {check["check"]: check["result"] for check in run["checks"]}


@pytest.fixture
async def inverter(house):
    """A simulated inverter that the hub reads over real Modbus."""
    async with SimulatedHome(1) as simulated:
        device = simulated.devices[0]
        house.hub.poller.start([Source("sunspec", device.address)])
        async with asyncio.timeout(20):
            while not len(house.hub.registry) or not next(iter(house.hub.registry)).reachable:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield simulated, device, next(iter(house.hub.registry)).key
        await house.hub.poller.stop()


async def test_a_module_that_is_well_passes_every_check(house, inverter):
    _, device, key = inverter
    owner = house.owner()
    run = await looked(owner, {"module": key})
    shown = results(run)
    assert {shown[each] for each in ("link", "scan", "timing", "self-test")} == {"passed"}, run
    assert device.serial in next(each["detail"] for each in run["checks"] if each["check"] == "scan")
    assert next(each["duration_ms"] for each in run["checks"] if each["check"] == "timing") > 0
    assert (run["state"], run["by"]) == ("done", "user/anna")


async def test_a_module_that_is_gone_says_how_far_the_way_goes(house, inverter):
    simulated, device, key = inverter
    await simulated.fault(device.serial, "link")
    async with asyncio.timeout(30):
        while house.hub.registry[key].reachable:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.1)
    run = await looked(house.owner(), {"module": key, "checks": ["link", "scan", "timing", "self-test"]})
    assert results(run) == {"link": "failed", "scan": "failed", "timing": "failed", "self-test": "skipped"}
    assert run["result"] == "failed"
    assert "nothing listens on its port" in run["checks"][0]["detail"]


async def test_a_module_that_is_slow_is_measured(house, inverter):
    simulated, device, key = inverter
    await simulated.fault(device.serial, "slow", 0.3)
    run = await looked(house.owner(), {"module": key, "checks": ["timing"]})
    assert run["checks"][0]["duration_ms"] > 250


async def test_the_hub_looks_at_itself(house):
    run = await looked(house.owner(), {})
    assert (run["module"], run["result"]) == (None, "passed")
    details = " ".join(check["detail"] for check in run["checks"])
    for told in ("on the disk", "MB are free", "clock is set", "reacts within", "no app is paired"):
        assert told in details
    assert results(run)["matter"] == "skipped"


async def test_runs_outlive_a_restart_and_what_was_under_way_is_broken_off(house, make_house):
    run = await looked(house.owner(), {})
    stored = json.loads(house.hub.storage.get(f"diagnostic/{run['run']}"))
    house.hub.storage.put("diagnostic/z", json.dumps(stored | {"id": "z", "state": "running"}).encode())
    house.hub.storage.put("diagnostic/broken", b"[]")
    again = Hub(house.hub.settings, house.hub.directory, house.hub.storage, house.clock)
    assert [(each.id, each.state.value) for each in again.diagnostics.runs()] == [
        ("z", "broken-off"),
        (run["run"], "done"),
    ]


async def test_runs_are_bounded(house, monkeypatch):
    monkeypatch.setattr(diagnostics, "KEPT", 3)
    for _ in range(5):
        run = house.hub.diagnostics.begin("", (), "console")
        await house.hub.diagnostics.finished(run.id)
        house.clock.ahead += 1
    assert len(house.hub.diagnostics.runs()) == 3


async def test_what_cannot_be_looked_at_is_refused(house):
    key, _ = house.add()
    owner = house.owner()
    for body in ({"checks": ["scan"]}, {"checks": ["everything"]}, {"modul": key}):
        answer = await owner.post(PATH, json=body)
        assert (answer.status, await problem(answer)) == (422, "invalid")
    unknown = await owner.post(PATH, json={"module": "acme-9"})
    assert (unknown.status, await problem(unknown)) == (404, "unknown-module")
    unknown = await owner.get(PATH, params={"run": "nothing"})
    assert (unknown.status, await problem(unknown)) == (404, "unknown-run")
    await owner.post(PATH, json={"module": key, "checks": ["timing"]})
    busy = await owner.post(PATH, json={"module": key})
    assert (busy.status, await problem(busy)) == (409, "conflict")
    await house.hub.diagnostics.stop()


async def test_strangers_look_at_nothing(house):
    key, _ = house.add()
    module = house.client(house.access.modules.issue_token(key))
    for client in (house.client(), house.client(house.user("gus", Role.GUEST)), module):
        assert (await client.post(PATH, json={"module": key})).status in {401, 403}
        assert (await client.get(PATH)).status in {401, 403}
        assert (await client.get(PATH, headers={"Accept": "application/zip"})).status in {401, 403}
    refused = await house.owner().get(PATH, headers={"Accept": "application/zip"})
    assert (refused.status, await problem(refused)) == (403, "forbidden")


async def test_a_support_bundle_has_what_helps_and_no_secret(house):
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    set_up("info")
    try:
        house.add()
        password = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"
        token = house.user("zachary", Role.ADMIN, password_hash=password)
        user = house.access.accounts.set_totp("zachary", "JBSWY3DPEHPK3PXP")
        house.hub.channels.add(user, judge("hook", "json://anna:s3cret@example.org/hook77"))
        house.hub.home.fault_log.acknowledge(house.hub.home.fault_log.records()[0].id, "user/anna")
        logging.getLogger("test").warning(
            "mqtt://bert:hunter22@broker said no to anna@example.org, %s", token
        )
        admin = house.client(token)
        await looked(admin, {})
        async with admin.http.get(PATH, headers={"Accept": "application/zip"}) as answer:
            assert (answer.status, answer.content_type) == (200, "application/zip")
            assert "ores-bridge-support.zip" in answer.headers["Content-Disposition"]
            bundle = zipfile.ZipFile(io.BytesIO(await answer.read()))
    finally:
        logging.getLogger().handlers[:] = kept[0]
        logging.getLogger().setLevel(kept[1])
    texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    whole = "\n".join(texts.values())
    setup = house.hub.setup
    secrets = (password, token, "JBSWY3DPEHPK3PXP", "s3cret", "hunter22", "anna", "bert", "hook77", "zachary")
    for secret in (*secrets, f"{setup.passcode:08}", str(setup.passcode)):
        assert secret not in whole, secret
    assert json.loads(texts["modules.json"])[0]["key"] == "acme-1001"
    assert json.loads(texts["faults.json"])[0]["code"] == "OVER_TEMP"
    assert json.loads(texts["diagnostics.json"])[0]["state"] == "done"
    assert "said no to" in texts["log.txt"]
    assert json.loads(texts["about.json"])["version"]


def test_whatever_looks_like_a_secret_is_blacked_out():
    values = {
        "passcode": 20202021,
        "enable_key": "00ff",
        "key": "acme-1001",
        "none": None,
        "api": {"key": "x"},
    }
    assert without_secrets(values) == values | {"passcode": REDACTED, "enable_key": REDACTED}
    assert clean("by user/anna from api/bert") == f"by user/{REDACTED} from api/{REDACTED}"
    assert clean("ores_s_abcDEF-123 MT:Y.K9042C00KA0648G00") == f"{REDACTED} MT:[redacted]"
