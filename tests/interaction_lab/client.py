"""Somebody who uses the node, in the words of the protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from interaction_lab.wire import Exchange, Session
from matter_node.codec import tlv
from matter_node.interaction.opcode import Opcode
from matter_node.status import Status

if TYPE_CHECKING:
    from matter_node.interaction.engine import InteractionEngine


def attribute_path(endpoint=None, cluster=None, attribute=None, *, node=None, index="whole", flags=None):
    parts = [(1, node), (2, endpoint), (3, cluster), (4, attribute)]
    path = tlv.TlvList([(tag, value) for tag, value in parts if value is not None])
    if index != "whole":
        path.append((5, index))
    if flags is not None:
        path.append((6, flags))
    return path


def event_path(endpoint=None, cluster=None, event=None, *, node=None, urgent=None):
    parts = [(0, node), (1, endpoint), (2, cluster), (3, event), (4, urgent)]
    return tlv.TlvList([(tag, value) for tag, value in parts if value is not None])


def command_path(endpoint, cluster, command):
    parts = [(0, endpoint), (1, cluster), (2, command)]
    return tlv.TlvList([(tag, value) for tag, value in parts if value is not None])


class Client:
    """Somebody who uses the node, in the words of the protocol."""

    def __init__(self, engine: InteractionEngine, session: Session) -> None:
        self._engine = engine
        self.session = session

    def say(self, opcode: int, message: Any) -> Exchange:
        """Open an exchange with a message."""
        exchange = Exchange(self.session)
        payload = message if isinstance(message, bytes) else tlv.encode({**message, 0xFF: 12})
        self._engine.on_exchange(exchange, opcode, payload)
        if exchange.handler is None:
            exchange.close()
        return exchange

    def read(self, *paths, events=(), event_filters=(), filtered=True, versions=()) -> Exchange:
        message: dict[int, Any] = {3: filtered}
        if paths:
            message[0] = list(paths)
        if events:
            message[1] = list(events)
        if event_filters:
            message[2] = list(event_filters)
        if versions:
            message[4] = [
                {0: tlv.TlvList([(1, endpoint), (2, cluster)]), 1: version}
                for endpoint, cluster, version in versions
            ]
        return self.say(Opcode.READ_REQUEST, message)

    def get(self, *paths, **options) -> list[Any]:
        """Read to the end; return what was reported as (endpoint, cluster, attribute, value or Status)."""
        exchange = self.read(*paths, **options)
        while exchange.last[1].get(3):
            exchange.confirm()
        return reported(exchange)

    def write(self, *writes, timed=False, more=False, suppress=None, exchange=None) -> Exchange:
        """Write (path, data[, version]) tuples."""
        message = {
            1: timed,
            2: [{1: w[0], 2: w[1], **({0: w[2]} if len(w) > 2 else {})} for w in writes],
        }
        if more:
            message[3] = True
        if suppress is not None:
            message[0] = suppress
        if exchange is not None:
            exchange.say(Opcode.WRITE_REQUEST, message)
            return exchange
        return self.say(Opcode.WRITE_REQUEST, message)

    def put(self, *writes, **options) -> list[Status]:
        """Write and return the statuses."""
        return write_statuses(self.write(*writes, **options))

    async def invoke(self, *calls, timed=False, suppress=False, exchange=None) -> Exchange:
        """Invoke (path, fields[, reference]) tuples and let the handlers run."""
        message = {
            0: suppress,
            1: timed,
            2: [
                {0: c[0], **({} if c[1] is None else {1: c[1]}), **({2: c[2]} if len(c) > 2 else {})}
                for c in calls
            ],
        }
        if exchange is not None:
            exchange.say(Opcode.INVOKE_REQUEST, message)
        else:
            exchange = self.say(Opcode.INVOKE_REQUEST, message)
        await settle()
        return exchange

    def timed(self, milliseconds) -> Exchange:
        return self.say(Opcode.TIMED_REQUEST, {0: milliseconds})

    def subscribe(self, *paths, events=(), low=0, high=60, keep=False, filtered=True, **more) -> Exchange:
        message: dict[int, Any] = {0: keep, 1: low, 2: high, 7: filtered}
        if paths:
            message[3] = list(paths)
        if events:
            message[4] = list(events)
        return self.say(Opcode.SUBSCRIBE_REQUEST, {**message, **more})

    def subscribed(self, *paths, **options) -> int:
        """Subscribe to the end and return the subscription id."""
        exchange = self.subscribe(*paths, **options)
        while exchange.last[0] == "REPORT_DATA":
            exchange.confirm()
        name, message = exchange.last
        assert name == "SUBSCRIBE_RESPONSE"
        exchange.acknowledge()
        return message[0]


async def settle(turns: int = 8) -> None:
    """Let the tasks run that can."""
    for _ in range(turns):
        await asyncio.sleep(0)


def reported(exchange: Exchange) -> list[Any]:
    """What an exchange reported: (endpoint, cluster, attribute, value or Status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        if name != "REPORT_DATA":
            continue
        for report in message.get(1, []):
            body = report.get(1) or report[0]
            path = dict(body[1] if 1 in report else body[0])
            key = tuple(path.get(tag) for tag in (2, 3, 4))
            if 0 in report:
                found.append((*key, Status(body[1][0])))
            elif 5 in path:
                assert path[5] is None
                assert found[-1][:3] == key
                found[-1][3].append(body[2])
            else:
                found.append((*key, body[2]))
    return found


def reported_events(exchange: Exchange) -> list[Any]:
    """The events an exchange reported: (endpoint, cluster, event, number, data), or (..., Status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        for report in message.get(2, []) if name == "REPORT_DATA" else []:
            body = report.get(1) or report[0]
            path = dict(body[0])
            key = tuple(path.get(tag) for tag in (1, 2, 3))
            found.append((*key, Status(body[1][0])) if 0 in report else (*key, body[1], body[7]))
    return found


def write_statuses(exchange: Exchange) -> list[Status]:
    name, message = exchange.last
    assert name == "WRITE_RESPONSE"
    return [Status(item[1][0]) for item in message[0]]


def responses(exchange: Exchange) -> list[Any]:
    """The answers to commands: (reference, command, fields) or (reference, Status, cluster status)."""
    found: list[Any] = []
    for name, message in exchange.answers:
        for item in message[1] if name == "INVOKE_RESPONSE" else []:
            body = item[0] if 0 in item else item[1]
            path = dict(body[0])
            if 0 in item:
                found.append((body.get(2), path[2], body[1]))
            else:
                found.append((body.get(2), Status(body[1][0]), body[1].get(1)))
    return found
