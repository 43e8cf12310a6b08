"""The unsecured sessions, in which secure ones are established (Matter Core 4.13.2.1)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from matter_node.ids import MAX_OPERATIONAL_NODE_ID
from matter_node.secure_channel.counters import UnsecuredCounter
from matter_node.secure_channel.session import Session, UnsecuredSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.entropy import Entropy
    from matter_node.transport.address import Address


class UnsecuredSessions:
    """Unsecured sessions by the initiator's ephemeral node id.

    Anybody can make one, so those of peers are held to a number. One that is over stays until its place is
    needed, because its window recognizes late duplicates.

    :param fail_exchanges: fails the exchanges of a session that has to go
    :param capacity: how many sessions of peers are held
    """

    def __init__(
        self, entropy: Entropy, fail_exchanges: Callable[[Session], None], *, capacity: int = 64
    ) -> None:
        self._entropy = entropy
        self._fail_exchanges = fail_exchanges
        self._capacity = capacity
        self._counter = UnsecuredCounter(entropy)
        self._theirs: OrderedDict[int, UnsecuredSession] = OrderedDict()
        self._ours: dict[int, UnsecuredSession] = {}

    def __len__(self) -> int:
        return len(self._theirs) + len(self._ours)

    def by_initiator(self, ephemeral_id: int) -> UnsecuredSession | None:
        """Return the session that the peer with that ephemeral id opened, or None."""
        session = self._theirs.get(ephemeral_id)
        if session is not None:
            self._theirs.move_to_end(ephemeral_id)
        return session

    def ours(self, ephemeral_id: int) -> UnsecuredSession | None:
        """Return the session that we opened under that ephemeral id, or None."""
        return self._ours.get(ephemeral_id)

    def accept(self, ephemeral_id: int, address: Address, now: float) -> UnsecuredSession:
        """Return a session for a peer that opens one; it is not held until `add`."""
        return UnsecuredSession(
            ephemeral_id, initiator=False, counter=self._counter, address=address, now=now
        )

    def add(self, session: UnsecuredSession) -> None:
        """Hold a peer's session; the oldest without a handshake, or else the oldest, makes room.

        Handshakes are few, so a flood of strangers, refused ones whose refusal is on its way included, does
        not throw out a commissioner.
        """
        while len(self._theirs) >= self._capacity:
            over = (s for s in self._theirs.values() if all(e.closed for e in s.exchanges.values()))
            self.close(next(over, None) or next(iter(self._theirs.values())))
        self._theirs[session.ephemeral_id] = session

    def open(self, address: Address, now: float) -> UnsecuredSession:
        """Open a session of ours to `address`."""
        ephemeral_id = 1 + self._entropy.below(MAX_OPERATIONAL_NODE_ID)
        session = UnsecuredSession(
            ephemeral_id, initiator=True, counter=self._counter, address=address, now=now
        )
        # nothing was heard from this peer yet: it counts as idle
        session.last_heard = float("-inf")
        self._ours[ephemeral_id] = session
        return session

    def close(self, session: UnsecuredSession) -> None:
        """Forget a session and fail its exchanges."""
        if session.closed:
            return
        session.closed = True
        held = self._ours if session.initiator else self._theirs
        held.pop(session.ephemeral_id, None)
        self._fail_exchanges(session)

    def close_all(self) -> None:
        """Forget all sessions."""
        for session in (*self._theirs.values(), *self._ours.values()):
            self.close(session)
