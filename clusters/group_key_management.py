"""GroupKeyManagement at work (Matter Core 11.2)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from clusters.definitions.group_key_management import (
    GroupInfoMapStruct,
    GroupKeyManagement,
    GroupKeyMapStruct,
    GroupKeyMulticastPolicyEnum,
    GroupKeySecurityPolicyEnum,
    GroupKeySetStruct,
    KeySetReadAllIndicesResponse,
    KeySetReadRequest,
    KeySetReadResponse,
    KeySetRemoveRequest,
    KeySetWriteRequest,
)
from matter_node.commissioning.group_keys import IPK_KEY_SET, GroupKeySet, GroupKeySetsFullError
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.commissioning.group_keys import GroupKeys
    from matter_node.commissioning.group_table import GroupTable
    from matter_node.model import Context
    from matter_node.storage import Storage

_MAX_APPLICATION_GROUP = 0xFEFF
_FEWEST_GROUPS = 4
"""Groups that a fabric may map where no endpoint can be in one."""


class GroupKeyManagementServer(GroupKeyManagement):
    """The node's GroupKeyManagement.

    :param table: the groups that the node's Groups clusters fill, None on a node without one; it says how
        many groups a fabric may map to key sets, too
    """

    def __init__(self, group_keys: GroupKeys, storage: Storage, table: GroupTable | None = None) -> None:
        super().__init__(
            max_groups_per_fabric=_FEWEST_GROUPS if table is None else table.capacity,
            max_group_keys_per_fabric=group_keys.max_key_sets,
        )
        self._group_keys = group_keys
        self._storage = storage
        self._table = table

    def attached(self) -> None:
        """Put the stored map in force, and follow the group table."""
        self._apply()
        if self._table is not None:
            self._table.on_changed.append(self._table_changed)

    def detached(self) -> None:
        """Follow no more."""
        if self._table is not None:
            self._table.on_changed.remove(self._table_changed)

    def fabric_removed(self, fabric_index: int) -> None:
        """Drop the fabric's mappings and groups."""
        super().fabric_removed(fabric_index)
        if self._table is not None:
            self._table.remove_fabric(fabric_index)
        self._apply()

    def read_group_table(self, _: Context) -> tuple[GroupInfoMapStruct, ...]:
        """Return the groups that endpoints of the node are in."""
        return tuple(
            GroupInfoMapStruct(
                group_id=group.id,
                endpoints=group.endpoints,
                group_name=group.name,
                fabric_index=group.fabric_index,
            )
            for group in self._table or ()
        )

    def write_group_key_map(self, context: Context, value: tuple[GroupKeyMapStruct, ...]) -> None:
        """Take a fabric's mapping of groups to key sets; the key sets may follow later."""
        own = [entry.group_id for entry in value if entry.fabric_index == context.fabric_index]
        if len(set(own)) < len(own):
            raise StatusError(Status.CONSTRAINT_ERROR, "a group is mapped twice")
        if any(not 1 <= group_id <= _MAX_APPLICATION_GROUP for group_id in own):
            raise StatusError(Status.CONSTRAINT_ERROR, "a group id outside 1..0xFEFF")
        if len(own) > self.max_groups_per_fabric:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{len(own)} groups")
        self.group_key_map = value
        self._apply()

    def handle_key_set_write(self, context: Context, request: KeySetWriteRequest) -> None:
        """Add or replace a key set."""
        key_set = _checked(request.group_key_set)
        with self._storage.transaction():
            try:
                self._group_keys.write(context.fabric_index, key_set)
            except GroupKeySetsFullError as error:
                raise StatusError(Status.RESOURCE_EXHAUSTED, "no room for another key set") from error
        self._storage.flush()

    def handle_key_set_read(self, context: Context, request: KeySetReadRequest) -> KeySetReadResponse:
        """Return a key set without its keys."""
        key_set = self._group_keys.get(context.fabric_index, request.group_key_set_id)
        if key_set is None:
            raise StatusError(Status.NOT_FOUND, f"no key set {request.group_key_set_id}")
        times: list[int | None] = [*key_set.start_times, None, None, None]
        policy = key_set.multicast_policy
        return KeySetReadResponse(
            group_key_set=GroupKeySetStruct(
                group_key_set_id=key_set.id,
                group_key_security_policy=GroupKeySecurityPolicyEnum(key_set.security_policy),
                epoch_key0=None,
                epoch_start_time0=times[0],
                epoch_key1=None,
                epoch_start_time1=times[1],
                epoch_key2=None,
                epoch_start_time2=times[2],
                group_key_multicast_policy=None if policy is None else GroupKeyMulticastPolicyEnum(policy),
            )
        )

    def handle_key_set_remove(self, context: Context, request: KeySetRemoveRequest) -> None:
        """Remove a key set, and the mappings that use it."""
        index, key_set_id = context.fabric_index, request.group_key_set_id
        if key_set_id == IPK_KEY_SET:
            raise StatusError(Status.INVALID_COMMAND, "a fabric keeps its IPK")
        with self._storage.transaction():
            if not self._group_keys.remove(index, key_set_id):
                raise StatusError(Status.NOT_FOUND, f"no key set {key_set_id}")
            self.group_key_map = tuple(
                entry
                for entry in self.group_key_map
                if entry.fabric_index != index or entry.group_key_set_id != key_set_id
            )
        self._storage.flush()
        self._apply()

    def handle_key_set_read_all_indices(self, context: Context) -> KeySetReadAllIndicesResponse:
        """Return the ids of the fabric's key sets."""
        return KeySetReadAllIndicesResponse(group_key_set_ids=self._group_keys.ids(context.fabric_index))

    def _table_changed(self) -> None:
        self.changed(GroupKeyManagement.group_table)

    def _apply(self) -> None:
        self._group_keys.map(
            (entry.fabric_index, entry.group_id, entry.group_key_set_id) for entry in self.group_key_map
        )


def _checked(entry: GroupKeySetStruct) -> GroupKeySet:
    """Return the key set that a struct describes; INVALID_COMMAND if it describes none."""
    if entry.group_key_security_policy is not GroupKeySecurityPolicyEnum.TRUST_FIRST:
        raise StatusError(Status.INVALID_COMMAND, "only the policy TrustFirst is served")
    slots = (
        (entry.epoch_key0, entry.epoch_start_time0),
        (entry.epoch_key1, entry.epoch_start_time1),
        (entry.epoch_key2, entry.epoch_start_time2),
    )
    if any((key is None) != (start is None) for key, start in slots):
        raise StatusError(Status.INVALID_COMMAND, "a key without a start time, or the other way round")
    present = [(key, start) for key, start in slots if key is not None and start is not None]
    if not present or any(slot[0] is None for slot in slots[: len(present)]):
        raise StatusError(Status.INVALID_COMMAND, "a key without the one before it")
    keys, starts = tuple(key for key, _ in present), tuple(start for _, start in present)
    if starts[0] == 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        raise StatusError(Status.INVALID_COMMAND, "start times are to be above 0 and ascending")
    policy = entry.group_key_multicast_policy
    return GroupKeySet(
        entry.group_key_set_id,
        int(entry.group_key_security_policy),
        keys,
        starts,
        None if policy is None else int(policy),
    )
