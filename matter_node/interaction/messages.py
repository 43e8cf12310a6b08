"""Messages of the interaction model: requests taken from their bytes, answers made (Matter Core 8, 10.7).

Every ``take_...`` function raises `InvalidAction` for bytes that are not the message, and ignores members
that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from matter_node.codec import tlv
from matter_node.ids import INTERACTION_MODEL_REVISION
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import (
    APPEND,
    WHOLE,
    AttributePath,
    CommandPath,
    EventPath,
    InvalidAction,
    put_attribute_path,
    put_command_path,
    put_event_path,
    put_status,
    take_attribute_path,
    take_command_path,
    take_event_path,
    take_fields,
    take_flag,
    take_uint,
)

if TYPE_CHECKING:
    from matter_node.status import Status

END_OF_MESSAGE = bytes((0x24, 0xFF, INTERACTION_MODEL_REVISION, 0x18))
"""The last bytes of every message: the revision of the interaction model, and the end of its struct."""

_FIRST_GLOBAL_ATTRIBUTE = 0xF000
_LAST_GLOBAL_ATTRIBUTE = 0xFFFE
_MAX_VERSION = 0xFFFF_FFFF
_MAX_EVENT_NUMBER = 0xFFFF_FFFF_FFFF_FFFF


class ReadRequest(NamedTuple):
    """What a client wants to read, or to be told of.

    :ivar event_filters: (node id or None, least event number) pairs
    :ivar data_versions: the version that the client has, by (endpoint, cluster)
    :ivar fabric_filtered: of fabric-scoped lists it wants its own fabric's entries alone
    """

    attributes: tuple[AttributePath, ...]
    events: tuple[EventPath, ...]
    event_filters: tuple[tuple[int | None, int], ...]
    data_versions: dict[tuple[int, int], int]
    fabric_filtered: bool


class SubscribeRequest(NamedTuple):
    """A request for a subscription.

    :ivar keep: earlier subscriptions of this client stay
    :ivar min_interval: seconds between two reports at least
    :ivar max_interval: seconds between two reports at most
    """

    keep: bool
    min_interval: int
    max_interval: int
    read: ReadRequest


class AttributeWrite(NamedTuple):
    """One write of a request.

    :ivar data_version: the version that the client believes the cluster has, or None
    :ivar data: the decoded element
    """

    path: AttributePath
    data: Any
    data_version: int | None


class WriteRequest(NamedTuple):
    """A message of writes."""

    suppress_response: bool
    timed: bool
    more: bool
    writes: tuple[AttributeWrite, ...]


class CommandCall(NamedTuple):
    """One command of a request.

    :ivar fields: the decoded element, a dict if it is a struct as it should be
    :ivar reference: what tells the answer from others in one message, or None
    """

    path: CommandPath
    fields: Any
    reference: int | None


class InvokeRequest(NamedTuple):
    """A message of commands."""

    suppress_response: bool
    timed: bool
    calls: tuple[CommandCall, ...]


# ---------------------------------------------------------------------- taking requests


def _members(payload: bytes) -> dict[Any, Any]:
    try:
        element = tlv.decode(payload)
    except tlv.TlvError as error:
        raise InvalidAction(str(error)) from None
    return _struct(element)


def _struct(element: Any) -> dict[Any, Any]:
    if type(element) is not dict:
        raise InvalidAction("not a structure")
    return element


def _array(members: dict[Any, Any], tag: int) -> list[Any]:
    element = members.get(tag, ())
    if element == ():
        return []
    if type(element) is not list:
        raise InvalidAction(f"member {tag} is no array")
    return element


def _required_flag(members: dict[Any, Any], tag: int) -> bool:
    if tag not in members:
        raise InvalidAction(f"member {tag} is missing")
    return take_flag(members, tag)


def _required_uint(members: dict[Any, Any], tag: int, maximum: int) -> int:
    value = take_uint(members, tag, maximum)
    if value is None:
        raise InvalidAction(f"member {tag} is missing")
    return value


def take_status_response(opcode: int, payload: bytes) -> int:
    """Return the status of a StatusResponse message, which is what `opcode` should say it is."""
    if opcode != Opcode.STATUS_RESPONSE:
        raise InvalidAction(f"opcode {opcode:#04x} where a StatusResponse should be")
    return _required_uint(_members(payload), 0, 0xFF)


def take_timed_request(payload: bytes) -> int:
    """Return the timeout of a TimedRequest message in milliseconds."""
    return _required_uint(_members(payload), 0, 0xFFFF)


def take_read_request(payload: bytes) -> ReadRequest:
    """Return a ReadRequest message."""
    return _read(_members(payload), (0, 1, 2, 3, 4))


def take_subscribe_request(payload: bytes) -> SubscribeRequest:
    """Return a SubscribeRequest message."""
    members = _members(payload)
    return SubscribeRequest(
        _required_flag(members, 0),
        _required_uint(members, 1, 0xFFFF),
        _required_uint(members, 2, 0xFFFF),
        _read(members, (3, 4, 5, 7, 8)),
    )


def _read(members: dict[Any, Any], tags: tuple[int, int, int, int, int]) -> ReadRequest:
    attributes, events, event_filters, fabric_filtered, data_versions = tags
    return ReadRequest(
        tuple([_readable_path(item) for item in _array(members, attributes)]),
        tuple([_reportable_path(item) for item in _array(members, events)]) if events in members else (),
        tuple([_event_filter(item) for item in _array(members, event_filters)])
        if event_filters in members
        else (),
        dict([_data_version(item) for item in _array(members, data_versions)])
        if data_versions in members
        else {},
        _required_flag(members, fabric_filtered),
    )


def _readable_path(element: Any) -> AttributePath:
    path = take_attribute_path(element)
    if path.attribute is None:
        if path.list_index != WHOLE:
            raise InvalidAction("an index into no list")
    elif path.cluster is None and not _FIRST_GLOBAL_ATTRIBUTE <= path.attribute <= _LAST_GLOBAL_ATTRIBUTE:
        raise InvalidAction("an attribute of any cluster that is no global one")
    if path.list_index == APPEND:
        raise InvalidAction("nothing can be read past the end of a list")
    return path


def _reportable_path(element: Any) -> EventPath:
    path = take_event_path(element)
    if path.cluster is None and path.event is not None:
        raise InvalidAction("an event of any cluster")
    return path


def _event_filter(element: Any) -> tuple[int | None, int]:
    members = _struct(element)
    return take_uint(members, 0, _MAX_EVENT_NUMBER), _required_uint(members, 1, _MAX_EVENT_NUMBER)


def _data_version(element: Any) -> tuple[tuple[int, int], int]:
    members = _struct(element)
    path = take_fields(members.get(0))
    take_uint(path, 0, _MAX_EVENT_NUMBER)
    where = (_required_uint(path, 1, 0xFFFE), _required_uint(path, 2, 0xFFFF_FFFE))
    return where, _required_uint(members, 1, _MAX_VERSION)


def take_write_request(opcode: int, payload: bytes) -> WriteRequest:
    """Return a WriteRequest message, which is what `opcode` should say it is."""
    if opcode != Opcode.WRITE_REQUEST:
        raise InvalidAction(f"opcode {opcode:#04x} where writes should be")
    members = _members(payload)
    if 2 not in members:
        raise InvalidAction("no writes")
    return WriteRequest(
        take_flag(members, 0),
        _required_flag(members, 1),
        take_flag(members, 3),
        tuple([_write(item) for item in _array(members, 2)]),
    )


def _write(element: Any) -> AttributeWrite:
    members = _struct(element)
    path = take_attribute_path(members.get(1))
    if path.cluster is None or path.attribute is None:
        raise InvalidAction("a write names its cluster and attribute")
    if path.list_index >= 0:
        raise InvalidAction("a write of one entry of a list")
    if 2 not in members:
        raise InvalidAction("a write without data")
    return AttributeWrite(path, members[2], take_uint(members, 0, _MAX_VERSION))


def take_invoke_request(payload: bytes) -> InvokeRequest:
    """Return an InvokeRequest message."""
    members = _members(payload)
    if 2 not in members:
        raise InvalidAction("no commands")
    return InvokeRequest(
        _required_flag(members, 0),
        _required_flag(members, 1),
        tuple([_call(item) for item in _array(members, 2)]),
    )


def _call(element: Any) -> CommandCall:
    members = _struct(element)
    return CommandCall(take_command_path(members.get(0)), members.get(1, {}), take_uint(members, 2, 0xFFFF))


# ---------------------------------------------------------------------- making answers


def status_response(status: int) -> bytes:
    """Return a StatusResponse message."""
    return bytes((0x15, 0x24, 0x00, status)) + END_OF_MESSAGE


def subscribe_response(subscription_id: int, max_interval: int) -> bytes:
    """Return a SubscribeResponse message."""
    out = bytearray(b"\x15")
    tlv.put_uint(out, 0, subscription_id)
    tlv.put_uint(out, 2, max_interval)
    return bytes(out) + END_OF_MESSAGE


def attribute_status(path: AttributePath, status: Status, cluster_status: int | None = None) -> bytes:
    """Return an anonymous AttributeStatusIB, as a WriteResponse lists them."""
    out = bytearray(b"\x15")
    _put_attribute_status(out, path, status, cluster_status)
    return bytes(out)


def attribute_status_report(path: AttributePath, status: Status) -> bytes:
    """Return the AttributeReportIB that says why there is no data for a path."""
    out = bytearray(b"\x15\x35\x00")
    _put_attribute_status(out, path, status, None)
    out += b"\x18"
    return bytes(out)


def _put_attribute_status(
    out: bytearray, path: AttributePath, status: Status, cluster_status: int | None
) -> None:
    put_attribute_path(out, 0, path._replace(list_index=WHOLE, flags=0))
    put_status(out, 1, status, cluster_status)
    out += b"\x18"


def event_status_report(path: EventPath, status: Status) -> bytes:
    """Return the EventReportIB that says why there are no events for a path."""
    out = bytearray(b"\x15\x35\x00")
    put_event_path(out, 0, path._replace(urgent=False))
    put_status(out, 1, status)
    out += b"\x18\x18"
    return bytes(out)


def write_response(statuses: list[bytes]) -> bytes:
    """Return a WriteResponse message of `attribute_status` elements."""
    return b"".join((b"\x15\x36\x00", *statuses, b"\x18", END_OF_MESSAGE))


def command_status(
    path: CommandPath, reference: int | None, status: Status, cluster_status: int | None = None
) -> bytes:
    """Return an anonymous InvokeResponseIB that holds a status."""
    out = bytearray(b"\x15\x35\x01")
    put_command_path(out, 0, path)
    put_status(out, 1, status, cluster_status)
    if reference is not None:
        tlv.put_uint(out, 2, reference)
    out += b"\x18\x18"
    return bytes(out)


def command_data(path: CommandPath, reference: int | None, fields: bytes) -> bytes:
    """Return an anonymous InvokeResponseIB that holds a response command.

    :param path: with the id of the response command
    :param fields: its struct, with context tag 1
    """
    out = bytearray(b"\x15\x35\x00")
    put_command_path(out, 0, path)
    out += fields
    if reference is not None:
        tlv.put_uint(out, 2, reference)
    out += b"\x18\x18"
    return bytes(out)


def invoke_response(responses: list[bytes], *, more: bool) -> bytes:
    """Return an InvokeResponse message of InvokeResponseIBs."""
    closing = b"\x18\x29\x02" if more else b"\x18"
    return b"".join((b"\x15\x28\x00\x36\x01", *responses, closing, END_OF_MESSAGE))


INVOKE_RESPONSE_OVERHEAD = len(invoke_response([], more=True))
WRITE_RESPONSE_OVERHEAD = len(write_response([]))
