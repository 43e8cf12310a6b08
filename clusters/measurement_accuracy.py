"""How well something is measured, as Matter says it (Matter Application Clusters 2.1.3).

What is reported may be off by PercentMax of the true value and FixedMax added up.

The range of a measurement is what an instrument in a home could ever read, not what its device is rated for:
a rating is a setting in some devices and wrong in others, and the range of a running server cannot change. A
value beyond it was garbled on its way, and is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from clusters.definitions.common import (
    MeasurementAccuracyRangeStruct,
    MeasurementAccuracyStruct,
    MeasurementTypeEnum,
)

MOST_POWER: Final = 1_000_000_000
"""mW: what no home's connection carries."""
MOST_VOLTAGE: Final = 2_000_000
"""mV: more than low voltage, which ends at 1500 V of direct current."""
MOST_CURRENT: Final = 10_000_000
"""mA: the sum of three phases at any such power."""
MOST_ENERGY: Final = 2**62
"""mWh: the largest that Matter can say."""

_KIND = MeasurementTypeEnum
_RANGES: Final = {
    _KIND.VOLTAGE: (0, MOST_VOLTAGE),
    _KIND.ACTIVE_CURRENT: (-MOST_CURRENT, MOST_CURRENT),
    _KIND.ACTIVE_POWER: (-MOST_POWER, MOST_POWER),
    _KIND.REACTIVE_POWER: (-MOST_POWER, MOST_POWER),
    _KIND.APPARENT_POWER: (-MOST_POWER, MOST_POWER),
    _KIND.RMS_VOLTAGE: (0, MOST_VOLTAGE),
    _KIND.RMS_CURRENT: (0, MOST_CURRENT),
    _KIND.FREQUENCY: (0, 1_000_000),
    _KIND.POWER_FACTOR: (-10_000, 10_000),
    _KIND.ELECTRICAL_ENERGY: (0, MOST_ENERGY),
}
_ALL: Final = 100
"""Percent."""
_MOST_FIXED: Final = 2**62 - 1


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far a measurement may be off: by the sum of the two.

    :ivar percent: of the value
    :ivar fixed: in the measurement's unit, which is Matter's
    :ivar measured: False if it is worked out from something else
    """

    percent: float
    fixed: float = 0.0
    measured: bool = True


@cache
def accuracy_struct(kind: MeasurementTypeEnum, accuracy: Accuracy) -> MeasurementAccuracyStruct:
    """Return the accuracy of a measurement that is equally good in its whole range."""
    low, high = _RANGES[kind]
    fixed = round(accuracy.fixed) if accuracy.fixed < _MOST_FIXED else _MOST_FIXED
    percent = round(accuracy.percent * 100) if accuracy.percent < _ALL else _ALL * 100
    return MeasurementAccuracyStruct(
        measurement_type=kind,
        measured=accuracy.measured,
        min_measured_value=low,
        max_measured_value=high,
        accuracy_ranges=(
            MeasurementAccuracyRangeStruct(
                range_min=low,
                range_max=high,
                percent_max=percent,
                fixed_max=fixed or None,
            ),
        ),
    )


def within(kind: MeasurementTypeEnum, value: int | None) -> int | None:
    """Return a value that can be a measurement of this kind, None for any other."""
    low, high = _RANGES[kind]
    return value if value is not None and low <= value <= high else None
