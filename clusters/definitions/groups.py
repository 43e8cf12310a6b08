"""Groups cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from matter_node.model import (
    Bitmap,
    Cluster,
    ListOf,
    Nullable,
    Struct,
    UInt8,
    UInt16,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


class NameSupportBitmap(IntFlag):
    GROUP_NAMES = 1 << 7


@struct
class AddGroupRequest(Struct):
    group_id: int = member(0, UInt16)
    group_name: str = member(1, Utf8())


@struct
class AddGroupResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16.between(1))


@struct
class ViewGroupRequest(Struct):
    group_id: int = member(0, UInt16)


@struct
class ViewGroupResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16.between(1))
    group_name: str = member(2, Utf8(maximum=16))


@struct
class GetGroupMembershipRequest(Struct):
    group_list: tuple[int, ...] = member(0, ListOf(UInt16.between(1)))


@struct
class GetGroupMembershipResponse(Struct):
    capacity: int | None = member(0, Nullable(UInt8))
    group_list: tuple[int, ...] = member(1, ListOf(UInt16.between(1)))


@struct
class RemoveGroupRequest(Struct):
    group_id: int = member(0, UInt16)


@struct
class RemoveGroupResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16.between(1))


@struct
class AddGroupIfIdentifyingRequest(Struct):
    group_id: int = member(0, UInt16.between(1))
    group_name: str = member(1, Utf8(maximum=16))


class Groups(Cluster):
    """Groups, cluster 0x0004."""

    ID = 0x0004
    REVISION = 4
    NAME = "Groups"
    PICS = "G"

    class Feature(IntFlag):
        GN = 1 << 0  # GroupNames

    name_support = attribute(0x0000, Bitmap(NameSupportBitmap), quality="F")

    add_group = command(0x00, AddGroupRequest, AddGroupResponse, response_id=0x00, access="F M")
    view_group = command(0x01, ViewGroupRequest, ViewGroupResponse, response_id=0x01, access="F O")
    get_group_membership = command(
        0x02, GetGroupMembershipRequest, GetGroupMembershipResponse, response_id=0x02, access="F O"
    )
    remove_group = command(0x03, RemoveGroupRequest, RemoveGroupResponse, response_id=0x03, access="F M")
    remove_all_groups = command(0x04, access="F M")
    add_group_if_identifying = command(0x05, AddGroupIfIdentifyingRequest, access="F M")
