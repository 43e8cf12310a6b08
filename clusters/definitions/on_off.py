"""On Off cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import (
    Bitmap,
    Bool,
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


class StartUpOnOffEnum(IntEnum):
    OFF = 0
    ON = 1
    TOGGLE = 2


class EffectIdentifierEnum(IntEnum):
    DELAYED_ALL_OFF = 0
    DYING_LIGHT = 1


@struct
class OffWithEffectRequest(Struct):
    effect_identifier: EffectIdentifierEnum = member(0, Enum(EffectIdentifierEnum))
    effect_variant: int = member(1, UInt8)


class OnOffControlBitmap(IntFlag):
    ACCEPT_ONLY_WHEN_ON = 1 << 0


@struct
class OnWithTimedOffRequest(Struct):
    on_off_control: OnOffControlBitmap = member(0, Bitmap(OnOffControlBitmap))
    on_time: int = member(1, UInt16.between(maximum=65534))
    off_wait_time: int = member(2, UInt16.between(maximum=65534))


class OnOff(Cluster):
    """On Off, cluster 0x0006."""

    ID = 0x0006
    REVISION = 6
    NAME = "OnOff"
    PICS = "OO"

    class Feature(IntFlag):
        LT = 1 << 0  # Lighting
        DF = 1 << 1  # DeadFrontBehavior
        OFFONLY = 1 << 2  # OffOnly

    on_off = attribute(0x0000, Bool, quality="N")
    global_scene_control = attribute(0x4000, Bool, conformance="LT")
    on_time = attribute(0x4001, UInt16, access="RW VO", conformance="LT")
    off_wait_time = attribute(0x4002, UInt16, access="RW VO", conformance="LT")
    start_up_on_off = attribute(
        0x4003, Nullable(Enum(StartUpOnOffEnum)), access="RW VM", quality="N", conformance="LT"
    )

    off = command(0x00)
    on = command(0x01, conformance="!OFFONLY")
    toggle = command(0x02, conformance="!OFFONLY")
    off_with_effect = command(0x40, OffWithEffectRequest, conformance="LT")
    on_with_recall_global_scene = command(0x41, conformance="LT")
    on_with_timed_off = command(0x42, OnWithTimedOffRequest, conformance="LT")
