"""Where this node's peers are, and how it comes to a session with one (Matter Core 4.3.2, 4.14.2)."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.secure_channel.case_initiator import CaseError
from matter_node.secure_channel.session import SessionKind

if TYPE_CHECKING:
    from matter_node.fabric import FabricSource
    from matter_node.secure_channel.case_initiator import CaseInitiator
    from matter_node.secure_channel.session import SecureSession
    from matter_node.secure_channel.session_table import SessionTable
    from matter_node.storage import Storage
    from matter_node.transport.address import Address
    from matter_node.transport.network import Network

_log = logging.getLogger(__name__)

MAX_PEERS_PER_FABRIC = 128
"""Addresses that are remembered; the longest unchanged gives way."""
_PREFIX = "peer/"
_RESOLVE_WAIT = 3.0
_MAX_ADDRESSES = 8


class Peers:
    """Remembers where peers were last heard of, for not every controller announces itself; asks for others.

    :param storage: where addresses survive a restart
    :param sessions: the node's sessions
    """

    def __init__(
        self,
        storage: Storage,
        sessions: SessionTable,
        fabrics: FabricSource,
        initiator: CaseInitiator,
        network: Network,
    ) -> None:
        self._storage = storage
        self._sessions = sessions
        self._fabrics = fabrics
        self._initiator = initiator
        self._network = network
        self._known: dict[int, dict[str, Address]] = {}
        for key, record in storage.scan(_PREFIX):
            self._load(key, record)
        sessions.on_established.append(self._note)
        sessions.on_moved.append(self._note)

    def address(self, fabric_index: int, node_id: int) -> Address | None:
        """Return where a peer was last heard of, or None."""
        return self._known.get(fabric_index, {}).get(_key(fabric_index, node_id))

    def remove_fabric(self, fabric_index: int) -> None:
        """Forget the peers of a fabric."""
        for key in self._known.pop(fabric_index, {}):
            self._storage.delete(key)

    async def connect(self, fabric_index: int, node_id: int) -> SecureSession:
        """Return a session with a peer: the one there is, or a new one.

        :raises CaseError: it does not answer where it was last heard of, nor where it says that it is
        """
        session = self._sessions.by_peer(fabric_index, node_id)
        if session is not None:
            return session
        fabric = self._fabrics.get(fabric_index)
        if fabric is None:
            raise CaseError(f"fabric {fabric_index} is gone")
        known = self.address(fabric_index, node_id)
        if known is not None:
            try:
                return await self._initiator.connect(fabric, node_id, known)
            except CaseError as error:
                _log.debug("Node %016X is not where it was: %s", node_id, error)
        found = await self._network.resolve(fabric.compressed_id, node_id, wait=_RESOLVE_WAIT)
        for address in [address for address in found if address != known][:_MAX_ADDRESSES]:
            with contextlib.suppress(CaseError):
                return await self._initiator.connect(fabric, node_id, address)
        raise CaseError(f"node {node_id:016X} of fabric {fabric_index} cannot be found")

    def _note(self, session: SecureSession) -> None:
        if session.kind is not SessionKind.CASE:
            return
        subject = session.subject
        known = self._known.setdefault(subject.fabric_index, {})
        key = _key(subject.fabric_index, subject.node_id)
        if known.get(key) == session.address:
            return
        known.pop(key, None)
        if len(known) >= MAX_PEERS_PER_FABRIC:
            oldest = next(iter(known))
            del known[oldest]
            self._storage.delete(oldest)
        known[key] = session.address
        host, port, _, scope = session.address
        self._storage.put(key, tlv.encode({0: host, 1: port, 2: scope}))

    def _load(self, key: str, record: bytes) -> None:
        try:
            fabric_index = int(key.split("/")[1])
            place = tlv.decode(record)
            address = (str(place[0]), int(place[1]), 0, int(place[2]))
        except (ValueError, LookupError, TypeError):
            _log.warning("Dropped an unreadable peer address")
            self._storage.delete(key)
            return
        self._known.setdefault(fabric_index, {})[key] = address


def _key(fabric_index: int, node_id: int) -> str:
    return f"{_PREFIX}{fabric_index}/{node_id:016X}"
