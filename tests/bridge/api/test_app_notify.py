import asyncio
import json

import pytest
from api_lab.client import problem

from bridge.access.role import Role

PATH = "/app/notify"


@pytest.fixture
def alert(house):
    """The number of an alert: the module of the house says that it is too hot."""
    house.add()
    return house.hub.home.alerts.alerts()[0].number


@pytest.fixture
async def webhook():
    """Something that takes a message over HTTP, and what it took."""
    taken = asyncio.Queue()

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        taken.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    taken.url = f"json://anna:s3cret@127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield taken
    server.close()


async def test_an_alert_is_shown_acknowledged_and_resolved(house, alert):
    owner = house.owner()
    (shown,) = (await (await owner.get(PATH)).json())["alerts"]
    assert (shown["alert"], shown["state"], shown["severity"], shown["code"]) == (
        alert,
        "open",
        "warning",
        "OVER_TEMP",
    )
    assert shown["fault"] == house.hub.home.fault_log.records()[0].id
    answer = await owner.post(PATH, json={"do": "acknowledge", "alert": alert})
    assert (await answer.json())["alert"]["acknowledged_by"] == "user/anna"
    house.reads("acme-1001", faults=())
    (shown,) = (await (await owner.get(PATH, params={"state": "resolved"})).json())["alerts"]
    assert shown["resolved"] is not None
    late = await owner.post(PATH, json={"do": "snooze", "alert": alert})
    assert (late.status, await problem(late)) == (409, "conflict")
    unknown = await owner.post(PATH, json={"do": "snooze", "alert": 99})
    assert (unknown.status, await problem(unknown)) == (404, "unknown-alert")


async def test_a_snoozed_alert_comes_back(house, alert):
    owner = house.owner()
    answer = await owner.post(PATH, json={"do": "snooze", "alert": alert, "duration_s": 600})
    assert (await answer.json())["alert"]["state"] == "snoozed"
    house.clock.ahead += 601
    assert len((await (await owner.get(PATH, params={"state": "open"})).json())["alerts"]) == 1


async def event(response):
    """The next event of a stream: its id and its data."""
    fields = {}
    while True:
        line = (await response.content.readline()).decode().rstrip("\n")
        if not line and "data" in fields:
            return int(fields["id"]), json.loads(fields["data"])
        name, _, value = line.partition(": ")
        fields[name] = value


async def test_a_stream_goes_on_after_what_was_seen(house, alert):
    owner = house.owner()
    accept = {"Accept": "text/event-stream"}
    async with asyncio.timeout(20):
        async with owner.http.get(PATH, headers=accept | {"Last-Event-ID": "0"}) as response:
            seen, first = await event(response)
            assert (first["alert"], first["state"]) == (alert, "open")
            await owner.post(PATH, json={"do": "acknowledge", "alert": alert})
            later, second = await event(response)
            assert later > seen
            assert second["state"] == "acknowledged"
        house.reads("acme-1001", faults=())
        async with owner.http.get(PATH, headers=accept | {"Last-Event-ID": str(later)}) as response:
            number, third = await event(response)
            assert (number, third["state"]) == (later + 1, "resolved")


async def test_an_alert_comes_to_a_channel_and_its_secret_never_out_again(house, webhook):
    owner = house.owner()
    added = await owner.post(PATH, json={"do": "add-channel", "channel": "hook", "url": webhook.url})
    assert added.status == 200, await added.text()
    shown = await added.text()
    assert json.loads(shown)["channels"] == [{"channel": "hook", "kind": "webhook", "host": "127.0.0.1"}]
    assert "s3cret" not in shown + await (await owner.get(PATH)).text()
    async with asyncio.timeout(40):
        tried = await owner.post(PATH, json={"do": "try-channel", "channel": "hook"})
        assert tried.status == 200, await tried.text()
        assert "test" in (await webhook.get())["message"]
        house.hub.notifier.start()
        house.add()
        told = await webhook.get()
    await house.hub.notifier.stop()
    assert (told["title"], told["type"]) == ("Device 1001: over temp", "warning")
    gone = await owner.post(PATH, json={"do": "remove-channel", "channel": "hook"})
    assert (await gone.json())["channels"] == []
    again = await owner.post(PATH, json={"do": "try-channel", "channel": "hook"})
    assert (again.status, await problem(again)) == (404, "unknown-channel")


async def test_a_channel_that_does_not_answer_says_so_without_its_secret(house):
    owner = house.owner()
    body = {"do": "add-channel", "channel": "hook", "url": "json://anna:s3cret@127.0.0.1:9/hook"}
    assert (await owner.post(PATH, json=body)).status == 200
    tried = await owner.post(PATH, json={"do": "try-channel", "channel": "hook"})
    assert (tried.status, await problem(tried)) == (502, "not-delivered")
    assert "s3cret" not in await tried.text()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "tgram://nonsense", "mailto://a:b@c.org?attach=/etc/shadow"]
)
async def test_a_channel_that_is_none_is_not_kept(house, url):
    owner = house.owner()
    answer = await owner.post(PATH, json={"do": "add-channel", "channel": "hook", "url": url})
    assert (answer.status, await problem(answer)) == (422, "invalid")
    assert (await (await owner.get(PATH)).json())["channels"] == []


async def test_who_may_what(house, alert):
    body = {"do": "acknowledge", "alert": alert}
    guest = house.client(house.user("gus", Role.GUEST))
    assert (await guest.get(PATH)).status == 200
    module = house.client(house.access.modules.issue_token("acme-1001"))
    for client, status in ((guest, 403), (house.client(), 401), (module, 403)):
        assert (await client.post(PATH, json=body)).status == status
    assert (await module.get(PATH)).status == 403
    assert (await house.client().get(PATH)).status == 401
    owner, other = house.owner(), house.client(house.user("bert"))
    await owner.post(
        PATH, json={"do": "add-channel", "channel": "a", "url": "ntfys://ntfy.example.org/topic"}
    )
    assert (await (await other.get(PATH)).json())["channels"] == [], "channels are one's own"
    assert house.hub.home.alerts[alert].acknowledged is None
