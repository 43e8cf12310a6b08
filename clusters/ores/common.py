"""Data types that several of the project's clusters share."""

from enum import IntEnum


class ModuleKindEnum(IntEnum):
    """What a module does for the home."""

    OTHER = 0
    """Something else."""
    MICROINVERTER = 1
    """It produces power from solar panels."""
    BATTERY = 2
    """It stores energy."""
    METER = 3
    """It measures the power between the home and the grid."""
    LOAD = 4
    """It uses power, and can perhaps be switched."""
    EVSE = 5
    """It charges an electric vehicle."""


class OperatingModeEnum(IntEnum):
    """How a module works together with the rest of the home."""

    AUTONOMOUS = 0
    """It follows its own logic, and the hub watches."""
    FEDERATED = 1
    """It follows the plan that the hub makes for the whole home."""
    ISLAND = 2
    """It supplies the home without the grid."""


class RegistrationChangeEnum(IntEnum):
    """What became of a module's place in the home."""

    ADDED = 0
    """It was registered."""
    UPDATED = 1
    """Its name, its address or what it can do is another."""
    REMOVED = 2
    """It was taken out, and its endpoint goes."""
