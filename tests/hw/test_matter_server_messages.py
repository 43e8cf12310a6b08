"""What a Matter server says, well and badly: requests, answers, events, and bytes that are none of them."""

import asyncio
import contextlib
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matter_server_lab.double import INFO, connection_of, heard, until
from matter_server_lab.nodes import PLUG

from hw import ModuleError, ModuleUnreachable, NotSupported
from hw.matter_server import connection
from hw.matter_server.address import server_url
from hw.matter_server.client import Client
from hw.matter_server.connection import RequestRefused
from hw.matter_server.discover import discover
from hw.matter_server.messages import ServerInfo, parse_message

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


class TestClient:
    async def test_every_request(self, matter):
        client, info = await Client.connect(matter.url, lambda _: None)
        assert info == ServerInfo(INFO["compressed_fabric_id"], 11, 9, bluetooth=False)
        assert [each.id for each in await client.get_nodes()] == [1]
        assert (await client.get_node(1)).available
        assert await client.read_attribute(1, [(1, 6, 0), (9, 6, 0)]) == {(1, 6, 0): True}
        assert await client.ping_node(1) == {"fe80::1": True, "10.0.0.7": False}
        with pytest.raises(RequestRefused, match="does not exist"):
            await client.get_node(5)
        await client.remove_node(1)
        assert await client.get_nodes() == []
        await client.connection.close()
        with pytest.raises(ModuleUnreachable, match="closed"):
            await client.get_nodes()

    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            ("get_nodes", {}),
            ("get_nodes", [{"node_id": "1"}]),
            ("get_node", None),
            ("read_attribute", []),
            ("read_attribute", {"1/6": True}),
            ("ping_node", True),
        ],
    )
    async def test_answers_that_cannot_be_read(self, matter, command, answer):
        client, _ = await Client.connect(matter.url, lambda _: None)
        matter.said[command] = answer
        request = {
            "get_nodes": client.get_nodes,
            "get_node": lambda: client.get_node(1),
            "read_attribute": lambda: client.read_attribute(1, [(1, 6, 0)]),
            "ping_node": lambda: client.ping_node(1),
        }[command]
        with pytest.raises(ModuleUnreachable):
            await request()
        await client.connection.close()

    async def test_requests_do_not_pile_up(self, matter, monkeypatch):
        monkeypatch.setattr(connection, "MOST_REQUESTS", 3)
        matter.silent.add("get_nodes")
        client, _ = await Client.connect(matter.url, lambda _: None)
        waiting = [asyncio.create_task(client.get_nodes()) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(ModuleUnreachable, match="3 requests wait"):
            await client.get_nodes()
        await client.connection.close()
        for each in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(each, ModuleUnreachable)

    async def test_a_late_answer_hurts_nobody(self, matter):
        client, _ = await Client.connect(matter.url, lambda _: None)
        matter.silent.add("get_nodes")
        with pytest.raises(ModuleUnreachable, match="no answer to get_nodes"):
            await client.connection.ask("get_nodes", within=0.05)
        await matter.say(json.dumps({"message_id": "1", "result": []}))
        assert (await client.get_node(1)).id == 1
        await client.connection.close()


NESTED = "[" * 100_000
FIRST_WORDS = {
    "no JSON": ("hello", "no JSON"),
    "nothing": ("", "no JSON"),
    "an array": ("[]", "no object"),
    "an empty object": ("{}", "neither an answer nor an event"),
    "nested too deeply": (NESTED, "nested too deeply|no JSON"),
    "a number without end": ('{"schema_version": ' + "9" * 5000 + "}", "no JSON"),
    "no text at all": (b"\x00\x01", "it is no text"),
    "an answer to nothing": ('{"message_id": "1", "result": 1}', "no Matter server"),
    "an event": ('{"event": "node_removed", "data": 1}', "no Matter server"),
    "an event that cannot be read": ('{"event": "node_removed"}', "no Matter server"),
    "no fabric": (json.dumps({**INFO, "compressed_fabric_id": "1"}), "no compressed_fabric_id"),
    "a version that is true": (json.dumps({**INFO, "schema_version": True}), "no schema_version"),
    "a negative version": (json.dumps({**INFO, "min_supported_schema_version": -1}), "no min_supported"),
    "too old a server": (json.dumps({**INFO, "schema_version": 8}), "9 is the oldest"),
    "too new a server": (json.dumps({**INFO, "min_supported_schema_version": 12}), "wants version 12"),
}
EVENTS = {
    "an attribute without a value": ("attribute_updated", [1, "1/6/0"]),
    "an attribute of no node": ("attribute_updated", ["1", "1/6/0", False]),
    "an attribute of a negative node": ("attribute_updated", [-1, "1/6/0", False]),
    "an attribute by half a path": ("attribute_updated", [1, "1/6", False]),
    "an attribute by a path of words": ("attribute_updated", [1, "one/six/zero", False]),
    "an attribute by digits from elsewhere": (
        "attribute_updated",
        [1, "\u0967/\u096c/\u0966", False],
    ),
    "an attribute as an object": ("attribute_updated", {"node_id": 1}),
    "a node without a number": ("node_updated", {"attributes": {}}),
    "a node without attributes": ("node_added", {"node_id": 1}),
    "a node that is a list": ("node_updated", [1]),
    "a node beyond all numbers": ("node_updated", {"node_id": 2**64, "attributes": {}}),
    "no node removed": ("node_removed", None),
    "no endpoint removed": ("endpoint_removed", {"node_id": 1}),
    "an endpoint removed as a list": ("endpoint_removed", [1, 2]),
}
BREAKS = {
    "no JSON": ("}{", "no JSON"),
    "an object of no shape": ('{"hello": 1}', "neither an answer nor an event"),
    "an answer whose request is a number": ('{"message_id": 3, "result": 1}', "no text"),
    "an answer without result or error": ('{"message_id": "3"}', "neither a result nor an error_code"),
    "no text": (b"\xff", "no text"),
}


class TestMalformed:
    @pytest.mark.parametrize(("words", "problem"), FIRST_WORDS.values(), ids=FIRST_WORDS)
    async def test_who_begins_so_is_no_matter_server(self, matter, words, problem):
        matter.first = words
        with pytest.raises(ModuleError, match=problem):
            await discover(matter.url)
        await until(lambda: matter.sockets[0].closed)

    async def test_who_says_nothing_is_not_waited_for(self, matter, monkeypatch):
        monkeypatch.setattr(connection, "CONNECT_WITHIN", 0.2)
        matter.deaf = True
        with pytest.raises(ModuleUnreachable, match="no answer within"):
            await discover(matter.url)

    async def test_a_message_beyond_all_size_ends_the_connection(self, matter, monkeypatch):
        monkeypatch.setattr(connection, "LARGEST_MESSAGE", 1000)
        matter.nodes[1]["attributes"]["0/40/5"] = "x" * 2000
        with pytest.raises(ModuleUnreachable, match="1000"):
            await discover(matter.url)

    async def test_another_web_server_is_told_apart(self, matter):
        with pytest.raises(NotSupported, match=r"no Matter server answers there \(HTTP status 404\)"):
            await discover(matter.url + "/elsewhere")

    async def test_nobody_there_is_unreachable(self, matter):
        await matter.stop()
        with pytest.raises(ModuleUnreachable):
            await discover(matter.url)

    @pytest.mark.parametrize("answer", [None, {}, [1], [{"node_id": 1}]])
    async def test_nodes_that_cannot_be_read_are_said_to_be_so(self, matter, answer):
        matter.said["start_listening"] = answer
        with pytest.raises(ModuleUnreachable, match="nodes cannot be read"):
            await discover(matter.url)

    @pytest.mark.parametrize(("event", "data"), EVENTS.values(), ids=EVENTS)
    async def test_an_event_that_cannot_be_read_is_left_out_and_told_once(
        self, matter, loads, caplog, event, data
    ):
        with caplog.at_level(logging.WARNING):
            await matter.tell(event, data)
            await matter.tell(event, data)
            await matter.set(1, "2/144/8", 42_000)
            await heard(loads[PLUG])
        assert caplog.text.count("an event cannot be read") == 1
        assert (await loads[PLUG].read()).connected is True
        assert matter.connections == 1

    async def test_what_nobody_asked_about_is_passed_over(self, matter, loads):
        await matter.tell("node_event", {"node_id": 1})
        await matter.say(json.dumps(INFO))
        await matter.tell("attribute_updated", [5, "1/6/0", False])
        await matter.tell("attribute_updated", [1, "1/6/0", {"TLVValue": None, "Reason": "Timeout"}])
        await matter.set(1, "2/144/8", 42_000)
        await heard(loads[PLUG])
        assert (await loads[PLUG].read()).connected is True

    @pytest.mark.parametrize(("words", "problem"), BREAKS.values(), ids=BREAKS)
    async def test_what_breaks_the_protocol_ends_the_connection_and_the_next_one_is_good(
        self, matter, loads, words, problem
    ):
        await matter.say(words)
        broken = connection_of(loads[PLUG])
        await until(lambda: broken.over)
        with pytest.raises(ModuleUnreachable, match=problem):
            await broken.ask("get_nodes", within=1)
        assert (await loads[PLUG].read()).power_w == 1500
        assert matter.connections == 2


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("homeassistant.local", "ws://homeassistant.local:5580/ws"),
        ("10.0.0.2:5581", "ws://10.0.0.2:5581/ws"),
        ("ws://Hub:5580/ws", "ws://hub:5580/ws"),
        ("wss://hub/matter/ws", "wss://hub:443/matter/ws"),
        ("[fe80::1%eth0]", "ws://[fe80::1%eth0]:5580/ws"),
    ],
)
def test_addresses(text, url):
    assert server_url(text) == url
    assert server_url(url) == url


@pytest.mark.parametrize(
    "text", ["", "a:b", "a:0", "a:99999", "http://a", "a b", "ws://", "ws://u@a", "[::1"]
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match=r"host|port"):
        server_url(text)


MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(
            ["node_added", "node_updated", "node_removed", "endpoint_removed", "attribute_updated"]
        )
        | ANYTHING,
        "data": ANYTHING
        | st.lists(st.integers() | st.just("1/6/0") | ANYTHING, max_size=4)
        | st.fixed_dictionaries(
            {"node_id": st.integers() | ANYTHING},
            optional={"attributes": ANYTHING, "endpoint_id": st.integers()},
        ),
        "message_id": st.text(max_size=3) | ANYTHING,
        "result": ANYTHING,
        "error_code": st.integers() | ANYTHING,
        "details": ANYTHING,
        "schema_version": st.integers() | ANYTHING,
        "min_supported_schema_version": st.integers(),
        "compressed_fabric_id": st.integers(),
    },
)


@given(st.text(max_size=200) | (MESSAGES | ANYTHING).map(json.dumps))
def test_no_message_surprises(text):
    with contextlib.suppress(ValueError):
        parse_message(text)
