"""Identify cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from enum import IntEnum

from matter_node.model import Cluster, Enum, Struct, UInt8, UInt16, attribute, command, member, struct


class IdentifyTypeEnum(IntEnum):
    NONE = 0
    LIGHT_OUTPUT = 1
    VISIBLE_INDICATOR = 2
    AUDIBLE_BEEP = 3
    DISPLAY = 4
    ACTUATOR = 5


@struct
class IdentifyRequest(Struct):
    identify_time: int = member(0, UInt16)


class EffectIdentifierEnum(IntEnum):
    BLINK = 0
    BREATHE = 1
    OKAY = 2
    CHANNEL_CHANGE = 11
    FINISH_EFFECT = 254
    STOP_EFFECT = 255


class EffectVariantEnum(IntEnum):
    DEFAULT = 0


@struct
class TriggerEffectRequest(Struct):
    effect_identifier: EffectIdentifierEnum = member(0, Enum(EffectIdentifierEnum))
    effect_variant: int = member(1, UInt8)


class Identify(Cluster):
    """Identify, cluster 0x0003."""

    ID = 0x0003
    REVISION = 6
    NAME = "Identify"
    PICS = "I"

    identify_time = attribute(0x0000, UInt16, access="RW VO", quality="Q")
    identify_type = attribute(0x0001, Enum(IdentifyTypeEnum))

    identify = command(0x00, IdentifyRequest, access="M")
    trigger_effect = command(0x40, TriggerEffectRequest, access="M", conformance="O")
