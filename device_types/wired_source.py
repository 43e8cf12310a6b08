"""The mains as a power source of a device (Matter Core 11.7), as far as the device knows it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from clusters.definitions.common import MeasurementTypeEnum
from clusters.power_source import WiredPowerSourceServer
from device_types.milli import milli_unsigned

if TYPE_CHECKING:
    from device_types.electrical_sensor import ElectricalRating, ElectricalReading

_ASSESSED = {
    "voltage": MeasurementTypeEnum.VOLTAGE,
    "frequency": MeasurementTypeEnum.FREQUENCY,
    "current": MeasurementTypeEnum.RMS_CURRENT,
}
_HIGHEST_HZ = 1000.0


def wired_source(description: str, rating: ElectricalRating) -> WiredPowerSourceServer:
    """Return the source that a device with this rating is wired to."""
    return WiredPowerSourceServer(
        description,
        nominal_voltage=_label(rating.voltage_v),
        maximum_current=_label(rating.current_a),
        assesses=[name for name, kind in _ASSESSED.items() if kind in rating.accuracies],
    )


def assess(source: WiredPowerSourceServer, reading: ElectricalReading) -> None:
    """Show what a reading tells of the source; a device that gives power away draws no current."""
    current = reading.current_a
    if current is not None:
        current = abs(current) if (reading.power_w or 0.0) > 0 else 0.0
    frequency = reading.frequency_hz
    known = frequency is not None and 0 <= frequency <= _HIGHEST_HZ
    source.assess(
        voltage=milli_unsigned(reading.voltage_v),
        frequency=round(frequency) if known and frequency is not None else None,
        current=milli_unsigned(current),
    )


def _label(value: float | None) -> int | None:
    """Return what a label says in thousandths, None for what none would say."""
    return milli_unsigned(value) if value is not None and math.isfinite(value) and value > 0 else None
