"""General Diagnostics cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bool,
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


class InterfaceTypeEnum(IntEnum):
    UNSPECIFIED = 0
    WIFI = 1
    ETHERNET = 2
    CELLULAR = 3
    THREAD = 4


@struct
class NetworkInterface(Struct):
    name: str = member(0, Utf8(maximum=32))
    is_operational: bool = member(1, Bool)
    off_premise_services_reachable_ipv4: bool | None = member(2, Nullable(Bool))
    off_premise_services_reachable_ipv6: bool | None = member(3, Nullable(Bool))
    hardware_address: bytes = member(4, Octets(minimum=6, maximum=8))
    ipv4_addresses: tuple[bytes, ...] = member(5, ListOf(Octets(minimum=4, maximum=4), maximum=4))
    ipv6_addresses: tuple[bytes, ...] = member(6, ListOf(Octets(minimum=16, maximum=16), maximum=8))
    type: InterfaceTypeEnum = member(7, Enum(InterfaceTypeEnum))


class BootReasonEnum(IntEnum):
    UNSPECIFIED = 0
    POWER_ON_REBOOT = 1
    BROWN_OUT_RESET = 2
    SOFTWARE_WATCHDOG_RESET = 3
    HARDWARE_WATCHDOG_RESET = 4
    SOFTWARE_UPDATE_COMPLETED = 5
    SOFTWARE_RESET = 6


class HardwareFaultEnum(IntEnum):
    UNSPECIFIED = 0
    RADIO = 1
    SENSOR = 2
    RESETTABLE_OVER_TEMP = 3
    NON_RESETTABLE_OVER_TEMP = 4
    POWER_SOURCE = 5
    VISUAL_DISPLAY_FAULT = 6
    AUDIO_OUTPUT_FAULT = 7
    USER_INTERFACE_FAULT = 8
    NON_VOLATILE_MEMORY_ERROR = 9
    TAMPER_DETECTED = 10


class RadioFaultEnum(IntEnum):
    UNSPECIFIED = 0
    WIFI_FAULT = 1
    CELLULAR_FAULT = 2
    THREAD_FAULT = 3
    NFC_FAULT = 4
    BLE_FAULT = 5
    ETHERNET_FAULT = 6


class NetworkFaultEnum(IntEnum):
    UNSPECIFIED = 0
    HARDWARE_FAILURE = 1
    NETWORK_JAMMED = 2
    CONNECTION_FAILED = 3


@struct
class TestEventTriggerRequest(Struct):
    enable_key: bytes = member(0, Octets(minimum=16, maximum=16))
    event_trigger: int = member(1, UInt64)


@struct
class TimeSnapshotResponse(Struct):
    system_time_ms: int = member(0, UInt64)
    posix_time_ms: int | None = member(1, Nullable(UInt64))


@struct
class PayloadTestRequest(Struct):
    enable_key: bytes = member(0, Octets(minimum=16, maximum=16))
    value: int = member(1, UInt8)
    count: int = member(2, UInt16.between(maximum=2048))


@struct
class PayloadTestResponse(Struct):
    payload: bytes = member(0, Octets(maximum=2048))


@struct
class HardwareFaultChangeEvent(Struct):
    current: tuple[HardwareFaultEnum, ...] = member(0, ListOf(Enum(HardwareFaultEnum), maximum=11))
    previous: tuple[HardwareFaultEnum, ...] = member(1, ListOf(Enum(HardwareFaultEnum), maximum=11))


@struct
class RadioFaultChangeEvent(Struct):
    current: tuple[RadioFaultEnum, ...] = member(0, ListOf(Enum(RadioFaultEnum), maximum=7))
    previous: tuple[RadioFaultEnum, ...] = member(1, ListOf(Enum(RadioFaultEnum), maximum=7))


@struct
class NetworkFaultChangeEvent(Struct):
    current: tuple[NetworkFaultEnum, ...] = member(0, ListOf(Enum(NetworkFaultEnum), maximum=4))
    previous: tuple[NetworkFaultEnum, ...] = member(1, ListOf(Enum(NetworkFaultEnum), maximum=4))


@struct
class BootReasonEvent(Struct):
    boot_reason: BootReasonEnum = member(0, Enum(BootReasonEnum))


class GeneralDiagnostics(Cluster):
    """General Diagnostics, cluster 0x0033."""

    ID = 0x0033
    REVISION = 2
    NAME = "GeneralDiagnostics"
    PICS = "DGGEN"

    class Feature(IntFlag):
        DMTEST = 1 << 0  # DataModelTest

    network_interfaces = attribute(0x0000, ListOf(StructOf(NetworkInterface), maximum=8))
    reboot_count = attribute(0x0001, UInt16, quality="N")
    up_time = attribute(0x0002, UInt64, quality="C")
    total_operational_hours = attribute(0x0003, UInt32, quality="N C", conformance="O")
    boot_reason = attribute(0x0004, Enum(BootReasonEnum), conformance="O")
    active_hardware_faults = attribute(0x0005, ListOf(Enum(HardwareFaultEnum), maximum=11), conformance="O")
    active_radio_faults = attribute(0x0006, ListOf(Enum(RadioFaultEnum), maximum=7), conformance="O")
    active_network_faults = attribute(0x0007, ListOf(Enum(NetworkFaultEnum), maximum=4), conformance="O")
    test_event_triggers_enabled = attribute(0x0008, Bool)

    test_event_trigger = command(0x00, TestEventTriggerRequest, access="M")
    time_snapshot = command(0x01, None, TimeSnapshotResponse, response_id=0x02)
    payload_test_request = command(
        0x03, PayloadTestRequest, PayloadTestResponse, response_id=0x04, access="M", conformance="DMTEST"
    )

    hardware_fault_change = event(0x00, HardwareFaultChangeEvent, priority=Priority.CRITICAL, conformance="O")
    radio_fault_change = event(0x01, RadioFaultChangeEvent, priority=Priority.CRITICAL, conformance="O")
    network_fault_change = event(0x02, NetworkFaultChangeEvent, priority=Priority.CRITICAL, conformance="O")
    boot_reason_event = event(0x03, BootReasonEvent, priority=Priority.CRITICAL)
