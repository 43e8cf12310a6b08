"""Clusters as tables: what a definition says, ready to be printed in any form.

All names are the specification's, in CamelCase; `about` is one line that says what an element means.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TypeTable:
    """What a value looks like.

    :ivar name: the specification's name, such as `uint16`, `power-mW`, `FaultStruct`, or of a list's entries
    :ivar base: `uint16`, `int64`, ..., `bool`, `string`, `enum8`, `struct`
    :ivar minimum: least value or length, None if there is no narrower bound than the type's own
    :ivar maximum: the same
    :ivar many: it is a list, and the bounds are those of its length
    """

    name: str
    base: str
    minimum: int | None = None
    maximum: int | None = None
    many: bool = False
    nullable: bool = False

    @property
    def named(self) -> bool:
        """Whether it is an enumeration or a struct of its own."""
        return self.base in {"enum8", "enum16", "struct"}


@dataclass(frozen=True)
class FieldTable:
    """A member of a struct or a payload, or an attribute without the rest."""

    id: int
    name: str
    type: TypeTable
    optional: bool
    about: str


@dataclass(frozen=True)
class ConstantTable:
    """A member of an enumeration, or a feature: its value is the bit then."""

    value: int
    name: str
    about: str
    code: str = ""


@dataclass(frozen=True)
class EnumTable:
    """An enumeration."""

    name: str
    base: str
    members: tuple[ConstantTable, ...]
    about: str


@dataclass(frozen=True)
class StructTable:
    """A struct."""

    name: str
    fields: tuple[FieldTable, ...]
    about: str


@dataclass(frozen=True)
class AttributeTable(FieldTable):
    """An attribute."""

    read: str
    conformance: str
    quality: str
    default: str


@dataclass(frozen=True)
class CommandTable:
    """A command; a response has the request that it answers in `answers`."""

    id: int
    name: str
    fields: tuple[FieldTable, ...]
    conformance: str
    about: str
    invoke: str = ""
    response: str = ""
    answers: str = ""


@dataclass(frozen=True)
class EventTable:
    """An event."""

    id: int
    name: str
    priority: str
    fields: tuple[FieldTable, ...]
    read: str
    conformance: str
    about: str


@dataclass(frozen=True)
class ClusterTable:
    """A cluster; `commands` holds requests and responses by id.

    :ivar quiet_seconds: least time between two reports of an attribute of quality Q
    """

    id: int
    title: str
    name: str
    revision: int
    quiet_seconds: float
    about: str
    features: tuple[ConstantTable, ...]
    attributes: tuple[AttributeTable, ...]
    commands: tuple[CommandTable, ...]
    events: tuple[EventTable, ...]
    enums: tuple[EnumTable, ...]
    structs: tuple[StructTable, ...]
