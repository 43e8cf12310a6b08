"""The node's endpoints, and what happens to all of them: changes, storage, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from matter_node.codec import tlv
from matter_node.model.event_log import EventLog
from matter_node.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matter_node.clock import Clock
    from matter_node.entropy import Entropy
    from matter_node.model.cluster import Cluster, Urgency
    from matter_node.model.endpoint import Endpoint
    from matter_node.storage import Storage


class TreeListener(Protocol):
    """Who wants to know of changes: the subscriptions."""

    def attribute_changed(
        self, endpoint: Endpoint, cluster: Cluster, attribute_id: int, urgency: Urgency
    ) -> None:
        """Notice that an attribute has another value now."""

    def structure_changed(self) -> None:
        """Notice that an endpoint came or went."""


class NodeTree:
    """All endpoints of a node, by number, in ascending order.

    :ivar transaction: the number of the request whose changes are being made; see `begin_transaction`
    """

    def __init__(self, storage: Storage, clock: Clock, entropy: Entropy) -> None:
        self.storage = storage
        self.clock = clock
        self.entropy = entropy
        self.events = EventLog(storage, clock)
        self.endpoints: dict[int, Endpoint] = {}
        self.listeners: list[TreeListener] = []
        self.transaction = 0

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.endpoints.values())

    def add(self, *endpoints: Endpoint) -> None:
        """Make endpoints part of the node, parents first: their stored values come back, then they are seen.

        Adding many in one call costs one look at the structure.

        :raises ValueError: a number is taken, or a parent is not on this node; then none was added, nor if a
            cluster cannot take up work, which raises what it likes
        """
        self._check_new(endpoints)
        for endpoint in endpoints:
            parent = endpoint.parent
            endpoint.tree = self
            if parent is not None:
                parent.children.append(endpoint)
            self.endpoints[endpoint.number] = endpoint
            for cluster in endpoint.clusters.values():
                cluster.data_version = self.entropy.below(1 << 32)
                self._restore(endpoint, cluster)
        numbers = list(self.endpoints)
        if numbers != sorted(numbers):
            self.endpoints = dict(sorted(self.endpoints.items()))
        working: list[Cluster] = []
        try:
            for endpoint in endpoints:
                for cluster in endpoint.clusters.values():
                    cluster.attached()
                    working.append(cluster)
        except BaseException:
            for cluster in reversed(working):
                cluster.detached()
            for endpoint in reversed(endpoints):
                self._take_off(endpoint)
            raise
        self._structure_changed(endpoints)

    def _check_new(self, endpoints: tuple[Endpoint, ...]) -> None:
        """Raise ValueError if the endpoints cannot be added in this order."""
        present = dict(self.endpoints)
        for endpoint in endpoints:
            if endpoint.number in present:
                raise ValueError(f"endpoint {endpoint.number} exists")
            parent = endpoint.parent
            if parent is not None and present.get(parent.number) is not parent:
                raise ValueError(f"the parent of endpoint {endpoint.number} is not on this node")
            present[endpoint.number] = endpoint

    def _take_off(self, endpoint: Endpoint) -> None:
        del self.endpoints[endpoint.number]
        endpoint.tree = None
        self.events.forget_endpoint(endpoint.number)
        if endpoint.parent is not None:
            endpoint.parent.children.remove(endpoint)

    def remove(self, number: int, *, forget: bool = True) -> None:
        """Take an endpoint and all below it off the node.

        :param forget: also delete what is stored for them; the numbers must not be used again
        :raises KeyError: there is no such endpoint
        """
        top = self.endpoints[number]
        leaving = [top, *top.descendants()]
        for endpoint in leaving:
            for cluster in endpoint.clusters.values():
                cluster.detached()
                if forget:
                    cluster.forgotten()
        for endpoint in reversed(leaving):
            self._take_off(endpoint)
            if forget:
                for key, _ in self.storage.scan(f"attribute/{endpoint.number}/"):
                    self.storage.delete(key)
        self._structure_changed([top])

    def begin_transaction(self) -> None:
        """Count the changes from now on apart from those before: they are another request's."""
        self.transaction += 1

    def fabric_removed(self, fabric_index: int) -> None:
        """Let every cluster and the event log forget a fabric."""
        for endpoint in tuple(self.endpoints.values()):
            for cluster in endpoint.clusters.values():
                cluster.fabric_removed(fabric_index)
        self.events.forget_fabric(fabric_index)

    def attribute_changed(
        self, endpoint: Endpoint, cluster: Cluster, attribute_id: int, urgency: Urgency
    ) -> None:
        """Pass a change on to the listeners."""
        for listener in self.listeners:
            listener.attribute_changed(endpoint, cluster, attribute_id, urgency)

    def store_attribute(self, endpoint: int, cluster: int, attribute_id: int, element: bytes) -> None:
        """Keep the value of a nonvolatile attribute."""
        self.storage.put(f"attribute/{endpoint}/{cluster}/{attribute_id}", element)

    def _restore(self, endpoint: Endpoint, cluster: Cluster) -> None:
        for id_ in cluster.shape.nonvolatile:
            stored = self.storage.get(f"attribute/{endpoint.number}/{cluster.ID}/{id_}")
            if stored is None:
                continue
            try:
                cluster.restore(id_, cluster.shape.attributes[id_].datatype.take(tlv.decode(stored)))
            except (StatusError, tlv.TlvError):
                # An older version stored a value that its type no longer allows: the default serves.
                self.storage.delete(f"attribute/{endpoint.number}/{cluster.ID}/{id_}")

    def _structure_changed(self, endpoints: Iterable[Endpoint]) -> None:
        """Tell the endpoints above the changed ones, whose parts changed, and the listeners."""
        above = {0: self.endpoints[0]} if 0 in self.endpoints else {}
        for endpoint in endpoints:
            parent = endpoint.parent
            while parent is not None and parent.number not in above:
                above[parent.number] = parent
                parent = parent.parent
        for parent in above.values():
            for cluster in parent.clusters.values():
                cluster.tree_changed()
        for listener in self.listeners:
            listener.structure_changed()
