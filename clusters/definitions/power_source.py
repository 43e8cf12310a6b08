"""Power Source cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Priority,
    Struct,
    UInt8,
    UInt16,
    UInt32,
    Utf8,
    attribute,
    event,
    member,
    struct,
)


class PowerSourceStatusEnum(IntEnum):
    UNSPECIFIED = 0
    ACTIVE = 1
    STANDBY = 2
    UNAVAILABLE = 3


class WiredCurrentTypeEnum(IntEnum):
    AC = 0
    DC = 1


class WiredFaultEnum(IntEnum):
    UNSPECIFIED = 0
    OVER_VOLTAGE = 1
    UNDER_VOLTAGE = 2


class BatChargeLevelEnum(IntEnum):
    OK = 0
    WARNING = 1
    CRITICAL = 2


class BatReplaceabilityEnum(IntEnum):
    UNSPECIFIED = 0
    NOT_REPLACEABLE = 1
    USER_REPLACEABLE = 2
    FACTORY_REPLACEABLE = 3


class BatFaultEnum(IntEnum):
    UNSPECIFIED = 0
    OVER_TEMP = 1
    UNDER_TEMP = 2


class BatCommonDesignationEnum(IntEnum):
    UNSPECIFIED = 0
    AAA = 1
    AA = 2
    C = 3
    D = 4
    DESIGNATION_4V5 = 5
    DESIGNATION_6V0 = 6
    DESIGNATION_9V0 = 7
    DESIGNATION_12_AA = 8
    AAAA = 9
    A = 10
    B = 11
    F = 12
    N = 13
    NO6 = 14
    SUB_C = 15
    A23 = 16
    A27 = 17
    BA5800 = 18
    DUPLEX = 19
    DESIGNATION_4_SR44 = 20
    DESIGNATION_523 = 21
    DESIGNATION_531 = 22
    DESIGNATION_15V0 = 23
    DESIGNATION_22V5 = 24
    DESIGNATION_30V0 = 25
    DESIGNATION_45V0 = 26
    DESIGNATION_67V5 = 27
    J = 28
    CR_123A = 29
    CR2 = 30
    DESIGNATION_2_CR5 = 31
    CR_P2 = 32
    CR_V3 = 33
    SR41 = 34
    SR43 = 35
    SR44 = 36
    SR45 = 37
    SR48 = 38
    SR54 = 39
    SR55 = 40
    SR57 = 41
    SR58 = 42
    SR59 = 43
    SR60 = 44
    SR63 = 45
    SR64 = 46
    SR65 = 47
    SR66 = 48
    SR67 = 49
    SR68 = 50
    SR69 = 51
    SR516 = 52
    SR731 = 53
    SR712 = 54
    LR932 = 55
    A5 = 56
    A10 = 57
    A13 = 58
    A312 = 59
    A675 = 60
    AC_41E = 61
    DESIGNATION_10180 = 62
    DESIGNATION_10280 = 63
    DESIGNATION_10440 = 64
    DESIGNATION_14250 = 65
    DESIGNATION_14430 = 66
    DESIGNATION_14500 = 67
    DESIGNATION_14650 = 68
    DESIGNATION_15270 = 69
    DESIGNATION_16340 = 70
    RCR_123A = 71
    DESIGNATION_17500 = 72
    DESIGNATION_17670 = 73
    DESIGNATION_18350 = 74
    DESIGNATION_18500 = 75
    DESIGNATION_18650 = 76
    DESIGNATION_19670 = 77
    DESIGNATION_25500 = 78
    DESIGNATION_26650 = 79
    DESIGNATION_32600 = 80


class BatApprovedChemistryEnum(IntEnum):
    UNSPECIFIED = 0
    ALKALINE = 1
    LITHIUM_CARBON_FLUORIDE = 2
    LITHIUM_CHROMIUM_OXIDE = 3
    LITHIUM_COPPER_OXIDE = 4
    LITHIUM_IRON_DISULFIDE = 5
    LITHIUM_MANGANESE_DIOXIDE = 6
    LITHIUM_THIONYL_CHLORIDE = 7
    MAGNESIUM = 8
    MERCURY_OXIDE = 9
    NICKEL_OXYHYDRIDE = 10
    SILVER_OXIDE = 11
    ZINC_AIR = 12
    ZINC_CARBON = 13
    ZINC_CHLORIDE = 14
    ZINC_MANGANESE_DIOXIDE = 15
    LEAD_ACID = 16
    LITHIUM_COBALT_OXIDE = 17
    LITHIUM_ION = 18
    LITHIUM_ION_POLYMER = 19
    LITHIUM_IRON_PHOSPHATE = 20
    LITHIUM_SULFUR = 21
    LITHIUM_TITANATE = 22
    NICKEL_CADMIUM = 23
    NICKEL_HYDROGEN = 24
    NICKEL_IRON = 25
    NICKEL_METAL_HYDRIDE = 26
    NICKEL_ZINC = 27
    SILVER_ZINC = 28
    SODIUM_ION = 29
    SODIUM_SULFUR = 30
    ZINC_BROMIDE = 31
    ZINC_CERIUM = 32


class BatChargeStateEnum(IntEnum):
    UNKNOWN = 0
    IS_CHARGING = 1
    IS_AT_FULL_CHARGE = 2
    IS_NOT_CHARGING = 3


class BatChargeFaultEnum(IntEnum):
    UNSPECIFIED = 0
    AMBIENT_TOO_HOT = 1
    AMBIENT_TOO_COLD = 2
    BATTERY_TOO_HOT = 3
    BATTERY_TOO_COLD = 4
    BATTERY_ABSENT = 5
    BATTERY_OVER_VOLTAGE = 6
    BATTERY_UNDER_VOLTAGE = 7
    CHARGER_OVER_VOLTAGE = 8
    CHARGER_UNDER_VOLTAGE = 9
    SAFETY_TIMEOUT = 10


@struct
class WiredFaultChangeEvent(Struct):
    current: tuple[WiredFaultEnum, ...] = member(0, ListOf(Enum(WiredFaultEnum), maximum=8))
    previous: tuple[WiredFaultEnum, ...] = member(1, ListOf(Enum(WiredFaultEnum), maximum=8))


@struct
class BatFaultChangeEvent(Struct):
    current: tuple[BatFaultEnum, ...] = member(0, ListOf(Enum(BatFaultEnum), maximum=8))
    previous: tuple[BatFaultEnum, ...] = member(1, ListOf(Enum(BatFaultEnum), maximum=8))


@struct
class BatChargeFaultChangeEvent(Struct):
    current: tuple[BatChargeFaultEnum, ...] = member(0, ListOf(Enum(BatChargeFaultEnum), maximum=16))
    previous: tuple[BatChargeFaultEnum, ...] = member(1, ListOf(Enum(BatChargeFaultEnum), maximum=16))


class PowerSource(Cluster):
    """Power Source, cluster 0x002f."""

    ID = 0x002F
    REVISION = 3
    NAME = "PowerSource"
    PICS = "PS"

    class Feature(IntFlag):
        WIRED = 1 << 0  # Wired
        BAT = 1 << 1  # Battery
        RECHG = 1 << 2  # Rechargeable
        REPLC = 1 << 3  # Replaceable

    status = attribute(0x0000, Enum(PowerSourceStatusEnum))
    order = attribute(0x0001, UInt8, quality="N")
    description = attribute(0x0002, Utf8(maximum=60), quality="F")
    wired_assessed_input_voltage = attribute(0x0003, Nullable(UInt32), quality="C", conformance="[WIRED]")
    wired_assessed_input_frequency = attribute(0x0004, Nullable(UInt16), quality="C", conformance="[WIRED]")
    wired_current_type = attribute(0x0005, Enum(WiredCurrentTypeEnum), quality="F", conformance="WIRED")
    wired_assessed_current = attribute(0x0006, Nullable(UInt32), quality="C", conformance="[WIRED]")
    wired_nominal_voltage = attribute(0x0007, UInt32, quality="F", conformance="[WIRED]")
    wired_maximum_current = attribute(0x0008, UInt32, quality="F", conformance="[WIRED]")
    wired_present = attribute(0x0009, Bool, conformance="[WIRED]")
    active_wired_faults = attribute(0x000A, ListOf(Enum(WiredFaultEnum), maximum=8), conformance="[WIRED]")
    bat_voltage = attribute(0x000B, Nullable(UInt32), quality="C", conformance="[BAT]")
    bat_percent_remaining = attribute(
        0x000C, Nullable(UInt8.between(maximum=200)), quality="Q", conformance="[BAT]"
    )
    bat_time_remaining = attribute(0x000D, Nullable(UInt32), quality="Q", conformance="[BAT]")
    bat_charge_level = attribute(0x000E, Enum(BatChargeLevelEnum), conformance="BAT")
    bat_replacement_needed = attribute(0x000F, Bool, conformance="BAT")
    bat_replaceability = attribute(0x0010, Enum(BatReplaceabilityEnum), quality="F", conformance="BAT")
    bat_present = attribute(0x0011, Bool, conformance="[BAT]")
    active_bat_faults = attribute(0x0012, ListOf(Enum(BatFaultEnum), maximum=8), conformance="[BAT]")
    bat_replacement_description = attribute(0x0013, Utf8(maximum=60), quality="F", conformance="REPLC")
    bat_common_designation = attribute(
        0x0014, Enum(BatCommonDesignationEnum, 16), quality="F", conformance="[REPLC]"
    )
    bat_ansi_designation = attribute(0x0015, Utf8(maximum=20), quality="F", conformance="[REPLC]")
    bat_iec_designation = attribute(0x0016, Utf8(maximum=20), quality="F", conformance="[REPLC]")
    bat_approved_chemistry = attribute(
        0x0017, Enum(BatApprovedChemistryEnum, 16), quality="F", conformance="[REPLC]"
    )
    bat_capacity = attribute(0x0018, UInt32, quality="F", conformance="[REPLC | RECHG]")
    bat_quantity = attribute(0x0019, UInt8, quality="F", conformance="REPLC")
    bat_charge_state = attribute(0x001A, Enum(BatChargeStateEnum), conformance="RECHG")
    bat_time_to_full_charge = attribute(0x001B, Nullable(UInt32), quality="Q", conformance="[RECHG]")
    bat_functional_while_charging = attribute(0x001C, Bool, conformance="RECHG")
    bat_charging_current = attribute(0x001D, Nullable(UInt32), quality="C", conformance="[RECHG]")
    active_bat_charge_faults = attribute(
        0x001E, ListOf(Enum(BatChargeFaultEnum), maximum=16), conformance="[RECHG]"
    )
    endpoint_list = attribute(0x001F, ListOf(UInt16))

    wired_fault_change = event(0x00, WiredFaultChangeEvent, priority=Priority.INFO, conformance="[WIRED]")
    bat_fault_change = event(0x01, BatFaultChangeEvent, priority=Priority.INFO, conformance="[BAT]")
    bat_charge_fault_change = event(
        0x02, BatChargeFaultChangeEvent, priority=Priority.INFO, conformance="[RECHG]"
    )
