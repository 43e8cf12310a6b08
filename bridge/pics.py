"""PICS: what the hub implements, as certification asks it, told by the data model that it serves.

A PICS item is one element of one cluster on one endpoint: `BINFO.S.A0003` is attribute 3 of the Basic
Information server, `.F` a feature, `.C..Rsp` a command that is accepted, `.C..Tx` one that is sent in
answer, `.E` an event (connectedhomeip, docs/testing/pics_and_pixit.md). Nothing is listed by hand: an item is
supported when the live endpoint has the element, so that PICS and device cannot disagree.

Manufacturers' clusters have no PICS: the codes are the specification's, and what certification checks against
them (TC_IDM_10_4) are its clusters alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from clusters.definitions.network_commissioning import NetworkCommissioning
from matter_node.model.conformance import Conformance, judge
from matter_node.model.shape import feature_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.model import Cluster, Endpoint, NodeTree


class _Element(Protocol):
    id: int


_E = TypeVar("_E", bound=_Element)
_ROOT: Final = 0
_BRIDGED_NODE: Final = 0x0013
_LAST_STANDARD_CLUSTER: Final = 0x7FFF


class Section(Enum):
    """Where an item stands in a PICS file."""

    USAGE = "usage"
    ATTRIBUTE = "attribute"
    EVENT = "event"
    COMMAND_SENT = "command sent in answer"
    COMMAND_RECEIVED = "command"
    FEATURE = "feature"


@dataclass(frozen=True, slots=True)
class PicsItem:
    """One question with its answer.

    :ivar code: such as `BINFO.S.A0003`
    :ivar element: name of the element in the specification
    :ivar mandatory: it has to be there, the cluster's features being what they are
    :ivar supported: it is there
    """

    code: str
    section: Section
    element: str
    mandatory: bool
    supported: bool


@dataclass(frozen=True, slots=True)
class ClusterPics:
    """What an endpoint has of one cluster.

    :ivar cluster_id: None for the base items, which are no cluster's
    :ivar name: in words, such as `Basic Information`
    :ivar code: the first part of its items' codes, such as `BINFO`
    """

    cluster_id: int | None
    name: str
    code: str
    items: tuple[PicsItem, ...]


@dataclass(frozen=True, slots=True)
class EndpointPics:
    """What one endpoint has; the root's first cluster is the base items of the node."""

    number: int
    clusters: tuple[ClusterPics, ...]

    @property
    def supported(self) -> Iterator[str]:
        """Yield the codes of what is there."""
        return (item.code for cluster in self.clusters for item in cluster.items if item.supported)


def node_pics(tree: NodeTree) -> tuple[EndpointPics, ...]:
    """Return the PICS of every endpoint of a node, in ascending order."""
    return tuple(
        EndpointPics(
            endpoint.number,
            (
                *((base_pics(tree),) if endpoint.number == _ROOT else ()),
                *(
                    cluster_pics(cluster)
                    for cluster in endpoint.clusters.values()
                    if cluster.ID <= _LAST_STANDARD_CLUSTER
                ),
            ),
        )
        for endpoint in tree
    )


def cluster_pics(cluster: Cluster) -> ClusterPics:
    """Return the items of a cluster at work: every element that the cluster defines, there or not.

    Global attributes have no items: every cluster has them.
    """
    code, shape = f"{cluster.PICS}.S", cluster.shape
    present = feature_codes(type(cluster), cluster.features)

    def must(conformance: str) -> bool:
        return judge(conformance, present) is Conformance.MANDATORY

    items = [PicsItem(code, Section.USAGE, _words(cluster.NAME), mandatory=False, supported=True)]
    items += [
        PicsItem(
            f"{code}.A{attribute.id:04x}",
            Section.ATTRIBUTE,
            _camel(attribute.name),
            must(attribute.conformance),
            attribute.id in shape.attributes,
        )
        for attribute in _by_id(cluster.ATTRIBUTES.values())
    ]
    items += [
        PicsItem(
            f"{code}.E{event.id:02x}",
            Section.EVENT,
            _camel(event.name),
            must(event.conformance),
            event.id in shape.events,
        )
        for event in _by_id(cluster.EVENTS.values())
    ]
    answers = {
        command.response_id: command.response.__name__
        for command in cluster.COMMANDS.values()
        if command.response_id is not None and command.response is not None
    }
    sent = {command.response_id for command in shape.commands.values()}
    items += [
        PicsItem(f"{code}.C{id_:02x}.Tx", Section.COMMAND_SENT, name, id_ in sent, id_ in sent)
        for id_, name in sorted(answers.items())
    ]
    items += [
        PicsItem(
            f"{code}.C{command.id:02x}.Rsp",
            Section.COMMAND_RECEIVED,
            _camel(command.name),
            must(command.conformance),
            command.id in shape.commands,
        )
        for command in _by_id(cluster.COMMANDS.values())
    ]
    items += [
        PicsItem(
            f"{code}.F{flag.bit_length() - 1:02x}",
            Section.FEATURE,
            str(flag.name),
            mandatory=False,
            supported=bool(flag & cluster.features),
        )
        for flag in cluster.Feature
    ]
    return ClusterPics(cluster.ID, _words(cluster.NAME), cluster.PICS, tuple(items))


def base_pics(tree: NodeTree) -> ClusterPics:
    """Return the items that are no cluster's: what kind of node this is, and how it is reached."""
    root = tree.endpoints[_ROOT]
    features = NetworkCommissioning.Feature
    network = features(_features(root, NetworkCommissioning.ID))
    bridged = any(kind.id == _BRIDGED_NODE for endpoint in tree for kind in endpoint.device_types)
    answers = (
        ("ROLE.COMMISSIONEE", "Can be commissioned", True),
        ("ROLE.COMMISSIONER", "Commissions others", False),
        ("ROLE.CONTROLLER", "Controls others", False),
        ("COM.WIFI", "Wi-Fi", bool(network & features.WI)),
        ("COM.THR", "Thread", bool(network & features.TH)),
        ("COM.ETH", "Ethernet", bool(network & features.ET)),
        ("COM.BLE", "Bluetooth Low Energy", False),
        ("BRIDGE", "Bridges other devices", bridged),
        ("DD.QR", "Has a QR code", True),
        ("DD.MANUAL_PC", "Has a manual pairing code", True),
        ("DD.DISCOVERY_IP", "Is found on the IP network for commissioning", True),
        ("DD.DISCOVERY_BLE", "Is found over Bluetooth for commissioning", False),
        ("DD.STANDARD_COMM_FLOW", "Standard commissioning flow", True),
        ("IDM.S", "Interaction model server", True),
        ("IDM.S.PersistentSubscription", "Resumes subscriptions after a restart", True),
        ("IDM.C", "Interaction model client", False),
        ("SC.TCP", "Matter over TCP", False),
        ("FS", "Fabric synchronization", False),
    )
    return ClusterPics(
        None,
        "Base",
        "MCORE",
        tuple(
            PicsItem(f"MCORE.{code}", Section.USAGE, words, mandatory=False, supported=supported)
            for code, words, supported in answers
        ),
    )


def _features(endpoint: Endpoint, cluster_id: int) -> int:
    cluster = endpoint.clusters.get(cluster_id)
    return 0 if cluster is None else cluster.features


def _by_id(elements: Iterable[_E]) -> list[_E]:
    return sorted(elements, key=lambda element: element.id)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
