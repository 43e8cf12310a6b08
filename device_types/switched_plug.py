"""On/Off Plug-in Unit (Matter Device Library 5.1) and nothing else: something to be switched by a sentence.

It measures nothing, since some assistants drop a device that has clusters which its type does not name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import BRIDGED_NODE, ON_OFF_PLUG, compose
from device_types.switching import Switching

if TYPE_CHECKING:
    from clusters.groups import Grouping
    from clusters.on_off import Switch


class SwitchedPlugFace(Face):
    """A switch on the node. `switched_plug` makes one."""

    def __init__(
        self, device: BridgedDevice, place: Place, switch: Switch, grouping: Grouping, delegates: Delegates
    ) -> None:
        who = information(device, delegates)
        switching = Switching(switch, grouping, delegates)
        self.on_off = switching.on_off
        super().__init__(
            who,
            compose(
                place.number(place.part),
                [ON_OFF_PLUG, BRIDGED_NODE],
                [who, *switching.clusters],
                parent=place.parent,
            ),
        )

    def update(self, *, on: bool | None) -> None:
        """Show whether it is on, None if that is not known; what it switches is reachable."""
        self.information.set_reachable(True)
        if on is not None:
            self.on_off.show(on)


def switched_plug(
    device: BridgedDevice,
    place: Place,
    switch: Switch,
    grouping: Grouping,
    delegates: Delegates | None = None,
) -> SwitchedPlugFace:
    """Return the face of something to be switched, such as the charging of a battery.

    :param switch: switches it
    """
    return SwitchedPlugFace(device, place, switch, grouping, delegates or Delegates())
