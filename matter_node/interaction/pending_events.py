"""The events that wait for a subscription's next report (Matter Core 8.5.2)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.model.event_log import EventRecord

CAPACITY = 512
"""Events of one cluster that wait at most; the oldest give way."""


class PendingEvents:
    """Events that wait, kept apart by cluster: one that tells much pushes out its own alone.

    :param capacity: how many of each cluster wait at most
    """

    __slots__ = ("_by_cluster", "_capacity")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._by_cluster: dict[int, deque[EventRecord]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_cluster.values()))

    def add(self, record: EventRecord) -> None:
        """Let an event wait."""
        waiting = self._by_cluster.get(record.cluster)
        if waiting is None:
            waiting = self._by_cluster[record.cluster] = deque(maxlen=self._capacity)
        waiting.append(record)

    def take(self) -> list[EventRecord]:
        """Remove and return all, in the order of their numbers."""
        taken = [record for waiting in self._by_cluster.values() for record in waiting]
        self._by_cluster.clear()
        taken.sort(key=lambda record: record.number)
        return taken

    def restore(self, records: Iterable[EventRecord]) -> None:
        """Put back what was taken and did not arrive, before what came meanwhile."""
        for record in [*records, *self.take()]:
            self.add(record)

    def clear(self) -> None:
        """Forget all."""
        self._by_cluster.clear()
