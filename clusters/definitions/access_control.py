"""Access Control cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Octets,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


class AccessControlEntryPrivilegeEnum(IntEnum):
    VIEW = 1
    PROXY_VIEW = 2
    OPERATE = 3
    MANAGE = 4
    ADMINISTER = 5


class AccessControlEntryAuthModeEnum(IntEnum):
    PASE = 1
    CASE = 2
    GROUP = 3


@struct
class AccessControlTargetStruct(Struct):
    cluster: int | None = member(0, Nullable(UInt32))
    endpoint: int | None = member(1, Nullable(UInt16))
    device_type: int | None = member(2, Nullable(UInt32))


@struct
class AccessControlEntryStruct(Struct):
    privilege: AccessControlEntryPrivilegeEnum = member(
        1, Enum(AccessControlEntryPrivilegeEnum), fabric_sensitive=True
    )
    auth_mode: AccessControlEntryAuthModeEnum = member(
        2, Enum(AccessControlEntryAuthModeEnum), fabric_sensitive=True
    )
    subjects: tuple[int, ...] | None = member(3, Nullable(ListOf(UInt64)), fabric_sensitive=True)
    targets: tuple[AccessControlTargetStruct, ...] | None = member(
        4, Nullable(ListOf(StructOf(AccessControlTargetStruct))), fabric_sensitive=True
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class AccessControlExtensionStruct(Struct):
    data: bytes = member(1, Octets(maximum=128), fabric_sensitive=True)
    fabric_index: int = member(0xFE, UInt8, default=0)


class AccessRestrictionTypeEnum(IntEnum):
    ATTRIBUTE_ACCESS_FORBIDDEN = 0
    ATTRIBUTE_WRITE_FORBIDDEN = 1
    COMMAND_FORBIDDEN = 2
    EVENT_FORBIDDEN = 3


@struct
class AccessRestrictionStruct(Struct):
    type: AccessRestrictionTypeEnum = member(0, Enum(AccessRestrictionTypeEnum))
    id: int | None = member(1, Nullable(UInt32))


@struct
class CommissioningAccessRestrictionEntryStruct(Struct):
    endpoint: int = member(0, UInt16)
    cluster: int = member(1, UInt32)
    restrictions: tuple[AccessRestrictionStruct, ...] = member(
        2, ListOf(StructOf(AccessRestrictionStruct), minimum=1)
    )


@struct
class AccessRestrictionEntryStruct(Struct):
    endpoint: int = member(0, UInt16, fabric_sensitive=True)
    cluster: int = member(1, UInt32, fabric_sensitive=True)
    restrictions: tuple[AccessRestrictionStruct, ...] = member(
        2, ListOf(StructOf(AccessRestrictionStruct), minimum=1), fabric_sensitive=True
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class ReviewFabricRestrictionsRequest(Struct):
    arl: tuple[CommissioningAccessRestrictionEntryStruct, ...] = member(
        0, ListOf(StructOf(CommissioningAccessRestrictionEntryStruct))
    )


@struct
class ReviewFabricRestrictionsResponse(Struct):
    token: int = member(0, UInt64)


class ChangeTypeEnum(IntEnum):
    CHANGED = 0
    ADDED = 1
    REMOVED = 2


@struct
class AccessControlEntryChangedEvent(Struct):
    admin_node_id: int | None = member(1, Nullable(UInt64), fabric_sensitive=True)
    admin_passcode_id: int | None = member(2, Nullable(UInt16), fabric_sensitive=True)
    change_type: ChangeTypeEnum = member(3, Enum(ChangeTypeEnum), fabric_sensitive=True)
    latest_value: AccessControlEntryStruct | None = member(
        4, Nullable(StructOf(AccessControlEntryStruct)), fabric_sensitive=True
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class AccessControlExtensionChangedEvent(Struct):
    admin_node_id: int | None = member(1, Nullable(UInt64), fabric_sensitive=True)
    admin_passcode_id: int | None = member(2, Nullable(UInt16), fabric_sensitive=True)
    change_type: ChangeTypeEnum = member(3, Enum(ChangeTypeEnum), fabric_sensitive=True)
    latest_value: AccessControlExtensionStruct | None = member(
        4, Nullable(StructOf(AccessControlExtensionStruct)), fabric_sensitive=True
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class FabricRestrictionReviewUpdateEvent(Struct):
    token: int = member(0, UInt64, fabric_sensitive=True)
    instruction: str | None = member(1, Utf8(maximum=512), optional=True, default=None, fabric_sensitive=True)
    arl_request_flow_url: str | None = member(
        2, Utf8(maximum=256), optional=True, default=None, fabric_sensitive=True
    )
    fabric_index: int = member(0xFE, UInt8, default=0)


class AccessControl(Cluster):
    """Access Control, cluster 0x001f."""

    ID = 0x001F
    REVISION = 2
    NAME = "AccessControl"
    PICS = "ACL"

    class Feature(IntFlag):
        EXTS = 1 << 0  # Extension
        MNGD = 1 << 1  # ManagedDevice

    acl = attribute(0x0000, ListOf(StructOf(AccessControlEntryStruct)), access="RW F A")
    extension = attribute(
        0x0001, ListOf(StructOf(AccessControlExtensionStruct)), access="RW F A", conformance="EXTS"
    )
    subjects_per_access_control_entry = attribute(0x0002, UInt16.between(4), quality="F")
    targets_per_access_control_entry = attribute(0x0003, UInt16.between(3), quality="F")
    access_control_entries_per_fabric = attribute(0x0004, UInt16.between(4), quality="F")
    commissioning_arl = attribute(
        0x0005, ListOf(StructOf(CommissioningAccessRestrictionEntryStruct)), quality="F", conformance="MNGD"
    )
    arl = attribute(
        0x0006, ListOf(StructOf(AccessRestrictionEntryStruct)), access="R F V", conformance="MNGD"
    )

    review_fabric_restrictions = command(
        0x00,
        ReviewFabricRestrictionsRequest,
        ReviewFabricRestrictionsResponse,
        response_id=0x01,
        access="F A",
        conformance="MNGD",
    )

    access_control_entry_changed = event(
        0x00, AccessControlEntryChangedEvent, priority=Priority.INFO, access="S A"
    )
    access_control_extension_changed = event(
        0x01, AccessControlExtensionChangedEvent, priority=Priority.INFO, access="S A", conformance="EXTS"
    )
    fabric_restriction_review_update = event(
        0x02, FabricRestrictionReviewUpdateEvent, priority=Priority.INFO, access="S A", conformance="MNGD"
    )
