"""Energy Preference cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import Cluster, Enum, ListOf, Struct, StructOf, UInt8, Utf8, attribute, member, struct


@struct
class BalanceStruct(Struct):
    step: int = member(0, UInt8.between(maximum=100))
    label: str | None = member(1, Utf8(maximum=64), optional=True, default=None)


class EnergyPriorityEnum(IntEnum):
    COMFORT = 0
    SPEED = 1
    EFFICIENCY = 2
    WATER_CONSUMPTION = 3


class EnergyPreference(Cluster):
    """Energy Preference, cluster 0x009b."""

    ID = 0x009B
    REVISION = 1
    NAME = "EnergyPreference"
    PICS = "EPREF"

    class Feature(IntFlag):
        BALA = 1 << 0  # EnergyBalance
        LPMS = 1 << 1  # LowPowerModeSensitivity

    energy_balances = attribute(
        0x0000, ListOf(StructOf(BalanceStruct), minimum=2, maximum=10), quality="F", conformance="BALA"
    )
    current_energy_balance = attribute(0x0001, UInt8, access="RW VO", quality="N", conformance="BALA")
    energy_priorities = attribute(
        0x0002, ListOf(Enum(EnergyPriorityEnum), minimum=2, maximum=2), quality="F", conformance="BALA"
    )
    low_power_mode_sensitivities = attribute(
        0x0003, ListOf(StructOf(BalanceStruct), minimum=2, maximum=10), quality="F", conformance="LPMS"
    )
    current_low_power_mode_sensitivity = attribute(
        0x0004, UInt8, access="RW VO", quality="N", conformance="LPMS"
    )
