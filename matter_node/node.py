"""A Matter node: all its parts, joined.

    node = MatterNode(storage, clock, entropy, info, secret, port=5540)
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

from matter_node.codec import tlv
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.sessions import TableSessions
from matter_node.commissioning.window import CommissioningMode, CommissioningWindow
from matter_node.ids import MATTER_PORT, ProtocolId
from matter_node.interaction.access import AccessControl
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.invoke import MAX_PATHS_PER_INVOKE
from matter_node.interaction.served_node import ServedNode
from matter_node.model import NodeTree
from matter_node.secure_channel.case import CaseResponder
from matter_node.secure_channel.case_initiator import CaseError, CaseInitiator
from matter_node.secure_channel.establishment import SessionEstablishment
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.parameters import OWN_PARAMETERS
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.resumption import ResumptionStore
from matter_node.secure_channel.session import SessionKind
from matter_node.secure_channel.session_table import SessionTable
from matter_node.transport.mdns import Advertiser, CommissionableRecord
from matter_node.transport.udp import UdpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matter_node.clock import Clock
    from matter_node.commissioning.device_info import DeviceInfo, SetupSecret
    from matter_node.entropy import Entropy
    from matter_node.fabric import Fabric
    from matter_node.secure_channel.session import SecureSession
    from matter_node.storage import Storage
    from matter_node.transport.address import Address

_log = logging.getLogger(__name__)

_REOPEN_DELAY = 1.0
"""Seconds from losing the last fabric to being commissionable again: the answer to its removal goes first."""
_RESOLVE_WAIT = 3.0


class MatterNode:
    """One node, from its sockets to its tree of endpoints.

    :param storage: everything that survives a restart
    :param info: the product, for discovery
    :param secret: how a commissioner with the onboarding code gets in
    :param port: UDP port, 0 for any free one
    :param interfaces: names of the network interfaces to be on; None for all that lead to a home network
    :param fabric_capacity: how many fabrics the node can belong to
    :ivar tree: its endpoints
    :ivar access: its access control
    :ivar fabrics: the fabrics that it belongs to
    :ivar fail_safe: the commissioning fail-safe
    :ivar window: the commissioning window
    :ivar commissioning: these two and the group keys, as the clusters of endpoint 0 take them
    :ivar sessions: its secure sessions
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
        *,
        port: int = MATTER_PORT,
        interfaces: Sequence[str] | None = None,
        fabric_capacity: int = 16,
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
        group_keys = self.commissioning.group_keys
        self.layer = MessageLayer(clock, entropy, self._send, self.sessions, group_keys)
        self.resumption = ResumptionStore(storage)
        self.interfaces = interfaces
        self._port = port
        self._transport: UdpTransport | None = None
        self._advertiser: Advertiser | None = None
        self._record: CommissionableRecord | None = None
        self._resuming: asyncio.Task[None] | None = None
        self.on_interfaces: list[Callable[[], None]] = []
        self.on_started: list[Callable[[], None]] = []
        self.on_stopping: list[Callable[[], None]] = []

        parameters = replace(OWN_PARAMETERS, max_paths_per_invoke=MAX_PATHS_PER_INVOKE)
        self._parameters = parameters
        self.pase = PaseResponder(self.layer, parameters=parameters)
        self.case = CaseResponder(self.layer, self.fabrics, self.resumption, parameters=parameters)
        self.initiator = CaseInitiator(self.layer, self.resumption, parameters=parameters)
        self.layer.register(ProtocolId.SECURE_CHANNEL, SessionEstablishment(self.pase, self.case))
        self.window = CommissioningWindow(
            secret, self.pase, self, self.fabrics, self.fail_safe, self.commissioning.sessions, clock
        )
        served = ServedNode(self.tree, self.access, self.fabrics, group_keys)
        self.interaction = InteractionEngine(served, self.layer)
        self.layer.register(ProtocolId.INTERACTION_MODEL, self.interaction)

        self.pase.on_established = self.window.established
        self.pase.on_attempt_failed = self.window.attempt_failed
        self.sessions.on_established.append(self._session_established)
        self.sessions.on_closed.append(self.fail_safe.session_closed)
        self.fabrics.on_added.append(self._fabric_added)
        self.fabrics.on_updated.append(self._fabric_updated)
        self.fabrics.on_removed.append(self._fabric_removed)

    # ------------------------------------------------------------------ life

    @property
    def port(self) -> int:
        """The UDP port that it listens on."""
        return self._port if self._transport is None else self._transport.port

    async def start(self) -> None:
        """Answer and be found from now on. All endpoints that are known should be in the tree by now.

        :raises OSError: the port is taken, or there is no such interface
        """
        self.fail_safe.recover()
        only = self.interfaces[0] if self.interfaces and len(self.interfaces) == 1 else None
        self._transport = UdpTransport(self.layer.receive, port=self._port, interface=only)
        self._transport.start()
        self._advertiser = Advertiser(
            port=self._transport.port, parameters=self._parameters, chosen=self.interfaces
        )
        self._advertiser.on_interfaces += self.on_interfaces
        self._advertiser.start()
        self._show_operational()
        if not len(self.fabrics):
            self.window.open_uncommissioned()
        for listener in self.on_started:
            listener()
        resume = self.interaction.subscriptions.resume(self._connect)
        self._resuming = asyncio.get_running_loop().create_task(resume)

    async def stop(self) -> None:
        """Take leave of every peer and of the network, and close."""
        if self._resuming is not None:
            self._resuming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resuming
        for listener in self.on_stopping:
            listener()
        self.window.close()
        self.case.close()
        await self.interaction.close()
        self.layer.close()
        if self._advertiser is not None:
            self._advertiser.close()
        if self._transport is not None:
            self._transport.close()
        self._advertiser = self._transport = None
        for number in sorted(self.tree.endpoints, reverse=True):
            for cluster in self.tree.endpoints[number].clusters.values():
                cluster.detached()
        self.storage.flush()

    # ------------------------------------------------------------------ being found

    def announce(self, discriminator: int, mode: CommissioningMode) -> None:
        """Announce a commissionable node; the commissioning window calls it."""
        self._record = CommissionableRecord(
            discriminator=discriminator,
            mode=int(mode),
            vendor_id=self.info.vendor_id,
            product_id=self.info.product_id,
            device_type=self.info.device_type,
            device_name=self.info.product_name,
        )
        if self._advertiser is not None:
            self._advertiser.set_commissionable(self._record)

    def withdraw(self) -> None:
        """Announce no commissionable node; the commissioning window calls it."""
        self._record = None
        if self._advertiser is not None:
            self._advertiser.set_commissionable(None)

    def _show_operational(self) -> None:
        if self._advertiser is not None:
            self._advertiser.set_operational(
                [(fabric.compressed_id, fabric.node_id) for fabric in self.fabrics]
            )

    # ------------------------------------------------------------------ fabrics and peers

    def _send(self, datagram: bytes, address: Address) -> None:
        if self._transport is not None:
            self._transport.send(datagram, address)

    def _fabric_added(self, _: Fabric) -> None:
        self._show_operational()

    def _fabric_updated(self, before: Fabric, after: Fabric) -> None:
        if before.noc != after.noc:
            # Resumed sessions would outlive the certificate that they were made with.
            self.resumption.remove_fabric(after.index)
            self._show_operational()

    def _fabric_removed(self, fabric: Fabric) -> None:
        self.resumption.remove_fabric(fabric.index)
        for key, _ in self.storage.scan(f"peer/{fabric.index}/"):
            self.storage.delete(key)
        self.interaction.subscriptions.fabric_removed(fabric.index)
        self.tree.fabric_removed(fabric.index)
        self._show_operational()
        if not len(self.fabrics):
            self.clock.call_later(_REOPEN_DELAY, self._reopen)

    def _reopen(self) -> None:
        if self._transport is not None and not len(self.fabrics) and not self.window.is_open:
            self.window.open_uncommissioned()

    def _session_established(self, session: SecureSession) -> None:
        """Remember where a peer is, to find it after a restart: not every controller announces itself."""
        if session.kind is not SessionKind.CASE:
            return
        subject = session.subject
        key = f"peer/{subject.fabric_index}/{subject.node_id:016X}"
        host, port, _, scope = session.address
        record = tlv.encode({0: host, 1: port, 2: scope})
        if self.storage.get(key) != record:
            self.storage.put(key, record)

    async def _connect(self, fabric_index: int, node_id: int) -> SecureSession:
        """Return a session with a peer: the one there is, or a new one.

        :raises CaseError: it does not answer where it was last seen, nor can it be found
        """
        session = self.sessions.by_peer(fabric_index, node_id)
        if session is not None:
            return session
        fabric = self.fabrics.get(fabric_index)
        if fabric is None or self._advertiser is None:
            raise CaseError("the fabric is gone")
        known = self.storage.get(f"peer/{fabric_index}/{node_id:016X}")
        if known is not None:
            place = tlv.decode(known)
            try:
                return await self.initiator.connect(fabric, node_id, (place[0], place[1], 0, place[2]))
            except CaseError as error:
                _log.debug("Node %016X is not where it was: %s", node_id, error)
        for address in await self._advertiser.resolve(fabric.compressed_id, node_id, wait=_RESOLVE_WAIT):
            with contextlib.suppress(CaseError):
                return await self.initiator.connect(fabric, node_id, address)
        raise CaseError(f"node {node_id:016X} of fabric {fabric_index} cannot be found")
