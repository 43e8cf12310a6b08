"""Administrator Commissioning cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Cluster,
    Enum,
    Nullable,
    Octets,
    Struct,
    UInt8,
    UInt16,
    UInt32,
    attribute,
    command,
    member,
    struct,
)


class CommissioningWindowStatusEnum(IntEnum):
    WINDOW_NOT_OPEN = 0
    ENHANCED_WINDOW_OPEN = 1
    BASIC_WINDOW_OPEN = 2


@struct
class OpenCommissioningWindowRequest(Struct):
    commissioning_timeout: int = member(0, UInt16)
    pake_passcode_verifier: bytes = member(1, Octets())
    discriminator: int = member(2, UInt16)
    iterations: int = member(3, UInt32)
    salt: bytes = member(4, Octets())


@struct
class OpenBasicCommissioningWindowRequest(Struct):
    commissioning_timeout: int = member(0, UInt16)


class AdministratorCommissioning(Cluster):
    """Administrator Commissioning, cluster 0x003c."""

    ID = 0x003C
    REVISION = 1
    NAME = "AdministratorCommissioning"
    PICS = "CADMIN"

    class Feature(IntFlag):
        BC = 1 << 0  # Basic

    window_status = attribute(0x0000, Enum(CommissioningWindowStatusEnum))
    admin_fabric_index = attribute(0x0001, Nullable(UInt8))
    admin_vendor_id = attribute(0x0002, Nullable(UInt16))

    open_commissioning_window = command(0x00, OpenCommissioningWindowRequest, access="A T")
    open_basic_commissioning_window = command(
        0x01, OpenBasicCommissioningWindowRequest, access="A T", conformance="BC"
    )
    revoke_commissioning = command(0x02, access="A T")
