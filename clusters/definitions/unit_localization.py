"""Unit Localization cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import Cluster, Enum, ListOf, attribute


class TempUnitEnum(IntEnum):
    FAHRENHEIT = 0
    CELSIUS = 1
    KELVIN = 2


class UnitLocalization(Cluster):
    """Unit Localization, cluster 0x002d."""

    ID = 0x002D
    REVISION = 2
    NAME = "UnitLocalization"
    PICS = "LUNIT"

    class Feature(IntFlag):
        TEMP = 1 << 0  # TemperatureUnit

    temperature_unit = attribute(0x0000, Enum(TempUnitEnum), access="RW VM", quality="N", conformance="TEMP")
    supported_temperature_units = attribute(
        0x0001, ListOf(Enum(TempUnitEnum), minimum=2, maximum=3), quality="F", conformance="TEMP"
    )
