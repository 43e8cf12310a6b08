"""The types of clusters' values in TypeScript, in the form that matter.js's own clusters have."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cluster_tables import (
        AttributeTable,
        ClusterTable,
        CommandTable,
        EventTable,
        FieldTable,
        TypeTable,
    )

IMPORTS = """\
import type { MaybePromise } from "@matter/main";
import type { ClusterId, ClusterTyping } from "@matter/main/types";
"""


def types_of(cluster: ClusterTable) -> str:
    """Return the types of a cluster's values: statements that leave nothing in JavaScript."""
    lines = [
        f"export declare namespace {cluster.name} {{",
        *_indented(chain(_datatypes(cluster), _elements(cluster), _components(cluster), _namespace(cluster))),
        "}",
        "",
        f"export interface {cluster.name} extends ClusterTyping {{",
        *(f"    {part}: {cluster.name}.{part};" for part in (*_parts(cluster), "Features", "Components")),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _parts(cluster: ClusterTable) -> dict[str, Sequence[AttributeTable | CommandTable | EventTable]]:
    """Return what a cluster has: its attributes, the commands that it takes and its events, if any."""
    requests = [item for item in cluster.commands if not item.answers]
    parts = {"Attributes": cluster.attributes, "Commands": requests, "Events": cluster.events}
    return {name: items for name, items in parts.items() if items}


def _datatypes(cluster: ClusterTable) -> Iterator[str]:
    for enum in cluster.enums:
        members = " | ".join(str(item.value) for item in enum.members)
        yield from (_about(enum.about), f"export type {_short(enum.name)} = {members};")
    for struct in cluster.structs:
        yield from _interface(_short(struct.name), struct.fields, struct.about)
    for item in chain(cluster.commands, cluster.events):
        if item.fields:
            yield from _interface(_payload(item, cluster), item.fields, f"Fields of {item.name}.")


def _interface(name: str, fields: Sequence[FieldTable], about: str) -> Iterator[str]:
    yield from (_about(about), f"export interface {name} {{")
    for item in fields:
        yield from _indented([_about(item.about), _property(item, "?" if item.optional else "")])
    yield "}"


def _property(item: FieldTable, mark: str = "") -> str:
    return f"{_lower(item.name)}{mark}: {_value_type(item.type)};"


# ---------------------------------------------------------------------- elements by feature


def _elements(cluster: ClusterTable) -> Iterator[str]:
    """Yield an interface for what there is with each feature, and one for all of it."""
    for part, items in _parts(cluster).items():
        names = []
        for code, feature in _choices(cluster).items():
            members = [item for item in items if item.conformance == code]
            if members:
                names.append(f"{feature}{part}")
                yield f"export interface {names[-1]} {{"
                yield from _indented(chain.from_iterable(_member(item, cluster) for item in members))
                yield "}"
        yield f"export interface {part} extends {', '.join(names)} {{}}"


def _choices(cluster: ClusterTable) -> dict[str, str]:
    """Return the conformances with the names that their elements go by."""
    return {"M": "Base"} | {feature.code: feature.name for feature in cluster.features}


def _member(item: AttributeTable | CommandTable | EventTable, cluster: ClusterTable) -> Iterator[str]:
    yield _about(item.about)
    if item in cluster.attributes:
        yield _property(item)
    elif item in cluster.events:
        yield f"{_lower(item.name)}: {_payload(item, cluster) if item.fields else 'void'};"
    else:
        request = f"request: {_payload(item, cluster)}" if item.fields else ""
        answer = f"<{item.response}>" if item.response else ""
        yield f"{_lower(item.name)}({request}): MaybePromise{answer};"


def _components(cluster: ClusterTable) -> Iterator[str]:
    """Yield which elements there are with which features."""
    names = " | ".join(json.dumps(feature.name) for feature in cluster.features)
    yield from (f"export type Features = {names};", "export type Components = [")
    for code, feature in _choices(cluster).items():
        found = [f"flags: {{ {_lower(feature)}: true }}" if code != "M" else "flags: {}"]
        found += [
            f"{part.lower()}: {feature}{part}"
            for part, items in _parts(cluster).items()
            if any(item.conformance == code for item in items)
        ]
        yield f"    {{ {'; '.join(found)} }},"
    yield "];"


def _namespace(cluster: ClusterTable) -> Iterator[str]:
    yield from (
        "/** What the constant of this name holds. */",
        "export interface Namespace extends ClusterType.Concrete {",
    )
    yield f"    readonly id: ClusterId & 0x{cluster.id:08x};"
    yield f"    readonly Typing: {cluster.name};"
    for part in _parts(cluster):
        yield f"    readonly {part.lower()}: ClusterType.{part.removesuffix('s')}Objects<{part}>;"
    for enum in cluster.enums:
        members = ", ".join(f"readonly {item.name}: {item.value}" for item in enum.members)
        yield f"    readonly {_short(enum.name)}: {{ {members} }};"
    yield "}"


# ---------------------------------------------------------------------- names


def _payload(item: CommandTable | EventTable, cluster: ClusterTable) -> str:
    if item in cluster.events:
        return f"{item.name}Event"
    return item.name if item.name.endswith("Response") else f"{item.name}Request"


def _value_type(kind: TypeTable) -> str:
    if kind.named:
        plain = _short(kind.name)
    elif kind.base in {"bool", "string"}:
        plain = {"bool": "boolean"}.get(kind.base, kind.base)
    else:
        plain = "number | bigint" if kind.base.endswith("64") else "number"
    if kind.many:
        plain = f"{plain}[]"
    return f"{plain} | null" if kind.nullable else plain


def _about(text: str) -> str:
    return f"/** {text} */"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _short(name: str) -> str:
    """Return a data type's name as matter.js has it: without what says its kind."""
    return re.sub(r"(Enum|Struct)$", "", name)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
