"""Energy Evse cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bitmap,
    Cluster,
    Enum,
    Int64,
    ListOf,
    Nullable,
    Octets,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


class StateEnum(IntEnum):
    NOT_PLUGGED_IN = 0
    PLUGGED_IN_NO_DEMAND = 1
    PLUGGED_IN_DEMAND = 2
    PLUGGED_IN_CHARGING = 3
    PLUGGED_IN_DISCHARGING = 4
    SESSION_ENDING = 5
    FAULT = 6


class SupplyStateEnum(IntEnum):
    DISABLED = 0
    CHARGING_ENABLED = 1
    DISCHARGING_ENABLED = 2
    DISABLED_ERROR = 3
    DISABLED_DIAGNOSTICS = 4
    ENABLED = 5


class FaultStateEnum(IntEnum):
    NO_ERROR = 0
    METER_FAILURE = 1
    OVER_VOLTAGE = 2
    UNDER_VOLTAGE = 3
    OVER_CURRENT = 4
    CONTACT_WET_FAILURE = 5
    CONTACT_DRY_FAILURE = 6
    GROUND_FAULT = 7
    POWER_LOSS = 8
    POWER_QUALITY = 9
    PILOT_SHORT_CIRCUIT = 10
    EMERGENCY_STOP = 11
    EV_DISCONNECTED = 12
    WRONG_POWER_SUPPLY = 13
    LIVE_NEUTRAL_SWAP = 14
    OVER_TEMPERATURE = 15
    OTHER = 255


@struct
class EnableChargingRequest(Struct):
    charging_enabled_until: int | None = member(0, Nullable(UInt32))
    minimum_charge_current: int = member(1, Int64.between(0))
    maximum_charge_current: int = member(2, Int64.between(0))


@struct
class EnableDischargingRequest(Struct):
    discharging_enabled_until: int | None = member(0, Nullable(UInt32))
    maximum_discharge_current: int = member(1, Int64.between(0))


class TargetDayOfWeekBitmap(IntFlag):
    SUNDAY = 1 << 0
    MONDAY = 1 << 1
    TUESDAY = 1 << 2
    WEDNESDAY = 1 << 3
    THURSDAY = 1 << 4
    FRIDAY = 1 << 5
    SATURDAY = 1 << 6


@struct
class ChargingTargetStruct(Struct):
    target_time_minutes_past_midnight: int = member(0, UInt16.between(maximum=1439))
    target_soc: int | None = member(1, UInt8.between(maximum=100), optional=True, default=None)
    added_energy: int | None = member(2, Int64.between(0), optional=True, default=None)


@struct
class ChargingTargetScheduleStruct(Struct):
    day_of_week_for_sequence: TargetDayOfWeekBitmap = member(0, Bitmap(TargetDayOfWeekBitmap))
    charging_targets: tuple[ChargingTargetStruct, ...] = member(
        1, ListOf(StructOf(ChargingTargetStruct), maximum=10)
    )


@struct
class SetTargetsRequest(Struct):
    charging_target_schedules: tuple[ChargingTargetScheduleStruct, ...] = member(
        0, ListOf(StructOf(ChargingTargetScheduleStruct), maximum=7)
    )


@struct
class GetTargetsResponse(Struct):
    charging_target_schedules: tuple[ChargingTargetScheduleStruct, ...] = member(
        0, ListOf(StructOf(ChargingTargetScheduleStruct), maximum=7)
    )


@struct
class EvConnectedEvent(Struct):
    session_id: int = member(0, UInt32)


@struct
class EvNotDetectedEvent(Struct):
    session_id: int = member(0, UInt32)
    state: StateEnum = member(1, Enum(StateEnum))
    session_duration: int = member(2, UInt32)
    session_energy_charged: int = member(3, Int64.between(0))
    session_energy_discharged: int | None = member(4, Int64.between(0), optional=True, default=None)


@struct
class EnergyTransferStartedEvent(Struct):
    session_id: int = member(0, UInt32)
    state: StateEnum = member(1, Enum(StateEnum))
    maximum_current: int = member(2, Int64.between(0))
    maximum_discharge_current: int | None = member(3, Int64.between(0), optional=True, default=None)


class EnergyTransferStoppedReasonEnum(IntEnum):
    EV_STOPPED = 0
    EVSE_STOPPED = 1
    OTHER = 2


@struct
class EnergyTransferStoppedEvent(Struct):
    session_id: int = member(0, UInt32)
    state: StateEnum = member(1, Enum(StateEnum))
    reason: EnergyTransferStoppedReasonEnum = member(2, Enum(EnergyTransferStoppedReasonEnum))
    energy_transferred: int = member(4, Int64.between(0))
    energy_discharged: int | None = member(5, Int64.between(0), optional=True, default=None)


@struct
class FaultEvent(Struct):
    session_id: int | None = member(0, Nullable(UInt32))
    state: StateEnum = member(1, Enum(StateEnum))
    fault_state_previous_state: FaultStateEnum = member(2, Enum(FaultStateEnum))
    fault_state_current_state: FaultStateEnum = member(4, Enum(FaultStateEnum))


@struct
class RfidEvent(Struct):
    uid: bytes = member(0, Octets(maximum=10))


class EnergyEvse(Cluster):
    """Energy Evse, cluster 0x0099."""

    ID = 0x0099
    REVISION = 3
    NAME = "EnergyEvse"
    PICS = "EEVSE"

    class Feature(IntFlag):
        PREF = 1 << 0  # ChargingPreferences
        SOC = 1 << 1  # SoCReporting
        PNC = 1 << 2  # PlugAndCharge
        RFID = 1 << 3  # Rfid
        V2X = 1 << 4  # V2X

    state = attribute(0x0000, Nullable(Enum(StateEnum)))
    supply_state = attribute(0x0001, Enum(SupplyStateEnum))
    fault_state = attribute(0x0002, Enum(FaultStateEnum))
    charging_enabled_until = attribute(0x0003, Nullable(UInt32), quality="N")
    discharging_enabled_until = attribute(0x0004, Nullable(UInt32), quality="N", conformance="V2X")
    circuit_capacity = attribute(0x0005, Int64.between(0), quality="N")
    minimum_charge_current = attribute(0x0006, Int64.between(0), quality="N")
    maximum_charge_current = attribute(0x0007, Int64.between(0), quality="N")
    maximum_discharge_current = attribute(0x0008, Int64.between(0), quality="N", conformance="V2X")
    user_maximum_charge_current = attribute(0x0009, Int64, access="RW VM", quality="N", conformance="O")
    randomization_delay_window = attribute(
        0x000A, UInt32.between(maximum=86400), access="RW VM", quality="N", conformance="O"
    )
    next_charge_start_time = attribute(0x0023, Nullable(UInt32), conformance="PREF")
    next_charge_target_time = attribute(0x0024, Nullable(UInt32), conformance="PREF")
    next_charge_required_energy = attribute(0x0025, Nullable(Int64.between(0)), conformance="PREF")
    next_charge_target_soc = attribute(0x0026, Nullable(UInt8.between(maximum=100)), conformance="PREF")
    approximate_ev_efficiency = attribute(
        0x0027, Nullable(UInt16), access="RW VM", quality="N", conformance="[PREF]"
    )
    state_of_charge = attribute(0x0030, Nullable(UInt8.between(maximum=100)), conformance="SOC")
    battery_capacity = attribute(0x0031, Nullable(Int64.between(0)), conformance="SOC")
    vehicle_id = attribute(0x0032, Nullable(Utf8(maximum=32)), conformance="PNC")
    session_id = attribute(0x0040, Nullable(UInt32), quality="N")
    session_duration = attribute(0x0041, Nullable(UInt32), quality="N Q")
    session_energy_charged = attribute(0x0042, Nullable(Int64.between(0)), quality="N Q")
    session_energy_discharged = attribute(
        0x0043, Nullable(Int64.between(0)), quality="N Q", conformance="V2X"
    )

    disable = command(0x01, access="O T")
    enable_charging = command(0x02, EnableChargingRequest, access="O T")
    enable_discharging = command(0x03, EnableDischargingRequest, access="O T", conformance="V2X")
    start_diagnostics = command(0x04, access="O T", conformance="O")
    set_targets = command(0x05, SetTargetsRequest, access="O T", conformance="PREF")
    get_targets = command(0x06, None, GetTargetsResponse, response_id=0x00, access="O T", conformance="PREF")
    clear_targets = command(0x07, access="O T", conformance="PREF")

    ev_connected = event(0x00, EvConnectedEvent, priority=Priority.INFO)
    ev_not_detected = event(0x01, EvNotDetectedEvent, priority=Priority.INFO)
    energy_transfer_started = event(0x02, EnergyTransferStartedEvent, priority=Priority.INFO)
    energy_transfer_stopped = event(0x03, EnergyTransferStoppedEvent, priority=Priority.INFO)
    fault = event(0x04, FaultEvent, priority=Priority.CRITICAL)
    rfid = event(0x05, RfidEvent, priority=Priority.INFO, conformance="[RFID]")
