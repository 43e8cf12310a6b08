"""What a measurement covers: the Power Topology cluster (Matter Application Clusters 2.8)."""

from __future__ import annotations

from clusters.definitions.power_topology import PowerTopology


class PowerTopologyServer(PowerTopology):
    """The measurement covers the endpoint and all below it.

    The only topology for a bridged device: a controller takes a measurement with the node topology for every
    accessory of the bridge.
    """

    def __init__(self) -> None:
        super().__init__(features=PowerTopology.Feature.TREE)
