"""Electrical Power Measurement cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from clusters.definitions.common import MeasurementAccuracyStruct, MeasurementTypeEnum
from matter_node.model import (
    Cluster,
    Enum,
    Int64,
    ListOf,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt32,
    UInt64,
    attribute,
    event,
    member,
    struct,
)


class PowerModeEnum(IntEnum):
    UNKNOWN = 0
    DC = 1
    AC = 2


@struct
class MeasurementRangeStruct(Struct):
    measurement_type: MeasurementTypeEnum = member(0, Enum(MeasurementTypeEnum, 16))
    min: int = member(1, Int64.between(-(2**62), 2**62))
    max: int = member(2, Int64.between(-(2**62), 2**62))
    start_timestamp: int | None = member(3, UInt32, optional=True, default=None)
    end_timestamp: int | None = member(4, UInt32, optional=True, default=None)
    min_timestamp: int | None = member(5, UInt32, optional=True, default=None)
    max_timestamp: int | None = member(6, UInt32, optional=True, default=None)
    start_systime: int | None = member(7, UInt64, optional=True, default=None)
    end_systime: int | None = member(8, UInt64, optional=True, default=None)
    min_systime: int | None = member(9, UInt64, optional=True, default=None)
    max_systime: int | None = member(10, UInt64, optional=True, default=None)


@struct
class HarmonicMeasurementStruct(Struct):
    order: int = member(0, UInt8.between(1))
    measurement: int | None = member(1, Nullable(Int64.between(-(2**62), 2**62)))


@struct
class MeasurementPeriodRangesEvent(Struct):
    ranges: tuple[MeasurementRangeStruct, ...] = member(
        0, ListOf(StructOf(MeasurementRangeStruct), minimum=1)
    )


class ElectricalPowerMeasurement(Cluster):
    """Electrical Power Measurement, cluster 0x0090."""

    ID = 0x0090
    REVISION = 3
    NAME = "ElectricalPowerMeasurement"
    PICS = "EPM"

    class Feature(IntFlag):
        DIRC = 1 << 0  # DirectCurrent
        ALTC = 1 << 1  # AlternatingCurrent
        POLY = 1 << 2  # PolyphasePower
        HARM = 1 << 3  # Harmonics
        PWRQ = 1 << 4  # PowerQuality

    power_mode = attribute(0x0000, Enum(PowerModeEnum))
    number_of_measurement_types = attribute(0x0001, UInt8.between(maximum=32), quality="F")
    accuracy = attribute(0x0002, ListOf(StructOf(MeasurementAccuracyStruct), minimum=1), quality="F")
    ranges = attribute(0x0003, ListOf(StructOf(MeasurementRangeStruct)), quality="Q", conformance="O")
    voltage = attribute(0x0004, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="O")
    active_current = attribute(0x0005, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="O")
    reactive_current = attribute(
        0x0006, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    apparent_current = attribute(
        0x0007, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    active_power = attribute(0x0008, Nullable(Int64.between(-(2**62), 2**62)), quality="Q")
    reactive_power = attribute(
        0x0009, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    apparent_power = attribute(
        0x000A, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    rms_voltage = attribute(
        0x000B, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    rms_current = attribute(
        0x000C, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]"
    )
    rms_power = attribute(0x000D, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[ALTC]")
    frequency = attribute(0x000E, Nullable(Int64.between(0, 1000000)), quality="Q", conformance="[ALTC]")
    harmonic_currents = attribute(
        0x000F,
        Nullable(ListOf(StructOf(HarmonicMeasurementStruct), maximum=25)),
        quality="Q",
        conformance="HARM",
    )
    harmonic_phases = attribute(
        0x0010,
        Nullable(ListOf(StructOf(HarmonicMeasurementStruct), maximum=25)),
        quality="Q",
        conformance="PWRQ",
    )
    power_factor = attribute(
        0x0011, Nullable(Int64.between(-10000, 10000)), quality="Q", conformance="[ALTC]"
    )
    neutral_current = attribute(
        0x0012, Nullable(Int64.between(-(2**62), 2**62)), quality="Q", conformance="[POLY]"
    )

    measurement_period_ranges = event(
        0x00, MeasurementPeriodRangesEvent, priority=Priority.INFO, conformance="Ranges"
    )
