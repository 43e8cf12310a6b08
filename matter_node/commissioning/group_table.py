"""Which endpoints are in which groups, of every fabric (Matter Core 11.2.6.2)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.codec import tlv

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from matter_node.storage import Storage

_log = logging.getLogger(__name__)

_PREFIX = "group/"


@dataclass(frozen=True, slots=True)
class Group:
    """A group with at least one endpoint of this node.

    :ivar name: 16 bytes of UTF-8 at most, perhaps none
    :ivar endpoints: ascending
    """

    fabric_index: int
    id: int
    name: str
    endpoints: tuple[int, ...]


class GroupTableFullError(Exception):
    """The fabric has as many groups as it may have."""


class GroupTable:
    """The node's groups; a `GroupMembership`.

    Changes are in storage when a method returns; the caller flushes.

    :param capacity: how many groups a fabric may have
    :ivar on_changed: called after every change
    """

    def __init__(self, storage: Storage, *, capacity: int = 16) -> None:
        self.capacity = capacity
        self.on_changed: list[Callable[[], None]] = []
        self._storage = storage
        self._groups: dict[tuple[int, int], Group] = {}
        for key, record in storage.scan(_PREFIX):
            try:
                _, fabric_index, group_id = key.split("/")
                fields = tlv.decode(record)
                group = Group(int(fabric_index), int(group_id), fields[0], tuple(fields[1]))
            except (ValueError, LookupError, TypeError):
                _log.exception("Ignoring %s", key)
                continue
            self._groups[group.fabric_index, group.id] = group

    def __iter__(self) -> Iterator[Group]:
        return iter(sorted(self._groups.values(), key=lambda group: (group.fabric_index, group.id)))

    def groups(self) -> Collection[tuple[int, int]]:
        """Return (fabric index, group id) of every group that an endpoint is in."""
        return self._groups.keys()

    def endpoints(self, fabric_index: int, group_id: int) -> Collection[int]:
        """Return the numbers of the endpoints that are in a group."""
        group = self._groups.get((fabric_index, group_id))
        return () if group is None else group.endpoints

    def of_endpoint(self, fabric_index: int, endpoint: int) -> tuple[Group, ...]:
        """Return the groups of a fabric that an endpoint is in, by their ids."""
        return tuple(
            group for group in self if group.fabric_index == fabric_index and endpoint in group.endpoints
        )

    def find(self, fabric_index: int, group_id: int, endpoint: int) -> Group | None:
        """Return a group if the endpoint is in it."""
        group = self._groups.get((fabric_index, group_id))
        return group if group is not None and endpoint in group.endpoints else None

    def add(self, fabric_index: int, group_id: int, endpoint: int, name: str) -> None:
        """Put an endpoint into a group, which has that name from now on.

        :raises GroupTableFullError: the fabric has no room for another group
        """
        group = self._groups.get((fabric_index, group_id))
        if group is None and sum(index == fabric_index for index, _ in self._groups) >= self.capacity:
            raise GroupTableFullError
        members = {endpoint} if group is None else {endpoint, *group.endpoints}
        self._put(Group(fabric_index, group_id, name, tuple(sorted(members))))
        self._changed()

    def remove(self, endpoint: int, *, fabric_index: int | None = None, group_id: int | None = None) -> bool:
        """Take an endpoint out of a group, or out of all groups (None) of a fabric, or of all of them.

        :returns: whether it was in one
        """
        left = [
            group
            for group in self
            if fabric_index in {None, group.fabric_index}
            and group_id in {None, group.id}
            and endpoint in group.endpoints
        ]
        for group in left:
            others = tuple(number for number in group.endpoints if number != endpoint)
            self._put(Group(group.fabric_index, group.id, group.name, others))
        if left:
            self._changed()
        return bool(left)

    def remove_fabric(self, fabric_index: int) -> None:
        """Forget the groups of a fabric that is gone."""
        gone = [group for group in self if group.fabric_index == fabric_index]
        for group in gone:
            self._put(Group(group.fabric_index, group.id, group.name, ()))
        if gone:
            self._changed()

    def _put(self, group: Group) -> None:
        """Store a group; one without endpoints is no more."""
        key = f"{_PREFIX}{group.fabric_index}/{group.id}"
        if group.endpoints:
            self._storage.put(key, tlv.encode({0: group.name, 1: list(group.endpoints)}))
            self._groups[group.fabric_index, group.id] = group
        else:
            self._storage.delete(key)
            del self._groups[group.fabric_index, group.id]

    def _changed(self) -> None:
        for listener in tuple(self.on_changed):
            listener()
