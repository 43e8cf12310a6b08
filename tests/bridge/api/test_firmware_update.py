"""/device/firmware/update, from the request over https to the module that runs something else."""

import json
from datetime import datetime, timedelta

import pytest
from api_lab.client import problem
from api_lab.commands import commands
from firmware_lab.repository import Maker, Shop, in_days
from firmware_lab.workshop import Workshop, until

from bridge.access.role import Role
from bridge.grid import GridState
from bridge.settings import FirmwareSettings
from hw.module import ModuleKind

PATH = "/device/firmware/update"
KEY = "ores-b1"


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path / "repository")


@pytest.fixture
async def shop(maker):
    async with Shop(maker) as shop:
        yield shop


@pytest.fixture
async def workshop():
    workshop = Workshop()
    yield workshop
    await workshop.close()


@pytest.fixture
async def factory(make_house, maker, shop, workshop):
    """A house with a module that takes firmware, and its repository."""
    module = await workshop.module()
    settings = FirmwareSettings(url=shop.url, root=maker.root, back_s=5, observe_s=0.5)
    house = await make_house(firmware=settings)
    await workshop.read(house.hub.home)
    house.module = module
    yield house
    await house.hub.home.firmware.stop()


@pytest.fixture
async def installer(factory):
    return factory.client(factory.user("ida", Role.INSTALLER))


async def told(client, **query):
    answer = await client.get(PATH, params=query)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def ended(factory, client, job):
    await until(lambda: not factory.hub.home.firmware.jobs[job].active)
    (view,) = (await told(client, job=job))["jobs"]
    return view


async def test_an_installer_updates_a_module(factory, installer, maker):
    maker.release("1.1.0")
    answer = await installer.command(PATH, {"module": KEY})
    assert answer.status == 202, await answer.text()
    job = await answer.json()
    assert (job["state"], job["version"], job["installed"]) == ("downloading", "1.1.0", "1.0.0")
    assert answer.headers["Location"] == f"{PATH}?job={job['job']}"
    view = await ended(factory, installer, job["job"])
    assert (view["state"], view["reason"], view["by"]) == ("done", "", "user/ida")
    status = await told(factory.owner())
    assert status["repository"]["alert"] == ""
    (module,) = status["modules"]
    assert (module["installed"], module["updatable"], module["job"]) == ("1.1.0", True, job["job"])
    assert factory.module.device.bootloader.current.version == "1.1.0"


async def test_an_interrupted_download_is_gone_on_from(factory, installer, maker, shop):
    maker.release("1.1.0", data=maker.image(300_000))
    shop.cut_after = 100_000
    job = await (await installer.command(PATH, {"module": KEY, "target": "1.1.0"})).json()
    assert (await ended(factory, installer, job["job"]))["state"] == "done"
    assert shop.ranges[0] is None
    assert all(range_.startswith("bytes=") for range_ in shop.ranges[1:])
    assert len(shop.ranges) > 2


async def test_a_module_that_does_badly_is_rolled_back(factory, installer, maker):
    maker.release("1.1.0")
    factory.module.device.bootloader.ill = True
    job = await (await installer.command(PATH, {"module": KEY})).json()
    view = await ended(factory, installer, job["job"])
    assert (view["state"], view["reason"]) == ("rolled-back", "firmware-unwell")
    assert factory.module.device.bootloader.current.version == "1.0.0"


async def test_the_state_of_the_home_refuses(factory, installer, maker):
    maker.release("1.1.0")
    factory.hub.home.grid.state = GridState.LOST
    answer = await installer.command(PATH, {"module": KEY})
    assert (answer.status, await problem(answer)) == (409, "firmware-not-now")
    assert (await told(installer))["jobs"] == []


async def test_what_is_signed_refuses(factory, installer, maker):
    for custom, target, slug in (
        ({}, "0.9.0", "firmware-downgrade"),
        ({"hwModel": "other"}, "1.1.0", "firmware-no-release"),
        ({"rollout": {"percent": 0}}, "1.1.0", "firmware-held-back"),
    ):
        maker.release(target, **custom)
        answer = await installer.command(PATH, {"module": KEY, "target": target})
        assert (answer.status, await problem(answer)) == (409, slug)
    maker.roles["timestamp"].expires = in_days(-1)
    maker.sign()
    answer = await installer.command(PATH, {"module": KEY})
    assert (answer.status, await problem(answer)) == (409, "firmware-frozen")
    assert (await told(installer))["repository"]["alert"] == "firmware-frozen"
    assert factory.module.device.bootloader.idle.state == "empty"


async def test_an_update_is_cancelled_before_the_module_starts_it(factory, installer, maker, shop):
    maker.release("1.1.0")
    shop.cut_after = 1000
    job = await (await installer.command(PATH, {"module": KEY})).json()
    busy = await installer.command(PATH, {"module": KEY})
    assert (busy.status, await problem(busy)) == (409, "firmware-busy")
    answer = await installer.delete(PATH, params={"job": job["job"]})
    assert (answer.status, (await answer.json())["state"]) == (200, "cancelled")
    again = await installer.delete(PATH, params={"job": job["job"]})
    assert (again.status, await problem(again)) == (409, "firmware-committed")
    unknown = await installer.delete(PATH, params={"job": "0" * 17})
    assert (unknown.status, await problem(unknown)) == (404, "unknown-firmware-job")


async def test_the_same_key_begins_one_update(factory, installer, maker):
    maker.release("1.1.0")
    headers = {"Idempotency-Key": "once"}
    first, second = [
        await (await installer.command(PATH, {"module": KEY}, headers=headers)).json() for _ in range(2)
    ]
    assert first["job"] == second["job"]
    assert len(list(factory.hub.home.firmware.jobs)) == 1


async def test_modules_without_slots_say_what_to_do(factory, installer):
    key, _ = factory.add("7", kind=ModuleKind.METER)
    answer = await installer.command(PATH, {"module": key})
    assert (answer.status, await problem(answer)) == (409, "firmware-no-transport")
    assert "maker" in (await answer.json())["remedy"]
    unknown = await installer.command(PATH, {"module": "acme-9"})
    assert (unknown.status, await problem(unknown)) == (404, "unknown-module")


async def test_a_hub_without_a_repository_says_so(house):
    key, _ = house.add()
    client = house.client(house.user("root", Role.ADMIN))
    answer = await client.command(PATH, {"module": key})
    assert (answer.status, await problem(answer)) == (409, "firmware-off")
    assert (await told(client))["repository"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"module": KEY, "target": ""},
        {"module": KEY, "window": {"begin": "2026-06-21T12:00:00Z"}},
        {"module": KEY, "window": {"begin": "2026-06-21T12:00:00Z", "end": "2026-06-21T11:00:00Z"}},
        {"module": KEY, "window": {"begin": "0001-01-01T00:00:00+05:00", "end": "2026-06-21T11:00:00Z"}},
        {"module": KEY, "force": True},
    ],
)
async def test_what_cannot_be_meant_begins_nothing(factory, installer, body):
    answer = await installer.command(PATH, body)
    assert (answer.status, await problem(answer)) == (422, "invalid")


async def test_strangers_owners_and_modules_begin_and_cancel_nothing(factory, maker):
    maker.release("1.1.0")
    key, _ = factory.add("7")
    own, other = [factory.client(factory.access.modules.issue_token(each)) for each in (KEY, key)]
    for client, status in ((factory.client(), 401), (factory.owner(), 403), (own, 403), (other, 403)):
        assert (await client.command(PATH, {"module": KEY})).status == status
        assert (await client.delete(PATH, params={"job": "0" * 17})).status == status
    assert (await factory.client().get(PATH)).status == 401
    assert [module["module"] for module in (await told(own))["modules"]] == [KEY]
    answer = await other.get(PATH, params={"module": KEY})
    assert (answer.status, await problem(answer)) == (403, "forbidden")
    assert list(factory.hub.home.firmware.jobs) == []


async def test_the_command_line_takes_a_window_in_the_homes_time(factory, maker):
    maker.release("1.1.0")
    zone = datetime.now().astimezone().tzinfo
    async with commands(factory) as ores_bridge:
        update = ("firmware", "update", KEY)
        job = json.loads(await ores_bridge(*update, "--begin", "03:00", "--end", "02:30", "--json"))
        first, last = (datetime.fromtimestamp(time, zone) for time in job["window"])
        assert (f"{first:%H:%M}", f"{last:%H:%M}", last - first) == ("03:00", "02:30", timedelta(hours=23.5))
        assert datetime.now(zone) < first <= datetime.now(zone) + timedelta(days=1)
        assert job["state"] == "waiting"
        assert "cancelled" in await ores_bridge("firmware", "cancel", KEY)
        for refused, why in (
            (("--begin", "03:00"), "--begin and --end"),
            (("--begin", "soon", "--end", "05:00"), "a time such as"),
            (("--begin", "2026-06-21 22:00", "--end", "2026-06-21 21:00"), "not after"),
            (("--begin", "2020-06-21 22:00", "--end", "2020-06-22 05:00"), "the window has passed"),
        ):
            assert why in await ores_bridge(*update, *refused, fails=True)
