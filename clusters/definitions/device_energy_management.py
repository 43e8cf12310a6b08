"""Device Energy Management cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    Int8,
    Int32,
    Int64,
    ListOf,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    attribute,
    command,
    event,
    member,
    struct,
)


class ESATypeEnum(IntEnum):
    EVSE = 0
    SPACE_HEATING = 1
    WATER_HEATING = 2
    SPACE_COOLING = 3
    SPACE_HEATING_COOLING = 4
    BATTERY_STORAGE = 5
    SOLAR_PV = 6
    FRIDGE_FREEZER = 7
    WASHING_MACHINE = 8
    DISHWASHER = 9
    COOKING = 10
    HOME_WATER_PUMP = 11
    IRRIGATION_WATER_PUMP = 12
    POOL_PUMP = 13
    OTHER = 255


class ESAStateEnum(IntEnum):
    OFFLINE = 0
    ONLINE = 1
    FAULT = 2
    POWER_ADJUST_ACTIVE = 3
    PAUSED = 4


@struct
class PowerAdjustStruct(Struct):
    min_power: int = member(0, Int64)
    max_power: int = member(1, Int64)
    min_duration: int = member(2, UInt32)
    max_duration: int = member(3, UInt32)


class PowerAdjustReasonEnum(IntEnum):
    NO_ADJUSTMENT = 0
    LOCAL_OPTIMIZATION_ADJUSTMENT = 1
    GRID_OPTIMIZATION_ADJUSTMENT = 2


@struct
class PowerAdjustCapabilityStruct(Struct):
    power_adjust_capability: tuple[PowerAdjustStruct, ...] | None = member(
        0, Nullable(ListOf(StructOf(PowerAdjustStruct), maximum=8))
    )
    cause: PowerAdjustReasonEnum = member(1, Enum(PowerAdjustReasonEnum))


class CostTypeEnum(IntEnum):
    FINANCIAL = 0
    GHG_EMISSIONS = 1
    COMFORT = 2
    TEMPERATURE = 3


@struct
class CostStruct(Struct):
    cost_type: CostTypeEnum = member(0, Enum(CostTypeEnum))
    value: int = member(1, Int32)
    decimal_points: int = member(2, UInt8)
    currency: int | None = member(3, UInt16.between(maximum=999), optional=True, default=None)


@struct
class SlotStruct(Struct):
    min_duration: int = member(0, UInt32)
    max_duration: int = member(1, UInt32)
    default_duration: int = member(2, UInt32)
    elapsed_slot_time: int = member(3, UInt32)
    remaining_slot_time: int = member(4, UInt32)
    slot_is_pausable: bool | None = member(5, Bool, optional=True, default=None)
    min_pause_duration: int | None = member(6, UInt32, optional=True, default=None)
    max_pause_duration: int | None = member(7, UInt32, optional=True, default=None)
    manufacturer_esa_state: int | None = member(8, UInt16, optional=True, default=None)
    nominal_power: int | None = member(9, Int64, optional=True, default=None)
    min_power: int | None = member(10, Int64, optional=True, default=None)
    max_power: int | None = member(11, Int64, optional=True, default=None)
    nominal_energy: int | None = member(12, Int64, optional=True, default=None)
    costs: tuple[CostStruct, ...] | None = member(
        13, ListOf(StructOf(CostStruct), maximum=5), optional=True, default=None
    )
    min_power_adjustment: int | None = member(14, Int64, optional=True, default=None)
    max_power_adjustment: int | None = member(15, Int64, optional=True, default=None)
    min_duration_adjustment: int | None = member(16, UInt32, optional=True, default=None)
    max_duration_adjustment: int | None = member(17, UInt32, optional=True, default=None)


class ForecastUpdateReasonEnum(IntEnum):
    INTERNAL_OPTIMIZATION = 0
    LOCAL_OPTIMIZATION = 1
    GRID_OPTIMIZATION = 2


@struct
class ForecastStruct(Struct):
    forecast_id: int = member(0, UInt32)
    active_slot_number: int | None = member(1, Nullable(UInt16))
    start_time: int = member(2, UInt32)
    end_time: int = member(3, UInt32)
    earliest_start_time: int | None = member(4, Nullable(UInt32), optional=True, default=None)
    latest_end_time: int | None = member(5, UInt32, optional=True, default=None)
    is_pausable: bool = member(6, Bool)
    slots: tuple[SlotStruct, ...] = member(7, ListOf(StructOf(SlotStruct), maximum=10))
    forecast_update_reason: ForecastUpdateReasonEnum = member(8, Enum(ForecastUpdateReasonEnum))


class OptOutStateEnum(IntEnum):
    NO_OPT_OUT = 0
    LOCAL_OPT_OUT = 1
    GRID_OPT_OUT = 2
    OPT_OUT = 3


class AdjustmentCauseEnum(IntEnum):
    LOCAL_OPTIMIZATION = 0
    GRID_OPTIMIZATION = 1


@struct
class PowerAdjustRequest(Struct):
    power: int = member(0, Int64)
    duration: int = member(1, UInt32)
    cause: AdjustmentCauseEnum = member(2, Enum(AdjustmentCauseEnum))


@struct
class StartTimeAdjustRequest(Struct):
    requested_start_time: int = member(0, UInt32)
    cause: AdjustmentCauseEnum = member(1, Enum(AdjustmentCauseEnum))


@struct
class PauseRequest(Struct):
    duration: int = member(0, UInt32)
    cause: AdjustmentCauseEnum = member(1, Enum(AdjustmentCauseEnum))


@struct
class SlotAdjustmentStruct(Struct):
    slot_index: int = member(0, UInt8)
    nominal_power: int | None = member(1, Int64, optional=True, default=None)
    duration: int = member(2, UInt32)


@struct
class ModifyForecastRequest(Struct):
    forecast_id: int = member(0, UInt32)
    slot_adjustments: tuple[SlotAdjustmentStruct, ...] = member(
        1, ListOf(StructOf(SlotAdjustmentStruct), maximum=10)
    )
    cause: AdjustmentCauseEnum = member(2, Enum(AdjustmentCauseEnum))


@struct
class ConstraintsStruct(Struct):
    start_time: int = member(0, UInt32)
    duration: int = member(1, UInt32.between(maximum=86400))
    nominal_power: int | None = member(2, Int64, optional=True, default=None)
    maximum_energy: int | None = member(3, Int64, optional=True, default=None)
    load_control: int | None = member(4, Int8, optional=True, default=None)


@struct
class RequestConstraintBasedForecastRequest(Struct):
    constraints: tuple[ConstraintsStruct, ...] = member(0, ListOf(StructOf(ConstraintsStruct), maximum=10))
    cause: AdjustmentCauseEnum = member(1, Enum(AdjustmentCauseEnum))


class CauseEnum(IntEnum):
    NORMAL_COMPLETION = 0
    OFFLINE = 1
    FAULT = 2
    USER_OPT_OUT = 3
    CANCELLED = 4


@struct
class PowerAdjustEndEvent(Struct):
    cause: CauseEnum = member(0, Enum(CauseEnum))
    duration: int = member(1, UInt32)
    energy_use: int = member(2, Int64)


@struct
class ResumedEvent(Struct):
    cause: CauseEnum = member(0, Enum(CauseEnum))


class DeviceEnergyManagement(Cluster):
    """Device Energy Management, cluster 0x0098."""

    ID = 0x0098
    REVISION = 4
    NAME = "DeviceEnergyManagement"
    PICS = "DEM"

    class Feature(IntFlag):
        PA = 1 << 0  # PowerAdjustment
        PFR = 1 << 1  # PowerForecastReporting
        SFR = 1 << 2  # StateForecastReporting
        STA = 1 << 3  # StartTimeAdjustment
        PAU = 1 << 4  # Pausable
        FA = 1 << 5  # ForecastAdjustment
        CON = 1 << 6  # ConstraintBasedAdjustment

    esa_type = attribute(0x0000, Enum(ESATypeEnum), quality="F")
    esa_can_generate = attribute(0x0001, Bool, quality="F")
    esa_state = attribute(0x0002, Enum(ESAStateEnum))
    abs_min_power = attribute(0x0003, Int64)
    abs_max_power = attribute(0x0004, Int64)
    power_adjustment_capability = attribute(
        0x0005, Nullable(StructOf(PowerAdjustCapabilityStruct)), quality="Q", conformance="PA"
    )
    forecast = attribute(0x0006, Nullable(StructOf(ForecastStruct)), quality="Q", conformance="PFR | SFR")
    opt_out_state = attribute(0x0007, Enum(OptOutStateEnum), conformance="PA | STA | PAU | FA | CON")

    power_adjust_request = command(0x00, PowerAdjustRequest, conformance="PA")
    cancel_power_adjust_request = command(0x01, conformance="PA")
    start_time_adjust_request = command(0x02, StartTimeAdjustRequest, conformance="STA")
    pause_request = command(0x03, PauseRequest, conformance="PAU")
    resume_request = command(0x04, conformance="PAU")
    modify_forecast_request = command(0x05, ModifyForecastRequest, conformance="FA")
    request_constraint_based_forecast = command(
        0x06, RequestConstraintBasedForecastRequest, conformance="CON"
    )
    cancel_request = command(0x07, conformance="STA | FA | CON")

    power_adjust_start = event(0x00, priority=Priority.INFO, conformance="PA")
    power_adjust_end = event(0x01, PowerAdjustEndEvent, priority=Priority.INFO, conformance="PA")
    paused = event(0x02, priority=Priority.INFO, conformance="PAU")
    resumed = event(0x03, ResumedEvent, priority=Priority.INFO, conformance="PAU")
