"""Group Key Management cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Octets,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt64,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class GroupKeyMapStruct(Struct):
    group_id: int = member(1, UInt16)
    group_key_set_id: int = member(2, UInt16.between(1, 65535))
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class GroupInfoMapStruct(Struct):
    group_id: int = member(1, UInt16)
    endpoints: tuple[int, ...] = member(2, ListOf(UInt16, minimum=1))
    group_name: str | None = member(3, Utf8(maximum=16), optional=True, default=None)
    fabric_index: int = member(0xFE, UInt8, default=0)


class GroupKeySecurityPolicyEnum(IntEnum):
    TRUST_FIRST = 0
    CACHE_AND_SYNC = 1


class GroupKeyMulticastPolicyEnum(IntEnum):
    PER_GROUP_ID = 0
    ALL_NODES = 1


@struct
class GroupKeySetStruct(Struct):
    group_key_set_id: int = member(0, UInt16)
    group_key_security_policy: GroupKeySecurityPolicyEnum = member(
        1, Enum(GroupKeySecurityPolicyEnum), fabric_sensitive=True
    )
    epoch_key0: bytes | None = member(2, Nullable(Octets(minimum=16, maximum=16)), fabric_sensitive=True)
    epoch_start_time0: int | None = member(3, Nullable(UInt64), fabric_sensitive=True)
    epoch_key1: bytes | None = member(4, Nullable(Octets(minimum=16, maximum=16)), fabric_sensitive=True)
    epoch_start_time1: int | None = member(5, Nullable(UInt64), fabric_sensitive=True)
    epoch_key2: bytes | None = member(6, Nullable(Octets(minimum=16, maximum=16)), fabric_sensitive=True)
    epoch_start_time2: int | None = member(7, Nullable(UInt64), fabric_sensitive=True)
    group_key_multicast_policy: GroupKeyMulticastPolicyEnum | None = member(
        8, Enum(GroupKeyMulticastPolicyEnum), optional=True, default=None, fabric_sensitive=True
    )


@struct
class KeySetWriteRequest(Struct):
    group_key_set: GroupKeySetStruct = member(0, StructOf(GroupKeySetStruct))


@struct
class KeySetReadRequest(Struct):
    group_key_set_id: int = member(0, UInt16)


@struct
class KeySetReadResponse(Struct):
    group_key_set: GroupKeySetStruct = member(0, StructOf(GroupKeySetStruct))


@struct
class KeySetRemoveRequest(Struct):
    group_key_set_id: int = member(0, UInt16)


@struct
class KeySetReadAllIndicesResponse(Struct):
    group_key_set_ids: tuple[int, ...] = member(0, ListOf(UInt16))


class GroupKeyManagement(Cluster):
    """Group Key Management, cluster 0x003f."""

    ID = 0x003F
    REVISION = 2
    NAME = "GroupKeyManagement"
    PICS = "GRPKEY"

    class Feature(IntFlag):
        CS = 1 << 0  # CacheAndSync

    group_key_map = attribute(0x0000, ListOf(StructOf(GroupKeyMapStruct)), access="RW F VM", quality="N")
    group_table = attribute(0x0001, ListOf(StructOf(GroupInfoMapStruct)), access="R F V")
    max_groups_per_fabric = attribute(0x0002, UInt16, quality="F")
    max_group_keys_per_fabric = attribute(0x0003, UInt16.between(1, 65535), quality="F")

    key_set_write = command(0x00, KeySetWriteRequest, access="F A")
    key_set_read = command(0x01, KeySetReadRequest, KeySetReadResponse, response_id=0x02, access="F A")
    key_set_remove = command(0x03, KeySetRemoveRequest, access="F A")
    key_set_read_all_indices = command(
        0x04, None, KeySetReadAllIndicesResponse, response_id=0x05, access="F A"
    )
