"""Power, voltage and current: the Electrical Power Measurement cluster (Matter Application Clusters 2.13).

An instance has the attributes that its device measures, and no others. All are positive into the device where
they have a sign; a power factor has that of the active power.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from clusters.deadband import Deadband, Deadbands
from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.electrical_power_measurement import ElectricalPowerMeasurement, PowerModeEnum
from clusters.measurement_accuracy import Accuracy, accuracy_struct, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matter_node.model import Attribute, Urgency

_KIND = MeasurementTypeEnum
_VOLTAGE_BAND = Deadband(1000, 0.01)
_CURRENT_BAND = Deadband(50, 0.01)
_POWER_BAND = Deadband(5000, 0.01)
_BANDS = {
    ElectricalPowerMeasurement.voltage.id: _VOLTAGE_BAND,
    ElectricalPowerMeasurement.active_current.id: _CURRENT_BAND,
    ElectricalPowerMeasurement.active_power.id: _POWER_BAND,
    ElectricalPowerMeasurement.reactive_power.id: _POWER_BAND,
    ElectricalPowerMeasurement.apparent_power.id: _POWER_BAND,
    ElectricalPowerMeasurement.rms_voltage.id: _VOLTAGE_BAND,
    ElectricalPowerMeasurement.rms_current.id: _CURRENT_BAND,
    ElectricalPowerMeasurement.frequency.id: Deadband(100),
    ElectricalPowerMeasurement.power_factor.id: Deadband(200),
}
_ATTRIBUTES: Final = {
    _KIND.VOLTAGE: ElectricalPowerMeasurement.voltage,
    _KIND.ACTIVE_CURRENT: ElectricalPowerMeasurement.active_current,
    _KIND.ACTIVE_POWER: ElectricalPowerMeasurement.active_power,
    _KIND.REACTIVE_POWER: ElectricalPowerMeasurement.reactive_power,
    _KIND.APPARENT_POWER: ElectricalPowerMeasurement.apparent_power,
    _KIND.RMS_VOLTAGE: ElectricalPowerMeasurement.rms_voltage,
    _KIND.RMS_CURRENT: ElectricalPowerMeasurement.rms_current,
    _KIND.FREQUENCY: ElectricalPowerMeasurement.frequency,
    _KIND.POWER_FACTOR: ElectricalPowerMeasurement.power_factor,
}
"""What can be measured, in the order of the accuracies."""


_DIRECT: Final = {_KIND.VOLTAGE, _KIND.ACTIVE_CURRENT, _KIND.ACTIVE_POWER}
"""What there is of direct current; the rest alternates."""


@cache
def _attributes(
    mode: PowerModeEnum, measured: frozenset[MeasurementTypeEnum]
) -> dict[MeasurementTypeEnum, Attribute[int | None]]:
    """Return what an instance shows; many instances show the same."""
    wanted = measured | {_KIND.ACTIVE_POWER}
    if mode is PowerModeEnum.DC:
        wanted &= _DIRECT
    return {kind: attribute for kind, attribute in _ATTRIBUTES.items() if kind in wanted}


@dataclass(frozen=True, slots=True)
class PowerValues:
    """What is measured at one instant; None for what is not known.

    :ivar active_power: mW
    :ivar voltage: mV
    :ivar active_current: mA
    :ivar frequency: mHz
    :ivar reactive_power: mVAR
    :ivar apparent_power: mVA, negative while power is exported
    :ivar rms_voltage: mV
    :ivar rms_current: mA, without a sign
    :ivar power_factor: in hundredths of a percent, with the sign of the active power
    """

    active_power: int | None = None
    voltage: int | None = None
    active_current: int | None = None
    frequency: int | None = None
    reactive_power: int | None = None
    apparent_power: int | None = None
    rms_voltage: int | None = None
    rms_current: int | None = None
    power_factor: int | None = None


class ElectricalPowerMeasurementServer(ElectricalPowerMeasurement):
    """Shows power, voltage, current and what else is measured.

    All of them read 0 until the first measurement, since some controllers hide a device whose power is null;
    the power factor, which would say something, reads null.

    :param mode: AC or DC
    :param accuracies: what is measured, and how well; the active power is there in any case, and what only
        alternating current has is left out of direct current
    :param polyphase: what is measured is that of several phases together
    """

    def __init__(
        self,
        mode: PowerModeEnum,
        accuracies: Mapping[MeasurementTypeEnum, Accuracy],
        *,
        polyphase: bool = False,
    ) -> None:
        feature = ElectricalPowerMeasurement.Feature
        features = feature.ALTC if mode is PowerModeEnum.AC else feature.DIRC
        self._shown = _attributes(mode, frozenset(accuracies))
        unknown = Accuracy(100)
        entries = tuple(accuracy_struct(kind, accuracies.get(kind, unknown)) for kind in self._shown)
        super().__init__(
            features=features | (feature.POLY if polyphase else 0),
            power_mode=mode,
            number_of_measurement_types=len(entries),
            accuracy=entries,
            **{
                attribute.name: None if kind is _KIND.POWER_FACTOR else 0
                for kind, attribute in self._shown.items()
            },
        )
        self._deadbands = Deadbands(_BANDS)
        self._measured = PowerValues(
            **{attribute.name: self.value(attribute.id) for attribute in self._shown.values()}
        )
        self._override: PowerValues | None = None

    @property
    def measured_power(self) -> int | None:
        """The active power that was measured last, in mW; a test's is none."""
        return within(_KIND.ACTIVE_POWER, self._measured.active_power)

    def measure(self, values: PowerValues) -> None:
        """Show what was measured, unless a test overrides it; what cannot be is not known."""
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
        for kind, attribute in self._shown.items():
            self.set_value(attribute, within(kind, getattr(values, attribute.name)))
