"""Group key sets of every fabric, and which group uses which (Matter Core 4.17, 11.2)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.crypto.fabric_keys import group_session_id, operational_group_key, privacy_key
from matter_node.fabric import GroupKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.commissioning.fabrics import FabricTable
    from matter_node.fabric import Fabric
    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

IPK_KEY_SET = 0
"""The key set whose keys are a fabric's identity protection keys."""
_PREFIX = "group-keys/"


@dataclass(frozen=True, slots=True)
class GroupKeySet:
    """A set of up to three keys that follow one another in time.

    :ivar security_policy: 0, trust first
    :ivar epoch_keys: 16 bytes each
    :ivar start_times: when each comes into use, microseconds since 2000, ascending
    :ivar multicast_policy: 0 an address a group, 1 one for all nodes, None not said
    """

    id: int
    security_policy: int
    epoch_keys: tuple[bytes, ...] = field(repr=False)
    start_times: tuple[int, ...]
    multicast_policy: int | None = None


class GroupKeySetsFullError(Exception):
    """The fabric has as many key sets as it may have."""


class GroupKeys:
    """Key sets and which groups use them; a `GroupKeySource`.

    Changes are in storage when a method returns; the caller flushes. Key set 0 is a fabric's IPK: writing it
    changes the fabric. A fabric that leaves takes its key sets along.

    :param max_key_sets: how many a fabric may have, key set 0 included
    """

    def __init__(self, storage: Storage, fabrics: FabricTable, *, max_key_sets: int = 4) -> None:
        if max_key_sets < 1:
            raise ValueError("a fabric has at least key set 0")
        self.max_key_sets = max_key_sets
        self._storage = storage
        self._fabrics = fabrics
        self._sets: dict[int, dict[int, GroupKeySet]] = {}
        self._mapped: frozenset[tuple[int, int, int]] = frozenset()
        self._by_session: dict[int, list[GroupKey]] | None = None
        for key, record in storage.scan(_PREFIX):
            try:
                stored = _decode(record)
                fabric_index = int(key.split("/")[1])
            except (ValueError, LookupError, TypeError):
                _log.exception("Ignoring %s", key)
                continue
            self._sets.setdefault(fabric_index, {})[stored.id] = stored
        fabrics.on_removed.append(self._forget)

    def get(self, fabric_index: int, key_set_id: int) -> GroupKeySet | None:
        """Return a key set, or None."""
        return self._sets.get(fabric_index, {}).get(key_set_id)

    def ids(self, fabric_index: int) -> tuple[int, ...]:
        """Return the ids of a fabric's key sets, ascending."""
        return tuple(sorted(self._sets.get(fabric_index, {})))

    def write(self, fabric_index: int, key_set: GroupKeySet) -> None:
        """Add a key set, or put it in the place of the one with its id.

        :raises GroupKeySetsFullError: there is no room for another
        """
        sets = self._sets.setdefault(fabric_index, {})
        if key_set.id not in sets and len(sets) >= self.max_key_sets:
            raise GroupKeySetsFullError
        self._storage.put(f"{_PREFIX}{fabric_index}/{key_set.id}", _encode(key_set))
        sets[key_set.id] = key_set
        self._by_session = None
        if key_set.id == IPK_KEY_SET and self._fabrics.get(fabric_index) is not None:
            self._fabrics.set_ipk(fabric_index, key_set.epoch_keys)

    def remove(self, fabric_index: int, key_set_id: int) -> bool:
        """Remove a key set other than 0; tell whether there was one."""
        if key_set_id == IPK_KEY_SET or self._sets.get(fabric_index, {}).pop(key_set_id, None) is None:
            return False
        self._storage.delete(f"{_PREFIX}{fabric_index}/{key_set_id}")
        self._by_session = None
        return True

    def map(self, entries: Iterable[tuple[int, int, int]]) -> None:
        """Say which groups use which key sets.

        :param entries: (fabric index, group id, key set id); they replace what was said before
        """
        self._mapped = frozenset(entries)

    def candidates(self, session_id: int) -> Iterable[GroupKey]:
        """Return every key of every fabric whose group session id is `session_id`."""
        if self._by_session is None:
            self._by_session = self._derive()
        return self._by_session.get(session_id, ())

    def maps(self, fabric_index: int, group_id: int) -> bool:
        """Tell whether that fabric's GroupKeyMap maps the group to any key set."""
        return any(entry[:2] == (fabric_index, group_id) for entry in self._mapped)

    def is_mapped(self, fabric_index: int, group_id: int, key_set_id: int) -> bool:
        """Tell whether that fabric's GroupKeyMap maps the group to that key set."""
        return (fabric_index, group_id, key_set_id) in self._mapped

    def _derive(self) -> dict[int, list[GroupKey]]:
        found: dict[int, list[GroupKey]] = {}
        for fabric_index, sets in self._sets.items():
            fabric = self._fabrics.get(fabric_index)
            if fabric is None:
                continue
            for key_set in sets.values():
                if key_set.id == IPK_KEY_SET:
                    continue  # no group can be mapped to it
                for epoch_key in key_set.epoch_keys:
                    key = operational_group_key(epoch_key, fabric.compressed_id)
                    session_id = group_session_id(key)
                    entry = GroupKey(fabric_index, key_set.id, session_id, key, privacy_key(key))
                    found.setdefault(session_id, []).append(entry)
        return found

    def _forget(self, fabric: Fabric) -> None:
        for key_set_id in self._sets.pop(fabric.index, {}):
            self._storage.delete(f"{_PREFIX}{fabric.index}/{key_set_id}")
        self._mapped = frozenset(entry for entry in self._mapped if entry[0] != fabric.index)
        self._by_session = None


def _encode(key_set: GroupKeySet) -> bytes:
    return tlv.encode(
        {
            0: key_set.id,
            1: key_set.security_policy,
            2: list(key_set.epoch_keys),
            3: list(key_set.start_times),
            4: key_set.multicast_policy,
        }
    )


def _decode(record: bytes) -> GroupKeySet:
    fields = tlv.decode(record)
    return GroupKeySet(fields[0], fields[1], tuple(fields[2]), tuple(fields[3]), fields[4])
