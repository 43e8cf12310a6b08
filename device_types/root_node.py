"""Endpoint 0: the Root Node of a wired device (Matter Device Library 2.1), with all clusters worth having."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.access_control import AccessControlServer
from clusters.administrator_commissioning import AdministratorCommissioningServer
from clusters.basic_information import BasicInformationServer
from clusters.definitions.general_diagnostics import InterfaceTypeEnum, NetworkInterface
from clusters.descriptor import DescriptorServer
from clusters.ethernet_network_diagnostics import EthernetNetworkDiagnosticsServer
from clusters.fixed_label import FixedLabelServer
from clusters.general_commissioning import GeneralCommissioningServer
from clusters.general_diagnostics import GeneralDiagnosticsServer, boot_reason
from clusters.group_key_management import GroupKeyManagementServer
from clusters.localization import (
    LocalizationConfigurationServer,
    TimeFormatLocalizationServer,
    UnitLocalizationServer,
)
from clusters.network_commissioning import EthernetCommissioningServer
from clusters.operational_credentials import OperationalCredentialsServer
from clusters.software_diagnostics import SoftwareDiagnosticsServer
from clusters.time_synchronization import TimeSynchronizationServer
from clusters.user_label import UserLabelServer
from matter_node.interaction.invoke import MAX_PATHS_PER_INVOKE
from matter_node.model import DeviceType, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.time_synchronization import CorrectableClock
    from matter_node.commissioning.attestation import Attestation
    from matter_node.commissioning.group_table import GroupTable
    from matter_node.node import MatterNode
    from matter_node.transport.interfaces import Interface
    from matter_node.transport.network import Network

_log = logging.getLogger(__name__)

ROOT_NODE = DeviceType(id=0x0016, revision=3)
_VERSION_KEY = "root-node/software-version"
_MAX_IPV6 = 8
_NO_NETWORK = "none"


@dataclass(frozen=True, slots=True)
class RootNodeOptions:
    """What a product decides about its root node.

    :ivar enable_key: 16 bytes that open the test event triggers, None to keep them shut
    :ivar trigger: runs a test event trigger; raises StatusError for one it does not know
    :ivar labels: fixed labels, such as ``{"room": "cellar"}``
    :ivar groups: the groups of the node's endpoints, None if they can be in none
    """

    enable_key: bytes | None = None
    trigger: Callable[[int], None] | None = None
    labels: tuple[tuple[str, str], ...] = (("role", "energy hub"),)
    groups: GroupTable | None = None


def root_node(
    node: MatterNode,
    clock: CorrectableClock,
    attestation: Attestation,
    options: RootNodeOptions | None = None,
) -> Endpoint:
    """Return endpoint 0 for a node; the caller adds it to the node's tree first of all.

    :param clock: the node's time as administrators see and correct it
    :param attestation: what proves the device's make
    """
    options = options or RootNodeOptions()
    commissioning = node.commissioning
    interface, connected = _primary(node.network)
    commissioned_network = EthernetCommissioningServer(interface, connected=connected)
    link_diagnostics = EthernetNetworkDiagnosticsServer(interface)
    access_control = AccessControlServer(node.access)
    basic_information = BasicInformationServer(node.info, max_paths_per_invoke=MAX_PATHS_PER_INVOKE)
    diagnostics = GeneralDiagnosticsServer(
        lambda: network_interfaces(node.network.interfaces),
        boot_reason(updated=_software_changed(node)),
        enable_key=options.enable_key,
        trigger=options.trigger,
    )
    clusters = [
        DescriptorServer(),
        access_control,
        basic_information,
        GeneralCommissioningServer(
            commissioning.fail_safe, node.window, commissioning.sessions, basic_information
        ),
        commissioned_network,
        diagnostics,
        SoftwareDiagnosticsServer(),
        link_diagnostics,
        AdministratorCommissioningServer(node.window, commissioning.fabrics, commissioning.fail_safe),
        OperationalCredentialsServer(commissioning, attestation, access_control, basic_information),
        GroupKeyManagementServer(commissioning.group_keys, node.storage, options.groups),
        TimeSynchronizationServer(clock),
        LocalizationConfigurationServer(),
        TimeFormatLocalizationServer(),
        UnitLocalizationServer(),
        UserLabelServer(),
        FixedLabelServer(dict(options.labels)),
    ]

    def follow_interfaces() -> None:
        name, up = _primary(node.network)
        commissioned_network.follow(name, connected=up)
        link_diagnostics.follow(name)
        diagnostics.interfaces_changed()

    node.on_interfaces.append(follow_interfaces)
    node.on_started.append(basic_information.record_start_up)
    node.on_stopping.append(basic_information.record_shut_down)
    return Endpoint(0, [ROOT_NODE], clusters)


def network_interfaces(present: Iterable[Interface]) -> tuple[NetworkInterface, ...]:
    """Return the interfaces that the node is on, as GeneralDiagnostics lists them."""
    return tuple(
        NetworkInterface(
            name=interface.name[:32],
            is_operational=interface.up,
            off_premise_services_reachable_ipv4=None,
            off_premise_services_reachable_ipv6=None,
            hardware_address=interface.mac,
            ipv4_addresses=(interface.ipv4.packed,) if interface.ipv4 is not None else (),
            ipv6_addresses=tuple(address.packed for address in interface.ipv6[:_MAX_IPV6]),
            type=InterfaceTypeEnum.ETHERNET,
        )
        for interface in present
    )


def _primary(network: Network) -> tuple[str, bool]:
    """Return the name of the interface that stands for the node's network, and whether it is up."""
    present = network.interfaces
    return (present[0].name, present[0].up) if present else (_NO_NETWORK, False)


def _software_changed(node: MatterNode) -> bool:
    """Tell whether another software version ran before, and note the present one."""
    version = node.info.software_version.to_bytes(4, "little")
    before = node.storage.get(_VERSION_KEY)
    if before != version:
        node.storage.put(_VERSION_KEY, version)
    return before is not None and before != version
