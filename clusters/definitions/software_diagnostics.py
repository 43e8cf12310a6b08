"""Software Diagnostics cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from matter_node.model import (
    Cluster,
    ListOf,
    Octets,
    Priority,
    Struct,
    StructOf,
    UInt32,
    UInt64,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


@struct
class ThreadMetricsStruct(Struct):
    id: int = member(0, UInt64)
    name: str | None = member(1, Utf8(maximum=8), optional=True, default=None)
    stack_free_current: int | None = member(2, UInt32, optional=True, default=None)
    stack_free_minimum: int | None = member(3, UInt32, optional=True, default=None)
    stack_size: int | None = member(4, UInt32, optional=True, default=None)


@struct
class SoftwareFaultEvent(Struct):
    id: int = member(0, UInt64)
    name: str | None = member(1, Utf8(maximum=8), optional=True, default=None)
    fault_recording: bytes | None = member(2, Octets(maximum=1024), optional=True, default=None)


class SoftwareDiagnostics(Cluster):
    """Software Diagnostics, cluster 0x0034."""

    ID = 0x0034
    REVISION = 1
    NAME = "SoftwareDiagnostics"
    PICS = "DGSW"

    class Feature(IntFlag):
        WTRMRK = 1 << 0  # Watermarks

    thread_metrics = attribute(0x0000, ListOf(StructOf(ThreadMetricsStruct), maximum=64), conformance="O")
    current_heap_free = attribute(0x0001, UInt64, conformance="O")
    current_heap_used = attribute(0x0002, UInt64, conformance="O")
    current_heap_high_watermark = attribute(0x0003, UInt64, conformance="WTRMRK")

    reset_watermarks = command(0x00, access="M", conformance="WTRMRK")

    software_fault = event(0x00, SoftwareFaultEvent, priority=Priority.INFO, conformance="O")
