"""What a module measures, and how far its word can be trusted.

Matter wants both said of every measurement (Matter Application Clusters 2.1.3.2): a measurement may be off by
a share of its value and by a fixed amount besides. A driver says what its device's vendor or the standard
that the device follows states; where nobody states anything, it says more than any device of the kind is
known to be off, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Quantity(StrEnum):
    """What can be measured. The unit is that of the reading's field."""

    POWER = "power"
    APPARENT_POWER = "apparent_power"
    REACTIVE_POWER = "reactive_power"
    POWER_FACTOR = "power_factor"
    """-1 to 1."""
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    ENERGY = "energy"
    """By the device's own counters."""
    DC_POWER = "dc_power"
    """Of all DC inputs together, or of the battery."""
    DC_VOLTAGE = "dc_voltage"
    DC_CURRENT = "dc_current"
    DC_ENERGY = "dc_energy"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far a measurement may be off: by the sum of the two."""

    percent: float
    """Of the value."""
    fixed: float = 0.0
    """In the quantity's unit; at least the step in which the device tells the value."""
    measured: bool = True
    """False if the device works the value out from something else."""


USUAL: Final[Mapping[Quantity, Accuracy]] = {
    Quantity.POWER: Accuracy(5, 10),
    Quantity.VOLTAGE: Accuracy(2, 1),
    Quantity.CURRENT: Accuracy(5, 0.1),
    Quantity.FREQUENCY: Accuracy(0.5, 0.1),
    Quantity.ENERGY: Accuracy(5, 1000),
}
"""What is taken for true of a module whose driver does not say: one that measures the usual, not well."""
