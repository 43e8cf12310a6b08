"""Microinverter: what a producer of solar power says beyond its power, and how it is held back."""

from enum import IntEnum, IntFlag

from clusters.ores.quantities import (
    LONGEST,
    AmperageMa,
    ElapsedS,
    EnergyMwh,
    EpochS,
    Percent100ths,
    PowerMw,
    VoltageMv,
)
from clusters.ores.vendor import cluster_id
from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Struct,
    StructOf,
    UInt16,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


class InverterStateEnum(IntEnum):
    """What an inverter is doing, in the words of SunSpec's inverter models."""

    UNKNOWN = 0
    """It does not say, or does not answer."""
    OFF = 1
    """It is switched off."""
    SLEEPING = 2
    """It is night, or there is too little light."""
    STARTING = 3
    """It is about to produce."""
    PRODUCING = 4
    """It produces what the light gives."""
    THROTTLED = 5
    """It produces less than the light would give, because of a limit or of heat."""
    STANDBY = 6
    """It is ready and does not produce."""
    STOPPING = 7
    """It is about to switch off."""
    FAULT = 8
    """Something is wrong with it."""


@struct
class DcStringStruct(Struct):
    """One DC input. All values are magnitudes: a string can only produce."""

    name: str = member(0, Utf8(maximum=16))
    """What the device calls it."""
    power: int | None = member(1, Nullable(PowerMw.between(0)))
    """What it produces."""
    voltage: int | None = member(2, Nullable(VoltageMv.between(0)))
    """Its voltage."""
    current: int | None = member(3, Nullable(AmperageMa.between(0)))
    """Its current."""
    energy: int | None = member(4, Nullable(EnergyMwh.between(0)))
    """What it has produced in its life."""


@struct
class SetPowerLimitRequest(Struct):
    """Fields of SetPowerLimit."""

    power: int | None = member(0, Nullable(PowerMw.between(0)), optional=True)
    """The most that it may produce."""
    percent: int | None = member(1, Nullable(Percent100ths), optional=True)
    """The same as a share of RatedPower."""
    duration: int | None = member(2, Nullable(ElapsedS.between(maximum=LONGEST)), optional=True)
    """How long; 0 or null until it is withdrawn."""


@struct
class SetEnabledRequest(Struct):
    """Fields of SetEnabled."""

    enabled: bool = member(0, Bool)
    """Whether it may produce."""


class Microinverter(Cluster):
    """What a producer of solar power says beyond its power, and how it is held back."""

    ID = cluster_id(0xFC02)
    REVISION = 1
    NAME = "OresMicroinverter"
    QUIET_SECONDS = 10.0

    class Feature(IntFlag):
        """Optional parts of the cluster."""

        LIM = 1 << 0
        """PowerLimit: what it produces can be limited."""
        ENA = 1 << 1
        """Enable: it can be switched off and on."""
        STR = 1 << 2
        """DcStrings: it measures its DC inputs one by one."""
        PEER = 1 << 3
        """PeerComparison: it is compared with others like it."""

    state = attribute(0x0000, Enum(InverterStateEnum))
    """What it is doing."""
    rated_power = attribute(0x0001, Nullable(PowerMw.between(0)), quality="F")
    """The most that it can produce, a magnitude; null if it does not say."""
    energy_today = attribute(0x0002, Nullable(EnergyMwh.between(0)), quality="Q")
    """What it has produced since midnight in the home's time zone."""
    energy_lifetime = attribute(0x0003, Nullable(EnergyMwh.between(0)), quality="Q")
    """What it has produced in its life."""
    power_limit = attribute(0x0004, Nullable(PowerMw.between(0)), conformance="LIM")
    """The limit in force, a magnitude; null if there is none or RatedPower is not known."""
    power_limit_percent = attribute(0x0005, Nullable(Percent100ths), conformance="LIM")
    """The limit in force as a share of RatedPower; null if there is none or it is not known."""
    power_limit_end = attribute(0x0006, Nullable(EpochS), conformance="LIM")
    """When the limit ends by itself; null if it does not, or there is none."""
    enabled = attribute(0x0007, Nullable(Bool), conformance="ENA")
    """Whether it may produce; null if it does not answer."""
    dc_strings = attribute(
        0x0008, ListOf(StructOf(DcStringStruct), maximum=12), quality="Q", conformance="STR"
    )
    """Its DC inputs."""
    peer_ratio = attribute(0x0009, Nullable(UInt16), quality="Q", conformance="PEER")
    """What it produces as a share of what others like it produce, in hundredths of a percent; null if it
    cannot be told, for example at night."""

    set_power_limit = command(0x00, SetPowerLimitRequest, access="O", conformance="LIM")
    """Limit what it produces, to a power or to a share; with neither, take back what people set."""
    set_enabled = command(0x01, SetEnabledRequest, access="O", conformance="ENA")
    """Switch it off, or on again."""
