"""Membership of an endpoint in groups: the Groups cluster (Matter Application Clusters 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.definitions.groups import (
    AddGroupIfIdentifyingRequest,
    AddGroupRequest,
    AddGroupResponse,
    GetGroupMembershipRequest,
    GetGroupMembershipResponse,
    Groups,
    NameSupportBitmap,
    RemoveGroupRequest,
    RemoveGroupResponse,
    ViewGroupRequest,
    ViewGroupResponse,
)
from clusters.identify import IdentifyServer
from clusters.scenes_management import scenes_of
from matter_node.commissioning.group_table import GroupTableFullError
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.commissioning.group_keys import GroupKeys
    from matter_node.commissioning.group_table import GroupTable
    from matter_node.model import Context

_LONGEST_NAME = 16
_MOST_CAPACITY = 0xFE
"""GetGroupMembershipResponse says no more (1.3.7.8.1)."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the Groups clusters of a node share.

    :ivar table: which endpoints are in which groups
    :ivar keys: which groups have keys
    """

    table: GroupTable
    keys: GroupKeys


class GroupsServer(Groups):
    """The groups of one endpoint. With a group go its scenes, if the endpoint has scenes."""

    def __init__(self, grouping: Grouping) -> None:
        super().__init__(features=Groups.Feature.GN, name_support=NameSupportBitmap.GROUP_NAMES)
        self._table = grouping.table
        self._keys = grouping.keys

    def handle_add_group(self, context: Context, request: AddGroupRequest) -> AddGroupResponse:
        """Join a group, or give it another name."""
        status = self._add(context, request.group_id, request.group_name)
        return AddGroupResponse(status=status, group_id=request.group_id)

    def handle_view_group(self, context: Context, request: ViewGroupRequest) -> ViewGroupResponse:
        """Return a group's name."""
        status, name = Status.CONSTRAINT_ERROR, ""
        if request.group_id:
            group = self._table.find(context.fabric_index, request.group_id, self._number)
            status = Status.NOT_FOUND if group is None else Status.SUCCESS
            name = "" if group is None else group.name
        return ViewGroupResponse(status=status, group_id=request.group_id, group_name=name)

    def handle_get_group_membership(
        self, context: Context, request: GetGroupMembershipRequest
    ) -> GetGroupMembershipResponse:
        """Return which of these groups the endpoint is in; of all groups if none are named."""
        own = [group.id for group in self._table.of_endpoint(context.fabric_index, self._number)]
        used = sum(index == context.fabric_index for index, _ in self._table.groups())
        wanted = request.group_list
        return GetGroupMembershipResponse(
            capacity=min(self._table.capacity - used, _MOST_CAPACITY),
            group_list=tuple(id_ for id_ in own if not wanted or id_ in wanted),
        )

    def handle_remove_group(self, context: Context, request: RemoveGroupRequest) -> RemoveGroupResponse:
        """Leave a group; its scenes go, too."""
        index, group_id = context.fabric_index, request.group_id
        status = Status.CONSTRAINT_ERROR
        if group_id:
            status = Status.NOT_FOUND
            if self._table.remove(self._number, fabric_index=index, group_id=group_id):
                status = Status.SUCCESS
                self._forget_scenes(index, group_id)
        return RemoveGroupResponse(status=status, group_id=group_id)

    def handle_remove_all_groups(self, context: Context) -> None:
        """Leave all groups of the fabric; all its scenes go, too."""
        self._table.remove(self._number, fabric_index=context.fabric_index)
        self._forget_scenes(context.fabric_index, None)

    def handle_add_group_if_identifying(
        self, context: Context, request: AddGroupIfIdentifyingRequest
    ) -> None:
        """Join a group if the device identifies itself just now."""
        assert self.endpoint is not None
        identify = self.endpoint.clusters.get(IdentifyServer.ID)
        if not isinstance(identify, IdentifyServer) or not identify.identifying:
            return
        status = self._add(context, request.group_id, request.group_name)
        if status is not Status.SUCCESS:
            raise StatusError(status, f"cannot join group {request.group_id}")

    def forgotten(self) -> None:
        """Leave the groups of all fabrics."""
        self._table.remove(self._number)

    @property
    def _number(self) -> int:
        assert self.endpoint is not None
        return self.endpoint.number

    def _add(self, context: Context, group_id: int, name: str) -> Status:
        if not group_id or len(name.encode()) > _LONGEST_NAME:
            return Status.CONSTRAINT_ERROR
        if not self._keys.maps(context.fabric_index, group_id):
            return Status.UNSUPPORTED_ACCESS
        try:
            self._table.add(context.fabric_index, group_id, self._number, name)
        except GroupTableFullError:
            return Status.RESOURCE_EXHAUSTED
        return Status.SUCCESS

    def _forget_scenes(self, fabric_index: int, group_id: int | None) -> None:
        scenes = scenes_of(self.endpoint)
        if scenes is not None:
            scenes.forget(fabric_index, group_id)
