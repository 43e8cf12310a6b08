"""Endpoints: one device, or one part of a device, made of clusters (Matter Core 7.8, 9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.model.cluster import Cluster
    from matter_node.model.tree import NodeTree

C = TypeVar("C", bound="Cluster")


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A device type that an endpoint conforms to."""

    id: int
    revision: int


@dataclass(frozen=True, slots=True)
class SemanticTag:
    """What tells an endpoint from its siblings (Matter Core 9.5.5.2).

    :ivar vendor_id: namespace owner, None for the standard namespaces
    :ivar namespace: semantic tag namespace
    :ivar tag: tag within it
    :ivar label: 64 characters at most, or None
    """

    namespace: int
    tag: int
    label: str | None = None
    vendor_id: int | None = None


class Endpoint:
    """A numbered set of clusters with the device types that they add up to."""

    __slots__ = ("children", "clusters", "device_types", "number", "parent", "tags", "tree")

    def __init__(
        self,
        number: int,
        device_types: Iterable[DeviceType],
        clusters: Iterable[Cluster],
        *,
        parent: Endpoint | None = None,
        tags: Iterable[SemanticTag] = (),
    ) -> None:
        self.number = number
        self.device_types = tuple(device_types)
        self.tags = tuple(tags)
        self.parent = parent
        self.children: list[Endpoint] = []
        self.tree: NodeTree | None = None
        self.clusters: dict[int, Cluster] = {}
        for cluster in sorted(clusters, key=lambda item: item.ID):
            if cluster.ID in self.clusters:
                raise ValueError(f"endpoint {number} has cluster {cluster.ID:#06x} twice")
            cluster.endpoint = self
            self.clusters[cluster.ID] = cluster

    def cluster(self, kind: type[C]) -> C:
        """Return this endpoint's instance of a cluster; KeyError if it has none."""
        found = self.clusters[kind.ID]
        if not isinstance(found, kind):
            raise KeyError(kind.ID)
        return found

    def descendants(self) -> Iterator[Endpoint]:
        """Yield children, their children, and so on."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def __repr__(self) -> str:
        return f"<endpoint {self.number} {[hex(kind.id) for kind in self.device_types]}>"
