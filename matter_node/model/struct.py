"""Structs: the specification's data structures, and the payloads of commands and events (Core 7.19.2.24).

    @struct
    class DeviceTypeStruct(Struct):
        device_type: int = member(0, UInt32)
        revision: int = member(1, UInt16.between(1))

Instances are frozen, slotted and made by keyword.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

from matter_node.model.datatypes import FABRIC_INDEX_TAG, StructOf

if TYPE_CHECKING:
    from matter_node.codec.tlv import Value
    from matter_node.model.datatypes import Datatype


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One field of a struct: its context tag, type and conformance."""

    name: str
    tag: int
    datatype: Datatype[Any]
    optional: bool
    required: bool
    fabric_sensitive: bool


class Struct:
    """Base of every struct."""

    __slots__ = ()
    MEMBERS: ClassVar[tuple[Member, ...]] = ()
    FABRIC_SCOPED: ClassVar[bool] = False
    DATATYPE: ClassVar[StructOf[Any]]

    if TYPE_CHECKING:

        @property
        def fabric_index(self) -> int:
            """The fabric that a fabric-scoped struct belongs to."""
            raise NotImplementedError

    def to_tlv(self, tag: int | None = None) -> bytes:
        """Return the struct as a TLV element."""
        return self.DATATYPE.encode(self, tag)

    @classmethod
    def from_tlv(cls, element: Value) -> Self:
        """Return the struct that a decoded TLV element holds; StatusError if it holds none."""
        taken: Self = cls.DATATYPE.take(element)
        return taken


S = TypeVar("S", bound=Struct)
C = TypeVar("C", bound=type[Struct])


def member(
    tag: int,
    datatype: Datatype[Any],
    *,
    optional: bool = False,
    default: Any = dataclasses.MISSING,
    fabric_sensitive: bool = False,
) -> Any:
    """Declare a field of a struct.

    :param tag: its context tag
    :param optional: it may be absent, and is None then
    :param default: its value when not given; a field without one, and not optional, must be given
    :param fabric_sensitive: hidden from other fabrics (in a fabric-scoped struct)
    """
    metadata = {"tag": tag, "datatype": datatype, "optional": optional, "sensitive": fabric_sensitive}
    if optional and default is dataclasses.MISSING:
        default = None
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(member,))
def struct(cls: C) -> C:
    """Turn a class of `member` fields into a frozen, slotted struct."""
    made: Any = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
    members = []
    for field in dataclasses.fields(made):
        meta = field.metadata
        required = field.default is dataclasses.MISSING
        members.append(
            Member(field.name, meta["tag"], meta["datatype"], meta["optional"], required, meta["sensitive"])
        )
    made.MEMBERS = tuple(sorted(members, key=lambda item: item.tag))
    made.FABRIC_SCOPED = any(item.tag == FABRIC_INDEX_TAG for item in members)
    made.DATATYPE = StructOf(made)
    result: C = made
    return result
