"""A Matter node: all its parts, joined.

    node = MatterNode(storage, clock, entropy, info, secret, HomeNetwork(port=5540))
    node.tree.add(root_endpoint)           # endpoint 0, made of clusters that know this node
    await node.start()
    ...
    await node.stop()

What a node *is* (its endpoints and clusters) is put into `tree` by whoever makes it; what a node *does* on
the network is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.sessions import TableSessions
from matter_node.commissioning.window import CommissioningMode, CommissioningWindow
from matter_node.ids import ProtocolId
from matter_node.interaction.access import AccessControl
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.invoke import MAX_PATHS_PER_INVOKE
from matter_node.interaction.served_node import ServedNode
from matter_node.model import NodeTree
from matter_node.peers import Peers
from matter_node.secure_channel.case import CaseResponder
from matter_node.secure_channel.case_initiator import CaseInitiator
from matter_node.secure_channel.establishment import SessionEstablishment
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.parameters import OWN_PARAMETERS
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.resumption import ResumptionStore
from matter_node.secure_channel.session_table import SessionTable
from matter_node.transport.mdns import CommissionableRecord
from matter_node.transport.udp import group_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock
    from matter_node.commissioning.device_info import DeviceInfo, SetupSecret
    from matter_node.entropy import Entropy
    from matter_node.fabric import Fabric
    from matter_node.interaction.access import GroupMembership
    from matter_node.storage import Storage
    from matter_node.transport.network import Network

_log = logging.getLogger(__name__)

_REOPEN_DELAY = 1.0
"""Seconds from losing the last fabric to being commissionable again: the answer to its removal goes first."""
_FAREWELL = 1.0
"""Seconds that subscribers have to take their last reports when the node stops."""


class MatterNode:
    """One node, from its sockets to its tree of endpoints.

    :param storage: everything that survives a restart
    :param info: the product, for discovery
    :param secret: how a commissioner with the onboarding code gets in
    :param network: where it is
    :param fabric_capacity: how many fabrics the node can belong to
    :param groups: which of its endpoints are in which groups, None if it is in none
    :ivar tree: its endpoints
    :ivar access: its access control
    :ivar fabrics: the fabrics that it belongs to
    :ivar fail_safe: the commissioning fail-safe
    :ivar window: the commissioning window
    :ivar commissioning: these two and the group keys, as the clusters of endpoint 0 take them
    :ivar sessions: its secure sessions
    :ivar peers: where its peers are
    :ivar network: where it is
    :ivar on_interfaces: called when network interfaces or their addresses changed
    :ivar on_started: called once the node answers
    :ivar on_stopping: called before the node takes leave, while its sessions are still there
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        entropy: Entropy,
        info: DeviceInfo,
        secret: SetupSecret,
        network: Network,
        *,
        fabric_capacity: int = 16,
        groups: GroupMembership | None = None,
    ) -> None:
        self.storage = storage
        self.clock = clock
        self.entropy = entropy
        self.info = info
        self.tree = NodeTree(storage, clock, entropy)
        self.access = AccessControl()
        self.sessions = SessionTable(entropy)
        self.commissioning = Commissioning.restore(
            storage, clock, entropy, TableSessions(self.sessions), max_fabrics=fabric_capacity
        )
        self.fabrics = self.commissioning.fabrics
        self.fail_safe = self.commissioning.fail_safe
        self.network = network
        self.layer = MessageLayer(clock, entropy, network.send, self.sessions, self.commissioning.group_keys)
        self.resumption = ResumptionStore(storage)
        self._groups = groups
        self._started = False
        self._resuming: asyncio.Task[None] | None = None
        self.on_interfaces = network.on_interfaces
        self.on_started: list[Callable[[], None]] = []
        self.on_stopping: list[Callable[[], None]] = []

        parameters = replace(OWN_PARAMETERS, max_paths_per_invoke=MAX_PATHS_PER_INVOKE)
        self.pase = PaseResponder(self.layer, parameters=parameters)
        self.case = CaseResponder(self.layer, self.fabrics, self.resumption, parameters=parameters)
        self.initiator = CaseInitiator(self.layer, self.resumption, parameters=parameters)
        self.peers = Peers(storage, self.sessions, self.fabrics, self.initiator, network)
        self.layer.register(ProtocolId.SECURE_CHANNEL, SessionEstablishment(self.pase, self.case))
        self.window = CommissioningWindow(
            secret, self.pase, self, self.fabrics, self.fail_safe, self.commissioning.sessions, clock
        )
        served = ServedNode(self.tree, self.access, self.fabrics, groups)
        self.interaction = InteractionEngine(served, self.layer)
        self.layer.register(ProtocolId.INTERACTION_MODEL, self.interaction)
        # whoever moved, with a new prefix from the router perhaps, may have lost track of us as we have of it
        self.interaction.subscriptions.on_lost.append(network.announce)
        self.pase.on_established = self.window.established
        self.pase.on_attempt_failed = self.window.attempt_failed
        self.sessions.on_closed.append(self.fail_safe.session_closed)
        self.fabrics.on_added.append(self._fabric_added)
        self.fabrics.on_updated.append(self._fabric_updated)
        self.fabrics.on_removed.append(self._fabric_removed)
        if groups is not None:
            groups.on_changed.append(self._join_groups)

    # ------------------------------------------------------------------ life

    @property
    def port(self) -> int:
        """The UDP port that it listens on."""
        return self.network.port

    async def start(self) -> None:
        """Answer and be found from now on. All endpoints that are known should be in the tree by now.

        :raises OSError: the port is taken, or there is no such interface
        """
        self.fail_safe.recover()
        self.network.start(self.layer.receive)
        self._started = True
        self._show_operational()
        self._join_groups()
        if not len(self.fabrics):
            self.window.open_uncommissioned()
        for listener in self.on_started:
            listener()
        resume = self.interaction.subscriptions.resume(self.peers.connect)
        self._resuming = asyncio.get_running_loop().create_task(resume)

    async def stop(self) -> None:
        """Take leave of every peer and of the network, and close, within little more than a second.

        Subscribers get the events that wait, the ShutDown event among them, sessions end with CloseSession,
        and announcements are taken back.
        """
        if self._resuming is not None:
            self._resuming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resuming
        for listener in self.on_stopping:
            listener()
        self.window.close()
        self.case.close()
        try:
            await self.interaction.close(_FAREWELL)
        finally:
            # also when whoever waits for us has lost patience: peers are not to be left guessing
            self._started = False
            self.layer.close()
            self.network.close()
            for number in sorted(self.tree.endpoints, reverse=True):
                for cluster in self.tree.endpoints[number].clusters.values():
                    cluster.detached()
            self.storage.flush()

    # ------------------------------------------------------------------ being found

    def announce(self, discriminator: int, mode: CommissioningMode) -> None:
        """Announce a commissionable node; the commissioning window calls it."""
        record = CommissionableRecord(
            discriminator=discriminator,
            mode=int(mode),
            vendor_id=self.info.vendor_id,
            product_id=self.info.product_id,
            device_type=self.info.device_type,
            device_name=self.info.product_name,
        )
        self.network.set_commissionable(record)

    def withdraw(self) -> None:
        """Announce no commissionable node; the commissioning window calls it."""
        self.network.set_commissionable(None)

    def _show_operational(self) -> None:
        self.network.set_operational([(fabric.compressed_id, fabric.node_id) for fabric in self.fabrics])

    def _join_groups(self) -> None:
        """Receive what is sent to the groups that endpoints are in."""
        if self._groups is None or not self._started:
            return
        groups = self._groups.groups()
        self.network.set_groups(
            group_address(fabric.fabric_id, group_id)
            for fabric in self.fabrics
            for index, group_id in groups
            if index == fabric.index
        )

    # ------------------------------------------------------------------ fabrics

    def _fabric_added(self, _: Fabric) -> None:
        self._show_operational()
        self._join_groups()

    def _fabric_updated(self, before: Fabric, after: Fabric) -> None:
        if before.noc != after.noc:
            # Resumed sessions would outlive the certificate that they were made with.
            self.resumption.remove_fabric(after.index)
            self._show_operational()

    def _fabric_removed(self, fabric: Fabric) -> None:
        self.resumption.remove_fabric(fabric.index)
        self.peers.remove_fabric(fabric.index)
        self.interaction.subscriptions.fabric_removed(fabric.index)
        self.tree.fabric_removed(fabric.index)
        self._show_operational()
        self._join_groups()
        if not len(self.fabrics):
            self.clock.call_later(_REOPEN_DELAY, self._reopen)

    def _reopen(self) -> None:
        if self._started and not len(self.fabrics) and not self.window.is_open:
            self.window.open_uncommissioned()
