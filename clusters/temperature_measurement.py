"""Temperature: the Temperature Measurement cluster (Matter Application Clusters 2.3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clusters.deadband import Deadband, Deadbands
from clusters.definitions.temperature_measurement import TemperatureMeasurement

if TYPE_CHECKING:
    from matter_node.model import Attribute, Urgency

_BANDS = {TemperatureMeasurement.measured_value.id: Deadband(50)}
"""Half a degree."""


class TemperatureMeasurementServer(TemperatureMeasurement):
    """Shows a temperature.

    :param low_c: the least that the sensor can measure, in degrees Celsius
    :param high_c: the most
    """

    QUIET_SECONDS = 10.0

    def __init__(self, *, low_c: float = -40.0, high_c: float = 125.0) -> None:
        super().__init__(
            min_measured_value=round(low_c * 100), max_measured_value=round(high_c * 100), measured_value=None
        )
        self._deadbands = Deadbands(_BANDS)

    def measure(self, celsius: float | None) -> None:
        """Show a temperature, None if it is not known; one beyond the sensor's range shows its end."""
        if celsius is None or math.isnan(celsius):
            self.measured_value = None
            return
        low, high = self.min_measured_value, self.max_measured_value
        assert low is not None
        assert high is not None
        self.measured_value = round(min(max(celsius * 100, low), high))

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let small changes wait."""
        return self._deadbands.urgency(attribute.id, old, new)
