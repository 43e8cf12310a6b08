"""General Commissioning cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    Nullable,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class BasicCommissioningInfo(Struct):
    fail_safe_expiry_length_seconds: int = member(0, UInt16)
    max_cumulative_failsafe_seconds: int = member(1, UInt16)


class RegulatoryLocationTypeEnum(IntEnum):
    INDOOR = 0
    OUTDOOR = 1
    INDOOR_OUTDOOR = 2


@struct
class ArmFailSafeRequest(Struct):
    expiry_length_seconds: int = member(0, UInt16)
    breadcrumb: int = member(1, UInt64)


class CommissioningErrorEnum(IntEnum):
    OK = 0
    VALUE_OUTSIDE_RANGE = 1
    INVALID_AUTHENTICATION = 2
    NO_FAIL_SAFE = 3
    BUSY_WITH_OTHER_ADMIN = 4
    REQUIRED_TC_NOT_ACCEPTED = 5
    TC_ACKNOWLEDGEMENTS_NOT_RECEIVED = 6
    TC_MIN_VERSION_NOT_MET = 7


@struct
class ArmFailSafeResponse(Struct):
    error_code: CommissioningErrorEnum = member(0, Enum(CommissioningErrorEnum))
    debug_text: str = member(1, Utf8(maximum=128))


@struct
class SetRegulatoryConfigRequest(Struct):
    new_regulatory_config: int = member(0, UInt8)
    country_code: str = member(1, Utf8())
    breadcrumb: int = member(2, UInt64)


@struct
class SetRegulatoryConfigResponse(Struct):
    error_code: CommissioningErrorEnum = member(0, Enum(CommissioningErrorEnum))
    debug_text: str = member(1, Utf8())


@struct
class CommissioningCompleteResponse(Struct):
    error_code: CommissioningErrorEnum = member(0, Enum(CommissioningErrorEnum))
    debug_text: str = member(1, Utf8())


@struct
class SetTcAcknowledgementsRequest(Struct):
    tc_version: int = member(0, UInt16)
    tc_user_response: int = member(1, UInt16)


@struct
class SetTcAcknowledgementsResponse(Struct):
    error_code: CommissioningErrorEnum = member(0, Enum(CommissioningErrorEnum))


class GeneralCommissioning(Cluster):
    """General Commissioning, cluster 0x0030."""

    ID = 0x0030
    REVISION = 2
    NAME = "GeneralCommissioning"
    PICS = "CGEN"

    class Feature(IntFlag):
        TC = 1 << 0  # TermsAndConditions

    breadcrumb = attribute(0x0000, UInt64, access="RW VA")
    basic_commissioning_info = attribute(0x0001, StructOf(BasicCommissioningInfo), quality="F")
    regulatory_config = attribute(0x0002, Enum(RegulatoryLocationTypeEnum))
    location_capability = attribute(0x0003, Enum(RegulatoryLocationTypeEnum), quality="F")
    supports_concurrent_connection = attribute(0x0004, Bool, quality="F")
    tc_accepted_version = attribute(0x0005, UInt16, access="R A", quality="N", conformance="TC")
    tc_min_required_version = attribute(0x0006, UInt16, access="R A", quality="N", conformance="TC")
    tc_acknowledgements = attribute(0x0007, UInt16, access="R A", quality="N", conformance="TC")
    tc_acknowledgements_required = attribute(0x0008, Bool, access="R A", quality="N", conformance="TC")
    tc_update_deadline = attribute(0x0009, Nullable(UInt32), access="R A", quality="N", conformance="TC")

    arm_fail_safe = command(0x00, ArmFailSafeRequest, ArmFailSafeResponse, response_id=0x01, access="A")
    set_regulatory_config = command(
        0x02, SetRegulatoryConfigRequest, SetRegulatoryConfigResponse, response_id=0x03, access="A"
    )
    commissioning_complete = command(
        0x04, None, CommissioningCompleteResponse, response_id=0x05, access="F A"
    )
    set_tc_acknowledgements = command(
        0x06,
        SetTcAcknowledgementsRequest,
        SetTcAcknowledgementsResponse,
        response_id=0x07,
        access="A",
        conformance="TC",
    )
