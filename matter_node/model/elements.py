"""Declarations of a cluster's elements: attributes, commands and events (Matter Core 7.10-7.14).

They stand in a `Cluster` class body and read like the specification's tables:

    on_off = attribute(0x0000, Bool, quality="N S")
    toggle = command(0x02)
    state_change = event(0x00, StateChange, priority=Priority.INFO)
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from matter_node.codec import tlv
from matter_node.model.datatypes import ListOf, Nullable, StructOf
from matter_node.model.qualities import Quality, parse_access, parse_quality

if TYPE_CHECKING:
    from matter_node.model.cluster import Cluster
    from matter_node.model.datatypes import Datatype
    from matter_node.model.struct import Struct

T = TypeVar("T")


class Priority(IntEnum):
    """Event priorities (Matter Core 7.14.2.1)."""

    DEBUG = 0
    INFO = 1
    CRITICAL = 2


class Attribute(Generic[T]):
    """An attribute: read and set it on a cluster instance, look at its declaration on the class.

    :ivar id: attribute id
    :ivar name: the name it has in its class
    :ivar datatype: type and constraint of its value
    :ivar access: who may read and write it
    :ivar quality: its other qualities
    :ivar conformance: the table's expression
    :ivar default: its value until something sets it
    :ivar entry: the type of its entries if it is a list
    :ivar fabric_scoped: it is a list whose entries belong to fabrics
    :ivar path_end: its id as a path has it, TLV
    """

    def __init__(
        self,
        id_: int,
        datatype: Datatype[T],
        *,
        access: str = "R V",
        quality: str = "",
        conformance: str = "M",
        default: T | None = None,
    ) -> None:
        self.id = id_
        self.name = ""
        self.datatype = datatype
        self.access = parse_access(access)
        self.quality = parse_quality(quality)
        if isinstance(datatype, Nullable):
            self.quality |= Quality.NULLABLE
        self.conformance = conformance
        self.default: T = datatype.default if default is None and hasattr(datatype, "default") else default  # type: ignore[assignment] # a struct has no default of its own
        inner = datatype.inner if isinstance(datatype, Nullable) else datatype
        self.entry: Datatype[Any] | None = inner.entry if isinstance(inner, ListOf) else None
        self.is_list = self.entry is not None
        path_end = bytearray()
        tlv.put_uint(path_end, 4, id_)
        self.path_end = bytes(path_end)
        self.fabric_scoped = isinstance(self.entry, StructOf) and self.entry.struct.FABRIC_SCOPED

    def __set_name__(self, owner: type[Cluster], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Cluster]) -> Attribute[T]: ...
    @overload
    def __get__(self, instance: Cluster, owner: type[Cluster]) -> T: ...
    def __get__(self, instance: Cluster | None, owner: type[Cluster]) -> Attribute[T] | T:
        if instance is None:
            return self
        value: T = instance.value(self.id)
        return value

    def __set__(self, instance: Cluster, value: T) -> None:
        instance.set_value(self, value)

    def __repr__(self) -> str:
        return f"<attribute {self.id:#06x} {self.name}>"


class Command:
    """A command that clients send.

    :ivar id: command id
    :ivar name: the name it has in its class; a server handles it in ``handle_<name>``
    :ivar request: the struct of its fields, None if it has none
    :ivar response: the struct that answers it, None if a status does
    :ivar response_id: command id of that response
    """

    def __init__(
        self,
        id_: int,
        request: type[Struct] | None = None,
        response: type[Struct] | None = None,
        *,
        response_id: int | None = None,
        access: str = "O",
        quality: str = "",
        conformance: str = "M",
    ) -> None:
        if (response is None) != (response_id is None):
            raise TypeError("a response needs its struct and its id")
        self.id = id_
        self.name = ""
        self.request = request
        self.response = response
        self.response_id = response_id
        self.access = parse_access(access, invoke=True)
        self.quality = parse_quality(quality)
        self.conformance = conformance

    def __set_name__(self, owner: type[Cluster], name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<command {self.id:#04x} {self.name}>"


class Event:
    """An event that a cluster reports.

    :ivar id: event id
    :ivar payload: the struct of its fields, None if it has none
    :ivar priority: how long it is kept when room is short
    """

    def __init__(
        self,
        id_: int,
        payload: type[Struct] | None = None,
        *,
        priority: Priority,
        access: str = "V",
        conformance: str = "M",
    ) -> None:
        self.id = id_
        self.name = ""
        self.payload = payload
        self.priority = priority
        self.access = parse_access(access if access.startswith("R") else f"R {access}")
        self.conformance = conformance

    def __set_name__(self, owner: type[Cluster], name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<event {self.id:#04x} {self.name}>"


def attribute(
    id_: int,
    datatype: Datatype[T],
    *,
    access: str = "R V",
    quality: str = "",
    conformance: str = "M",
    default: T | None = None,
) -> Attribute[T]:
    """Declare an attribute; the strings are the cells of the specification's table."""
    return Attribute(id_, datatype, access=access, quality=quality, conformance=conformance, default=default)


def command(
    id_: int,
    request: type[Struct] | None = None,
    response: type[Struct] | None = None,
    *,
    response_id: int | None = None,
    access: str = "O",
    quality: str = "",
    conformance: str = "M",
) -> Command:
    """Declare a command; ``response_id`` is the id of the command that `response` travels in."""
    return Command(
        id_,
        request,
        response,
        response_id=response_id,
        access=access,
        quality=quality,
        conformance=conformance,
    )


def event(
    id_: int,
    payload: type[Struct] | None = None,
    *,
    priority: Priority,
    access: str = "V",
    conformance: str = "M",
) -> Event:
    """Declare an event."""
    return Event(id_, payload, priority=priority, access=access, conformance=conformance)
