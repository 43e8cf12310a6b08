"""The live sessions and who has to go when there are too many (Matter Core 4.13.2, 4.14)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from matter_node.secure_channel.session import SecureSession, SessionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matter_node.entropy import Entropy

_MAX_ID = 0xFFFF
MAX_CAPACITY = 0x8000


class SessionTable:
    """PASE and CASE sessions by our session id.

    A peer's new session does not close its older one; those age until the table is full. Then the fabric that
    holds most has to give one up: the longest unheard session of the same peer if it is that fabric's peer
    who comes, else the longest unheard of all the fabric's sessions.

    :param capacity: how many CASE sessions are held; PASE sessions are few and not counted
    :ivar on_established: called with every session that is added
    :ivar on_closed: called with every session that is gone
    :ivar on_moved: called with every session whose peer has another address than before
    :ivar notify_peer: sends CloseSession through the session; the message layer sets it
    :ivar fail_exchanges: fails the exchanges of a closed session; the message layer sets it
    """

    def __init__(self, entropy: Entropy, *, capacity: int = 256) -> None:
        if not 1 <= capacity <= MAX_CAPACITY:
            raise ValueError(f"a session table holds 1 to {MAX_CAPACITY} sessions, not {capacity}")
        self._capacity = capacity
        self._sessions: dict[int, SecureSession] = {}
        self._reserved: set[int] = set()
        self._by_peer: dict[tuple[int, int], list[SecureSession]] = {}
        self._next_id = 1 + entropy.below(_MAX_ID)
        self._peers: dict[int, tuple[int, int]] = {}
        self.on_established: list[Callable[[SecureSession], None]] = []
        self.on_closed: list[Callable[[SecureSession], None]] = []
        self.on_moved: list[Callable[[SecureSession], None]] = []
        self.notify_peer: Callable[[SecureSession], None] = _nothing
        self.fail_exchanges: Callable[[SecureSession], None] = _nothing

    def __iter__(self) -> Iterator[SecureSession]:
        """Iterate over the sessions there are now; closing some meanwhile is fine."""
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: int) -> SecureSession | None:
        """Return the session with our session id, or None."""
        return self._sessions.get(session_id)

    def by_peer(self, fabric_index: int, node_id: int) -> SecureSession | None:
        """Return the CASE session with that peer that was heard from last, or None."""
        sessions = self._by_peer.get((fabric_index, node_id))
        return max(sessions, key=_last_heard) if sessions else None

    def reserve_id(self) -> int:
        """Return an unused session id and keep it from others until `add` or `release_id`.

        There is always one: `capacity` leaves enough, and handshakes under way are few.
        """
        session_id = self._next_id
        while session_id in self._sessions or session_id in self._reserved:
            session_id = session_id % _MAX_ID + 1
        self._next_id = session_id % _MAX_ID + 1
        self._reserved.add(session_id)
        return session_id

    def release_id(self, session_id: int) -> None:
        """Give back a reserved id whose session did not come to be."""
        self._reserved.discard(session_id)

    def add(self, session: SecureSession) -> None:
        """Add an established session, evicting another if the table is full."""
        self._reserved.discard(session.id)
        if session.kind is SessionKind.CASE:
            self._evict_for(session)
            peer = (session.subject.fabric_index, session.subject.node_id)
            self._peers[session.id] = peer
            self._by_peer.setdefault(peer, []).append(session)
        self._sessions[session.id] = session
        for callback in self.on_established:
            callback(session)

    def close(self, session: SecureSession, *, notify: bool = True) -> None:
        """Remove a session and fail its exchanges; a closed one is left alone.

        :param notify: send CloseSession to the peer first
        """
        if session.closed:
            return
        if notify:
            self.notify_peer(session)
        session.closed = True
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
            if session.kind is SessionKind.CASE:
                self._forget(session)
        self.fail_exchanges(session)
        for callback in self.on_closed:
            callback(session)

    def moved(self, session: SecureSession) -> None:
        """Tell that an authentic new message of a session came from another address; it has that already."""
        for callback in self.on_moved:
            callback(session)

    def close_fabric(self, fabric_index: int, *, keep: SecureSession | None = None) -> None:
        """Close all sessions of a fabric, PASE sessions bound to it included.

        :param keep: the session that still has to carry an answer; the caller closes it afterwards
        """
        for session in self:
            if session.subject.fabric_index == fabric_index and session is not keep:
                self.close(session)

    def close_all(self) -> None:
        """Close every session, as a node does when it stops."""
        for session in self:
            self.close(session)

    def has_pase(self) -> bool:
        """Tell whether a PASE session is alive."""
        return len(self._peers) < len(self._sessions)

    def _forget(self, session: SecureSession) -> None:
        peer = self._peers.pop(session.id)
        siblings = self._by_peer[peer]
        siblings.remove(session)
        if not siblings:
            del self._by_peer[peer]

    def _evict_for(self, newcomer: SecureSession) -> None:
        while len(self._peers) >= self._capacity:
            shares = Counter(fabric_index for fabric_index, _ in self._peers.values())
            largest = max(shares, key=shares.__getitem__)
            subject = newcomer.subject
            candidates: list[SecureSession] | None = None
            if subject.fabric_index == largest:
                candidates = self._by_peer.get((largest, subject.node_id))
            if not candidates:
                candidates = [self._sessions[i] for i, peer in self._peers.items() if peer[0] == largest]
            self.close(min(candidates, key=_last_heard))


def _last_heard(session: SecureSession) -> float:
    return session.last_heard


def _nothing(_: SecureSession) -> None:
    """Stand in until a message layer is attached."""
