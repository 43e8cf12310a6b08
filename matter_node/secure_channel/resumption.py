"""What CASE keeps of a session so that its peer can resume it cheaply (Matter Core 4.14.2.2)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matter_node.codec import tlv

if TYPE_CHECKING:
    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

RESUMPTION_ID_LENGTH = 16
_PREFIX = "resumption/"


@dataclass(frozen=True, slots=True)
class ResumptionRecord:
    """One session that can be resumed.

    :ivar resumption_id: 16 bytes, under which the peer asks for it
    :ivar shared_secret: the ECDH secret of the full handshake, 32 bytes
    :ivar fabric_index: the fabric it belongs to
    :ivar peer_node_id: the peer's operational node id
    :ivar cats: the peer's CASE authenticated tags
    """

    resumption_id: bytes
    shared_secret: bytes = field(repr=False)
    fabric_index: int
    peer_node_id: int
    cats: tuple[int, ...] = ()


class ResumptionStore:
    """Resumption records in memory and in the storage.

    A record that is lost costs its peer one full handshake, so nothing here is flushed.

    :param storage: where records survive a restart
    :param per_peer: how many records one peer has; the oldest gives way
    :param per_fabric: how many records one fabric has; the oldest gives way
    """

    def __init__(self, storage: Storage, *, per_peer: int = 3, per_fabric: int = 128) -> None:
        self._storage = storage
        self._per_peer = per_peer
        self._per_fabric = per_fabric
        self._records: dict[bytes, ResumptionRecord] = {}
        self._by_fabric: dict[int, dict[bytes, ResumptionRecord]] = {}
        self._sequence = 0
        self._keys: dict[bytes, str] = {}
        for key, value in storage.scan(_PREFIX):
            self._load(key, value)

    def __len__(self) -> int:
        return len(self._records)

    def get(self, resumption_id: bytes) -> ResumptionRecord | None:
        """Return the record that a peer asks for, or None."""
        return self._records.get(resumption_id)

    def latest(self, fabric_index: int, node_id: int) -> ResumptionRecord | None:
        """Return a peer's newest record, or None."""
        records = reversed(self._by_fabric.get(fabric_index, {}).values())
        return next((record for record in records if record.peer_node_id == node_id), None)

    def put(self, record: ResumptionRecord, *, replaces: bytes | None = None) -> None:
        """Keep a record.

        :param replaces: resumption id of the record that it continues and that is not valid any more
        """
        if replaces is not None:
            self._remove(replaces)
        fabric = self._by_fabric.get(record.fabric_index, {})
        peer = [r.resumption_id for r in fabric.values() if r.peer_node_id == record.peer_node_id]
        if len(peer) >= self._per_peer:
            self._remove(peer[0])
        elif len(fabric) >= self._per_fabric:
            self._remove(next(iter(fabric)))
        self._sequence += 1
        key = f"{_PREFIX}{self._sequence:016x}"
        self._hold(key, record)
        self._storage.put(
            key,
            tlv.encode(
                {
                    1: record.resumption_id,
                    2: record.shared_secret,
                    3: record.fabric_index,
                    4: record.peer_node_id,
                    5: list(record.cats),
                }
            ),
        )

    def remove_fabric(self, fabric_index: int) -> None:
        """Drop a fabric's records: it is removed, or its operational certificate was replaced."""
        for resumption_id in tuple(self._by_fabric.get(fabric_index, ())):
            self._remove(resumption_id)

    def _remove(self, resumption_id: bytes) -> None:
        record = self._records.pop(resumption_id, None)
        if record is not None:
            del self._by_fabric[record.fabric_index][resumption_id]
            self._storage.delete(self._keys.pop(resumption_id))

    def _load(self, key: str, value: bytes) -> None:
        try:
            members = tlv.decode(value)
            self._sequence = max(self._sequence, int(key.removeprefix(_PREFIX), 16))
            record = ResumptionRecord(members[1], members[2], members[3], members[4], tuple(members[5]))
        except (tlv.TlvError, LookupError, TypeError, ValueError) as error:
            _log.warning("Dropped an unreadable resumption record: %s", error)
            self._storage.delete(key)
            return
        self._hold(key, record)

    def _hold(self, key: str, record: ResumptionRecord) -> None:
        self._records[record.resumption_id] = record
        self._by_fabric.setdefault(record.fabric_index, {})[record.resumption_id] = record
        self._keys[record.resumption_id] = key
