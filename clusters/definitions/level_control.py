"""Level Control cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bitmap,
    Cluster,
    Enum,
    Nullable,
    Struct,
    UInt8,
    UInt16,
    attribute,
    command,
    member,
    struct,
)


class OptionsBitmap(IntFlag):
    EXECUTE_IF_OFF = 1 << 0
    COUPLE_COLOR_TEMP_TO_LEVEL = 1 << 1


@struct
class MoveToLevelRequest(Struct):
    level: int = member(0, UInt8.between(maximum=254))
    transition_time: int | None = member(1, Nullable(UInt16))
    options_mask: OptionsBitmap = member(2, Bitmap(OptionsBitmap))
    options_override: OptionsBitmap = member(3, Bitmap(OptionsBitmap))


class MoveModeEnum(IntEnum):
    UP = 0
    DOWN = 1


@struct
class MoveRequest(Struct):
    move_mode: MoveModeEnum = member(0, Enum(MoveModeEnum))
    rate: int | None = member(1, Nullable(UInt8))
    options_mask: OptionsBitmap = member(2, Bitmap(OptionsBitmap))
    options_override: OptionsBitmap = member(3, Bitmap(OptionsBitmap))


class StepModeEnum(IntEnum):
    UP = 0
    DOWN = 1


@struct
class StepRequest(Struct):
    step_mode: StepModeEnum = member(0, Enum(StepModeEnum))
    step_size: int = member(1, UInt8)
    transition_time: int | None = member(2, Nullable(UInt16))
    options_mask: OptionsBitmap = member(3, Bitmap(OptionsBitmap))
    options_override: OptionsBitmap = member(4, Bitmap(OptionsBitmap))


@struct
class StopRequest(Struct):
    options_mask: OptionsBitmap = member(0, Bitmap(OptionsBitmap))
    options_override: OptionsBitmap = member(1, Bitmap(OptionsBitmap))


@struct
class MoveToClosestFrequencyRequest(Struct):
    frequency: int = member(0, UInt16)


class LevelControl(Cluster):
    """Level Control, cluster 0x0008."""

    ID = 0x0008
    REVISION = 6
    NAME = "LevelControl"
    PICS = "LVL"

    class Feature(IntFlag):
        OO = 1 << 0  # OnOff
        LT = 1 << 1  # Lighting
        FQ = 1 << 2  # Frequency

    current_level = attribute(0x0000, Nullable(UInt8), quality="N Q")
    remaining_time = attribute(0x0001, UInt16, quality="Q", conformance="LT")
    min_level = attribute(0x0002, UInt8.between(maximum=254), conformance="[LT], [!LT]")
    max_level = attribute(0x0003, UInt8.between(maximum=254), conformance="O")
    current_frequency = attribute(0x0004, UInt16, quality="Q", conformance="FQ")
    min_frequency = attribute(0x0005, UInt16, conformance="FQ")
    max_frequency = attribute(0x0006, UInt16, conformance="FQ")
    options = attribute(0x000F, Bitmap(OptionsBitmap), access="RW VO")
    on_off_transition_time = attribute(0x0010, UInt16, access="RW VO", conformance="O")
    on_level = attribute(0x0011, Nullable(UInt8), access="RW VO")
    on_transition_time = attribute(0x0012, Nullable(UInt16), access="RW VO", conformance="O")
    off_transition_time = attribute(0x0013, Nullable(UInt16), access="RW VO", conformance="O")
    default_move_rate = attribute(0x0014, Nullable(UInt8.between(1)), access="RW VO", conformance="O")
    start_up_current_level = attribute(0x4000, Nullable(UInt8), access="RW VM", quality="N", conformance="LT")

    move_to_level = command(0x00, MoveToLevelRequest)
    move = command(0x01, MoveRequest)
    step = command(0x02, StepRequest)
    stop = command(0x03, StopRequest)
    move_to_level_with_on_off = command(0x04, MoveToLevelRequest)
    move_with_on_off = command(0x05, MoveRequest)
    step_with_on_off = command(0x06, StepRequest)
    stop_with_on_off = command(0x07, StopRequest)
    move_to_closest_frequency = command(0x08, MoveToClosestFrequencyRequest, conformance="FQ")
