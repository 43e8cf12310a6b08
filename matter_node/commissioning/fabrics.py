"""The fabrics that this node belongs to, in storage and in memory (Matter Core 11.18.4)."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from matter_node.commissioning.fabric_record import (
    FabricRecordError,
    decode_fabric,
    encode_fabric,
)
from matter_node.crypto.fabric_keys import operational_group_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from matter_node.fabric import Fabric
    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

MAX_FABRIC_INDEX = 254
MIN_CAPACITY = 5
"""Every node holds at least five fabrics (Matter Core 11.18.5.3)."""
_PREFIX = "fabric/"
_LAST_INDEX = "fabrics/last-index"


class LabelConflictError(ValueError):
    """Another fabric has that label."""


class FabricTable:
    """The node's fabrics by index; a `FabricSource`.

    Every change is in storage, as one whole record, before a method returns. Methods open no transaction of
    their own: a caller that changes more than a fabric wraps all of it in one, and flushes.

    An index is not given out again before all others were: administrators remember indices, and
    certification expects that a fabric which left and came back has a new one.

    :param capacity: how many fabrics there may be, 5..254
    :ivar on_added: called with each fabric that joined
    :ivar on_updated: called with a fabric as it was and as it is after a change of credentials, keys or label
    :ivar on_removed: called with each fabric that left, after its record is gone; what others keep for it
        goes in these calls, except its sessions: whoever removes it knows which one still has to answer
    """

    def __init__(self, storage: Storage, *, capacity: int = 16) -> None:
        if not MIN_CAPACITY <= capacity <= MAX_FABRIC_INDEX:
            raise ValueError(f"a node holds {MIN_CAPACITY} to {MAX_FABRIC_INDEX} fabrics, not {capacity}")
        self.capacity = capacity
        self._storage = storage
        self._fabrics: dict[int, Fabric] = {}
        self.on_added: list[Callable[[Fabric], None]] = []
        self.on_updated: list[Callable[[Fabric, Fabric], None]] = []
        self.on_removed: list[Callable[[Fabric], None]] = []
        for key, record in storage.scan(_PREFIX):
            try:
                fabric = decode_fabric(record)
                if key != f"{_PREFIX}{fabric.index}":
                    raise FabricRecordError(f"a record of fabric {fabric.index} under {key}")  # noqa: TRY301 - as bad
            except FabricRecordError:
                # Kept in storage for whoever can repair it; the other fabrics are not to suffer.
                _log.exception("Ignoring %s", key)
                continue
            self._fabrics[fabric.index] = fabric
        self._fabrics = dict(sorted(self._fabrics.items()))
        stored = storage.get(_LAST_INDEX)
        self._last_index = stored[0] if stored else max(self._fabrics, default=0)

    def __iter__(self) -> Iterator[Fabric]:
        """Iterate over the fabrics in the order of their indices; changes meanwhile are fine."""
        return iter(tuple(self._fabrics.values()))

    def __len__(self) -> int:
        return len(self._fabrics)

    @property
    def is_full(self) -> bool:
        """Whether no further fabric fits."""
        return len(self._fabrics) >= self.capacity

    def get(self, index: int) -> Fabric | None:
        """Return the fabric with that index, or None."""
        return self._fabrics.get(index)

    def find(self, root_public_key: bytes, fabric_id: int) -> Fabric | None:
        """Return the fabric with that root key (65 bytes) and fabric id: the pair is what a fabric is."""
        for fabric in self._fabrics.values():
            if fabric.fabric_id == fabric_id and fabric.root_public_key == root_public_key:
                return fabric
        return None

    def next_index(self) -> int:
        """Return the index that the next fabric is to have."""
        index = self._last_index
        for _ in range(MAX_FABRIC_INDEX):
            index = index % MAX_FABRIC_INDEX + 1
            if index not in self._fabrics and self._storage.get(f"{_PREFIX}{index}") is None:
                return index
        raise ValueError("all fabric indices are in use")

    def add(self, fabric: Fabric) -> None:
        """Add a fabric.

        :raises ValueError: its index is taken, or the table is full
        """
        if fabric.index in self._fabrics or self.is_full:
            raise ValueError(f"no room for fabric {fabric.index}")
        self._storage.put(_LAST_INDEX, bytes([fabric.index]))
        self._store(fabric)
        self._last_index = fabric.index
        self._fabrics = dict(sorted(self._fabrics.items()))
        for listener in tuple(self.on_added):
            listener(fabric)

    def replace(self, fabric: Fabric) -> None:
        """Put a fabric in the place of the one with its index.

        :raises KeyError: there is none
        """
        old = self._fabrics[fabric.index]
        if fabric == old:
            return
        self._store(fabric)
        for listener in tuple(self.on_updated):
            listener(old, fabric)

    def set_label(self, index: int, label: str) -> None:
        """Name a fabric.

        :param label: 32 bytes of UTF-8 at most; the empty one is everybody's
        :raises LabelConflictError: another fabric has that name
        :raises KeyError: there is no such fabric
        """
        fabric = self._fabrics[index]
        if label and any(other.label == label and other.index != index for other in self):
            raise LabelConflictError(label)
        self.replace(dataclasses.replace(fabric, label=label))

    def set_ipk(self, index: int, epoch_keys: Iterable[bytes]) -> None:
        """Set the epoch keys of group key set 0, 16 bytes each (Matter Core 4.17.2.6).

        :raises KeyError: there is no such fabric
        """
        fabric, keys = self._fabrics[index], tuple(epoch_keys)
        operational = tuple(operational_group_key(key, fabric.compressed_id) for key in keys)
        self.replace(dataclasses.replace(fabric, ipk_epoch_keys=keys, ipk_keys=operational))

    def remove(self, index: int) -> None:
        """Remove a fabric and let the listeners forget it.

        :raises KeyError: there is no such fabric
        """
        fabric = self._fabrics[index]
        self._storage.delete(f"{_PREFIX}{index}")
        del self._fabrics[index]
        for listener in tuple(self.on_removed):
            listener(fabric)

    def _store(self, fabric: Fabric) -> None:
        self._storage.put(f"{_PREFIX}{fabric.index}", encode_fabric(fabric))
        self._fabrics[fabric.index] = fabric
