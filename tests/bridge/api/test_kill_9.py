"""`kill -9` while people and modules write over HTTP: nothing acknowledged is lost, nothing is half there."""

import asyncio
import json
import random
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest
from api_lab.process import HubProcess

from bridge.state_file import ReadOnlyStorage
from bridge.telemetry.event_log import verify

WRITES, WRITERS, SAMPLES = 200, 8, 20
INVERTER, BATTERY = "/microinverter/control", "/energystorage/control"
CONFIGURE, LOG = "/hub/configure", "/device/data/logging"


@dataclass
class Write:
    """One request, told from all others by what it writes; and its answer, if there was one."""

    number: int
    method: str
    path: str
    body: dict
    answer: dict | None = None
    request_id: str = ""

    @property
    def key(self):
        return f"write-{self.number}"


def writes(chance, inverter, battery, now):
    """Random writes: limits, reserves, savings, and batches of samples a minute apart."""
    made = []
    for number in range(WRITES):
        kind = chance.choice((INVERTER, BATTERY, CONFIGURE, LOG))
        if kind == INVERTER:
            body = {"module": inverter, "power_limit_percent": 10 + number / 4, "duration_s": 3600}
        elif kind == BATTERY:
            body = {"module": battery, "reserve_percent": 5 + number / 4}
        elif kind == CONFIGURE:
            body = {"savings_percent": chance.randrange(101)}
        else:
            start = now - 60 * (number + 10)
            times = [datetime.fromtimestamp(start + n, UTC).isoformat() for n in range(SAMPLES)]
            body = {"samples": [{"time": each, "power_w": -1000.0 - number} for each in times]}
        made.append(Write(number, "PATCH" if kind == CONFIGURE else "POST", kind, body))
    return made


async def send(person, module, write):
    client = module if write.path == LOG else person
    headers = {"Idempotency-Key": write.key} if write.path in {INVERTER, BATTERY} else {}
    async with client.request(write.method, write.path, json=write.body, headers=headers) as answer:
        values = await answer.json()
        assert answer.status in {200, 202}, values
        write.answer, write.request_id = values, answer.headers["X-Request-Id"]
        return answer


async def write_until_killed(hub, tokens, todo, after):
    """Write with several at a time; kill the hub when so many writes were acknowledged."""
    waiting = iter(todo)
    sent = []

    async def writer():
        for write in waiting:
            sent.append(write)
            try:
                await send(*clients, write)
            except (aiohttp.ClientError, OSError):
                return
            if sum(each.answer is not None for each in sent) == after:
                hub.process.kill()

    clients = [hub.client(token) for token in tokens]
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    await asyncio.gather(*(client.close() for client in clients))
    hub.kill()
    return sent


async def samples_of(client, write):
    start = write.body["samples"][0]["time"]
    end = datetime.fromtimestamp(datetime.fromisoformat(start).timestamp() + SAMPLES, UTC).isoformat()
    params = {"from": start, "to": end, "resolution": "1s", "metrics": "power_w"}
    async with client.get(LOG, params=params) as answer:
        shown = await answer.json()
        if answer.status == 404:
            assert shown["type"] == "/problems/unknown-metric"
            return []
        assert answer.status == 200, shown
    return [row["values"]["power_w"]["mean"] for row in shown["history"]]


@pytest.mark.parametrize("seed", [1])
async def test_every_acknowledged_write_is_there_and_the_rest_is_absent_whole(tmp_path, seed):
    chance = random.Random(seed)
    hub = HubProcess(tmp_path / "hub", "--log-level", "warning").start()
    try:
        inverter, battery = (hub.module(kind)["key"] for kind in ("microinverter", "battery"))
        tokens = hub.user("anna"), hub.ask("token", do="add", module=inverter)["token"]
        todo = writes(chance, inverter, battery, int(time.time()))
        sent = await write_until_killed(hub, tokens, todo, after=chance.randrange(80, 160))
        acknowledged = [write for write in sent if write.answer is not None]
        unheard = [write for write in sent if write.answer is None]
        assert len(acknowledged) >= 80
        assert unheard, "it was killed in the middle of some"

        commands = stored_commands(hub)
        for write in sent:
            if write.path in {INVERTER, BATTERY}:
                value = write.body.get("power_limit_percent") or write.body.get("reserve_percent")
                found = [
                    each
                    for each in commands
                    if (each["module"], each["value"]) == (write.body["module"], value)
                ]
                assert len(found) <= 1, "carried out once"
                if write.answer is not None:
                    assert [each["id"] for each in found] == [write.answer["commands"][0]["command"]]
        assert len(commands) <= len([write for write in sent if write.path in {INVERTER, BATTERY}])

        assert_audited(hub, acknowledged)

        hub.start()
        person, module = clients = [hub.client(token) for token in tokens]
        async with person.get(CONFIGURE) as answer:
            revisions = (await answer.json())["history"]
        for write in acknowledged:
            if write.path == LOG:
                assert await samples_of(module, write) == [-1000.0 - write.number] * SAMPLES
            elif write.path == CONFIGURE:
                told = write.answer["history"]
                assert revisions[: len(told)] == told, "also those that came to nothing new"
            else:
                before = write.answer
                again = await send(person, module, write)
                assert again.headers["Idempotency-Replayed"] == "true"
                assert write.answer == before
        for write in unheard:
            if write.path == LOG:
                assert await samples_of(module, write) in ([], [-1000.0 - write.number] * SAMPLES)
            await send(person, module, write)  # asked again, it is done
        await asyncio.gather(*(client.close() for client in clients))
    finally:
        hub.close()


def stored_commands(hub):
    """What the state file has of commands by people; each of them can be read whole."""
    stored = [json.loads(value) for _, value in ReadOnlyStorage(hub.directory / "state.db").scan("command/")]
    return [each for each in stored if each["source"] == "api/anna"]


def assert_audited(hub, acknowledged):
    """The audit trail, with what its journal still holds, has every change that was acknowledged."""
    noted = (hub.directory / "events.journal").read_text()
    with sqlite3.connect(hub.directory / "events.db") as trail:
        assert verify(trail) is None
        noted += "".join(str(row) for row in trail.execute("SELECT * FROM audit"))
    for write in acknowledged:
        assert write.path == LOG or write.request_id in noted
