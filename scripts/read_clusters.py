"""Reads the project's clusters, as `clusters/ores` defines them, into tables.

What an element means is the string that follows it in the definition's source, or a class's docstring. An
element without one is an error, so that a document is whole or is not written.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cluster_tables import (
    AttributeTable,
    ClusterTable,
    CommandTable,
    ConstantTable,
    EnumTable,
    EventTable,
    FieldTable,
    StructTable,
    TypeTable,
)

from matter_node.model import (
    Attribute,
    Bool,
    Cluster,
    Enum,
    Event,
    Integer,
    ListOf,
    Nullable,
    Privilege,
    Quality,
    Struct,
    StructOf,
    Utf8,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.model import Datatype

MODULES = ("module", "microinverter", "energy_storage", "hub")
"""Where the definitions are, below `clusters.ores`, in the order of the documents."""
_PRIVILEGES = {
    Privilege.VIEW: "view",
    Privilege.OPERATE: "operate",
    Privilege.MANAGE: "manage",
    Privilege.ADMINISTER: "administer",
}


class _Numbered(Protocol):
    id: int


T = TypeVar("T", bound=_Numbered)


class UndocumentedError(Exception):
    """An element has no string that says what it means."""


def read_clusters() -> tuple[ClusterTable, ...]:
    """Return all clusters.

    :raises UndocumentedError: an element has no string that says what it means
    """
    tables = []
    for module in MODULES:
        members = vars(importlib.import_module(f"clusters.ores.{module}")).values()
        tables += [
            read_cluster(item)
            for item in members
            if isinstance(item, type) and issubclass(item, Cluster) and item is not Cluster
        ]
    return tuple(tables)


def read_cluster(cluster: type[Cluster]) -> ClusterTable:
    """Return one cluster."""
    about = strings(cluster)
    types: dict[str, EnumTable | StructTable] = {}
    for datatype in _datatypes(cluster):
        _collect(datatype, types)
    return ClusterTable(
        id=cluster.ID,
        title=cluster.__name__,
        name=cluster.NAME,
        revision=cluster.REVISION,
        quiet_seconds=cluster.QUIET_SECONDS,
        about=about_class(cluster),
        features=tuple(_features(cluster)),
        attributes=tuple(_attribute(item, about) for item in _by_id(cluster.ATTRIBUTES.values())),
        commands=tuple(_commands(cluster, about)),
        events=tuple(_event(item, about) for item in _by_id(cluster.EVENTS.values())),
        enums=tuple(item for item in types.values() if isinstance(item, EnumTable)),
        structs=tuple(item for item in types.values() if isinstance(item, StructTable)),
    )


# ---------------------------------------------------------------------- strings


def strings(cls: type) -> dict[str, str]:
    """Return the strings that follow the assignments in a class's body, by the name assigned to."""
    return _bodies(cls.__module__)[cls.__qualname__]


def about_class(cls: type) -> str:
    """Return the first paragraph of a class's docstring, in one line."""
    return _needed(_line((cls.__doc__ or "").split("\n\n")[0]), cls.__qualname__)


@cache
def _bodies(module: str) -> dict[str, dict[str, str]]:
    source = Path(str(sys.modules[module].__file__)).read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = dict(_followed(node.body))
                walk(node.body, f"{prefix}{node.name}.")

    walk(ast.parse(source).body, "")
    return found


def _followed(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, after in itertools.pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if (
            isinstance(target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield target.id, _line(after.value.value)


def _line(text: str) -> str:
    return " ".join(text.split())


def _needed(text: str | None, what: str) -> str:
    if not text:
        raise UndocumentedError(f"{what} has no string that says what it means")
    return text


# ---------------------------------------------------------------------- elements


def _features(cluster: type[Cluster]) -> Iterator[ConstantTable]:
    about = strings(cluster.Feature)
    for flag in cluster.Feature:
        code = str(flag.name)
        name, _, meaning = _needed(about.get(code), f"{cluster.__name__}.{code}").partition(": ")
        if not meaning or " " in name:
            raise UndocumentedError(f"{cluster.__name__}.{code} is not described as `Name: what it means`")
        yield ConstantTable(flag.bit_length() - 1, name, meaning[0].upper() + meaning[1:], code)


def _attribute(item: Attribute[Any], about: dict[str, str]) -> AttributeTable:
    if item.access.read is None or item.access.write is not None:
        raise TypeError(f"the documents have no words for {item!r}, which is not just read")
    return AttributeTable(
        id=item.id,
        name=camel(item.name),
        type=type_table(item.datatype),
        optional=item.conformance != "M",
        about=_needed(about.get(item.name), item.name),
        read=_PRIVILEGES[item.access.read],
        conformance=item.conformance,
        quality=" ".join(letter for letter, flag in _LETTERS if item.quality & flag),
        default=_default(item),
    )


_LETTERS = (
    ("X", Quality.NULLABLE),
    ("N", Quality.NONVOLATILE),
    ("F", Quality.FIXED),
    ("C", Quality.CHANGES_OMITTED),
    ("Q", Quality.QUIETER),
)


def _default(item: Attribute[Any]) -> str:
    """Return the value until something is known, empty where the server always knows one."""
    value = item.default
    if item.quality & Quality.FIXED or (value is None and not item.quality & Quality.NULLABLE):
        return ""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case ():
            return "empty"
        case str():
            return f'"{value}"'
    return camel(str(value.name)) if hasattr(value, "name") else str(value)


def _commands(cluster: type[Cluster], about: dict[str, str]) -> Iterator[CommandTable]:
    tables = []
    for item in cluster.COMMANDS.values():
        name, response = camel(item.name), item.response.__name__ if item.response else ""
        tables.append(
            CommandTable(
                id=item.id,
                name=name,
                fields=_fields(item.request),
                conformance=item.conformance,
                about=_needed(about.get(item.name), item.name),
                invoke=_PRIVILEGES[item.access.write or Privilege.OPERATE],
                response=response,
            )
        )
        if item.response_id is not None:
            tables.append(
                CommandTable(
                    id=item.response_id,
                    name=response,
                    fields=_fields(item.response),
                    conformance=item.conformance,
                    about=f"Answer to {name}.",
                    answers=name,
                )
            )
    yield from _by_id(tables)


def _event(item: Event, about: dict[str, str]) -> EventTable:
    return EventTable(
        id=item.id,
        name=camel(item.name),
        priority=item.priority.name.lower(),
        fields=_fields(item.payload),
        read=_PRIVILEGES[item.access.read or Privilege.VIEW],
        conformance=item.conformance,
        about=_needed(about.get(item.name), item.name),
    )


def _fields(struct: type[Struct] | None) -> tuple[FieldTable, ...]:
    if struct is None:
        return ()
    about = strings(struct)
    return tuple(
        FieldTable(
            id=member.tag,
            name=camel(member.name),
            type=type_table(member.datatype),
            optional=member.optional,
            about=_needed(about.get(member.name), f"{struct.__name__}.{member.name}"),
        )
        for member in struct.MEMBERS
    )


# ---------------------------------------------------------------------- types


def type_table(datatype: Datatype[Any]) -> TypeTable:
    """Return what a data type's values look like.

    :raises TypeError: the documents have no words for the type
    """
    nullable = isinstance(datatype, Nullable)
    inner = datatype.inner if isinstance(datatype, Nullable) else datatype
    match inner:
        case ListOf():
            entry = type_table(inner.entry)
            return TypeTable(
                entry.name, entry.base, inner.minimum or None, inner.maximum, many=True, nullable=nullable
            )
        case Integer():
            # What null takes from the type's own range is no bound of its own.
            widest = _range(inner, nullable=nullable)
            low, high = inner.minimum, inner.maximum
            meaning = str(getattr(inner, "meaning", "")) or inner.name
            return TypeTable(
                meaning,
                inner.name,
                None if low == widest[0] else low,
                None if high == widest[1] else high,
                nullable=nullable,
            )
        case Utf8():
            return TypeTable("string", "string", inner.minimum or None, inner.maximum, nullable=nullable)
        case Enum():
            return TypeTable(inner.members.__name__, f"enum{inner.width}", nullable=nullable)
        case StructOf():
            return TypeTable(inner.struct.__name__, "struct", nullable=nullable)
    if inner is Bool:
        return TypeTable("bool", "bool", nullable=nullable)
    raise TypeError(f"the documents have no words for {inner!r}")


def _range(kind: Integer, *, nullable: bool) -> tuple[int, int]:
    """Return the bounds that the type's name alone says."""
    width = int("".join(letter for letter in kind.name if letter.isdigit()))
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if kind.signed else (0, (1 << width) - 1)
    narrower = {"percent": (0, 100), "percent100ths": (0, 10_000), "temperature": (-27_315, high)}
    meaning = getattr(kind, "meaning", "")
    if meaning in narrower:
        return narrower[meaning]
    if nullable:
        return (low + 1, high) if kind.signed else (low, high - 1)
    return low, high


def _datatypes(cluster: type[Cluster]) -> Iterator[Datatype[Any]]:
    yield from (item.datatype for item in _by_id(cluster.ATTRIBUTES.values()))
    payloads = [
        payload
        for item in _by_id(cluster.COMMANDS.values())
        for payload in (item.request, item.response)
        if payload is not None
    ]
    payloads += [item.payload for item in _by_id(cluster.EVENTS.values()) if item.payload is not None]
    yield from (member.datatype for payload in payloads for member in payload.MEMBERS)


def _collect(datatype: Datatype[Any], into: dict[str, EnumTable | StructTable]) -> None:
    """Note the enumerations and structs that a type is made of, those first that others are made of."""
    match datatype:
        case Nullable():
            _collect(datatype.inner, into)
        case ListOf():
            _collect(datatype.entry, into)
        case Enum() if datatype.members.__name__ not in into:
            cls = datatype.members
            about = strings(cls)
            into[cls.__name__] = EnumTable(
                cls.__name__,
                f"enum{datatype.width}",
                tuple(
                    ConstantTable(int(item), camel(item.name), _needed(about.get(item.name), str(item)))
                    for item in cls
                ),
                about_class(cls),
            )
        case StructOf() if datatype.struct.__name__ not in into:
            struct = datatype.struct
            for member in struct.MEMBERS:
                _collect(member.datatype, into)
            into[struct.__name__] = StructTable(struct.__name__, _fields(struct), about_class(struct))


def _by_id(items: Iterable[T]) -> list[T]:
    return sorted(items, key=lambda item: item.id)


def camel(name: str) -> str:
    """Return `snake_case` or `CONSTANT_CASE` as the specification writes names: `CamelCase`."""
    return "".join(part.capitalize() for part in name.split("_"))
