"""What modules and hub say to each other: telemetry in, setpoints out, and what was missed."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from api_lab.client import problem
from api_lab.modules import KEY, Modules, until

from bridge.access.role import Role
from bridge.command import CommandState, Origin
from bridge.late_readings import LateReadings
from hw.module import ModuleKind
from hw.ores.messages import MOST_SAMPLES
from hw.setpoint import SetpointKind
from matter_node.storage import MemoryStorage

PATH = "/hub/communicate"


@pytest.fixture
async def modules(house, tmp_path):
    made = Modules(house, tmp_path)
    yield made
    await made.close()


class Voice:
    """A module that a test speaks for, with the credentials of a simulated one."""

    def __init__(self, house, client):
        self.house = house
        self.client = client
        self.boot = "0001"

    async def __aenter__(self):
        self.http = aiohttp.ClientSession()
        self.socket = await self.http.ws_connect(
            f"https://127.0.0.1:{self.house.hub.api.port}{PATH}", ssl=self.client.keys.trusting()
        )
        return self

    async def __aexit__(self, *_):
        await self.http.close()

    async def tell(self, **message):
        await self.socket.send_json(message)
        return await self.hear()

    async def hear(self):
        message = await self.socket.receive(timeout=5)
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else message

    async def hello(self, **more):
        return await self.tell(**hello(self.client, boot=self.boot, **more))

    async def measured(self, seq, *ages, **values):
        """Say that something was measured so many seconds ago."""
        return await self.tell(type="telemetry", seq=seq, samples=[sample(age, **values) for age in ages])


def hello(client, **more):
    return {
        "type": "hello",
        "protocol": 1,
        "boot": "0001",
        "interval_s": 1,
        "description": client.device.description(),
        **more,
    }


def sample(age=0.0, **values):
    time = datetime.now(UTC) - timedelta(seconds=age)
    return {"time": time.isoformat(), "state": "running", "power_w": -100.0, **values}


@pytest.fixture
async def voice(house, modules):
    """A module that was let in, and whose simulation has fallen silent."""
    client = await modules.join()
    await modules.close()
    async with Voice(house, client) as voice:
        yield voice


@pytest.fixture
def late(house, monkeypatch):
    """The readings that were stored as late ones."""
    kept = []
    keep = LateReadings.keep

    async def noted(self, module, readings):
        kept.extend(readings)
        await keep(self, module, readings)

    monkeypatch.setattr(LateReadings, "keep", noted)
    return kept


# ---------------------------------------------------------------------- telemetry


async def test_measurements_become_readings(house, voice):
    welcome = await voice.hello()
    assert (welcome["type"], welcome["module"], welcome["next_seq"]) == ("welcome", KEY, 1)
    ack = await voice.measured(1, 0, power_w=-123.5, temperature_c=41, faults=[{"code": "OVER_TEMP"}])
    assert (ack["seq"], ack["current"], ack["refused"]) == (1, 1, 0)
    module = house.hub.registry[KEY]
    await until(lambda: module.reading.power_w == -123.5)
    assert module.reading.faults[0].code == "OVER_TEMP"


async def test_a_repeated_message_is_acknowledged_and_counts_for_nothing(house, voice):
    await voice.hello()
    await voice.measured(1, 0, power_w=-1)
    ack = await voice.measured(1, 0, power_w=-999)
    assert (ack["type"], ack["seq"], ack["refused"]) == ("ack", 1, 1)
    await asyncio.sleep(0.3)
    assert house.hub.native.modules.get(KEY).latest.power_w == -1


async def test_a_gap_is_asked_for_again(voice):
    await voice.hello()
    await voice.measured(1, 0)
    assert await voice.measured(4, 0) == {"type": "again", "seq": 2}
    assert (await voice.measured(2, 0))["seq"] == 2


async def test_what_the_module_has_lost_is_not_waited_for(voice):
    assert (await voice.hello(oldest=40))["next_seq"] == 40
    assert (await voice.measured(40, 0))["seq"] == 40


async def test_a_new_run_counts_anew_and_the_same_goes_on(house, voice):
    await voice.hello()
    await voice.measured(1, 0)
    async with Voice(house, voice.client) as again:
        assert (await again.hello())["next_seq"] == 2
        again.boot = "0002"
        assert (await again.hello())["next_seq"] == 1


async def test_times_are_judged(house, voice, late):
    house.hub.native._newest.clear()
    await voice.hello()
    ack = await voice.measured(1, 3600)
    assert (ack["late"], ack["current"]) == (1, 0)
    assert [reading.power_w for reading in late] == [-100]
    ack = await voice.measured(2, 3600)
    assert ack["late"] == 1  # a moment newer
    ack = await voice.measured(3, 7200)
    assert (ack["refused"], ack["reason"]) == (1, "one as new or newer is known")
    ack = await voice.measured(4, -60)
    assert ack["refused"] == 1
    assert "clock" in ack["reason"]
    ack = await voice.measured(5, 0)
    assert ack["current"] == 1


async def test_who_is_a_little_ahead_measures_now(house, voice):
    await voice.hello()
    assert (await voice.measured(1, -2))["current"] == 1
    reading = house.hub.native.modules.get(KEY).latest
    assert reading.time <= datetime.now(UTC)


async def test_what_was_measured_a_month_ago_is_of_no_use(house, modules, tmp_path, late):
    client = await modules.join()
    await modules.close()
    house.hub.native._newest.clear()
    async with Voice(house, client) as voice:
        await voice.hello()
        ack = await voice.measured(1, 30 * 86_400)
        assert (ack["refused"], ack["reason"]) == (1, "it is older than a week")
    assert late == []


async def test_a_silent_module_is_unreachable_and_comes_back(house, modules):
    client = await modules.join()
    module = house.hub.registry[KEY]
    await until(lambda: module.reachable)
    await client.unplug()
    house.clock.ahead += 30
    await until(lambda: not module.reachable)
    assert "silent" in module.unreachable_because
    client.plug_in()
    await until(lambda: module.reachable)


async def test_a_module_that_was_away_tells_what_was_missed(house, modules, late):
    client = await modules.join()
    await client.unplug()
    begin = len(late)
    for _ in range(300):  # ten minutes, measured every two seconds
        client._loose.append({**client.device.sample(), **sample(620 - 2 * _)})
    # what is measured while the test runs comes behind it, in order of time
    client._loose = type(client._loose)(sorted(client._loose, key=lambda each: each["time"]))
    house.hub.native._newest.clear()
    client.plug_in()
    await until(lambda: len(late) - begin >= 295)
    times = [reading.time for reading in late]
    assert times == sorted(times)


async def test_a_hub_that_was_restarted_is_told_what_it_has_missed(make_house, tmp_path):
    storage = MemoryStorage()
    house = await make_house(storage)
    modules = Modules(house, tmp_path)
    client = await modules.join()
    taken = house.hub.native._inboxes[KEY].last
    await modules.close()
    await house.hub.api.stop()
    again = await make_house(storage)
    async with Voice(again, client) as voice:
        voice.boot = client._boot
        assert (await voice.hello())["next_seq"] >= taken


# ---------------------------------------------------------------------- setpoints


async def test_a_setpoint_is_obeyed_read_back_and_reverts_by_itself(house, modules):
    client = await modules.join(kind=ModuleKind.BATTERY)
    assert SetpointKind.CHARGE_W in house.hub.registry[KEY].record.capabilities.setpoints
    command = submit(house, SetpointKind.CHARGE_W, 500)
    await until(lambda: house.hub.arbiter.command(command.id).state is CommandState.APPLIED)
    assert house.hub.arbiter.command(command.id).applied_value == 500
    await until(lambda: house.hub.registry[KEY].reading.power_w == pytest.approx(500))
    assert client.device.battery.timer.left > 0
    await modules.close()  # the hub can say nothing any more
    client.device._zero -= 3600
    client.device.sample()
    assert client.device.battery.charge_rate is None


async def test_a_module_that_obeys_otherwise_is_said_to_have_failed(house, voice):
    await voice.hello()
    await voice.measured(1, 0)
    await until(lambda: house.hub.registry[KEY].reachable)
    command = submit(house, SetpointKind.POWER_LIMIT_PERCENT, 50)
    told = await voice.hear()
    assert (told["type"], told["kind"], told["value"]) == ("setpoint", "power_limit_percent", 50)
    assert told["expires_s"] > 0
    await voice.tell(type="result", seq=2, setpoint=told["id"], state="applied", value=80.0)
    await until(lambda: house.hub.arbiter.command(command.id).reason)
    assert "reads 80, was told 50" in house.hub.arbiter.command(command.id).reason


async def test_a_refused_setpoint_says_why(house, voice):
    await voice.hello()
    await voice.measured(1, 0)
    await until(lambda: house.hub.registry[KEY].reachable)
    command = submit(house, SetpointKind.CONNECT, 0)
    told = await voice.hear()
    result = {"type": "result", "setpoint": told["id"], "state": "refused", "detail": "island mode"}
    await voice.tell(seq=2, **result)
    await until(lambda: "island mode" in house.hub.arbiter.command(command.id).reason)


def submit(house, kind, value):
    return house.hub.arbiter.submit(KEY, kind, value, origin=Origin.USER, source="test", duration=60)


async def test_a_module_without_a_socket_asks_for_what_there_is(house, modules):
    client = await modules.join(kind=ModuleKind.BATTERY, socket=False)
    await until(lambda: house.hub.registry[KEY].reachable)
    command = submit(house, SetpointKind.DISCHARGE_W, 400)
    await until(lambda: house.hub.arbiter.command(command.id).state is CommandState.APPLIED)
    assert client.device.battery.discharge_rate == 400
    assert not any("hub/communicate" in deed.action for deed in await house.audited(500))


async def test_a_module_without_a_socket_says_hello_first(house, voice):
    answer = await voice.http.post(
        f"https://127.0.0.1:{house.hub.api.port}{PATH}",
        json={"boot": "nobody-knows", "messages": []},
        ssl=voice.client.keys.trusting(),
    )
    assert (answer.status, (await answer.json())["type"]) == (409, "/problems/say-hello")


# ---------------------------------------------------------------------- what is no message


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        "{}",
        '{"type": "telemetry", "type": "hello"}',
        '{"type": "telemetry", "seq": 1, "samples": []}',
        '{"type": "telemetry", "seq": 0, "samples": [{"time": "2026-06-21T12:00:00Z"}]}',
        '{"type": "telemetry", "seq": 1, "samples": [{"time": "2026-06-21T12:00:00"}]}',
        '{"type": "telemetry", "seq": 1, "samples": [{"time": "2026-06-21T12:00:00Z", "power_w": 1e9}]}',
        '{"type": "telemetry", "seq": 1, "samples": [{"time": "2026-06-21T12:00:00Z", "power_w": NaN}]}',
        '{"type": "telemetry", "seq": "1", "samples": [{"time": "2026-06-21T12:00:00Z"}]}',
        '{"type": "result", "seq": 1, "setpoint": "x", "state": "perhaps"}',
        "[" * 5000,
    ],
)
async def test_what_is_no_message_is_refused_and_the_conversation_goes_on(voice, message):
    await voice.hello()
    await voice.socket.send_str(message)
    refusal = await voice.hear()
    assert refusal["type"] == "refusal"
    assert refusal["reason"]
    assert refusal["remedy"]
    assert (await voice.measured(1, 0))["seq"] == 1


async def test_nothing_but_nonsense_ends_the_conversation(voice):
    await voice.hello()
    for _ in range(5):
        await voice.socket.send_str("nonsense")
        assert (await voice.hear())["type"] == "refusal"
    assert (await voice.hear()).type is aiohttp.WSMsgType.CLOSE


async def test_a_conversation_begins_with_hello(voice):
    assert (await voice.measured(1, 0))["type"] == "refusal"
    assert (await voice.hear()).type is aiohttp.WSMsgType.CLOSE


async def test_a_message_has_so_many_measurements_at_most(voice):
    await voice.hello()
    ack = await voice.measured(1, *range(MOST_SAMPLES, 0, -1))
    assert ack["seq"] == 1
    assert (await voice.measured(2, *range(MOST_SAMPLES + 1, 0, -1)))["type"] == "refusal"


# ---------------------------------------------------------------------- who may


async def test_strangers_and_people_do_not_speak_here(house):
    for client, status in ((house.client(), 401), (house.owner(), 403)):
        answer = await client.post(PATH, json={"boot": "ab", "messages": []})
        assert answer.status == status
    admin = house.client(house.user("root", Role.ADMIN))
    answer = await admin.post(PATH, json={"boot": "ab", "messages": []})
    assert (answer.status, await problem(answer)) == (403, "forbidden")


async def test_a_module_that_another_driver_reads_does_not_speak_here(house):
    key, _ = house.add("1001")
    module = house.client(house.access.modules.issue_token(key))
    answer = await module.post(PATH, json={"boot": "ab", "messages": []})
    assert (answer.status, await problem(answer)) == (409, "not-supported")


async def test_who_describes_another_module_is_put_into_quarantine(house, voice):
    other = {**voice.client.device.description(), "serial": "S000002"}
    refusal = await voice.hello(description=other)
    assert refusal["type"] == "refusal"
    assert (await voice.hear()).type is aiohttp.WSMsgType.CLOSE
    assert house.hub.registry[KEY].record.quarantined


async def test_a_removed_module_is_hung_up_on(house, voice):
    await voice.hello()
    house.hub.registry.remove(KEY)
    end = await voice.hear()
    assert (end.type, end.extra) == (aiohttp.WSMsgType.CLOSE, "the module was removed from the home")


async def test_a_second_conversation_ends_the_first(house, voice):
    await voice.hello()
    async with Voice(house, voice.client) as second:
        await second.hello()
        end = await voice.hear()
        assert (end.type, end.extra) == (aiohttp.WSMsgType.CLOSE, "the module has connected anew")
        assert (await second.measured(1, 0))["seq"] == 1
