"""Power, voltage and current: the Electrical Power Measurement cluster (Matter Application Clusters 2.13)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.deadband import Deadband, Deadbands
from clusters.definitions.common import (
    MeasurementAccuracyRangeStruct,
    MeasurementAccuracyStruct,
    MeasurementTypeEnum,
)
from clusters.definitions.electrical_power_measurement import ElectricalPowerMeasurement, PowerModeEnum

if TYPE_CHECKING:
    from matter_node.model import Attribute, Urgency

DEFAULT_PERCENT = 1.0
"""Accuracy of what an inverter or a meter measures, if nothing better is known."""
_BANDS = {
    ElectricalPowerMeasurement.voltage.id: Deadband(1000, 0.01),
    ElectricalPowerMeasurement.active_current.id: Deadband(50, 0.01),
    ElectricalPowerMeasurement.active_power.id: Deadband(5000, 0.01),
    ElectricalPowerMeasurement.frequency.id: Deadband(100),
}
_MEASURED = {
    "voltage": MeasurementTypeEnum.VOLTAGE,
    "active_current": MeasurementTypeEnum.ACTIVE_CURRENT,
    "active_power": MeasurementTypeEnum.ACTIVE_POWER,
    "frequency": MeasurementTypeEnum.FREQUENCY,
}
_FREQUENCY_RANGE = (0, 1_000_000)


@dataclass(frozen=True, slots=True)
class PowerValues:
    """What is measured at one instant; None for what is not known.

    :ivar active_power: mW, positive into the device
    :ivar voltage: mV
    :ivar active_current: mA, positive into the device
    :ivar frequency: mHz
    """

    active_power: int | None = None
    voltage: int | None = None
    active_current: int | None = None
    frequency: int | None = None


@cache
def accuracy(
    kind: MeasurementTypeEnum,
    low: int,
    high: int,
    percent: float = DEFAULT_PERCENT,
    *,
    measured: bool = True,
) -> MeasurementAccuracyStruct:
    """Return the accuracy of a measurement that is equally good in its whole range.

    :param percent: of the value
    :param measured: False if it is worked out from something else
    """
    return MeasurementAccuracyStruct(
        measurement_type=kind,
        measured=measured,
        min_measured_value=low,
        max_measured_value=high,
        accuracy_ranges=(
            MeasurementAccuracyRangeStruct(range_min=low, range_max=high, percent_max=round(percent * 100)),
        ),
    )


@cache
def accuracies(
    power: int, voltage: int, current: int, *, frequency: bool
) -> tuple[MeasurementAccuracyStruct, ...]:
    """Return the accuracies for the largest power, voltage and current that are measured, in milli-units."""
    kinds = [
        accuracy(MeasurementTypeEnum.VOLTAGE, 0, voltage),
        accuracy(MeasurementTypeEnum.ACTIVE_CURRENT, -current, current),
        accuracy(MeasurementTypeEnum.ACTIVE_POWER, -power, power),
    ]
    if frequency:
        kinds.append(accuracy(MeasurementTypeEnum.FREQUENCY, *_FREQUENCY_RANGE, 0.1))
    return tuple(kinds)


class ElectricalPowerMeasurementServer(ElectricalPowerMeasurement):
    """Shows power, voltage and current, and for AC the frequency too.

    All of them read 0 until the first measurement: some controllers hide a device whose power is null.

    :param mode: AC or DC
    :param maximum: the largest values that can be measured, in milli-units
    """

    def __init__(self, mode: PowerModeEnum, *, maximum: PowerValues) -> None:
        alternating = mode is PowerModeEnum.AC
        entries = accuracies(
            maximum.active_power or 1,
            maximum.voltage or 1,
            maximum.active_current or 1,
            frequency=alternating,
        )
        zero = {name: 0 for name in _MEASURED if alternating or name != "frequency"}
        feature = ElectricalPowerMeasurement.Feature
        super().__init__(
            features=feature.ALTC if alternating else feature.DIRC,
            power_mode=mode,
            number_of_measurement_types=len(entries),
            accuracy=entries,
            **zero,
        )
        self._deadbands = Deadbands(_BANDS)
        self._measured = PowerValues(**zero)
        self._override: PowerValues | None = None

    def measure(self, values: PowerValues) -> None:
        """Show what was measured, unless a test overrides it."""
        self._measured = values
        if self._override is None:
            self._show(values)

    def override(self, values: PowerValues | None) -> None:
        """Show a test's values instead of what is measured; None ends that."""
        self._override = values
        self._show(self._measured if values is None else values)

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes wait."""
        if attribute.id in _BANDS:
            return self._deadbands.urgency(attribute.id, old, new)
        return super().urgency(attribute, old, new)

    def _show(self, values: PowerValues) -> None:
        self.active_power = values.active_power
        self.voltage = values.voltage
        self.active_current = values.active_current
        if self.has(ElectricalPowerMeasurement.frequency):
            self.frequency = values.frequency
