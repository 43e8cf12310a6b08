"""NetworkCommissioning at work on a wired interface, which needs no credentials (Matter Core 11.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.network_commissioning import (
    NetworkCommissioning,
    NetworkCommissioningStatusEnum,
    NetworkInfoStruct,
)
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.model import Context


class EthernetCommissioningServer(NetworkCommissioning):
    """NetworkCommissioning with the Ethernet feature: one network, named like its interface, always there.

    :param interface: name of the network interface, 1..32 bytes
    :param connected: whether it is up
    """

    def __init__(self, interface: str, *, connected: bool = True) -> None:
        network = _network(interface, connected=connected)
        super().__init__(
            features=NetworkCommissioning.Feature.ET,
            max_networks=1,
            networks=(network,),
            interface_enabled=True,
            last_networking_status=NetworkCommissioningStatusEnum.SUCCESS,
            last_network_id=network.network_id,
        )

    def follow(self, interface: str, *, connected: bool) -> None:
        """Be on another interface, or on the same one that went up or down.

        :param interface: its name, 1..32 bytes
        """
        network = _network(interface, connected=connected)
        self.networks = (network,)
        if connected:
            self.last_network_id = network.network_id

    def write_interface_enabled(self, _: Context, value: bool) -> None:  # noqa: FBT001 - the value is a bool
        """Refuse to cut the node off: this is its only interface (Matter Core 11.9.6.5)."""
        if not value:
            raise StatusError(Status.INVALID_ACTION, "the only network interface stays enabled")


def _network(interface: str, *, connected: bool) -> NetworkInfoStruct:
    return NetworkInfoStruct(network_id=interface.encode(), connected=connected)
