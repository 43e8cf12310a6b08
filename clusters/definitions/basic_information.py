"""Basic Information cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from clusters.definitions.common import ProductAppearanceStruct
from matter_node.model import (
    Bool,
    Cluster,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    Utf8,
    attribute,
    event,
    member,
    struct,
)


@struct
class CapabilityMinimaStruct(Struct):
    case_sessions_per_fabric: int = member(0, UInt16.between(3))
    subscriptions_per_fabric: int = member(1, UInt16.between(3))


@struct
class StartUpEvent(Struct):
    software_version: int = member(0, UInt32)


@struct
class LeaveEvent(Struct):
    fabric_index: int = member(0, UInt8.between(1, 254))


@struct
class ReachableChangedEvent(Struct):
    reachable_new_value: bool = member(0, Bool)


class BasicInformation(Cluster):
    """Basic Information, cluster 0x0028."""

    ID = 0x0028
    REVISION = 5
    NAME = "BasicInformation"
    PICS = "BINFO"

    data_model_revision = attribute(0x0000, UInt16, quality="F")
    vendor_name = attribute(0x0001, Utf8(maximum=32), quality="F")
    vendor_id = attribute(0x0002, UInt16, quality="F")
    product_name = attribute(0x0003, Utf8(maximum=32), quality="F")
    product_id = attribute(0x0004, UInt16, quality="F")
    node_label = attribute(0x0005, Utf8(maximum=32), access="RW VM", quality="N")
    location = attribute(0x0006, Utf8(minimum=2, maximum=2), access="RW VA", quality="N")
    hardware_version = attribute(0x0007, UInt16, quality="F")
    hardware_version_string = attribute(0x0008, Utf8(minimum=1, maximum=64), quality="F")
    software_version = attribute(0x0009, UInt32, quality="F")
    software_version_string = attribute(0x000A, Utf8(minimum=1, maximum=64), quality="F")
    manufacturing_date = attribute(0x000B, Utf8(minimum=8, maximum=16), quality="F", conformance="O")
    part_number = attribute(0x000C, Utf8(maximum=32), quality="F", conformance="O")
    product_url = attribute(0x000D, Utf8(maximum=256), quality="F", conformance="O")
    product_label = attribute(0x000E, Utf8(maximum=64), quality="F", conformance="O")
    serial_number = attribute(0x000F, Utf8(maximum=32), quality="F", conformance="O")
    local_config_disabled = attribute(0x0010, Bool, access="RW VM", quality="N", conformance="O")
    reachable = attribute(0x0011, Bool, conformance="O")
    unique_id = attribute(0x0012, Utf8(maximum=32), quality="F")
    capability_minima = attribute(0x0013, StructOf(CapabilityMinimaStruct), quality="F")
    product_appearance = attribute(0x0014, StructOf(ProductAppearanceStruct), quality="F", conformance="O")
    specification_version = attribute(0x0015, UInt32, quality="F")
    max_paths_per_invoke = attribute(0x0016, UInt16.between(1), quality="F")
    configuration_version = attribute(0x0018, UInt32.between(1), quality="N", conformance="P, M")

    start_up = event(0x00, StartUpEvent, priority=Priority.CRITICAL)
    shut_down = event(0x01, priority=Priority.CRITICAL, conformance="O")
    leave = event(0x02, LeaveEvent, priority=Priority.INFO, conformance="O")
    reachable_changed = event(0x03, ReachableChangedEvent, priority=Priority.INFO, conformance="Reachable")
