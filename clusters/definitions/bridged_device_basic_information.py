"""Bridged Device Basic Information cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from clusters.definitions.common import ProductAppearanceStruct
from matter_node.model import (
    Bool,
    Cluster,
    Priority,
    Struct,
    StructOf,
    UInt16,
    UInt32,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


@struct
class KeepActiveRequest(Struct):
    stay_active_duration: int = member(0, UInt32)
    timeout_ms: int = member(1, UInt32.between(30000, 3600000))


@struct
class StartUpEvent(Struct):
    software_version: int = member(0, UInt32)


@struct
class ReachableChangedEvent(Struct):
    reachable_new_value: bool = member(0, Bool)


@struct
class ActiveChangedEvent(Struct):
    promised_active_duration: int = member(0, UInt32)


class BridgedDeviceBasicInformation(Cluster):
    """Bridged Device Basic Information, cluster 0x0039."""

    ID = 0x0039
    REVISION = 5
    NAME = "BridgedDeviceBasicInformation"
    PICS = "BRBINFO"

    class Feature(IntFlag):
        BIS = 1 << 20  # BridgedIcdSupport

    vendor_name = attribute(0x0001, Utf8(maximum=32), quality="F", conformance="desc")
    vendor_id = attribute(0x0002, UInt16, quality="F", conformance="desc")
    product_name = attribute(0x0003, Utf8(maximum=32), quality="F", conformance="O")
    product_id = attribute(0x0004, UInt16, quality="F", conformance="desc")
    node_label = attribute(0x0005, Utf8(maximum=32), access="RW VM", quality="N", conformance="O")
    hardware_version = attribute(0x0007, UInt16, quality="F", conformance="O")
    hardware_version_string = attribute(0x0008, Utf8(minimum=1, maximum=64), quality="F", conformance="O")
    software_version = attribute(0x0009, UInt32, quality="F", conformance="O")
    software_version_string = attribute(0x000A, Utf8(minimum=1, maximum=64), quality="F", conformance="O")
    manufacturing_date = attribute(0x000B, Utf8(minimum=8, maximum=16), quality="F", conformance="O")
    part_number = attribute(0x000C, Utf8(maximum=32), quality="F", conformance="O")
    product_url = attribute(0x000D, Utf8(maximum=256), quality="F", conformance="O")
    product_label = attribute(0x000E, Utf8(maximum=64), quality="F", conformance="O")
    serial_number = attribute(0x000F, Utf8(maximum=32), quality="F", conformance="O")
    reachable = attribute(0x0011, Bool)
    unique_id = attribute(0x0012, Utf8(maximum=32), quality="F")
    product_appearance = attribute(0x0014, StructOf(ProductAppearanceStruct), quality="F", conformance="O")
    configuration_version = attribute(0x0018, UInt32.between(1), quality="N", conformance="P, O")

    keep_active = command(0x80, KeepActiveRequest, conformance="BIS")

    start_up = event(0x00, StartUpEvent, priority=Priority.CRITICAL, conformance="O")
    shut_down = event(0x01, priority=Priority.CRITICAL, conformance="O")
    leave = event(0x02, priority=Priority.INFO, conformance="O")
    reachable_changed = event(0x03, ReachableChangedEvent, priority=Priority.INFO)
    active_changed = event(0x80, ActiveChangedEvent, priority=Priority.INFO, conformance="BIS")
