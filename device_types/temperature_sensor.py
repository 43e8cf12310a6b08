"""A Temperature Sensor (Matter Device Library 7.4) as a part of another device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.identify import IdentifyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from device_types.composition import FIRST, TEMPERATURE_SENSOR, compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.model import Endpoint


def temperature_sensor(
    number: int, parent: Endpoint, *, blink: Callable[[bool], None] | None = None
) -> Endpoint:
    """Return the endpoint of a temperature sensor inside the device of the endpoint `parent`."""
    clusters = [IdentifyServer(blink), TemperatureMeasurementServer()]
    return compose(number, [TEMPERATURE_SENSOR], clusters, parent=parent, tags=[FIRST])
