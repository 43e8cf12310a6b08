"""The shape of a cluster instance: which elements it has.

Instances of one server with the same features and optional elements share one shape, so that a thousand
bridged endpoints cost a thousand sets of values and a handful of shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matter_node.model.conformance import Conformance, judge
from matter_node.model.datatypes import ListOf, UInt16, UInt32
from matter_node.model.elements import Attribute
from matter_node.model.qualities import Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matter_node.model.cluster import Cluster
    from matter_node.model.elements import Command, Event

GENERATED_COMMAND_LIST = 0xFFF8
ACCEPTED_COMMAND_LIST = 0xFFF9
ATTRIBUTE_LIST = 0xFFFB
FEATURE_MAP = 0xFFFC
CLUSTER_REVISION = 0xFFFD

_ID_LIST = ListOf(UInt32)


def _global(id_: int, name: str, datatype: Any) -> Attribute[Any]:
    attribute: Attribute[Any] = Attribute(id_, datatype, quality="F")
    attribute.name = name
    return attribute


GLOBAL_ATTRIBUTES: dict[int, Attribute[Any]] = {
    attribute.id: attribute
    for attribute in (
        _global(GENERATED_COMMAND_LIST, "generated_command_list", _ID_LIST),
        _global(ACCEPTED_COMMAND_LIST, "accepted_command_list", _ID_LIST),
        _global(ATTRIBUTE_LIST, "attribute_list", _ID_LIST),
        _global(FEATURE_MAP, "feature_map", UInt32),
        _global(CLUSTER_REVISION, "cluster_revision", UInt16),
    )
}
"""The global attributes that every cluster has (Matter Core 7.13), by id."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Which elements a cluster instance has.

    :ivar attributes: its attributes by id, the global ones too, in ascending order
    :ivar commands: the commands that it accepts, by id
    :ivar events: the events that it may report, by id
    :ivar globals: the values of its global attributes by id
    :ivar nonvolatile: ids of the attributes whose stored value is restored at start
    :ivar computed: names of the server's methods that give an attribute's value when it is read, by id
    """

    attributes: Mapping[int, Attribute[Any]]
    commands: Mapping[int, Command]
    events: Mapping[int, Event]
    globals: Mapping[int, Any]
    nonvolatile: frozenset[int]
    computed: Mapping[int, str]


def feature_codes(cluster: type[Cluster], features: int) -> frozenset[str]:
    """Return the codes of the features in a feature map, as conformance expressions name them."""
    return frozenset(flag.name for flag in cluster.Feature if flag & features and flag.name)


def make_shape(cluster: type[Cluster], features: int, given: frozenset[str]) -> Shape:
    """Work out which elements an instance has.

    An attribute is there if its conformance makes it mandatory with these features, or if it is optional and
    the instance was given a value for it or its server computes it. An optional command is there if the
    server handles it, an optional event if the server names it among its `OPTIONAL_EVENTS`.

    :param given: names of the attributes that the instance was given values for
    :raises TypeError: a value was given for an attribute that the features rule out, a mandatory command has
        no handler, or a feature is not the cluster's
    """
    if unknown := features & ~sum(cluster.Feature):
        raise TypeError(f"{cluster.__name__} has no features {unknown:#x}")
    present = feature_codes(cluster, features)
    attributes: dict[int, Attribute[Any]] = {}
    computed: dict[int, str] = {}
    for attribute in cluster.ATTRIBUTES.values():
        reader = f"read_{attribute.name}"
        offered = attribute.name in given or hasattr(cluster, reader)
        verdict = judge(attribute.conformance, present)
        if verdict is Conformance.MANDATORY or (verdict is Conformance.OPTIONAL and offered):
            attributes[attribute.id] = attribute
            if hasattr(cluster, reader):
                computed[attribute.id] = reader
        elif attribute.name in given:
            raise TypeError(
                f"{cluster.__name__}.{attribute.name} is not allowed with features {sorted(present)}"
            )
    commands: dict[int, Command] = {}
    for command in cluster.COMMANDS.values():
        handled = hasattr(cluster, f"handle_{command.name}")
        verdict = judge(command.conformance, present)
        if verdict is Conformance.MANDATORY and not handled:
            raise TypeError(f"{cluster.__name__} has no handle_{command.name}, which is mandatory")
        if handled and verdict is not Conformance.DISALLOWED:
            commands[command.id] = command
    verdicts = {event: judge(event.conformance, present) for event in cluster.EVENTS.values()}
    events = {
        event.id: event
        for event, verdict in verdicts.items()
        if verdict is Conformance.MANDATORY
        or (verdict is Conformance.OPTIONAL and event in cluster.OPTIONAL_EVENTS)
    }
    attributes |= GLOBAL_ATTRIBUTES
    ordered = dict(sorted(attributes.items()))
    return Shape(
        attributes=ordered,
        commands=dict(sorted(commands.items())),
        events=dict(sorted(events.items())),
        globals={
            GENERATED_COMMAND_LIST: tuple(
                sorted(
                    {command.response_id for command in commands.values() if command.response_id is not None}
                )
            ),
            ACCEPTED_COMMAND_LIST: tuple(sorted(commands)),
            ATTRIBUTE_LIST: tuple(ordered),
            FEATURE_MAP: int(features),
            CLUSTER_REVISION: cluster.REVISION,
        },
        nonvolatile=frozenset(
            attribute.id
            for attribute in ordered.values()
            if attribute.quality & Quality.NONVOLATILE
            and attribute.id not in computed
            and (
                attribute.access.write is not None
                or attribute.name not in given
                or attribute.name in cluster.KEPT
            )
        ),
        computed=computed,
    )
