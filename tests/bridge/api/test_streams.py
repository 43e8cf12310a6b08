import asyncio
import json

import aiohttp
import pytest
from api_lab.client import problem

from bridge.access.role import Role
from bridge.api import streams
from bridge.api.feed import Feed
from bridge.api.models import Model
from bridge.api.operation import CSV, EVENTS, JSON, NDJSON, WEBSOCKET, Operation
from bridge.api.streams import Broadcast, Conversation, Event, EventStream, Rows
from bridge.events import ReadingTaken


class Power(Model):
    """The power of a module."""

    module: str
    power_w: float | None


def power(event):
    return Power(module=event.reading.module, power_w=event.reading.power_w)


@pytest.fixture
async def serve(house):
    """Add an operation to a running API."""
    await house.owner().get("/microinverter/status")
    router = house.hub.api._serving.dispatcher.router

    def serve(handler, media, **declared):
        operation = Operation(
            method="GET",
            path="/test",
            handler=handler,
            summary="A test",
            least=Role.GUEST,
            media=media,
            event=Power,
            **declared,
        )
        router._loaded["/test"] = {"GET": operation}

    return serve


@pytest.fixture
async def readings(house, serve):
    """Serve what modules read as events that are numbered."""

    async def events(context):
        number = int(context.last_event_id or 0)
        feed = Feed(house.hub.bus, (ReadingTaken,), power, limit=5)
        try:
            async for each in feed:
                number += 1
                yield Event(each, id=str(number), name="power")
        finally:
            await feed.aclose()

    async def handler(context):
        return EventStream(events(context), heartbeat=0.1)

    serve(handler, (EVENTS,))


async def lines(response, count):
    return [(await response.content.readline()).decode().rstrip("\n") for _ in range(count)]


async def test_events_have_a_number_a_name_and_a_heartbeat(house, readings):
    key, _ = house.add()
    async with house.owner().http.get("/test", headers={"Last-Event-ID": "41"}) as response:
        assert response.content_type == "text/event-stream"
        assert await lines(response, 2) == ["retry: 3000", ""]
        assert await lines(response, 2) == [":", ""], "a heartbeat"
        house.reads(key, power_w=-100.0)
        seen = await lines(response, 8)
        event = seen[seen.index("id: 42") :][:3]
    assert event[1] == "event: power"
    assert json.loads(event[2].removeprefix("data: ")) == {"module": key, "power_w": -100}


async def test_a_stream_ends_with_its_session(house, readings):
    token = house.user()
    async with house.client(token).http.get("/test") as response:
        await lines(response, 2)
        house.access.sessions.end(house.access.sessions.find(token))
        with pytest.raises(aiohttp.ClientPayloadError):
            async with asyncio.timeout(5):
                await response.content.read()


async def test_an_open_stream_does_not_hold_up_the_hubs_end(house, readings):
    async with house.owner().http.get("/test") as response:
        await lines(response, 2)
        async with asyncio.timeout(10):
            await house.hub.api.stop()


async def test_a_reader_that_is_too_slow_is_cut_off_and_the_bus_forgets_it(house, serve):
    key, _ = house.add()
    feed = Feed(house.hub.bus, (ReadingTaken,), power, limit=3)
    before = len(house.hub.bus._listeners[ReadingTaken])
    for watts in range(5):
        house.reads(key, power_w=float(watts))
    assert [each.power_w async for each in feed] == [0, 1, 2]
    assert len(house.hub.bus._listeners[ReadingTaken]) == before - 1


async def test_one_person_has_so_many_streams_and_no_more(house, readings, monkeypatch):
    monkeypatch.setattr("bridge.api.dispatch.STREAMS_EACH", 2)
    owner = house.owner()
    first = await owner.http.get("/test")
    second = await owner.http.get("/test")
    third = await owner.get("/test")
    assert (third.status, await problem(third)) == (429, "too-many-requests")
    first.close()
    statuses = [429]
    for _ in range(50):
        if statuses[-1] == 429:
            await asyncio.sleep(0.1)  # the hub notices at its next heartbeat
            again = await owner.http.get("/test")
            statuses.append(again.status)
            again.close()
    assert statuses[-1] == 200
    second.close()


async def test_large_bodies_come_whole_both_ways(house, serve):
    """TLS reads less at once than asyncio usually lets it."""
    text = "x" * 300_000

    async def rows():
        for number in range(5):
            yield (text, number, None)

    async def handler(context):
        return Rows(context.media, ("module", "power_w", "soc_percent"), rows())

    serve(handler, (NDJSON,))
    answer = await house.owner().get("/test")
    assert [len(json.loads(line)["module"]) for line in (await answer.text()).splitlines()] == [300_000] * 5
    body = {"grant": "password", "user": "anna", "password": "x" * 60_000}
    refused = await house.client().post("/device/security/authenticate", json=body)
    assert (refused.status, await problem(refused)) == (422, "invalid")


async def test_rows_come_as_csv_or_as_lines_of_json(house, serve):
    closed = []

    async def rows():
        try:
            for number in range(5000):
                yield ("=roof", number, None)
        finally:
            closed.append(True)

    async def handler(context):
        return Rows(context.media, ("module", "power_w", "soc_percent"), rows(), file="power.csv")

    serve(handler, (CSV, NDJSON))
    owner = house.owner()
    table = await owner.get("/test")
    assert table.content_type == "text/csv"
    assert table.headers["Content-Disposition"] == 'attachment; filename="power.csv"'
    text = (await table.text()).splitlines()
    assert text[:2] == ["module,power_w,soc_percent", "'=roof,0,"], "no spreadsheet takes it for a formula"
    assert len(text) == 5001
    as_json = await owner.get("/test", headers={"Accept": NDJSON})
    parsed = [json.loads(line) for line in (await as_json.text()).splitlines()]
    assert parsed[1] == {"module": "=roof", "power_w": 1, "soc_percent": None}
    assert closed == [True, True]
    refused = await owner.get("/test", headers={"Accept": JSON})
    assert refused.status == 406


@pytest.fixture
async def echo(serve):
    async def talk(socket):
        while True:
            asked = json.loads(await socket.hear())
            await socket.tell(Power(module=asked["module"], power_w=1.0))

    async def handler(context):
        return Conversation(talk)

    serve(handler, (WEBSOCKET,))


async def test_a_websocket_hears_and_tells(house, echo):
    async with house.owner().http.ws_connect("/test") as socket:
        await socket.send_json({"module": "a"})
        assert await socket.receive_json(timeout=5) == {"module": "a", "power_w": 1.0}


async def test_a_websocket_has_limits(house, echo, monkeypatch):
    owner = house.owner()
    async with owner.http.ws_connect("/test", max_msg_size=0) as socket:
        await socket.send_str("x" * (streams.LARGEST_MESSAGE + 1))
        assert (await socket.receive(timeout=5)).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    async with owner.http.ws_connect("/test") as socket:
        await socket.send_bytes(b"{}")
        assert (await socket.receive(timeout=5)).data == aiohttp.WSCloseCode.UNSUPPORTED_DATA
    monkeypatch.setattr(streams, "MESSAGES_PER_MINUTE", 2)
    async with owner.http.ws_connect("/test") as socket:
        for _ in range(3):
            await socket.send_json({"module": "a"})
        heard = [await socket.receive(timeout=5) for _ in range(3)]
        assert heard[-1].data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_websocket_is_for_pages_of_the_hub_and_for_those_who_ask_for_one(house, echo):
    plain = await house.owner().get("/test")
    assert (plain.status, await problem(plain)) == (426, "upgrade-required")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await house.owner().http.ws_connect("/test", origin="https://evil.example")
    assert refused.value.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as unknown:
        await house.client().http.ws_connect("/test")
    assert unknown.value.status == 401


@pytest.fixture
async def broadcast(house, serve):
    """Tell what modules read on a WebSocket; says when that is over."""
    over = asyncio.Event()

    async def events():
        feed = Feed(house.hub.bus, (ReadingTaken,), power)
        try:
            yield Event(Power(module="", power_w=None))
            async for each in feed:
                yield Event(each)
        finally:
            await feed.aclose()
            over.set()

    async def handler(context):
        return Broadcast(events())

    serve(handler, (WEBSOCKET,))
    return over


async def test_whoever_leaves_a_broadcast_is_let_go_although_nothing_happens(house, broadcast):
    key, _ = house.add()
    async with house.owner().http.ws_connect("/test") as socket:
        await socket.receive_json(timeout=5)
        house.reads(key, power_w=5.0)
        assert await socket.receive_json(timeout=5) == {"module": key, "power_w": 5.0}
        await socket.send_json({"nobody": "listens"})
        assert not broadcast.is_set()
    assert socket.close_code == aiohttp.WSCloseCode.OK, "the hub said goodbye, too"
    async with asyncio.timeout(5):
        await broadcast.wait()


async def test_a_broadcast_that_is_over_says_goodbye(house, serve):
    async def handler(context):
        return Broadcast(once())

    async def once():
        yield Event(Power(module="a", power_w=1.0))

    serve(handler, (WEBSOCKET,))
    async with house.owner().http.ws_connect("/test") as socket:
        assert await socket.receive_json(timeout=5) == {"module": "a", "power_w": 1.0}
        assert (await socket.receive(timeout=5)).data == aiohttp.WSCloseCode.OK
