"""Paths: what a request is about (Matter Core 8.2.1, 10.6.2-10.6.11).

A part that is None is a wildcard.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

from matter_node.codec import tlv

if TYPE_CHECKING:
    from matter_node.status import Status

WHOLE = -1
"""List index of a path that names a whole attribute."""
APPEND = -2
"""List index of a path that names the end of a list (null on the wire)."""

_MAX_ENDPOINT = 0xFFFE
_MAX_ID = 0xFFFF_FFFE
_MAX_NODE = 0xFFFF_FFFF_FFFF_FFFF


class InvalidAction(Exception):  # noqa: N818 - the specification's name of the status
    """A message breaks the protocol's rules: it is answered with INVALID_ACTION and changes nothing."""


class WildcardFlag(IntFlag):
    """What a wildcard path leaves out (Matter Core 8.2.1.6)."""

    SKIP_ROOT_NODE = 1 << 0
    SKIP_GLOBAL_ATTRIBUTES = 1 << 1
    SKIP_ATTRIBUTE_LIST = 1 << 2
    SKIP_COMMAND_LISTS = 1 << 4
    SKIP_CUSTOM_ELEMENTS = 1 << 5
    SKIP_FIXED_ATTRIBUTES = 1 << 6
    SKIP_CHANGES_OMITTED_ATTRIBUTES = 1 << 7
    SKIP_DIAGNOSTICS_CLUSTERS = 1 << 8


_KNOWN_FLAGS = sum(WildcardFlag)


class AttributePath(NamedTuple):
    """One attribute, or all that match.

    :ivar list_index: an index, or `WHOLE` or `APPEND`
    :ivar flags: `WildcardFlag` bits
    """

    endpoint: int | None = None
    cluster: int | None = None
    attribute: int | None = None
    node: int | None = None
    list_index: int = WHOLE
    flags: int = 0

    @property
    def concrete(self) -> bool:
        """Whether it names exactly one attribute."""
        return self.endpoint is not None and self.cluster is not None and self.attribute is not None


class EventPath(NamedTuple):
    """One kind of event, or all that match.

    :ivar urgent: it wakes a report
    """

    endpoint: int | None = None
    cluster: int | None = None
    event: int | None = None
    node: int | None = None
    urgent: bool = False

    @property
    def concrete(self) -> bool:
        """Whether it names exactly one kind of event of one cluster instance."""
        return self.endpoint is not None and self.cluster is not None and self.event is not None


class CommandPath(NamedTuple):
    """One command; on every endpoint that has it if that is None."""

    endpoint: int | None
    cluster: int
    command: int


# ---------------------------------------------------------------------- decoding


def take_fields(element: Any) -> dict[Any, Any]:
    """Return a TLV list's members by tag; InvalidAction if it is no list or has a tag twice."""
    if type(element) is not tlv.TlvList:
        raise InvalidAction("a path is a list")
    fields = dict(element)
    if len(fields) != len(element):
        raise InvalidAction("a tag twice in a path")
    return fields


def take_uint(fields: dict[Any, Any], tag: int, maximum: int) -> int | None:
    """Return an optional unsigned member, None if it is absent.

    :raises InvalidAction: it is something else, or larger than `maximum`
    """
    if tag not in fields:
        return None
    value = fields[tag]
    if type(value) is int and 0 <= value <= maximum:
        return value
    raise InvalidAction(f"member {tag} is {value!r}")


def take_flag(fields: dict[Any, Any], tag: int) -> bool:
    """Return an optional boolean member, False if it is absent; InvalidAction if it is something else."""
    value = fields.get(tag, False)
    if type(value) is not bool:
        raise InvalidAction(f"member {tag} is no boolean")
    return value


def take_attribute_path(element: Any) -> AttributePath:
    """Return the path that a decoded AttributePathIB holds; InvalidAction if it holds none."""
    fields = take_fields(element)
    if 0 in fields and take_flag(fields, 0):
        raise InvalidAction("tag compression is not supported")
    if 5 not in fields:
        list_index = WHOLE
    elif fields[5] is None:
        list_index = APPEND
    else:
        list_index = take_uint(fields, 5, 0xFFFF) or 0
    return AttributePath(
        take_uint(fields, 2, _MAX_ENDPOINT),
        take_uint(fields, 3, _MAX_ID),
        take_uint(fields, 4, _MAX_ID),
        take_uint(fields, 1, _MAX_NODE),
        list_index,
        (take_uint(fields, 6, 0xFFFF_FFFF) or 0) & _KNOWN_FLAGS,
    )


def take_event_path(element: Any) -> EventPath:
    """Return the path that a decoded EventPathIB holds; InvalidAction if it holds none."""
    fields = take_fields(element)
    return EventPath(
        take_uint(fields, 1, _MAX_ENDPOINT),
        take_uint(fields, 2, _MAX_ID),
        take_uint(fields, 3, _MAX_ID),
        take_uint(fields, 0, _MAX_NODE),
        take_flag(fields, 4),
    )


def take_command_path(element: Any) -> CommandPath:
    """Return the path that a decoded CommandPathIB holds; InvalidAction if it holds none."""
    fields = take_fields(element)
    cluster, command = take_uint(fields, 1, _MAX_ID), take_uint(fields, 2, _MAX_ID)
    if cluster is None or command is None:
        raise InvalidAction("a command path names its cluster and command")
    return CommandPath(take_uint(fields, 0, _MAX_ENDPOINT), cluster, command)


# ---------------------------------------------------------------------- encoding


def put_attribute_path(out: bytearray, tag: int | None, path: AttributePath) -> None:
    """Append an AttributePathIB, complete enough to be taken again."""
    tlv.start_list(out, tag)
    for member, value in ((1, path.node), (2, path.endpoint), (3, path.cluster), (4, path.attribute)):
        if value is not None:
            tlv.put_uint(out, member, value)
    if path.list_index == APPEND:
        tlv.put_null(out, 5)
    elif path.list_index != WHOLE:
        tlv.put_uint(out, 5, path.list_index)
    if path.flags:
        tlv.put_uint(out, 6, path.flags)
    tlv.end(out)


def put_event_path(out: bytearray, tag: int | None, path: EventPath) -> None:
    """Append an EventPathIB, complete enough to be taken again."""
    tlv.start_list(out, tag)
    for member, value in ((0, path.node), (1, path.endpoint), (2, path.cluster), (3, path.event)):
        if value is not None:
            tlv.put_uint(out, member, value)
    if path.urgent:
        tlv.put_bool(out, 4, True)
    tlv.end(out)


def put_command_path(out: bytearray, tag: int | None, path: CommandPath) -> None:
    """Append a CommandPathIB."""
    tlv.start_list(out, tag)
    if path.endpoint is not None:
        tlv.put_uint(out, 0, path.endpoint)
    tlv.put_uint(out, 1, path.cluster)
    tlv.put_uint(out, 2, path.command)
    tlv.end(out)


def put_status(out: bytearray, tag: int | None, status: Status, cluster_status: int | None = None) -> None:
    """Append a StatusIB (Matter Core 10.6.17)."""
    tlv.start_struct(out, tag)
    tlv.put_uint(out, 0, status)
    if cluster_status is not None:
        tlv.put_uint(out, 1, cluster_status)
    tlv.end(out)
