"""What all has that is switched: On/Off, groups, scenes, effects (Matter Device Library 4.2, 5.1, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.groups import GroupsServer
from clusters.identify import IdentifyEffectServer
from clusters.on_off import OnOffServer
from clusters.scenes_management import ScenesManagementServer

if TYPE_CHECKING:
    from clusters.groups import Grouping
    from clusters.on_off import Switch
    from device_types.bridged_node import Delegates
    from matter_node.model import Cluster


class Switching:
    """The clusters of a device that is on or off.

    :param switch: switches the device
    """

    def __init__(self, switch: Switch, grouping: Grouping, delegates: Delegates) -> None:
        self.on_off = OnOffServer(switch)
        self.clusters: tuple[Cluster, ...] = (
            IdentifyEffectServer(delegates.blink),
            GroupsServer(grouping),
            ScenesManagementServer(grouping.table),
            self.on_off,
        )
        """What the endpoint gets."""
