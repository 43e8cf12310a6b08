"""Time Synchronization cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    Int32,
    ListOf,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt64,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


class GranularityEnum(IntEnum):
    NO_TIME_GRANULARITY = 0
    MINUTES_GRANULARITY = 1
    SECONDS_GRANULARITY = 2
    MILLISECONDS_GRANULARITY = 3
    MICROSECONDS_GRANULARITY = 4


class TimeSourceEnum(IntEnum):
    NONE = 0
    UNKNOWN = 1
    ADMIN = 2
    NODE_TIME_CLUSTER = 3
    NON_MATTER_SNTP = 4
    NON_MATTER_NTP = 5
    MATTER_SNTP = 6
    MATTER_NTP = 7
    MIXED_NTP = 8
    NON_MATTER_SNTPNTS = 9
    NON_MATTER_NTPNTS = 10
    MATTER_SNTPNTS = 11
    MATTER_NTPNTS = 12
    MIXED_NTPNTS = 13
    CLOUD_SOURCE = 14
    PTP = 15
    GNSS = 16


@struct
class TrustedTimeSourceStruct(Struct):
    fabric_index: int = member(0, UInt8)
    node_id: int = member(1, UInt64)
    endpoint: int = member(2, UInt16)


@struct
class TimeZoneStruct(Struct):
    offset: int = member(0, Int32.between(-43200, 50400))
    valid_at: int = member(1, UInt64)
    name: str | None = member(2, Utf8(maximum=64), optional=True, default=None)


@struct
class DSTOffsetStruct(Struct):
    offset: int = member(0, Int32)
    valid_starting: int = member(1, UInt64)
    valid_until: int | None = member(2, Nullable(UInt64))


class TimeZoneDatabaseEnum(IntEnum):
    FULL = 0
    PARTIAL = 1
    NONE = 2


@struct
class SetUtcTimeRequest(Struct):
    utc_time: int = member(0, UInt64)
    granularity: GranularityEnum = member(1, Enum(GranularityEnum))
    time_source: TimeSourceEnum | None = member(2, Enum(TimeSourceEnum), optional=True, default=None)


@struct
class FabricScopedTrustedTimeSourceStruct(Struct):
    node_id: int = member(0, UInt64)
    endpoint: int = member(1, UInt16)


@struct
class SetTrustedTimeSourceRequest(Struct):
    trusted_time_source: FabricScopedTrustedTimeSourceStruct | None = member(
        0, Nullable(StructOf(FabricScopedTrustedTimeSourceStruct))
    )


@struct
class SetTimeZoneRequest(Struct):
    time_zone: tuple[TimeZoneStruct, ...] = member(0, ListOf(StructOf(TimeZoneStruct), minimum=1, maximum=2))


@struct
class SetTimeZoneResponse(Struct):
    dst_offset_required: bool = member(0, Bool)


@struct
class SetDstOffsetRequest(Struct):
    dst_offset: tuple[DSTOffsetStruct, ...] = member(0, ListOf(StructOf(DSTOffsetStruct)))


@struct
class SetDefaultNtpRequest(Struct):
    default_ntp: str | None = member(0, Nullable(Utf8(maximum=128)))


@struct
class DstStatusEvent(Struct):
    dst_offset_active: bool = member(0, Bool)


@struct
class TimeZoneStatusEvent(Struct):
    offset: int = member(0, Int32.between(-43200, 50400))
    name: str | None = member(1, Utf8(maximum=64), optional=True, default=None)


class TimeSynchronization(Cluster):
    """Time Synchronization, cluster 0x0038."""

    ID = 0x0038
    REVISION = 2
    NAME = "TimeSynchronization"
    PICS = "TIMESYNC"

    class Feature(IntFlag):
        TZ = 1 << 0  # TimeZone
        NTPC = 1 << 1  # NtpClient
        NTPS = 1 << 2  # NtpServer
        TSC = 1 << 3  # TimeSyncClient

    utc_time = attribute(0x0000, Nullable(UInt64), quality="C")
    granularity = attribute(0x0001, Enum(GranularityEnum))
    time_source = attribute(0x0002, Enum(TimeSourceEnum), conformance="O")
    trusted_time_source = attribute(
        0x0003, Nullable(StructOf(TrustedTimeSourceStruct)), quality="N", conformance="TSC"
    )
    default_ntp = attribute(0x0004, Nullable(Utf8(maximum=128)), quality="N", conformance="NTPC")
    time_zone = attribute(
        0x0005, ListOf(StructOf(TimeZoneStruct), minimum=1, maximum=2), quality="N", conformance="TZ"
    )
    dst_offset = attribute(0x0006, ListOf(StructOf(DSTOffsetStruct)), quality="N", conformance="TZ")
    local_time = attribute(0x0007, Nullable(UInt64), quality="C", conformance="TZ")
    time_zone_database = attribute(0x0008, Enum(TimeZoneDatabaseEnum), quality="F", conformance="TZ")
    ntp_server_available = attribute(0x0009, Bool, conformance="NTPS")
    time_zone_list_max_size = attribute(0x000A, UInt8.between(1, 2), quality="F", conformance="TZ")
    dst_offset_list_max_size = attribute(0x000B, UInt8.between(1), quality="F", conformance="TZ")
    supports_dns_resolve = attribute(0x000C, Bool, quality="F", conformance="NTPC")

    set_utc_time = command(0x00, SetUtcTimeRequest, access="A")
    set_trusted_time_source = command(0x01, SetTrustedTimeSourceRequest, access="F A", conformance="TSC")
    set_time_zone = command(
        0x02, SetTimeZoneRequest, SetTimeZoneResponse, response_id=0x03, access="M", conformance="TZ"
    )
    set_dst_offset = command(0x04, SetDstOffsetRequest, access="M", conformance="TZ")
    set_default_ntp = command(0x05, SetDefaultNtpRequest, access="A", conformance="NTPC")

    dst_table_empty = event(0x00, priority=Priority.INFO, conformance="TZ")
    dst_status = event(0x01, DstStatusEvent, priority=Priority.INFO, conformance="TZ")
    time_zone_status = event(0x02, TimeZoneStatusEvent, priority=Priority.INFO, conformance="TZ")
    time_failure = event(0x03, priority=Priority.INFO)
    missing_trusted_time_source = event(0x04, priority=Priority.INFO, conformance="TSC")
