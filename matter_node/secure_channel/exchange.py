"""Exchanges: the conversations inside a session (Matter Core 4.10)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections import deque

    from matter_node.secure_channel.delivery import Delivery
    from matter_node.secure_channel.session import Session

OPENED_BY_US = 0x10000
"""Set in an exchange's key when we are its initiator: the peer may use the same number for one of its own."""


class ExchangeHandler(Protocol):
    """Who takes the messages of an exchange. All calls are synchronous and may send, close or both.

    `on_acknowledged` and `on_failed` also come after `Exchange.close`, for what was sent before it.
    """

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take a message of the exchange's protocol, or a secure channel StatusReport (opcode 0x40)."""

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Learn that the peer has received the reliable message in flight."""

    def on_failed(self, exchange: Exchange) -> None:
        """Learn that a message could not be delivered or that the session is gone; the exchange is closed."""


class ProtocolHandler(Protocol):
    """Who takes the first message of an exchange that a peer opens."""

    def on_exchange(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take the first message. Set `exchange.handler` if more are expected; else the exchange closes."""


class OutgoingMessage:
    """A reliable message in flight.

    :ivar counter: its message counter
    :ivar datagram: what is sent again
    :ivar acknowledges: counter of the message it acknowledged, or None
    :ivar transmissions: how often it was sent
    :ivar jitter: seconds that the present wait may still be prolonged by; negative once that is decided
    """

    __slots__ = ("acknowledges", "counter", "datagram", "jitter", "transmissions")

    def __init__(self, counter: int, datagram: bytes, acknowledges: int | None, jitter: float) -> None:
        self.counter = counter
        self.datagram = datagram
        self.acknowledges = acknowledges
        self.transmissions = 1
        self.jitter = jitter


class Exchange:
    """One exchange.

    :ivar session: the session it belongs to
    :ivar handler: who takes its messages
    :ivar protocol: vendor id << 16 | protocol id
    :ivar id: exchange id
    :ivar initiator: whether we opened it
    :ivar closed: nothing more comes or goes, except the retransmissions of the last message
    """

    __slots__ = (
        "_delivery",
        "ack_deadline",
        "closed",
        "handler",
        "id",
        "initiator",
        "outgoing",
        "pending_ack",
        "protocol",
        "queue",
        "resend_deadline",
        "session",
    )

    def __init__(
        self,
        delivery: Delivery,
        session: Session,
        protocol: int,
        exchange_id: int,
        *,
        initiator: bool,
        handler: ExchangeHandler | None = None,
    ) -> None:
        self._delivery = delivery
        self.session = session
        self.protocol = protocol
        self.id = exchange_id
        self.initiator = initiator
        self.handler = handler
        self.closed = False
        # the delivery's own notes
        self.pending_ack: int | None = None
        self.ack_deadline = inf
        self.outgoing: OutgoingMessage | None = None
        self.resend_deadline = inf
        self.queue: deque[tuple[int, bytes, int]] | None = None

    @property
    def key(self) -> int:
        """Its place in `Session.exchanges`."""
        return self.id | OPENED_BY_US if self.initiator else self.id

    def send(
        self, opcode: int, payload: bytes, *, protocol: int | None = None, reliable: bool = True
    ) -> None:
        """Send a message; it carries the pending acknowledgement.

        Only one reliable message is in flight: a second one waits until the first is acknowledged. On a
        closed exchange or session and on a group session nothing is sent.

        :param protocol: vendor id << 16 | protocol id, if not the exchange's own (StatusReport)
        :param reliable: ask for an acknowledgement and repeat until it comes
        :raises ValueError: if the message is larger than a datagram may be
        """
        self._delivery.send(self, opcode, payload, self.protocol if protocol is None else protocol, reliable)

    def close(self) -> None:
        """Close: the pending acknowledgement goes out, and the message in flight is still repeated."""
        self._delivery.close_exchange(self)
