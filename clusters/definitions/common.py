"""Data types that several clusters share, as Matter 1.4.2 defines them."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from enum import IntEnum

from matter_node.model import (
    Bool,
    Enum,
    Int64,
    ListOf,
    Nullable,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt64,
    Utf8,
    member,
    struct,
)


@struct
class SemanticTagStruct(Struct):
    mfg_code: int | None = member(0, Nullable(UInt16))
    namespace_id: int = member(1, UInt8)
    tag: int = member(2, UInt8)
    label: str | None = member(3, Nullable(Utf8(maximum=64)), optional=True, default=None)


class MeasurementTypeEnum(IntEnum):
    UNSPECIFIED = 0
    VOLTAGE = 1
    ACTIVE_CURRENT = 2
    REACTIVE_CURRENT = 3
    APPARENT_CURRENT = 4
    ACTIVE_POWER = 5
    REACTIVE_POWER = 6
    APPARENT_POWER = 7
    RMS_VOLTAGE = 8
    RMS_CURRENT = 9
    RMS_POWER = 10
    FREQUENCY = 11
    POWER_FACTOR = 12
    NEUTRAL_CURRENT = 13
    ELECTRICAL_ENERGY = 14
    REACTIVE_ENERGY = 15
    APPARENT_ENERGY = 16
    SOIL_MOISTURE = 17


@struct
class MeasurementAccuracyRangeStruct(Struct):
    range_min: int = member(0, Int64.between(-(2**62), 2**62))
    range_max: int = member(1, Int64.between(-(2**62), 2**62))
    percent_max: int | None = member(2, UInt16.between(maximum=10000), optional=True, default=None)
    percent_min: int | None = member(3, UInt16.between(maximum=10000), optional=True, default=None)
    percent_typical: int | None = member(4, UInt16.between(maximum=10000), optional=True, default=None)
    fixed_max: int | None = member(5, UInt64.between(maximum=2**62 - 1), optional=True, default=None)
    fixed_min: int | None = member(6, UInt64, optional=True, default=None)
    fixed_typical: int | None = member(7, UInt64, optional=True, default=None)


@struct
class MeasurementAccuracyStruct(Struct):
    measurement_type: MeasurementTypeEnum = member(0, Enum(MeasurementTypeEnum, 16))
    measured: bool = member(1, Bool)
    min_measured_value: int = member(2, Int64.between(-(2**62), 2**62))
    max_measured_value: int = member(3, Int64.between(-(2**62), 2**62))
    accuracy_ranges: tuple[MeasurementAccuracyRangeStruct, ...] = member(
        4, ListOf(StructOf(MeasurementAccuracyRangeStruct), minimum=1)
    )


class ProductFinishEnum(IntEnum):
    OTHER = 0
    MATTE = 1
    SATIN = 2
    POLISHED = 3
    RUGGED = 4
    FABRIC = 5


class ColorEnum(IntEnum):
    BLACK = 0
    NAVY = 1
    GREEN = 2
    TEAL = 3
    MAROON = 4
    PURPLE = 5
    OLIVE = 6
    GRAY = 7
    BLUE = 8
    LIME = 9
    AQUA = 10
    RED = 11
    FUCHSIA = 12
    YELLOW = 13
    WHITE = 14
    NICKEL = 15
    CHROME = 16
    BRASS = 17
    COPPER = 18
    SILVER = 19
    GOLD = 20


@struct
class ProductAppearanceStruct(Struct):
    finish: ProductFinishEnum = member(0, Enum(ProductFinishEnum))
    primary_color: ColorEnum | None = member(1, Nullable(Enum(ColorEnum)))


@struct
class LabelStruct(Struct):
    label: str = member(0, Utf8(maximum=16))
    value: str = member(1, Utf8(maximum=16))


@struct
class ModeTagStruct(Struct):
    mfg_code: int | None = member(0, UInt16, optional=True, default=None)
    value: int = member(1, UInt16)


@struct
class ModeOptionStruct(Struct):
    label: str = member(0, Utf8(maximum=64))
    mode: int = member(1, UInt8)
    mode_tags: tuple[ModeTagStruct, ...] = member(2, ListOf(StructOf(ModeTagStruct), maximum=8))


class ModeChangeStatus(IntEnum):
    SUCCESS = 0
    UNSUPPORTED_MODE = 1
    GENERIC_FAILURE = 2
    INVALID_IN_MODE = 3
