"""Time Format Localization cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import Cluster, Enum, ListOf, attribute


class HourFormatEnum(IntEnum):
    FORMAT_12_HR = 0
    FORMAT_24_HR = 1
    USE_ACTIVE_LOCALE = 255


class CalendarTypeEnum(IntEnum):
    BUDDHIST = 0
    CHINESE = 1
    COPTIC = 2
    ETHIOPIAN = 3
    GREGORIAN = 4
    HEBREW = 5
    INDIAN = 6
    ISLAMIC = 7
    JAPANESE = 8
    KOREAN = 9
    PERSIAN = 10
    TAIWANESE = 11
    USE_ACTIVE_LOCALE = 255


class TimeFormatLocalization(Cluster):
    """Time Format Localization, cluster 0x002c."""

    ID = 0x002C
    REVISION = 1
    NAME = "TimeFormatLocalization"
    PICS = "LTIME"

    class Feature(IntFlag):
        CALFMT = 1 << 0  # CalendarFormat

    hour_format = attribute(0x0000, Enum(HourFormatEnum), access="RW VM", quality="N")
    active_calendar_type = attribute(
        0x0001, Enum(CalendarTypeEnum), access="RW VM", quality="N", conformance="CALFMT"
    )
    supported_calendar_types = attribute(
        0x0002, ListOf(Enum(CalendarTypeEnum)), quality="F", conformance="CALFMT"
    )
