"""EnergyStorage: what a battery says beyond its power, and what it is told to do with its energy."""

from enum import IntEnum, IntFlag

from clusters.ores.quantities import (
    LONGEST,
    ElapsedS,
    EnergyMwh,
    EpochS,
    Percent,
    Percent100ths,
    PowerMw,
    Temperature,
    VoltageMv,
)
from clusters.ores.vendor import cluster_id
from matter_node.model import (
    Cluster,
    Enum,
    Nullable,
    Struct,
    StructOf,
    UInt32,
    attribute,
    command,
    member,
    struct,
)


class StorageModeEnum(IntEnum):
    """What a battery is told to do."""

    AUTO = 0
    """What its own logic wants."""
    CHARGING = 1
    """Charge."""
    DISCHARGING = 2
    """Discharge."""
    HOLDING = 3
    """Neither."""


@struct
class StorageSetpointStruct(Struct):
    """What a battery is told besides its mode."""

    power: int | None = member(0, Nullable(PowerMw))
    """The power asked for, positive into the battery; null for as much as it can."""
    target_soc: int | None = member(1, Nullable(Percent))
    """The state of charge at which it ends; null if there is none."""
    end: int | None = member(2, Nullable(EpochS))
    """When it ends by itself; null if it does not."""


@struct
class CellVoltagesStruct(Struct):
    """Voltages of a battery's cells."""

    lowest: int | None = member(0, Nullable(VoltageMv.between(0)))
    """Of the emptiest cell."""
    highest: int | None = member(1, Nullable(VoltageMv.between(0)))
    """Of the fullest cell."""


@struct
class ChargeRequest(Struct):
    """Fields of Charge."""

    power: int | None = member(0, Nullable(PowerMw.between(1)), optional=True)
    """How fast, a magnitude; null for as fast as it can."""
    target_soc: int | None = member(1, Nullable(Percent), optional=True)
    """How far; null for as long as it is told to."""
    duration: int | None = member(2, Nullable(ElapsedS.between(maximum=LONGEST)), optional=True)
    """How long; 0 or null until it is told otherwise."""


@struct
class DischargeRequest(Struct):
    """Fields of Discharge."""

    power: int | None = member(0, Nullable(PowerMw.between(1)), optional=True)
    """How fast, a magnitude; null for as fast as it can."""
    target_soc: int | None = member(1, Nullable(Percent), optional=True)
    """How far; null for as long as it is told to."""
    duration: int | None = member(2, Nullable(ElapsedS.between(maximum=LONGEST)), optional=True)
    """How long; 0 or null until it is told otherwise."""


@struct
class HoldRequest(Struct):
    """Fields of Hold."""

    duration: int | None = member(0, Nullable(ElapsedS.between(maximum=LONGEST)), optional=True)
    """How long; 0 or null until it is told otherwise."""


@struct
class SetReserveRequest(Struct):
    """Fields of SetReserve."""

    percent: int = member(0, Percent)
    """The state of charge that it keeps back."""


class EnergyStorage(Cluster):
    """What a battery says beyond its power, and what it is told to do with its energy."""

    ID = cluster_id(0xFC03)
    REVISION = 1
    NAME = "OresEnergyStorage"
    QUIET_SECONDS = 10.0

    class Feature(IntFlag):
        """Optional parts of the cluster."""

        CTL = 1 << 0
        """Control: it can be told to charge, to discharge and to hold."""
        RSV = 1 << 1
        """Reserve: it can be told what to keep back."""
        HLTH = 1 << 2
        """Health: it says how old it has become."""

    state_of_charge = attribute(0x0000, Nullable(Percent100ths), quality="Q")
    """How full it is; null if it is not known."""
    state_of_health = attribute(0x0001, Nullable(Percent100ths), quality="Q", conformance="HLTH")
    """What it can still hold as a share of what it held when new; null if it is not known."""
    temperature = attribute(0x0002, Nullable(Temperature), quality="Q")
    """How warm it is, in hundredths of a degree Celsius; null if it is not known."""
    mode = attribute(0x0003, Enum(StorageModeEnum))
    """What it is told to do."""
    reserve = attribute(0x0004, Nullable(Percent), conformance="RSV")
    """The state of charge that it keeps back; null if it is not known."""
    charge_power_limit = attribute(0x0005, Nullable(PowerMw.between(0)), quality="Q")
    """The most that it may charge with now, a magnitude; null if it is not known."""
    discharge_power_limit = attribute(0x0006, Nullable(PowerMw.between(0)), quality="Q")
    """The most that it may discharge with now, a magnitude; null if it is not known."""
    capacity = attribute(0x0007, Nullable(EnergyMwh.between(0)))
    """The energy that it holds when full; null if it is not known."""
    available_energy = attribute(0x0008, Nullable(EnergyMwh.between(0)), quality="Q")
    """The energy that can be taken out now; null if it is not known."""
    cycles = attribute(0x0009, Nullable(UInt32), conformance="HLTH")
    """How often its capacity has gone through it; null if it is not known."""
    cell_voltages = attribute(0x000A, Nullable(StructOf(CellVoltagesStruct)), quality="Q", conformance="HLTH")
    """The voltages of its cells; null if they are not known."""
    setpoint = attribute(0x000B, Nullable(StructOf(StorageSetpointStruct)), conformance="CTL")
    """What it is told besides its mode; null if the mode is Auto."""

    charge = command(0x00, ChargeRequest, access="O", conformance="CTL")
    """Charge it, whatever its own logic wants."""
    discharge = command(0x01, DischargeRequest, access="O", conformance="CTL")
    """Discharge it, whatever its own logic wants."""
    hold = command(0x02, HoldRequest, access="O", conformance="CTL")
    """Neither charge nor discharge it."""
    auto = command(0x03, access="O", conformance="CTL")
    """Take back what people told it: it follows its own logic, or the plan."""
    set_reserve = command(0x04, SetReserveRequest, access="O", conformance="RSV")
    """Keep energy back for a time without the grid."""
