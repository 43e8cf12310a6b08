"""The only double of the interaction model's tests: sessions and exchanges without a network.

Exchanges hand messages over, and remember what the node sent.
"""

from __future__ import annotations

import heapq
import itertools
from types import SimpleNamespace
from typing import Any

from matter_node.codec import tlv
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.interaction.opcode import Opcode
from matter_node.status import Status
from matter_node.subject import AuthMode, Subject


class ManualClock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Any]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> float:
        return 1_800_000_000.0 + self.now

    def call_later(self, delay, callback):
        timer = SimpleNamespace(callback=callback, cancelled=False)
        timer.cancel = lambda: setattr(timer, "cancelled", True)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that was to happen meanwhile."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            if not timer.cancelled:
                timer.callback()
        self.now = end


class Session:
    """A session as the engine sees it."""

    _ids = itertools.count(1)

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.id = next(self._ids)
        self.closed = False
        self.attestation_challenge = bytes(16)
        self.parameters = SimpleNamespace(idle_interval=0.5, active_interval=0.3)


class Exchange:
    """An exchange as the engine sees it, and the other end of it for the test."""

    def __init__(self, session: Session, handler: Any = None, *, initiator: bool = False) -> None:
        self.session = session
        self.handler = handler
        self.initiator = initiator
        self.closed = False
        self.sent: list[tuple[Opcode, bytes]] = []

    def send(self, opcode, payload, *, protocol=None, reliable=True):
        assert len(payload) <= MAX_MESSAGE_PAYLOAD
        assert not self.closed
        assert self.session.subject.auth_mode is not AuthMode.GROUP
        self.sent.append((Opcode(opcode), bytes(payload)))

    def close(self):
        self.closed = True

    # the client's side

    def say(self, opcode: int, message: Any) -> None:
        payload = message if isinstance(message, bytes) else tlv.encode({**message, 0xFF: 12})
        assert not self.closed
        self.handler.on_message(self, opcode, payload)

    def confirm(self, status: int = 0) -> None:
        self.acknowledge()
        self.say(Opcode.STATUS_RESPONSE, {0: status})

    def acknowledge(self) -> None:
        if self.handler is not None:
            self.handler.on_acknowledged(self)

    def lose(self) -> None:
        self.closed = True
        if self.handler is not None:
            self.handler.on_failed(self)

    @property
    def answers(self) -> list[tuple[str, Any]]:
        return [(opcode.name, tlv.decode(payload)) for opcode, payload in self.sent]

    @property
    def last(self) -> tuple[str, Any]:
        return self.answers[-1]

    @property
    def status(self) -> Status | None:
        """The status of the last message, if it is a StatusResponse."""
        name, message = self.last
        return Status(message[0]) if name == "STATUS_RESPONSE" else None


class SessionTable:
    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.on_established: list[Any] = []
        self.on_closed: list[Any] = []

    def add(self, session):
        self.sessions.append(session)
        for callback in self.on_established:
            callback(session)

    def close(self, session):
        session.closed = True
        self.sessions.remove(session)
        for callback in self.on_closed:
            callback(session)

    def get(self, session_id):
        return next((s for s in self.sessions if s.id == session_id), None)

    def by_peer(self, fabric_index, node_id):
        found = [
            s
            for s in self.sessions
            if (s.subject.auth_mode, s.subject.fabric_index, s.subject.node_id)
            == (AuthMode.CASE, fabric_index, node_id)
        ]
        return found[-1] if found else None


class Wire:
    def __init__(self) -> None:
        self.sessions = SessionTable()
        self.opened: list[Exchange] = []

    def open_exchange(self, session, protocol, handler):
        assert not session.closed
        exchange = Exchange(session, handler, initiator=True)
        self.opened.append(exchange)
        return exchange
