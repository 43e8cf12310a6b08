"""Contact Sensor (Matter Device Library 7.1): something that is so or is not, for automations to start from.

Open is "it is so" (the battery is full, the grid is away): apps have a trigger for a contact that opens.
"""

from __future__ import annotations

from clusters.boolean_state import BooleanStateServer
from clusters.identify import IdentifyServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, CONTACT_SENSOR, compose


class ContactSensorFace(Face):
    """A contact on the node. `contact_sensor` makes one."""

    def __init__(self, device: BridgedDevice, place: Place, delegates: Delegates) -> None:
        who = information(device, delegates)
        self.contact = BooleanStateServer(state=True)
        clusters = [who, IdentifyServer(delegates.blink), self.contact]
        kinds = [CONTACT_SENSOR, BRIDGED_NODE]
        super().__init__(who, compose(place.number(place.part), kinds, clusters, parent=place.parent))

    def update(self, *, so: bool | None) -> None:
        """Show whether it is so, which is open; None if it is not known. What it is about is reachable."""
        self.information.set_reachable(True)
        if so is not None:
            self.contact.show(not so)


def contact_sensor(
    device: BridgedDevice, place: Place, delegates: Delegates | None = None
) -> ContactSensorFace:
    """Return the face of something that is so or is not; at first it is not, unless it was kept otherwise."""
    return ContactSensorFace(device, place, delegates or Delegates())
