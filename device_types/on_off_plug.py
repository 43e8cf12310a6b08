"""On/Off Plug-in Unit (Matter Device Library 5.1): a load that can be switched, with what it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.power_source import PowerSourceStatusEnum
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, ELECTRICAL_SENSOR, ON_OFF_PLUG, POWER_SOURCE, compose
from device_types.electrical_sensor import ElectricalRating, ElectricalReading, ElectricalSensor
from device_types.faults import wired_faults
from device_types.switching import Switching
from device_types.wired_source import assess, wired_source

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.groups import Grouping
    from clusters.on_off import Switch
    from clusters.test_event_triggers import EventTriggers


class OnOffPlugFace(Face):
    """A plug with its load on the node. `on_off_plug` makes one."""

    def __init__(
        self,
        device: BridgedDevice,
        rating: ElectricalRating,
        place: Place,
        switch: Switch,
        grouping: Grouping,
        delegates: Delegates,
    ) -> None:
        who = information(device, delegates)
        self.sensor = ElectricalSensor(PowerModeEnum.AC, rating) if rating.accuracies else None
        self.source = wired_source("Mains", rating)
        switching = Switching(switch, grouping, delegates)
        self.on_off = switching.on_off
        clusters = [
            who,
            *switching.clusters,
            self.source,
            *place.clusters,
        ]
        kinds = [ON_OFF_PLUG, BRIDGED_NODE, POWER_SOURCE]
        if self.sensor is not None:
            kinds.insert(2, ELECTRICAL_SENSOR)
            clusters += self.sensor.clusters
        super().__init__(who, compose(place.number("energy"), kinds, clusters, parent=place.parent))

    def update(
        self,
        reading: ElectricalReading,
        *,
        on: bool | None = None,
        faults: Collection[str] = (),
    ) -> None:
        """Show a reading; the plug is reachable.

        :param on: whether the relay is closed; None if it is not known
        :param faults: codes of what is wrong, such as ``OVERVOLTAGE``
        """
        self.information.set_reachable(True)
        if self.sensor is not None:
            self.sensor.measure(reading)
        self.source.set_status(PowerSourceStatusEnum.ACTIVE)
        self.source.set_faults(wired_faults(faults))
        assess(self.source, reading)
        if on is not None:
            self.on_off.show(on)

    def lost(self) -> None:
        """Say that the plug does not answer; whether it is on stays what it was."""
        super().lost()
        if self.sensor is not None:
            self.sensor.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        self.source.assess()

    def register(self, triggers: EventTriggers) -> None:
        """Let the measurement tests reach the plug."""
        if self.sensor is not None:
            self.sensor.register(triggers)


def on_off_plug(
    device: BridgedDevice,
    rating: ElectricalRating,
    place: Place,
    switch: Switch,
    grouping: Grouping,
    delegates: Delegates | None = None,
) -> OnOffPlugFace:
    """Return the face of a load behind a relay.

    :param rating: of what the relay carries; a plug that counts in neither direction gets its imported energy
        worked out, and one that measures nothing has no sensor
    :param switch: switches the relay
    """
    if not (rating.imported or rating.exported):
        rating = replace(rating, imported=True, metered=False)
    return OnOffPlugFace(device, rating, place, switch, grouping, delegates or Delegates())
