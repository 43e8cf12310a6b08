"""What of a subscription outlives a restart of the node (Matter Core 8.5.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from matter_node.codec import tlv
from matter_node.interaction.paths import (
    AttributePath,
    EventPath,
    InvalidAction,
    put_attribute_path,
    put_event_path,
    take_attribute_path,
    take_event_path,
    take_uint,
)

if TYPE_CHECKING:
    from matter_node.storage import Storage

_PREFIX = "subscription/"


class Peer(NamedTuple):
    """Who subscribes.

    :ivar fabric_index: its fabric
    :ivar node_id: its operational node id
    :ivar session_id: 0, or the session of a client that has no node id yet (PASE)
    """

    fabric_index: int
    node_id: int
    session_id: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """What was agreed for one subscription.

    :ivar id: subscription id
    :ivar min_interval: seconds between two reports at least
    :ivar max_interval: seconds between two reports at most, as granted
    :ivar event_filters: (node id or None, least event number) pairs
    """

    id: int
    peer: Peer
    min_interval: int
    max_interval: int
    attributes: tuple[AttributePath, ...]
    events: tuple[EventPath, ...]
    event_filters: tuple[tuple[int | None, int], ...]
    fabric_filtered: bool

    @property
    def paths(self) -> int:
        """How many paths it has."""
        return len(self.attributes) + len(self.events)

    def to_tlv(self) -> bytes:
        """Return the record as a TLV structure."""
        out = bytearray(b"\x15")
        for tag, value in enumerate(
            (self.id, self.peer.fabric_index, self.peer.node_id, self.min_interval, self.max_interval)
        ):
            tlv.put_uint(out, tag, value)
        tlv.put_bool(out, 5, self.fabric_filtered)
        tlv.start_array(out, 6)
        for path in self.attributes:
            put_attribute_path(out, None, path)
        tlv.end(out)
        tlv.start_array(out, 7)
        for event_path in self.events:
            put_event_path(out, None, event_path)
        tlv.end(out)
        tlv.start_array(out, 8)
        for node_id, least in self.event_filters:
            tlv.put(out, None, {1: least} if node_id is None else {0: node_id, 1: least})
        tlv.end(out)
        tlv.end(out)
        return bytes(out)

    @classmethod
    def from_tlv(cls, data: bytes) -> SubscriptionRecord:
        """Return the record that `to_tlv` made; ValueError if it is none."""
        try:
            fields = tlv.decode(data)
            return cls(
                id=fields[0],
                peer=Peer(fields[1], fields[2]),
                min_interval=fields[3],
                max_interval=fields[4],
                attributes=tuple(take_attribute_path(item) for item in fields[6]),
                events=tuple(take_event_path(item) for item in fields[7]),
                event_filters=tuple((take_uint(item, 0, (1 << 64) - 1), item[1]) for item in fields[8]),
                fabric_filtered=fields[5],
            )
        except (InvalidAction, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"no subscription record: {error}") from error


class SubscriptionStore:
    """The records of the subscriptions that are alive."""

    __slots__ = ("_storage",)

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, record: SubscriptionRecord) -> None:
        """Keep a record."""
        self._storage.put(f"{_PREFIX}{record.id}", record.to_tlv())

    def delete(self, subscription_id: int) -> None:
        """Forget a record."""
        self._storage.delete(f"{_PREFIX}{subscription_id}")

    def load(self) -> list[SubscriptionRecord]:
        """Return the records; one that an older version left and that makes no sense any more is deleted."""
        records = []
        for key, data in self._storage.scan(_PREFIX):
            try:
                records.append(SubscriptionRecord.from_tlv(data))
            except ValueError:
                self._storage.delete(key)
        return records
