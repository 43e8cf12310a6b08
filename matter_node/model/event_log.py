"""The event log: what happened, numbered for ever and kept within bounds (Matter Core 7.14)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matter_node.clock import Clock
    from matter_node.model.elements import Event, Priority
    from matter_node.storage import Storage

_RESERVATION = 0x10000
"""Numbers reserved ahead in storage, so that none is used twice after a crash."""
_KEY = "event/reserved"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event.

    :ivar number: event number, unique and ascending for the life of the node
    :ivar epoch_ms: milliseconds since 1970 (UTC), or None while the time is not known
    :ivar system_ms: milliseconds since boot, where `epoch_ms` is None
    :ivar data: its payload as a TLV struct with context tag 7
    :ivar fabric_index: the fabric that it belongs to if it is fabric-sensitive, else 0
    """

    number: int
    endpoint: int
    cluster: int
    event: Event
    epoch_ms: int | None
    system_ms: int
    data: bytes
    fabric_index: int


class EventLog:
    """Rings of events by priority and cluster; a lower priority never displaces a higher one.

    Nor does a cluster displace another one's: the energy of a thousand modules, told every half minute, would
    push everything else of its priority out within seconds.

    :param capacity: how many events are kept of each priority and cluster
    """

    def __init__(self, storage: Storage, clock: Clock, *, capacity: int = 512) -> None:
        self._storage = storage
        self._clock = clock
        self._started = clock.monotonic()
        self._capacity = capacity
        self._rings: dict[tuple[Priority, int], deque[EventRecord]] = {}
        stored = storage.get(_KEY)
        self._next = int.from_bytes(stored, "little") if stored else 1
        self._reserved = self._next
        self.listeners: list[Callable[[EventRecord], None]] = []

    @property
    def next_number(self) -> int:
        """The number that the next event gets."""
        return self._next

    def record(self, endpoint: int, cluster: int, event: Event, data: bytes, fabric_index: int = 0) -> int:
        """Keep an event, tell the listeners, and return its number."""
        if self._next >= self._reserved:
            self._reserved = self._next + _RESERVATION
            self._storage.put(_KEY, self._reserved.to_bytes(8, "little"))
        utc = self._clock.utc()
        record = EventRecord(
            number=self._next,
            endpoint=endpoint,
            cluster=cluster,
            event=event,
            epoch_ms=None if utc is None else int(utc * 1000),
            system_ms=int((self._clock.monotonic() - self._started) * 1000),
            data=data,
            fabric_index=fabric_index,
        )
        self._next += 1
        ring = self._rings.get((event.priority, cluster))
        if ring is None:
            ring = self._rings[event.priority, cluster] = deque(maxlen=self._capacity)
        ring.append(record)
        for listener in tuple(self.listeners):
            listener(record)
        return record.number

    def since(self, number: int) -> Iterator[EventRecord]:
        """Yield the kept events with at least that number, ascending."""
        kept = [record for ring in self._rings.values() for record in ring if record.number >= number]
        kept.sort(key=lambda record: record.number)
        yield from kept

    def forget_fabric(self, fabric_index: int) -> None:
        """Drop the fabric-sensitive events of a fabric that is gone."""
        self._keep(lambda record: record.fabric_index != fabric_index)

    def forget_endpoint(self, endpoint: int) -> None:
        """Drop the events of an endpoint that is gone."""
        self._keep(lambda record: record.endpoint != endpoint)

    def _keep(self, wanted: Callable[[EventRecord], bool]) -> None:
        for key, ring in self._rings.items():
            self._rings[key] = deque(filter(wanted, ring), maxlen=self._capacity)
