"""What a Matter server says, as values.

Three shapes come in: who the server is (once, at first), the answer to a request, and an event. A message of
no shape is a ValueError; an event that nobody here needs is None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from hw.matter_server.node import Node, Path, parse_path

SCHEMA: Final = 11
"""The version of the API that is spoken here."""
OLDEST_SCHEMA: Final = 9
"""The oldest that has everything that is asked."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Who the server is."""

    fabric: int
    """Compressed fabric id: the same as long as the server's memory."""
    schema: int
    oldest_schema: int
    """The oldest client that it speaks with."""
    bluetooth: bool
    """Whether it can commission over Bluetooth."""

    @property
    def misfit(self) -> str:
        """Why one cannot talk with it; empty if one can."""
        if self.schema < OLDEST_SCHEMA:
            return f"its API has version {self.schema}, and {OLDEST_SCHEMA} is the oldest that will do"
        if self.oldest_schema > SCHEMA:
            return f"it wants version {self.oldest_schema} of its API spoken or a newer one; this is {SCHEMA}"
        return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    request: str
    result: Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing came of a request."""

    request: str
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node is new, came back, is gone, or was asked everything anew."""

    node: Node


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """A node was taken off the server's fabric."""

    node: int


@dataclass(frozen=True, slots=True)
class EndpointRemoved:
    """A bridge lost a device."""

    node: int
    endpoint: int


@dataclass(frozen=True, slots=True)
class AttributeChanged:
    """An attribute has another value."""

    node: int
    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class ServerStops:
    """The server is about to hang up."""


Event = NodeChanged | NodeRemoved | EndpointRemoved | AttributeChanged | ServerStops
Message = ServerInfo | Answer | Refusal | Event


class UnreadableEventError(ValueError):
    """An event that cannot be read. The messages after it may well be."""


def parse_message(text: str) -> Message | None:
    """Return what a message says.

    :raises UnreadableEventError: it is an event, but not as it should be
    :raises ValueError: it cannot be understood; the text says in which way
    """
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("no JSON") from None
    if not isinstance(message, dict):
        raise ValueError("no object")  # noqa: TRY004 - what a server sends is a value, not a bug
    if "event" in message:
        try:
            return _event(message["event"], message.get("data"))
        except ValueError as error:
            raise UnreadableEventError(str(error)) from None
    if "message_id" in message:
        return _answer(message)
    if "schema_version" in message:
        return _info(message)
    raise ValueError("neither an answer nor an event")


def _info(message: dict[str, Any]) -> ServerInfo:
    names = ("compressed_fabric_id", "schema_version", "min_supported_schema_version")
    for name in names:
        if type(message.get(name)) is not int or not 0 <= message[name] < 2**64:
            raise ValueError(f"no {name}")
    fabric, schema, oldest = (message[name] for name in names)
    return ServerInfo(fabric, schema, oldest, message.get("bluetooth_enabled") is True)


def _answer(message: dict[str, Any]) -> Answer | Refusal:
    request = message["message_id"]
    if not isinstance(request, str):
        raise ValueError("a message_id that is no text")  # noqa: TRY004 - what a server sends is a value
    if "result" in message:
        return Answer(request, message["result"])
    code, detail = message.get("error_code"), message.get("details")
    if type(code) is not int:
        raise ValueError("neither a result nor an error_code")
    return Refusal(request, code, detail[:300] if isinstance(detail, str) else "")


def _event(name: Any, data: Any) -> Event | None:
    match name:
        case "node_added" | "node_updated":
            return NodeChanged(Node.parse(data))
        case "node_removed":
            return NodeRemoved(_whole(data, name))
        case "endpoint_removed":
            fields = data if isinstance(data, dict) else {}
            return EndpointRemoved(
                _whole(fields.get("node_id"), name), _whole(fields.get("endpoint_id"), name)
            )
        case "attribute_updated":
            if not isinstance(data, list) or len(data) != 3 or not isinstance(data[1], str):
                raise ValueError("attribute_updated without node, path and value")
            return AttributeChanged(_whole(data[0], name), parse_path(data[1]), data[2])
        case "server_shutdown":
            return ServerStops()
        case _:
            return None


def _whole(value: object, event: str) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{event} without a number")
    return value
