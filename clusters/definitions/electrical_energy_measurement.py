"""Electrical Energy Measurement cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from clusters.definitions.common import MeasurementAccuracyStruct
from matter_node.model import (
    Cluster,
    Int64,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt32,
    UInt64,
    attribute,
    event,
    member,
    struct,
)


@struct
class EnergyMeasurementStruct(Struct):
    energy: int = member(0, Int64.between(0, 2**62))
    start_timestamp: int | None = member(1, UInt32, optional=True, default=None)
    end_timestamp: int | None = member(2, UInt32, optional=True, default=None)
    start_systime: int | None = member(3, UInt64, optional=True, default=None)
    end_systime: int | None = member(4, UInt64, optional=True, default=None)


@struct
class CumulativeEnergyResetStruct(Struct):
    imported_reset_timestamp: int | None = member(0, Nullable(UInt32), optional=True, default=None)
    exported_reset_timestamp: int | None = member(1, Nullable(UInt32), optional=True, default=None)
    imported_reset_systime: int | None = member(2, Nullable(UInt64), optional=True, default=None)
    exported_reset_systime: int | None = member(3, Nullable(UInt64), optional=True, default=None)


@struct
class CumulativeEnergyMeasuredEvent(Struct):
    energy_imported: EnergyMeasurementStruct | None = member(
        0, StructOf(EnergyMeasurementStruct), optional=True, default=None
    )
    energy_exported: EnergyMeasurementStruct | None = member(
        1, StructOf(EnergyMeasurementStruct), optional=True, default=None
    )


@struct
class PeriodicEnergyMeasuredEvent(Struct):
    energy_imported: EnergyMeasurementStruct | None = member(
        0, StructOf(EnergyMeasurementStruct), optional=True, default=None
    )
    energy_exported: EnergyMeasurementStruct | None = member(
        1, StructOf(EnergyMeasurementStruct), optional=True, default=None
    )


class ElectricalEnergyMeasurement(Cluster):
    """Electrical Energy Measurement, cluster 0x0091."""

    ID = 0x0091
    REVISION = 1
    NAME = "ElectricalEnergyMeasurement"
    PICS = "EEM"

    class Feature(IntFlag):
        IMPE = 1 << 0  # ImportedEnergy
        EXPE = 1 << 1  # ExportedEnergy
        CUME = 1 << 2  # CumulativeEnergy
        PERE = 1 << 3  # PeriodicEnergy

    accuracy = attribute(0x0000, StructOf(MeasurementAccuracyStruct), quality="F")
    cumulative_energy_imported = attribute(
        0x0001, Nullable(StructOf(EnergyMeasurementStruct)), quality="Q", conformance="IMPE & CUME"
    )
    cumulative_energy_exported = attribute(
        0x0002, Nullable(StructOf(EnergyMeasurementStruct)), quality="Q", conformance="EXPE & CUME"
    )
    periodic_energy_imported = attribute(
        0x0003, Nullable(StructOf(EnergyMeasurementStruct)), quality="Q", conformance="IMPE & PERE"
    )
    periodic_energy_exported = attribute(
        0x0004, Nullable(StructOf(EnergyMeasurementStruct)), quality="Q", conformance="EXPE & PERE"
    )
    cumulative_energy_reset = attribute(
        0x0005, Nullable(StructOf(CumulativeEnergyResetStruct)), conformance="[CUME]"
    )

    cumulative_energy_measured = event(
        0x00, CumulativeEnergyMeasuredEvent, priority=Priority.INFO, conformance="CUME"
    )
    periodic_energy_measured = event(
        0x01, PeriodicEnergyMeasuredEvent, priority=Priority.INFO, conformance="PERE"
    )
